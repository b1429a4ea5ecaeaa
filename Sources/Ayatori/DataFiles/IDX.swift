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
    try IDXReader(path, rank: rank).read()
  }

  /// Reads the bytes of a file, plain or gzip. A `rank` is demanded: 3 for images, 1 for labels.
  public static func decode(
    _ bytes: [UInt8], place: String, rank: Int? = nil
  ) throws(Diagnostic) -> IDXFile {
    try IDXReader(ByteSource(bytes, place: place), rank: rank).read()
  }
}

/// An IDX file of which the header has been read, so that the dims can be judged before memory is
/// taken for the data.
public struct IDXReader: Sendable {
  private let source: ByteSource
  private let header: IDXHeader
  private let isGzip: Bool

  /// What the file says of itself, outermost first.
  public var dims: [Int] { header.dims }

  /// Opens a file, plain or gzip. Throws when the header is wrong, and when a plain file is shorter
  /// or longer than its header says.
  public init(_ path: String, rank: Int? = nil) throws(Diagnostic) {
    let source = try ByteSource(
      readFrom: path, limit: IDXFile.sizeLimit
    ) { head, _ throws(Diagnostic) in
      if !Gzip.isGzip(head) { _ = try IDXHeader(head, place: path, rank: rank) }
    }
    try self.init(source, rank: rank)
  }

  init(_ source: ByteSource, rank: Int?) throws(Diagnostic) {
    self.source = source
    let head = try source.bytes(0..<min(source.count, IDXHeader.longest))
    isGzip = Gzip.isGzip(head)
    let beginning =
      isGzip ? try Gzip.beginning(source, count: IDXHeader.longest) : head
    header = try IDXHeader(beginning, place: source.place, rank: rank)
    if !isGzip { try header.check(total: source.count, place: source.place) }
    if header.size > IDXFile.sizeLimit {
      throw .tooLarge(
        source.place, size: "\(header.size) bytes of data", limit: IDXFile.sizeLimit)
    }
  }

  /// The data too. A compressed file is shown to be as long as its header says.
  public func read() throws(Diagnostic) -> IDXFile {
    guard isGzip else {
      return IDXFile(
        dims: header.dims, bytes: try source.bytes(header.dataStart..<source.count))
    }
    var plain: [UInt8]
    do {
      // A little more than is claimed, so that what follows can be counted.
      plain = try Gzip.decompress(
        source, limit: min(IDXFile.sizeLimit, header.dataStart + header.size + 1 << 16))
    } catch {
      guard error.id == Diagnostic.gzipTooLarge else { throw error }
      throw .idxTrailing(header.dims, extra: "more than \(1 << 16)", place: source.place)
    }
    try header.check(total: plain.count, place: source.place)
    plain.removeFirst(header.dataStart)
    return IDXFile(dims: header.dims, bytes: plain)
  }
}

/// What an IDX file begins with. Read from the file's first bytes, before the rest is.
private struct IDXHeader: Sendable {
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

  /// Throws when a file of `total` bytes is shorter or longer than the dims ask for.
  func check(total: Int, place: String) throws(Diagnostic) {
    let got = total - dataStart
    guard size <= got else {
      throw .idxSize(dims, expected: "\(size)", got: got, place: place)
    }
    guard size == got else { throw .idxTrailing(dims, extra: "\(got - size)", place: place) }
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
