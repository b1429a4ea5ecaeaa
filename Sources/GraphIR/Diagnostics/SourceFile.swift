/// A text with a name, split into lines for diagnostics.
public final class SourceFile: Sendable {
  /// As the user gave it: a path, or `<stdin>`.
  public let name: String
  public let text: String
  /// The text as UTF-8; offsets in locations count these bytes.
  public let utf8: [UInt8]
  private let lineStarts: [Int]

  public init(name: String, text: String) {
    self.name = name
    self.text = text
    utf8 = Array(text.utf8)
    var starts = [0]
    for (offset, byte) in utf8.enumerated() where byte == 0x0A { starts.append(offset + 1) }
    lineStarts = starts
  }

  /// Line and column of a byte offset, both from 1; columns count characters.
  public func position(at offset: Int) -> (line: Int, column: Int) {
    let low = lineNumber(at: offset) - 1
    let start = lineStarts[low]
    return (low + 1, characterCount(start..<min(max(offset, start), utf8.count)) + 1)
  }

  /// The characters in some bytes; ASCII, where each byte is one, takes no decoding.
  func characterCount(_ range: Range<Int>) -> Int {
    let isASCII = utf8.withUnsafeBufferPointer { $0[range].allSatisfy { $0 < 0x80 } }
    return isASCII ? range.count : String(decoding: utf8[range], as: UTF8.self).count
  }

  /// The text of a line counted from 1, without its newline.
  public func line(_ number: Int) -> String {
    String(decoding: utf8[lineRange(number)], as: UTF8.self)
  }

  /// As `line`, but no more than about `limit` bytes of it: a file may be one line of megabytes.
  package func line(_ number: Int, limit: Int) -> String {
    let range = lineRange(number)
    return String(decoding: utf8[range.prefix(limit)], as: UTF8.self)
  }

  /// The number of the line, from 1, in which a byte stands.
  func lineNumber(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  /// The bytes of a line counted from 1, without its newline.
  func lineRange(_ number: Int) -> Range<Int> {
    guard number >= 1, number <= lineStarts.count else { return 0..<0 }
    let start = lineStarts[number - 1]
    var end = number < lineStarts.count ? lineStarts[number] - 1 : utf8.count
    if end > start, utf8[end - 1] == 0x0D { end -= 1 }
    return start..<end
  }
}

/// A stretch of a source text.
public struct SourceLocation: Sendable, Hashable {
  public let file: SourceFile
  /// Bytes of the text, half open.
  public let range: Range<Int>

  public init(file: SourceFile, range: Range<Int>) {
    self.file = file
    self.range = range
  }

  public var line: Int { file.lineNumber(at: range.lowerBound) }
  public var column: Int { file.position(at: range.lowerBound).column }

  public static func == (a: SourceLocation, b: SourceLocation) -> Bool {
    a.file === b.file && a.range == b.range
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(file))
    hasher.combine(range)
  }
}
