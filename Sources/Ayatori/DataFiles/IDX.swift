public import GraphIR

/// An array of bytes in the IDX format of MNIST: images `[count, rows, cols]`, labels `[count]`.
///
/// Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits",
/// section "File formats": two zero bytes, the type's code, the number of dims, each dim as a
/// big-endian 32-bit integer, then the data, the last dim fastest. Only type 8 (unsigned byte) is
/// read. Values stay bytes.
public struct IDXFile: Sendable, Equatable {
  /// The extents, outermost first.
  public let dims: [Int]
  /// Row-major values.
  public let bytes: [UInt8]

  /// The most bytes that a compressed file may grow to: 4 GiB, EMNIST takes 0.6.
  public static let sizeLimit = 4 << 30

  /// Wraps values. Misuse traps: the count must be the dims' product.
  public init(dims: [Int], bytes: [UInt8]) {
    precondition(
      byteCount(of: dims, itemSize: 1) == bytes.count, "\(bytes.count) bytes for dims \(dims)")
    self.dims = dims
    self.bytes = bytes
  }

  /// Reads a file, plain or gzip; its first bytes tell which, not its name.
  public static func read(_ path: String, rank: Int? = nil) throws(Diagnostic) -> IDXFile {
    let bytes = try readFile(path, limit: sizeLimit) { head, _ throws(Diagnostic) in
      if !Gzip.isGzip(head) { _ = try IDXHeader(head, place: path, rank: rank) }
    }
    return try decode(bytes, place: path, rank: rank)
  }

  /// Reads the bytes of a file, plain or gzip. A `rank` is demanded: 3 for images, 1 for labels.
  public static func decode(
    _ bytes: [UInt8], place: String, rank: Int? = nil
  ) throws(Diagnostic) -> IDXFile {
    guard Gzip.isGzip(bytes) else { return try decodePlain(bytes, place: place, rank: rank) }
    let beginning = try Gzip.beginning(bytes, count: IDXHeader.longest, place: place)
    let header = try IDXHeader(beginning, place: place, rank: rank)
    let plain: [UInt8]
    do {
      // A little more than is claimed, so that what follows can be counted.
      plain = try Gzip.decompress(
        bytes, place: place, limit: min(sizeLimit, header.dataStart + header.size + 1 << 16))
    } catch {
      guard error.id == Diagnostic.gzipTooLarge else { throw error }
      throw .idxTrailing(header.dims, extra: "more than \(1 << 16)", place: place)
    }
    return try decodePlain(plain, place: place, rank: rank)
  }

  private static func decodePlain(
    _ bytes: [UInt8], place: String, rank: Int?
  ) throws(Diagnostic) -> IDXFile {
    let header = try IDXHeader(bytes, place: place, rank: rank)
    let got = bytes.count - header.dataStart
    guard header.size <= got else {
      throw .idxSize(header.dims, expected: "\(header.size)", got: got, place: place)
    }
    guard header.size == got else {
      throw .idxTrailing(header.dims, extra: "\(got - header.size)", place: place)
    }
    return IDXFile(dims: header.dims, bytes: Array(bytes[header.dataStart...]))
  }
}

/// What an IDX file begins with. Read from the file's first bytes, before the rest is.
private struct IDXHeader {
  let dims: [Int]
  /// Bytes of data that the dims ask for.
  let size: Int
  let dataStart: Int

  /// Bytes of a header with as many dims as its one byte can count.
  static let longest = 4 + 4 * 255

  init(_ bytes: [UInt8], place: String, rank: Int?) throws(Diagnostic) {
    var reader = ByteReader(bytes, place: place)
    let magic = bytes[try reader.take(4, for: "the magic number")]
    guard magic.starts(with: [0, 0]) else { throw .idxMagic(magic, place: place) }
    guard magic[2] == 0x08 else { throw .idxType(magic[2], place: place) }
    let found = Int(magic[3])
    guard found > 0, rank == nil || found == rank else {
      throw .idxRank(found, expected: rank, place: place)
    }
    var dims: [Int] = []
    for axis in 0..<found { dims.append(Int(try reader.big(UInt32.self, for: "dim \(axis)"))) }
    guard let size = byteCount(of: dims, itemSize: 1) else {
      throw .idxSize(dims, expected: "too many to count", got: reader.remaining, place: place)
    }
    self.dims = dims
    self.size = size
    dataStart = reader.offset
  }
}

extension Diagnostic {
  fileprivate static func idxMagic(_ magic: ArraySlice<UInt8>, place: String) -> Diagnostic {
    Diagnostic(
      "idx-magic", "this is not an IDX file", place: place,
      expected: "00 00 08 and the number of dims", got: hexadecimal(magic))
  }

  fileprivate static func idxType(_ code: UInt8, place: String) -> Diagnostic {
    let names: [UInt8: String] = [
      0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers",
      0x0D: "32-bit floats", 0x0E: "64-bit floats",
    ]
    let code16 = hexadecimal([code])
    return Diagnostic(
      "idx-type", "the IDX file does not hold unsigned bytes", place: place,
      expected: "type 08, unsigned bytes",
      got: "type \(code16)" + (names[code].map { ", \($0)" } ?? ", which IDX does not define"))
  }

  fileprivate static func idxRank(_ found: Int, expected: Int?, place: String) -> Diagnostic {
    let wanted =
      switch expected {
      case 3: "3 dims: images [count, rows, cols]"
      case 1: "1 dim: labels [count]"
      case let rank?: "\(rank) dims"
      case nil: "at least 1 dim"
      }
    return Diagnostic(
      "idx-rank", "the IDX file has the wrong number of dims", place: place, expected: wanted,
      got: "\(found)")
  }

  fileprivate static func idxSize(
    _ dims: [Int], expected: String, got: Int, place: String
  ) -> Diagnostic {
    Diagnostic(
      "idx-truncated", "the IDX file ends before its data does", place: place,
      expected: "\(expected) bytes for \(dims)", got: "\(got) bytes",
      fix: "fetch the file again; it is cut short")
  }

  fileprivate static func idxTrailing(
    _ dims: [Int], extra: String, place: String
  ) -> Diagnostic {
    Diagnostic(
      "idx-trailing-bytes", "bytes follow the data of the IDX file", place: place,
      expected: "the end after \(dims)", got: "\(extra) bytes more")
  }
}
