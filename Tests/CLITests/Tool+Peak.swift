import CSubreaper
import Foundation
import Testing

extension Tool {
  /// The most resident memory that any bad input may cost, in bytes: 200 MB.
  static let memoryBound = 200_000_000

  /// As `run`; with the most memory that was resident, in bytes.
  ///
  /// The kernel counts what was resident before `exec` too, which for a child of this test would be
  /// this test. So a shell starts the tool and ends, and the tool, an orphan, becomes ours.
  static func runMeasured(
    _ arguments: [String], in directory: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> (result: Result, peak: Int) {
    try #require(csr_become_subreaper() == 0, "prctl: \(errno)")
    let place = FileManager.default.temporaryDirectory.appending(path: "ayatori-peak-\(UUID())")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    let (out, err) = (place.appending(path: "out"), place.appending(path: "err"))
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments =
      [
        "-c", "out=$1 err=$2; shift 2; \"$@\" >\"$out\" 2>\"$err\" </dev/null & echo $!", "sh",
        out.path, err.path, binary,
      ] + arguments
    shell.currentDirectoryURL = URL(filePath: directory)
    let pipe = Pipe()
    shell.standardOutput = pipe
    try shell.run()
    let line = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    shell.waitUntilExit()
    try? pipe.fileHandleForReading.close()
    let id = try #require(pid_t(line.trimmingCharacters(in: .whitespacesAndNewlines)))

    var (status, usage): (Int32, rusage) = (0, rusage())
    let deadline = Date(timeIntervalSinceNow: Double(timeout))
    while wait4(id, &status, WNOHANG, &usage) == 0 {
      if Date() > deadline {
        kill(id, SIGKILL)
        Issue.record("longer than \(timeout) s: \(arguments)", sourceLocation: sourceLocation)
      }
      usleep(2000)
    }
    let signal = status & 0x7F
    #expect(signal == 0, "a trap: \(arguments)", sourceLocation: sourceLocation)
    let result = Result(
      status: signal == 0 ? status >> 8 & 0xFF : -signal,
      out: String(decoding: try Data(contentsOf: out), as: UTF8.self),
      err: String(decoding: try Data(contentsOf: err), as: UTF8.self))
    // Linux counts in KiB (getrusage(2)).
    return (result, usage.ru_maxrss * 1024)
  }

  /// What every bad input comes to: exit code 1, diagnostics and nothing else, few bytes of them,
  /// little memory, and no file that was not there before. The ids are those of the diagnostics,
  /// without repetition; the message of the first names `place`.
  static func expectRefused(
    _ arguments: [String], in directory: String, _ ids: [String], place: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let before = try tree(directory)
    let (result, peak) = try runMeasured(
      arguments, in: directory, sourceLocation: sourceLocation)
    let shown = "\(arguments.joined(separator: " ")): \(result.status) \(result.err.prefix(600))"
    #expect(result.status == 1, "\(shown)", sourceLocation: sourceLocation)
    var found: [String] = []
    for id in result.ids where !found.contains(id) { found.append(id) }
    #expect(found == ids, "\(shown)", sourceLocation: sourceLocation)
    #expect(result.out.isEmpty, "\(shown) \(result.out)", sourceLocation: sourceLocation)
    let first = result.err.split(separator: "\n").first { $0.contains("error: ") } ?? ""
    #expect(first.hasPrefix(place), "\(shown)", sourceLocation: sourceLocation)
    #expect(result.err.utf8.count < 100_000, "\(shown)", sourceLocation: sourceLocation)
    let controls = result.err.unicodeScalars.filter { scalar in
      scalar != "\n" && [.control, .format].contains(scalar.properties.generalCategory)
    }
    #expect(controls.isEmpty, "\(shown.debugDescription)", sourceLocation: sourceLocation)
    #expect(peak < memoryBound, "\(peak) bytes: \(shown)", sourceLocation: sourceLocation)
    // A test that measured nothing would pass all the same.
    #expect(peak > 5_000_000, "\(peak) bytes: \(shown)", sourceLocation: sourceLocation)
    #expect(try tree(directory) == before, "\(shown)", sourceLocation: sourceLocation)
  }

  /// Every file under a test's directory, but for `Graphs`.
  private static func tree(_ directory: String) throws -> [String] {
    try files(in: directory).flatMap { name -> [String] in
      let inner = try? FileManager.default.subpathsOfDirectory(atPath: directory + name)
      return [name] + (inner ?? []).sorted().map { name + "/" + $0 }
    }
  }
}
