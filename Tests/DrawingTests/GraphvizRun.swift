import Foundation

/// Runs `dot` in tests, which all tolerate its absence.
enum GraphvizRun {
  static let path: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "")
    .split(separator: ":").map { "\($0)/dot" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The SVG and whatever `dot` had to say about the text.
  static func svg(of text: String) throws -> (svg: String, complaints: String, status: Int32) {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("ayatori-dot-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let input = directory.appendingPathComponent("in.dot")
    let output = directory.appendingPathComponent("out.svg")
    let errors = directory.appendingPathComponent("stderr")
    try Data(text.utf8).write(to: input)
    try Data().write(to: errors)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path ?? "/usr/bin/dot")
    process.arguments = ["-Tsvg", "-o", output.path, input.path]
    let handle = try FileHandle(forWritingTo: errors)
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    try handle.close()
    return (
      (try? String(contentsOf: output, encoding: .utf8)) ?? "",
      try String(contentsOf: errors, encoding: .utf8), process.terminationStatus
    )
  }
}
