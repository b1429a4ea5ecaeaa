import Foundation
import GraphIR

/// What goes to the terminal: results on stdout, everything else on stderr.
///
/// Names of nodes, arrays and files come from anywhere. A line is one line whatever a name in it
/// holds, and of several lines only the line ends reach the terminal as they are: what could move
/// the cursor or turn the direction of text is escaped here, in JSON as JSON escapes.
enum Console {
  /// Colour only for a person at a terminal who has not set NO_COLOR (no-color.org).
  static let usesColor =
    isatty(STDERR_FILENO) != 0 && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

  static let isTerminal = isatty(STDERR_FILENO) != 0

  /// One line on stderr.
  static func error(_ line: String) { write(visibleLine(line) + "\n") }

  /// Several lines on stderr.
  static func error(lines: String) { write(visibleLines(lines) + "\n") }

  /// A rendered diagnostic is escaped already, and may bring colour.
  static func report(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics { write(diagnostic.rendered(color: usesColor) + "\n") }
  }

  /// Reports one diagnostic at once.
  @Sendable static func warn(_ diagnostic: Diagnostic) { report([diagnostic]) }

  /// Writes to stderr as it is; what stderr does not take is lost.
  static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }

  /// Writes a line to stdout at once, so that a pipe sees each result when it is there.
  static func result(_ line: String) throws(Diagnostic) { try output(visibleLine(line) + "\n") }

  /// Writes several lines to stdout.
  static func result(lines: String) throws(Diagnostic) {
    try output(visibleLines(lines) + "\n")
  }

  /// Writes to stdout as it is: texts in a language of their own, in which names are spelled so
  /// that they read back. Throws when stdout does not take it: a full disk, a closed file.
  static func output(_ text: String) throws(Diagnostic) {
    if let code = writeAll(text, to: STDOUT_FILENO) {
      throw Diagnostic(
        "cannot-write", "the results cannot be written: \(String(cString: strerror(code)))",
        place: "stdout")
    }
  }

  /// Nil when all is written, else the error's number.
  private static func writeAll(_ text: String, to descriptor: Int32) -> Int32? {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
        if written < 0 {
          let code = errno
          if code == EINTR { continue }
          return code
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
      return nil
    }
  }

  /// Pretty-printed JSON with sorted keys on stdout.
  static func json(_ object: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let text = String(decoding: try encoder.encode(object), as: UTF8.self)
    try output(visible(json: text) + "\n")
  }

  /// JSON with what it may hold as it is, though a terminal should not get it, escaped. Between
  /// strings only line ends and blanks stand.
  private static func visible(json text: String) -> String {
    // What is plain, nearly everything, is not copied scalar by scalar.
    if text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 || $0 == 0x0A }) { return text }
    var shown = ""
    for scalar in text.unicodeScalars {
      let own = String(scalar)
      if scalar == "\n" || visibleLine(own) == own {
        shown.unicodeScalars.append(scalar)
      } else {
        for unit in own.utf16 {
          let digits = String(unit, radix: 16)
          shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      }
    }
    return shown
  }
}
