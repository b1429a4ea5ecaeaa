import GraphIR

/// Where the central directory of a ZIP archive is, and how many members it should list.
///
/// Source: PKWARE APPNOTE.TXT 6.3.10, 4.3.14 to 4.3.16.
struct ZipDirectory {
  let range: Range<Int>
  let count: UInt64

  /// Looks for the end record from the end of the file on backwards.
  init(_ source: ByteSource) throws(Diagnostic) {
    let place = source.place
    // No more than the last record with the longest comment, and the ZIP64 locator before it.
    let tailStart = max(0, source.count - 20 - 22 - 0xFFFF)
    let tail = try source.bytes(tailStart..<source.count)
    guard let endInTail = ZipDirectory.endRecord(tail) else {
      let beginning = try source.bytes(0..<min(source.count, 4))
      throw .zipMagic(beginning, size: source.count, place: place)
    }
    let end = tailStart + endInTail
    var reader = ByteReader(
      tail, in: (endInTail + 4)..<tail.count, from: tailStart, place: place)
    let disk = try reader.little(UInt16.self, for: "the end record")
    let firstDisk = try reader.little(UInt16.self, for: "the end record")
    let countHere = try reader.little(UInt16.self, for: "the end record")
    var count = UInt64(try reader.little(UInt16.self, for: "the end record"))
    var size = UInt64(try reader.little(UInt32.self, for: "the end record"))
    var offset = UInt64(try reader.little(UInt32.self, for: "the end record"))
    var directoryEnd = end

    let locator = ByteReader(
      tail, in: max(0, endInTail - 20)..<endInTail, from: tailStart, place: place)
    if let record = try ZipDirectory.zip64Record(locator, before: end) {
      var reader = ByteReader(
        try source.bytes(record..<min(end - 20, record + 56)), from: record, place: place)
      guard try reader.little(UInt32.self, for: "the ZIP64 end record") == 0x0606_4B50 else {
        throw .zipCorrupt(
          "the ZIP64 locator points to no end record", expected: "the mark PK\\x06\\x06",
          got: "other bytes", place: "\(place), byte \(record)")
      }
      _ = try reader.take(12, for: "the ZIP64 end record")
      let disks = try reader.little(UInt64.self, for: "the ZIP64 end record")
      let countHere = try reader.little(UInt64.self, for: "the ZIP64 end record")
      count = try reader.little(UInt64.self, for: "the ZIP64 end record")
      size = try reader.little(UInt64.self, for: "the ZIP64 end record")
      offset = try reader.little(UInt64.self, for: "the ZIP64 end record")
      guard disks == 0, countHere == count else { throw .zipParts(place: place) }
      directoryEnd = record
    } else {
      guard disk == 0, firstDisk == 0, UInt64(countHere) == count else {
        throw .zipParts(place: place)
      }
    }
    let (sum, overflow) = offset.addingReportingOverflow(size)
    guard !overflow, sum == UInt64(directoryEnd) else {
      throw .zipCorrupt(
        "the directory is not where the end record says",
        expected: "its end at byte \(directoryEnd)", got: "\(size) bytes from byte \(offset)",
        place: place)
    }
    range = Int(offset)..<directoryEnd
    self.count = count
  }

  /// The end record whose comment ends with the file.
  private static func endRecord(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 22 else { return nil }
    let lowest = max(0, bytes.count - 22 - 0xFFFF)
    for start in stride(from: bytes.count - 22, through: lowest, by: -1)
    where bytes[start..<(start + 4)].elementsEqual([0x50, 0x4B, 0x05, 0x06]) {
      let comment = Int(bytes[start + 20]) | Int(bytes[start + 21]) << 8
      if start + 22 + comment == bytes.count { return start }
    }
    return nil
  }

  /// The offset in the ZIP64 locator, which stands right before the end record when there is one.
  private static func zip64Record(
    _ locator: ByteReader, before end: Int
  ) throws(Diagnostic) -> Int? {
    var reader = locator
    let place = locator.place
    guard reader.remaining == 20 else { return nil }
    guard try reader.little(UInt32.self, for: "the ZIP64 locator") == 0x0706_4B50 else {
      return nil
    }
    let disk = try reader.little(UInt32.self, for: "the ZIP64 locator")
    let offset = try reader.little(UInt64.self, for: "the ZIP64 locator")
    let disks = try reader.little(UInt32.self, for: "the ZIP64 locator")
    guard disk == 0, disks <= 1 else { throw .zipParts(place: place) }
    guard offset <= UInt64(end - 20) else {
      throw .zipCorrupt(
        "the ZIP64 locator points outside the file", expected: "at most byte \(end - 20)",
        got: "byte \(offset)", place: place)
    }
    return Int(offset)
  }
}
