public import GraphIR

/// Reading gzip files (RFC 1952) with zlib.
public enum Gzip {
  /// The most bytes that may come out, unless the caller says otherwise: 8 GiB.
  public static let outputLimit = 8 << 30

  /// Whether the bytes begin as a gzip member does, whatever the file is called.
  public static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The contents of every member, one after the other.
  ///
  /// Zero bytes after the last member are padding, as gzip(1) takes them; other bytes there are
  /// refused, and so are a cut or damaged member and more than `limit` bytes of output.
  public static func decompress(
    _ bytes: [UInt8], place: String, limit: Int = outputLimit
  ) throws(Diagnostic) -> [UInt8] {
    try decompress(ByteSource(bytes, place: place), limit: limit)
  }

  /// As above, of a file that is read on the way.
  static func decompress(
    _ source: ByteSource, limit: Int = outputLimit
  ) throws(Diagnostic) -> [UInt8] {
    try decompress(source, limit: limit, enough: .max)
  }

  /// At least the first `count` bytes of the contents, or all where there are fewer: to look at a
  /// header before memory is taken for the rest.
  static func beginning(
    _ source: ByteSource, count: Int
  ) throws(Diagnostic) -> [UInt8] {
    try decompress(source, limit: outputLimit, enough: count)
  }

  private static func decompress(
    _ source: ByteSource, limit: Int, enough: Int
  ) throws(Diagnostic) -> [UInt8] {
    let place = source.place
    func begins(at position: Int) throws(Diagnostic) -> [UInt8] {
      try source.bytes(position..<min(position + 2, source.count))
    }
    let magic = try begins(at: 0)
    guard isGzip(magic) else { throw .notGzip(magic, place: place) }
    var output: [UInt8] = []
    var position = 0
    repeat {
      let member = position
      do {
        position = try inflate(
          source, in: member..<source.count, framing: .gzip, into: &output, limit: limit,
          enough: enough)
      } catch {
        throw .gzip(error, place: "\(place), gzip member at byte \(member)", limit: limit)
      }
      if output.count >= enough { break }
      if try source.isZero(from: position) { break }
      if try !isGzip(begins(at: position)) {
        throw .gzipTrailing(source.count - position, place: "\(place), byte \(position)")
      }
    } while true
    return output
  }
}

extension Diagnostic {
  static let gzipTooLarge = "gzip-too-large"

  fileprivate static func notGzip(_ bytes: [UInt8], place: String) -> Diagnostic {
    Diagnostic(
      "gzip-magic", "this is not a gzip file", place: place, expected: "the bytes 1f 8b first",
      got: hexadecimal(bytes.prefix(2)))
  }

  fileprivate static func gzip(
    _ failure: InflateFailure, place: String, limit: Int
  ) -> Diagnostic {
    switch failure {
    case .truncated:
      Diagnostic(
        "gzip-truncated", "the gzip data ends before its end mark", place: place,
        fix: "fetch the file again; it is cut short")
    case .corrupt(let reason):
      Diagnostic(
        "gzip-corrupt", "the gzip data is damaged", place: place, got: reason,
        fix: "fetch the file again")
    case .failed(let diagnostic): diagnostic
    case .tooLarge:
      Diagnostic(
        gzipTooLarge, "the gzip data grows beyond the limit", place: place,
        expected: "at most \(limit) bytes")
    }
  }

  fileprivate static func gzipTrailing(_ count: Int, place: String) -> Diagnostic {
    Diagnostic(
      "gzip-trailing-bytes", "bytes that are not gzip follow the gzip data", place: place,
      expected: "another member, zero padding or the end", got: "\(count) bytes")
  }
}

/// Bytes for a diagnostic: `1f 8b`, or `nothing`.
func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
  if bytes.isEmpty { return "nothing" }
  return bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    .joined(separator: " ")
}
