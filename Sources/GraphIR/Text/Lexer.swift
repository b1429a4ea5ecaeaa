/// Cuts a text into tokens on demand, in one pass over its bytes.
///
/// Complains about what is no token at all, and hands an `.invalid` token on, at which the parser
/// gives the statement up without a second message.
struct Lexer {
  private let bytes: [UInt8]
  private let report: Reporter
  private var position = 0

  init(_ source: SourceFile, _ report: Reporter) {
    bytes = source.utf8
    self.report = report
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  // MARK: Tokens

  mutating func next() -> Token {
    var startsLine = position == 0
    guard skipBlanks(&startsLine) else {
      return Token(kind: .end, range: bytes.count..<bytes.count, startsLine: startsLine)
    }
    let start = position
    let kind = scan()
    return Token(kind: kind, range: start..<position, startsLine: startsLine)
  }

  /// The name that a token spells. Escapes have been checked by `next`.
  func name(_ token: Token) -> Name {
    switch token.kind {
    case .quotedName:
      Name(text: unescaped(token.range), flavor: .quoted, range: token.range)
    case .nodeID: Name(text: normalizedID(token.range), flavor: .id, range: token.range)
    default: Name(text: text(token.range), flavor: .plain, range: token.range)
    }
  }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  private func byte(_ offset: Int = 0) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private mutating func scan() -> Token.Kind {
    let first = bytes[position]
    if Identifier.isASCIILetter(first) { return scanName() }
    if Identifier.isDigit(first) { return scanNumber() }
    if first == UInt8(ascii: "\"") { return scanQuotedName() }
    if first == UInt8(ascii: "%"), byte(1).map(Identifier.isDigit) == true {
      position += 1
      while byte().map(Identifier.isDigit) == true { position += 1 }
      return .nodeID
    }
    if first >= 0x80 {
      let (scalar, _) = scalar(at: position)
      return Identifier.isStart(scalar) ? scanName() : scanUnexpected()
    }
    if let (kind, length) = punctuation(first, byte(1)) {
      position += length
      return kind
    }
    return scanUnexpected()
  }

  private func punctuation(_ first: UInt8, _ second: UInt8?) -> (Token.Kind, Int)? {
    let isFollowedByEqual = second == UInt8(ascii: "=")
    switch Character(Unicode.Scalar(first)) {
    case "(": return (.leftParen, 1)
    case ")": return (.rightParen, 1)
    case "[": return (.leftBracket, 1)
    case "]": return (.rightBracket, 1)
    case "{": return (.leftBrace, 1)
    case "}": return (.rightBrace, 1)
    case ",": return (.comma, 1)
    case ":": return (.colon, 1)
    case "~": return (.tilde, 1)
    case "@": return (.at, 1)
    case "+": return (.plus, 1)
    case "-": return (.minus, 1)
    case "/": return (.slash, 1)
    case "*": return second == UInt8(ascii: "*") ? (.power, 2) : (.star, 1)
    case "=": return isFollowedByEqual ? (.equal, 2) : (.assign, 1)
    case "<": return isFollowedByEqual ? (.lessEqual, 2) : (.less, 1)
    case ">": return isFollowedByEqual ? (.greaterEqual, 2) : (.greater, 1)
    case "!": return isFollowedByEqual ? (.notEqual, 2) : nil
    default: return nil
    }
  }

  // MARK: Blanks and comments

  /// Moves to the next token; false at the end of the text.
  private mutating func skipBlanks(_ startsLine: inout Bool) -> Bool {
    while let next = byte() {
      switch next {
      case 0x0A:
        startsLine = true
        position += 1
      case 0x20, 0x09, 0x0B, 0x0C, 0x0D:
        position += 1
      case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"):
        while let next = byte(), next != 0x0A { skipHidden(next) }
      case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"):
        skipBlockComment(&startsLine)
      case 0x80...:
        let (scalar, length) = scalar(at: position)
        guard scalar.properties.isWhitespace else { return true }
        position += length
      default:
        return true
      }
    }
    return false
  }

  /// Block comments nest, so that a stretch that holds one can be commented out.
  private mutating func skipBlockComment(_ startsLine: inout Bool) {
    let start = position
    var depth = 0
    repeat {
      guard let next = byte() else {
        report.unterminatedComment(start..<(start + 2))
        return
      }
      if next == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
        depth += 1
        position += 2
      } else if next == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
        depth -= 1
        position += 2
      } else {
        if next == 0x0A { startsLine = true }
        skipHidden(next)
      }
    } while depth > 0
  }

  /// Passes over a byte of a comment or a quoted name, and complains about a character that would
  /// show them otherwise than they are.
  private mutating func skipHidden(_ next: UInt8) {
    // All of them are E2 80 … and E2 81 … in UTF-8.
    if next == 0xE2 {
      let (scalar, length) = scalar(at: position)
      if Identifier.isBidirectionalControl(scalar) {
        report.bidirectionalControl(scalar, position..<(position + length))
      }
    }
    position += 1
  }

  // MARK: Names

  private mutating func scanName() -> Token.Kind {
    while skipContinuation() || skipDot() {}
    return .name
  }

  private mutating func skipContinuation() -> Bool {
    guard let next = byte() else { return false }
    if next < 0x80 {
      guard Identifier.isASCIIContinuation(next) else { return false }
      position += 1
      return true
    }
    let (scalar, length) = scalar(at: position)
    guard Identifier.isContinuation(scalar) else { return false }
    position += length
    return true
  }

  /// A dot belongs to the name when a letter or digit follows.
  private mutating func skipDot() -> Bool {
    guard byte() == UInt8(ascii: "."), byte(1) != nil else { return false }
    guard Identifier.isContinuation(scalar(at: position + 1).scalar) else { return false }
    position += 1
    return true
  }

  private mutating func scanQuotedName() -> Token.Kind {
    let start = position
    position += 1
    while let next = byte(), next != 0x0A {
      if next == UInt8(ascii: "\"") {
        position += 1
        if position - start == 2 {
          report.emptyName(start..<position)
          return .invalid
        }
        return .quotedName
      }
      if next == UInt8(ascii: "\\") {
        if let (_, length) = escape(at: position) {
          position += length
        } else {
          // The escaped character may have several bytes.
          let length =
            byte(1).map { $0 < 0x80 ? ($0 == 0x0A ? 1 : 2) : 1 + scalar(at: position + 1).length }
            ?? 1
          report.invalidEscape(position..<(position + length))
          position += length
        }
      } else {
        skipHidden(next)
      }
    }
    report.unterminatedName(start..<position)
    return .invalid
  }

  /// The scalar that an escape at `start` stands for, and the escape's length.
  private func escape(at start: Int) -> (Unicode.Scalar, Int)? {
    guard start + 1 < bytes.count else { return nil }
    switch bytes[start + 1] {
    case UInt8(ascii: "\""): return ("\"", 2)
    case UInt8(ascii: "\\"): return ("\\", 2)
    case UInt8(ascii: "n"): return ("\n", 2)
    case UInt8(ascii: "u"):
      guard start + 2 < bytes.count, bytes[start + 2] == UInt8(ascii: "{") else { return nil }
      var value: UInt32 = 0
      var index = start + 3
      while index < bytes.count, index - start <= 10 {
        if bytes[index] == UInt8(ascii: "}") {
          guard index > start + 3, let scalar = Unicode.Scalar(value) else { return nil }
          return (scalar, index + 1 - start)
        }
        guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue,
          bytes[index] < 0x80, value < 1 << 24
        else { return nil }
        value = value << 4 | UInt32(digit)
        index += 1
      }
      return nil
    default: return nil
    }
  }

  private func unescaped(_ range: Range<Int>) -> String {
    let inner = bytes[range].dropFirst().dropLast()
    guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
    var text: [UInt8] = []
    var index = inner.startIndex
    while index < inner.endIndex {
      if bytes[index] == UInt8(ascii: "\\"), let (scalar, length) = escape(at: index) {
        text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        index += length
      } else {
        text.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// `%007` is `%7`.
  private func normalizedID(_ range: Range<Int>) -> String {
    let digits = bytes[range].dropFirst().drop { $0 == UInt8(ascii: "0") }
    return "%" + (digits.isEmpty ? "0" : String(decoding: digits, as: UTF8.self))
  }

  // MARK: Numbers

  /// `12`, `0.5`, `1e-8`, `2.5e+3`. What follows directly must not be part of a word.
  private mutating func scanNumber() -> Token.Kind {
    let start = position
    var kind = Token.Kind.integer
    skipDigits()
    if byte() == UInt8(ascii: "."), byte(1).map(Identifier.isDigit) == true {
      kind = .float
      position += 1
      skipDigits()
    }
    if byte() == UInt8(ascii: "e") || byte() == UInt8(ascii: "E") {
      let hasSign = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-")
      if byte(hasSign ? 2 : 1).map(Identifier.isDigit) == true {
        kind = .float
        position += hasSign ? 2 : 1
        skipDigits()
      }
    }
    let end = position
    while skipContinuation() || skipDot() {}
    if byte() == UInt8(ascii: ".") { position += 1 }
    if position > end || end - start > TextLimits.numberLength {
      report.malformedNumber(start..<position, isLong: position == end)
      return .invalid
    }
    return kind
  }

  private mutating func skipDigits() {
    while byte().map(Identifier.isDigit) == true { position += 1 }
  }

  // MARK: The rest

  /// Takes a whole run of characters that begin no token as one mistake.
  private mutating func scanUnexpected() -> Token.Kind {
    let start = position
    let (first, length) = scalar(at: position)
    if Identifier.isBidirectionalControl(first) {
      position += length
      report.bidirectionalControl(first, start..<position)
      return .invalid
    }
    repeat {
      position += scalar(at: position).length
    } while position < bytes.count && isUnexpected()
    report.unexpectedCharacter(first, start..<position)
    return .invalid
  }

  private func isUnexpected() -> Bool {
    let next = bytes[position]
    if next >= 0x80 {
      let (scalar, _) = scalar(at: position)
      return !Identifier.isStart(scalar) && !scalar.properties.isWhitespace
    }
    return !Identifier.isASCIIContinuation(next) && next != UInt8(ascii: "\"")
      && ![0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D].contains(next)
      && punctuation(next, byte(1)) == nil && next != UInt8(ascii: "%")
  }

  /// Decodes one scalar; the text is a Swift string's, thus valid UTF-8.
  private func scalar(at index: Int) -> (scalar: Unicode.Scalar, length: Int) {
    let lead = bytes[index]
    let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    var value = length == 1 ? UInt32(lead) : UInt32(lead) & (0x7F >> UInt32(length))
    for offset in 1..<max(length, 1) where index + offset < bytes.count {
      value = value << 6 | UInt32(bytes[index + offset] & 0x3F)
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
  }
}
