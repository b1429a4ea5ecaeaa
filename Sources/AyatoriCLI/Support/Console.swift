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

  /// Reports one diagnostic at once.
  @Sendable static func warn(_ diagnostic: Diagnostic) { report([diagnostic]) }

  /// Writes to stderr as it is; what stderr does not take is lost.
  static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }

  /// Writes a line to stdout at once, so that a pipe sees each result when it is there.
  static func result(_ text: String) throws(Diagnostic) { try output(text + "\n") }

  /// Writes to stdout as it is. Throws when stdout does not take it: a full disk, a closed file.
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
    try result(String(decoding: try encoder.encode(object), as: UTF8.self))
  }
}
