/// Bytes of archives as no tool would write them: a `.npz` whose fields are what a test says, and
/// streams of zeros that are a hundred and fifty times as long once unpacked.
enum ArchiveBytes {
  // MARK: Deflate (RFC 1951)

  /// A deflate stream that gives `head` and then about `count` zeros.
  static func deflated(_ head: [UInt8], zeros count: Int) -> [UInt8] {
    let length = UInt16(head.count)
    // A stored block, which ends with a whole byte.
    let stored = [0] + little(length) + little(~length) + head
    // Eight matches of 258 zeros are 104 bits: thirteen bytes, over and over.
    let short = zeros(matches: 16)
    let period = short[3..<16]
    var middle: [UInt8] = []
    for _ in 0..<(count / (8 * 258)) { middle += period }
    return stored + short[..<3] + middle + short[3...]
  }

  /// The last block, in fixed Huffman codes: one zero, then matches of it, 258 long.
  private static func zeros(matches: Int) -> [UInt8] {
    var bits: [UInt8] = [1, 1, 0]
    // Literal 0 is 00110000, a length of 258 is 11000101, a distance of 1 is 00000, the end of the
    // block 0000000.
    bits += [0, 0, 1, 1, 0, 0, 0, 0]
    for _ in 0..<matches { bits += [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0] }
    bits += [0, 0, 0, 0, 0, 0, 0]
    var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for (place, bit) in bits.enumerated() { bytes[place / 8] |= bit << UInt8(place % 8) }
    return bytes
  }

  /// A gzip file (RFC 1952) of `head` and about `count` zeros; its CRC-32 is wrong.
  static func gzip(_ head: [UInt8], zeros count: Int) -> [UInt8] {
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + deflated(head, zeros: count)
      + [UInt8](repeating: 0, count: 8)
  }

  // MARK: ZIP

  /// One member and what the directory says of it.
  struct Member {
    var name: [UInt8]
    var data: [UInt8]
    /// 8 for deflate, 0 for none.
    var method: UInt16 = 0
    var size: UInt32?
    var compressedSize: UInt32?
    /// The byte that the directory points to, when it is not the member's own.
    var offset: UInt32?
    var crc: UInt32 = 0
    var extra: [UInt8] = []

    init(_ name: String, _ data: [UInt8]) {
      self.name = Array(name.utf8)
      self.data = data
    }

    /// A member that unpacks to `head` and about `count` zeros, and says that it has `size` bytes.
    init(_ name: String, bomb head: [UInt8], zeros count: Int, size: Int) {
      self.init(name, ArchiveBytes.deflated(head, zeros: count))
      method = 8
      self.size = UInt32(size)
    }

    fileprivate var common: [UInt8] {
      let packed = compressedSize ?? UInt32(data.count)
      return little(20 as UInt16) + little(0 as UInt16) + little(method) + little(0 as UInt32)
        + little(crc) + little(packed) + little(size ?? UInt32(data.count))
        + little(UInt16(name.count)) + little(UInt16(extra.count))
    }
  }

  static func zip(_ members: [Member]) -> [UInt8] {
    var (bytes, directory): ([UInt8], [UInt8]) = ([], [])
    for member in members {
      let offset = member.offset ?? UInt32(bytes.count)
      directory += little(0x0201_4B50 as UInt32) + little(20 as UInt16) + member.common
      directory += [UInt8](repeating: 0, count: 10) + little(offset) + member.name + member.extra
      bytes += little(0x0403_4B50 as UInt32) + member.common + member.name + member.extra
      bytes += member.data
    }
    let count = UInt16(members.count)
    return bytes + directory + little(0x0605_4B50 as UInt32) + little(0 as UInt32) + little(count)
      + little(count) + little(UInt32(directory.count)) + little(UInt32(bytes.count))
      + little(0 as UInt16)
  }

  // MARK: Arrays

  /// The beginning of a `.npy` file.
  static func npyHead(_ shape: String, descr: String = "<f4") -> [UInt8] {
    let text = "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(UInt16(text.utf8.count))
      + Array(text.utf8)
  }

  static func safetensors(_ header: String, data count: Int = 0, length: UInt64? = nil) -> [UInt8] {
    little(length ?? UInt64(header.utf8.count)) + Array(header.utf8)
      + [UInt8](repeating: 0, count: count)
  }

  /// An IDX file's dims, then its data.
  static func idx(_ dims: [UInt32], _ data: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(dims.count)]
      + dims.flatMap { dim in withUnsafeBytes(of: dim.bigEndian) { Array($0) } } + data
  }
}

func little(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
