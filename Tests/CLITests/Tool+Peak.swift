import Foundation
import Testing

extension Tool {
  /// The most resident memory that any bad input may cost, in bytes: 200 MB. A sanitizer's own
  /// memory, several times as much, is no part of it.
  static let memoryBound = isSanitized ? 2_000_000_000 : 200_000_000

  /// As `run`; with the most memory that was resident, in bytes.
  static func runMeasured(
    _ arguments: [String], in directory: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> (result: Result, peak: Int) {
    let note = FileManager.default.temporaryDirectory.appending(path: "ayatori-peak-\(UUID())")
    defer { try? FileManager.default.removeItem(at: note) }
    let helper = URL(filePath: binary).deletingLastPathComponent().appending(path: "measure-peak")
    var result = try launch(
      helper.path(), [note.path(), binary] + arguments, in: directory,
      sourceLocation: sourceLocation)
    try #require(result.status == 0, "measure-peak: \(result.status)")
    let numbers = try String(contentsOf: note, encoding: .utf8).split { " \n".contains($0) }
      .compactMap { Int($0) }
    try #require(numbers.count == 2, "measure-peak wrote \(numbers)")
    let signal = numbers[0] & 0x7F
    #expect(signal == 0, "a trap: \(arguments)", sourceLocation: sourceLocation)
    result.status = Int32(signal == 0 ? numbers[0] >> 8 & 0xFF : -signal)
    // Linux counts in KiB (getrusage(2)).
    return (result, numbers[1] * 1024)
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
