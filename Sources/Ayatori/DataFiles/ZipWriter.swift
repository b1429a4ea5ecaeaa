package import GraphIR

/// Writing a ZIP archive of stored members, the same bytes for the same contents.
///
/// Source: PKWARE APPNOTE.TXT 6.3.10. Every member bears the earliest time ZIP can express,
/// 1980-01-01 00:00. ZIP64 records are written where 32 bits do not suffice.
package struct ZipWriter {
  private var pieces: [[UInt8]] = []
  private var offset: UInt64 = 0
  private var directory: [UInt8] = []
  private var names: Set<String> = []
  private let place: String
  private let forcesZip64: Bool

  private static let all32: UInt64 = 0xFFFF_FFFF

  /// `forcesZip64` writes the ZIP64 records where they are not needed, for tests.
  package init(place: String, forcesZip64: Bool = false) {
    self.place = place
    self.forcesZip64 = forcesZip64
  }

  /// Adds a member whose contents are the pieces one after the other.
  package mutating func add(_ name: String, _ contents: [[UInt8]]) throws(Diagnostic) {
    let nameBytes = Array(name.utf8)
    guard nameBytes.count <= 0xFFFF else { throw .zipName(name, place: place) }
    guard names.insert(name).inserted else { throw .zipDuplicate(name, place: place) }
    let size = contents.reduce(UInt64(0)) { $0 + UInt64($1.count) }
    let crc = contents.reduce(UInt32(0)) { crc32($1, continuing: $0) }
    let isLarge = forcesZip64 || size >= ZipWriter.all32
    let isFar = forcesZip64 || offset >= ZipWriter.all32

    var extra: [UInt8] = []
    if isLarge {
      extra.append(little: size)
      extra.append(little: size)
    }
    var local: [UInt8] = []
    local.append(little: UInt32(0x0403_4B50))
    local += ZipWriter.common(
      name: nameBytes, size: isLarge ? ZipWriter.all32 : size, crc: crc, isZip64: isLarge,
      extraLength: extra.isEmpty ? 0 : extra.count + 4)
    local += nameBytes
    local += ZipWriter.zip64(extra)

    if isFar { extra.append(little: offset) }
    directory.append(little: UInt32(0x0201_4B50))
    // Made on Unix, so that the permissions below count.
    directory += [isLarge || isFar ? 45 : 20, 3]
    directory += ZipWriter.common(
      name: nameBytes, size: isLarge ? ZipWriter.all32 : size, crc: crc, isZip64: isLarge || isFar,
      extraLength: extra.isEmpty ? 0 : extra.count + 4)
    // Comment length, disk, internal attributes.
    directory += [0, 0, 0, 0, 0, 0]
    directory.append(little: UInt32(0o100644) << 16)
    directory.append(little: UInt32(truncatingIfNeeded: isFar ? ZipWriter.all32 : offset))
    directory += nameBytes
    directory += ZipWriter.zip64(extra)

    pieces.append(local)
    pieces += contents
    offset += UInt64(local.count) + size
  }

  /// The whole archive in pieces.
  package func finished() -> [[UInt8]] {
    let count = UInt64(names.count)
    let size = UInt64(directory.count)
    let isZip64 =
      forcesZip64 || count >= 0xFFFF || size >= ZipWriter.all32 || offset >= ZipWriter.all32
    var end: [UInt8] = []
    if isZip64 {
      end.append(little: UInt32(0x0606_4B50))
      end.append(little: UInt64(44))
      end.append(little: UInt16(45))
      end.append(little: UInt16(45))
      end.append(little: UInt64(0))
      end.append(little: count)
      end.append(little: count)
      end.append(little: size)
      end.append(little: offset)
      end.append(little: UInt32(0x0706_4B50))
      end.append(little: UInt32(0))
      end.append(little: offset + size)
      end.append(little: UInt32(1))
    }
    end.append(little: UInt32(0x0605_4B50))
    end.append(little: UInt32(0))
    for _ in 0..<2 { end.append(little: UInt16(truncatingIfNeeded: isZip64 ? 0xFFFF : count)) }
    end.append(little: UInt32(truncatingIfNeeded: isZip64 ? ZipWriter.all32 : size))
    end.append(little: UInt32(truncatingIfNeeded: isZip64 ? ZipWriter.all32 : offset))
    end.append(little: UInt16(0))
    return pieces + [directory, end]
  }

  /// What local header and directory entry have in common, from "version needed" on.
  private static func common(
    name: [UInt8], size: UInt64, crc: UInt32, isZip64: Bool, extraLength: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(little: UInt16(isZip64 ? 45 : 20))
    // Bit 11: the name is UTF-8 (4.4.4).
    bytes.append(little: UInt16(name.allSatisfy { $0 < 0x80 } ? 0 : 0x0800))
    bytes.append(little: UInt16(0))
    bytes.append(little: UInt16(0))
    bytes.append(little: UInt16(0x0021))
    bytes.append(little: crc)
    bytes.append(little: UInt32(truncatingIfNeeded: size))
    bytes.append(little: UInt32(truncatingIfNeeded: size))
    bytes.append(little: UInt16(name.count))
    bytes.append(little: UInt16(extraLength))
    return bytes
  }

  private static func zip64(_ values: [UInt8]) -> [UInt8] {
    if values.isEmpty { return [] }
    var bytes: [UInt8] = []
    bytes.append(little: UInt16(1))
    bytes.append(little: UInt16(values.count))
    return bytes + values
  }
}
