import Foundation
import Testing

/// Runs the built `ayatori` as a person would.
enum Tool {
  struct Result {
    var status: Int32
    var out: String
    var err: String

    /// The ids of the diagnostics on stderr, in order.
    var ids: [String] {
      err.split(separator: "\n").compactMap { line in
        guard line.hasSuffix("]"), let start = line.lastIndex(of: "[") else { return nil }
        guard line.contains("error: ") || line.contains("warning: ") else { return nil }
        return String(line[line.index(after: start)...].dropLast())
      }
    }
  }

  /// The directory of `Package.swift`.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path()
  static let graphs = root + "Graphs/"

  /// The products' directory is where this test runs from.
  static let binary: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: own).deletingLastPathComponent().appending(path: "ayatori").path()
  }()

  /// Whether a sanitizer watches, which takes several times the time and the memory.
  static let isSanitized = ProcessInfo.processInfo.environment["AYATORI_SANITIZER"] != nil

  /// A run that takes longer is killed, and fails the test; in seconds.
  static let timeout = isSanitized ? 1800 : 90

  /// Runs to the end; standard input is empty.
  static func run(
    _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:],
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> Result {
    try launch(
      binary, arguments, in: directory, environment: environment, sourceLocation: sourceLocation)
  }

  static func launch(
    _ executable: String, _ arguments: [String], in directory: String? = nil,
    environment: [String: String] = [:],
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> Result {
    let place = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: place) }
    // Files, unlike pipes, never fill up.
    let (out, err) = (place + "out", place + "err")
    for path in [out, err] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    if let directory { process.currentDirectoryURL = URL(filePath: directory) }
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    process.standardInput = FileHandle.nullDevice
    // `Process` does not let go of them: without this, a long suite has more descriptors open
    // than `Process.run` can list.
    let streams = try [out, err].map { try FileHandle(forWritingTo: URL(filePath: $0)) }
    defer { for stream in streams { try? stream.close() } }
    process.standardOutput = streams[0]
    process.standardError = streams[1]
    let done = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in done.signal() }
    try process.run()
    if done.wait(timeout: .now() + .seconds(timeout)) == .timedOut {
      process.terminate()
      done.wait()
      Issue.record("longer than \(timeout) s: \(arguments)", sourceLocation: sourceLocation)
    }
    #expect(
      process.terminationReason == .exit, "a trap: \(arguments)", sourceLocation: sourceLocation)
    return Result(
      status: process.terminationStatus, out: try text(out), err: try text(err))
  }

  private static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
  }

  private static func temporaryDirectory() throws -> String {
    let url = FileManager.default.temporaryDirectory.appending(path: "ayatori-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.path() + (url.path().hasSuffix("/") ? "" : "/")
  }

  /// Runs `body` with a new directory, in which `Graphs` is that of the package.
  static func withDirectory(_ body: (String) throws -> Void) throws {
    let place = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: place) }
    try FileManager.default.createSymbolicLink(
      atPath: place + "Graphs", withDestinationPath: root + "Graphs")
    try body(place)
  }

  /// Writes a text file into a test's directory.
  static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  /// Names in a test's directory, but for `Graphs`.
  static func files(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0 != "Graphs" }
      .sorted()
  }

  /// Whether Graphviz is here.
  static let hasGraphviz = FileManager.default.isExecutableFile(atPath: "/usr/bin/dot")
}

/// What every run must keep to: results on stdout, all else on stderr, no escapes in a file.
func expectFine(
  _ result: Tool.Result, sourceLocation: Testing.SourceLocation = #_sourceLocation
) {
  #expect(result.status == 0, "\(result.err)", sourceLocation: sourceLocation)
  #expect(result.ids.isEmpty, "\(result.err)", sourceLocation: sourceLocation)
  expectPlain(result, sourceLocation: sourceLocation)
}

/// A refusal: the exit code and the diagnostics, and nothing on stdout.
func expectRefusal(
  _ result: Tool.Result, _ status: Int32, _ ids: [String] = [],
  sourceLocation: Testing.SourceLocation = #_sourceLocation
) {
  #expect(result.status == status, "\(result.err)", sourceLocation: sourceLocation)
  #expect(result.ids == ids, "\(result.err)", sourceLocation: sourceLocation)
  #expect(result.out.isEmpty, "\(result.out)", sourceLocation: sourceLocation)
  #expect(!result.err.isEmpty, sourceLocation: sourceLocation)
  expectPlain(result, sourceLocation: sourceLocation)
}

private func expectPlain(
  _ result: Tool.Result, sourceLocation: Testing.SourceLocation
) {
  #expect(!result.out.contains("\u{1B}"), sourceLocation: sourceLocation)
  #expect(!result.err.contains("\u{1B}"), sourceLocation: sourceLocation)
  #expect(!result.err.contains("\r"), sourceLocation: sourceLocation)
}
