import Foundation
import Testing

/// The built `ayatori` at work, to be sent signals.
final class RunningTool {
  private let process = Process()
  private let place: String
  private let done = DispatchSemaphore(value: 0)

  /// Starts it; what it prints is kept in files.
  init(_ arguments: [String], in directory: String, under wrapper: [String] = []) throws {
    place = directory + ".output-\(UUID())"
    let words = wrapper + [Tool.binary] + arguments
    process.executableURL = URL(filePath: words[0])
    process.arguments = Array(words.dropFirst())
    process.currentDirectoryURL = URL(filePath: directory)
    process.standardInput = FileHandle.nullDevice
    for name in [".out", ".err"] {
      _ = FileManager.default.createFile(atPath: place + name, contents: nil)
    }
    let streams = try [".out", ".err"].map {
      try FileHandle(forWritingTo: URL(filePath: place + $0))
    }
    defer { for stream in streams { try? stream.close() } }
    process.standardOutput = streams[0]
    process.standardError = streams[1]
    process.terminationHandler = { [done] _ in done.signal() }
    try process.run()
  }

  /// What stands on stdout so far.
  var output: String { text(".out") }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits until stdout has `count` lines, or for ten seconds.
  func waitForLines(_ count: Int) {
    for _ in 0..<2000 where output.count(where: { $0 == "\n" }) < count { usleep(5000) }
  }

  /// Waits for the end. The status of a process that a signal ended is the signal's number, below
  /// 0.
  func finish(sourceLocation: Testing.SourceLocation = #_sourceLocation) -> Tool.Result {
    if done.wait(timeout: .now() + .seconds(Tool.timeout)) == .timedOut {
      send(SIGKILL)
      done.wait()
      Issue.record("longer than \(Tool.timeout) s", sourceLocation: sourceLocation)
    }
    let isSignal = process.terminationReason == .uncaughtSignal
    defer {
      for name in [".out", ".err"] { try? FileManager.default.removeItem(atPath: place + name) }
    }
    return Tool.Result(
      status: isSignal ? -process.terminationStatus : process.terminationStatus,
      out: text(".out"), err: text(".err"))
  }

  private func text(_ name: String) -> String {
    (try? String(contentsOfFile: place + name, encoding: .utf8)) ?? ""
  }
}
