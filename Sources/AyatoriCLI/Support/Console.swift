import Foundation
import GraphIR

/// What goes to the terminal: results on stdout, everything else on stderr.
enum Console {
  /// Colour only for a person at a terminal who has not set NO_COLOR (no-color.org).
  static let usesColor =
    isatty(STDERR_FILENO) != 0 && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

  static let isTerminal = isatty(STDERR_FILENO) != 0

  static func error(_ text: String) { write(text + "\n") }

  static func report(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics { error(diagnostic.rendered(color: usesColor)) }
  }

  /// Writes to stderr as it is.
  static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  /// Writes to stdout at once, so that a pipe sees each result when it is there.
  static func result(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Pretty-printed JSON with sorted keys on stdout.
  static func json(_ object: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    result(String(decoding: try encoder.encode(object), as: UTF8.self))
  }
}
