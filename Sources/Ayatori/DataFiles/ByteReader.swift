package import GraphIR

/// A cursor over bytes that checks every step against the bytes really there.
///
/// An overrun is a diagnostic with the file, the offset, what was expected and what is left.
package struct ByteReader {
  /// The file, and what is inside it, for diagnostics.
  package let place: String
  package let bytes: [UInt8]
  /// Where in the file the first of `bytes` is, for diagnostics.
  package let origin: Int
  /// The next byte to read.
  package private(set) var offset: Int
  /// Where reading must stop.
  package let end: Int

  /// Reads all of `bytes`, or the part `range`. Misuse traps: the range must be inside.
  package init(
    _ bytes: [UInt8], in range: Range<Int>? = nil, from origin: Int = 0, place: String
  ) {
    let range = range ?? 0..<bytes.count
    precondition(
      range.lowerBound >= 0 && range.upperBound <= bytes.count,
      "the range \(range) is outside \(bytes.count) bytes")
    self.bytes = bytes
    self.origin = origin
    self.place = place
    offset = range.lowerBound
    end = range.upperBound
  }

  package var remaining: Int { end - offset }

  /// Moves past `count` bytes and returns where they are. `what` names them in the diagnostic.
  package mutating func take(_ count: Int, for what: String) throws(Diagnostic) -> Range<Int> {
    guard count >= 0, count <= remaining else {
      throw Diagnostic(
        "truncated-file", "the file ends inside \(what)",
        place: "\(place), byte \(origin + offset)",
        expected: "\(count) bytes for \(what)", got: "\(remaining) bytes")
    }
    defer { offset += count }
    return offset..<(offset + count)
  }

  /// The next unsigned integer, least significant byte first.
  package mutating func little<T: FixedWidthInteger & UnsignedInteger>(
    _ type: T.Type, for what: String
  ) throws(Diagnostic) -> T {
    let range = try take(T.bitWidth / 8, for: what)
    var value: T = 0
    for index in range.reversed() { value = value << 8 | T(bytes[index]) }
    return value
  }

  /// The next unsigned integer, most significant byte first.
  package mutating func big<T: FixedWidthInteger & UnsignedInteger>(
    _ type: T.Type, for what: String
  ) throws(Diagnostic) -> T {
    let range = try take(T.bitWidth / 8, for: what)
    var value: T = 0
    for index in range { value = value << 8 | T(bytes[index]) }
    return value
  }
}
