/// Which names may stand in a text without quotes:
/// `[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*`, with Unicode letters (UAX #31) among the letters.
package enum Identifier {
  /// Words that are values wherever an expression may stand. Every other keyword is contextual.
  static let reserved: Set<String> = ["true", "false", "inf", "nan"]

  static func isStart(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII
      ? isASCIILetter(UInt8(truncatingIfNeeded: scalar.value)) : scalar.properties.isXIDStart
  }

  static func isContinuation(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII
      ? isASCIIContinuation(UInt8(truncatingIfNeeded: scalar.value))
      : scalar.properties.isXIDContinue
  }

  static func isASCIILetter(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F
  }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  static func isASCIIContinuation(_ byte: UInt8) -> Bool {
    isASCIILetter(byte) || isDigit(byte)
  }

  /// Whether `name` reads back as itself without quotes.
  static func isPlain(_ name: String) -> Bool {
    if reserved.contains(name) { return false }
    var isFirst = true
    var followsDot = false
    for scalar in name.unicodeScalars {
      if scalar == "." {
        if isFirst || followsDot { return false }
        followsDot = true
      } else {
        guard isFirst ? isStart(scalar) : isContinuation(scalar) else { return false }
        followsDot = false
      }
      isFirst = false
    }
    return !isFirst && !followsDot
  }

  /// The name as texts have it: in quotes where it has to be.
  package static func spelled(_ name: String) -> String { isPlain(name) ? name : quoted(name) }

  /// The name as prose has it: in quotes only where something in it cannot be seen.
  package static func visible(_ name: String) -> String {
    name.unicodeScalars.contains(where: isInvisible) ? quoted(name) : name
  }

  /// The name between quotes, with what cannot be seen or would end it escaped.
  static func quoted(_ name: String) -> String {
    var text = "\""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      default:
        if isInvisible(scalar) {
          text += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    return text + "\""
  }

  /// Embeddings, overrides and isolates, and what ends them (Unicode Standard Annex #9).
  static func isBidirectionalControl(_ scalar: Unicode.Scalar) -> Bool {
    (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  }

  /// Controls, bidirectional marks and separators: they would move the cursor or hide text.
  static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }
}
