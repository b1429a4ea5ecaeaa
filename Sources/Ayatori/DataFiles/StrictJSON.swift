import GraphIR

/// A JSON value as far as a safetensors header needs one.
///
/// Objects keep the order of their keys; numbers keep their text, so that no digit is lost.
enum StrictJSON: Equatable {
  case object([Member])
  case array([StrictJSON])
  case string(String)
  case number(String)
  /// `true`, `false` or `null`.
  case word(String)

  struct Member: Equatable {
    var key: String
    var value: StrictJSON
  }

  /// What it is, for diagnostics.
  var kind: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .string(let text): "the string \"\(text.prefix(40))\""
    case .number(let text): "the number \(text.prefix(40))"
    case .word(let text): text
    }
  }

  /// The value as an integer that fits and is not negative; `1.0` is none.
  var size: Int? {
    guard case .number(let text) = self, let value = Int(text), value >= 0, text != "-0" else {
      return nil
    }
    return value
  }

  /// JSON text of a string (RFC 8259, section 7).
  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

/// A parser of RFC 8259 that also refuses a key given twice, which the RFC only advises against.
struct StrictJSONParser {
  private let bytes: ArraySlice<UInt8>
  private let place: String
  private var position: Int

  private var count = 0

  /// Deeper nesting is refused, so that no input exhausts the stack.
  private static let deepest = 32
  /// More values are refused, since each takes far more memory than the bytes that it is made of.
  /// A tensor has eight or so.
  private static let mostValues = 1 << 18

  init(_ bytes: ArraySlice<UInt8>, place: String) {
    self.bytes = bytes
    self.place = place
    position = bytes.startIndex
  }

  /// The one value that the text holds; blanks may follow.
  mutating func parse() throws(Diagnostic) -> StrictJSON {
    let value = try value(depth: 0)
    skipBlanks()
    guard position == bytes.endIndex else { throw problem(expected: "the end of the JSON") }
    return value
  }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
    }
  }

  private mutating func accept(_ mark: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard let byte = next, UInt32(byte) == mark.value else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ mark: Unicode.Scalar) throws(Diagnostic) {
    guard accept(mark) else { throw problem(expected: "'\(mark)'") }
  }

  private mutating func value(depth: Int) throws(Diagnostic) -> StrictJSON {
    guard depth < StrictJSONParser.deepest else {
      throw problem(expected: "at most \(StrictJSONParser.deepest) levels of nesting")
    }
    count += 1
    guard count <= StrictJSONParser.mostValues else {
      throw Diagnostic(
        "json-too-large", "the header holds too much", place: "\(place), byte \(position)",
        expected: "at most \(StrictJSONParser.mostValues) values", got: "more")
    }
    skipBlanks()
    switch next {
    case 0x7B?: return try object(depth: depth)
    case 0x5B?: return try array(depth: depth)
    case 0x22?: return .string(try string())
    case 0x2D?, (0x30...0x39)?: return .number(try number())
    default: return .word(try word())
    }
  }

  private mutating func object(depth: Int) throws(Diagnostic) -> StrictJSON {
    try expect("{")
    var members: [StrictJSON.Member] = []
    var keys: Set<String> = []
    if accept("}") { return .object(members) }
    repeat {
      skipBlanks()
      let start = position
      let key = try string()
      guard keys.insert(key).inserted else {
        throw Diagnostic(
          "json-duplicate-key", "the key \(StrictJSON.quoted(key)) is given twice",
          place: "\(place), byte \(start)", expected: "each key once")
      }
      try expect(":")
      members.append(StrictJSON.Member(key: key, value: try value(depth: depth + 1)))
    } while accept(",")
    try expect("}")
    return .object(members)
  }

  private mutating func array(depth: Int) throws(Diagnostic) -> StrictJSON {
    try expect("[")
    var values: [StrictJSON] = []
    if accept("]") { return .array(values) }
    repeat { values.append(try value(depth: depth + 1)) } while accept(",")
    try expect("]")
    return .array(values)
  }

  private mutating func word() throws(Diagnostic) -> String {
    for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return word
    }
    throw problem(expected: "a JSON value")
  }

  private mutating func digits() throws(Diagnostic) {
    guard let byte = next, (0x30...0x39).contains(byte) else { throw problem(expected: "a digit") }
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
  }

  private mutating func number() throws(Diagnostic) -> String {
    let start = position
    if next == 0x2D { position += 1 }
    if next == 0x30 { position += 1 } else { try digits() }
    if next == 0x2E {
      position += 1
      try digits()
    }
    if next == 0x65 || next == 0x45 {
      position += 1
      if next == 0x2B || next == 0x2D { position += 1 }
      try digits()
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func string() throws(Diagnostic) -> String {
    let start = position
    guard next == 0x22 else { throw problem(expected: "a string in double quotes") }
    position += 1
    var text: [UInt8] = []
    while let byte = next, byte != 0x22 {
      guard byte >= 0x20 else { throw problem(expected: "no control character in a string") }
      position += 1
      if byte == 0x5C {
        try text.append(contentsOf: escape())
      } else {
        text.append(byte)
      }
    }
    guard next == 0x22 else { throw problem(expected: "the end of the string") }
    position += 1
    guard let decoded = String(validating: text, as: UTF8.self) else {
      throw problem(expected: "UTF-8", at: start)
    }
    return decoded
  }

  /// What follows a backslash, as UTF-8.
  private mutating func escape() throws(Diagnostic) -> [UInt8] {
    let start = position - 1
    let simple: [UInt8: UInt8] = [
      0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 0x08, 0x66: 0x0C, 0x6E: 0x0A, 0x72: 0x0D,
      0x74: 0x09,
    ]
    if let byte = next, let meant = simple[byte] {
      position += 1
      return [meant]
    }
    guard next == 0x75 else { throw problem(expected: "an escape of JSON", at: start) }
    position += 1
    var units = [try hexadecimalUnit()]
    if UTF16.isLeadSurrogate(units[0]), bytes[position...].starts(with: [0x5C, 0x75]) {
      position += 2
      units.append(try hexadecimalUnit())
    }
    guard let text = String(validating: units, as: UTF16.self) else {
      throw problem(expected: "whole surrogate pairs", at: start)
    }
    return Array(text.utf8)
  }

  private mutating func hexadecimalUnit() throws(Diagnostic) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw problem(expected: "four hexadecimal digits")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  private func problem(expected: String, at offset: Int? = nil) -> Diagnostic {
    let offset = offset ?? position
    let found =
      offset < bytes.endIndex
      ? "'" + String(decoding: bytes[offset...].prefix(12), as: UTF8.self) + "'"
      : "the end of the JSON"
    return Diagnostic(
      "json-syntax", "the header is not JSON", place: "\(place), byte \(offset)",
      expected: expected, got: found)
  }
}
