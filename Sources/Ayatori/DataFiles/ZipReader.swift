package import GraphIR

/// Reading the members of a ZIP archive, as far as `.npz` files need it.
///
/// Source: PKWARE APPNOTE.TXT 6.3.10, section numbers below. The central directory decides
/// (4.3.12); stored and deflated members, ZIP64 (4.5.3); CRC-32 checked. Refused: encryption,
/// other methods, archives in parts, two members of one name, members that overlap, and a claimed
/// size that deflate cannot reach.
package struct ZipReader {
  /// What the central directory says of a member.
  package struct Entry: Sendable, Equatable {
    package var name: String
    package var size: Int
    var compressedSize: Int
    var isDeflated: Bool
    var crc: UInt32
    /// Where the member's data is.
    var data: Range<Int>
  }

  /// The members in the directory's order.
  package let entries: [Entry]
  private let source: ByteSource
  private var place: String { source.place }

  /// The most bytes that all members together may grow to: 8 GiB.
  package static let outputLimit = 8 << 30
  /// The longest directory: a few hundred thousand members.
  static let directoryLimit = 1 << 24
  /// RFC 1951 cannot do better than 258 bytes for two bits.
  private static let greatestRatio = 1032

  /// Reads the directory and checks it all; the members' data only later.
  package init(_ bytes: [UInt8], place: String) throws(Diagnostic) {
    try self.init(ByteSource(bytes, place: place))
  }

  /// As above, of a file that is read where its members are.
  init(_ source: ByteSource) throws(Diagnostic) {
    self.source = source
    let place = source.place
    let directory = try ZipDirectory(source)
    guard directory.range.count <= ZipReader.directoryLimit else {
      throw .zipDirectorySize(directory.range.count, place: place)
    }
    var entries: [Entry] = []
    var names: Set<String> = []
    var total = 0
    var reader = ByteReader(
      try source.bytes(directory.range), from: directory.range.lowerBound, place: place)
    while reader.remaining > 0 {
      let entry = try ZipReader.entry(&reader, of: source, before: directory.range.lowerBound)
      guard names.insert(entry.name).inserted else { throw .zipDuplicate(entry.name, place: place) }
      let (sum, overflow) = total.addingReportingOverflow(entry.size)
      guard !overflow, sum <= ZipReader.outputLimit else {
        throw .zipSize("\(entry.size) bytes for '\(entry.name)'", place: place)
      }
      total = sum
      entries.append(entry)
    }
    guard UInt64(entries.count) == directory.count else {
      throw .zipCorrupt(
        "the directory holds another number of members than it says",
        expected: "\(directory.count)", got: "\(entries.count)", place: place)
    }
    let ordered = entries.sorted { $0.data.lowerBound < $1.data.lowerBound }
    for (a, b) in zip(ordered, ordered.dropFirst()) where b.data.lowerBound < a.data.upperBound {
      throw .zipCorrupt(
        "two members overlap", expected: "each member's bytes its own",
        got: "'\(a.name)' and '\(b.name)'", place: place)
    }
    self.entries = entries
  }

  /// The first `count` bytes of the member's contents, or all where there are fewer; neither its
  /// length nor its CRC-32 is checked.
  func beginning(of entry: Entry, count: Int) throws(Diagnostic) -> [UInt8] {
    guard entry.isDeflated else { return try source.bytes(entry.data.prefix(count)) }
    var output: [UInt8] = []
    do {
      _ = try inflate(
        source, in: entry.data, framing: .raw, into: &output, limit: entry.size, enough: count)
    } catch {
      throw .zipInflate(error, size: entry.size, place: "\(place), member '\(entry.name)'")
    }
    let wanted = min(count, entry.size)
    guard output.count >= wanted, output.count <= entry.size else {
      throw zipSizeDiffers(entry, output.count)
    }
    return Array(output.prefix(wanted))
  }

  private func zipSizeDiffers(_ entry: Entry, _ count: Int) -> Diagnostic {
    .zipCorrupt(
      "the member has another size than it says", expected: "\(entry.size) bytes",
      got: "\(count) bytes", place: "\(place), member '\(entry.name)'")
  }

  /// The member's contents, whose length and CRC-32 are as the directory says.
  package func contents(of entry: Entry) throws(Diagnostic) -> [UInt8] {
    let place = "\(place), member '\(entry.name)'"
    var output: [UInt8] = []
    if entry.isDeflated {
      let end: Int
      do {
        end = try inflate(source, in: entry.data, framing: .raw, into: &output, limit: entry.size)
      } catch {
        throw .zipInflate(error, size: entry.size, place: place)
      }
      guard end == entry.data.upperBound else {
        throw .zipInflate(.corrupt("an early end mark"), size: entry.size, place: place)
      }
    } else {
      output = try source.bytes(entry.data)
    }
    guard output.count == entry.size else { throw zipSizeDiffers(entry, output.count) }
    let crc = crc32(output)
    guard crc == entry.crc else {
      throw .zipCorrupt(
        "the member's CRC-32 is wrong", expected: String(entry.crc, radix: 16),
        got: String(crc, radix: 16), place: place)
    }
    return output
  }

  /// One file header of the central directory (4.3.12) and what its local header adds (4.3.7).
  private static func entry(
    _ reader: inout ByteReader, of source: ByteSource, before limit: Int
  ) throws(Diagnostic) -> Entry {
    let entryStart = reader.offset
    let place = reader.place
    guard try reader.little(UInt32.self, for: "a directory entry") == 0x0201_4B50 else {
      throw .zipCorrupt(
        "the directory is damaged", expected: "the mark PK\\x01\\x02", got: "other bytes",
        place: "\(place), byte \(reader.origin + entryStart)")
    }
    _ = try reader.take(4, for: "a directory entry")
    let flags = try reader.little(UInt16.self, for: "a directory entry")
    let method = try reader.little(UInt16.self, for: "a directory entry")
    _ = try reader.take(4, for: "a directory entry")
    let crc = try reader.little(UInt32.self, for: "a directory entry")
    var compressed = UInt64(try reader.little(UInt32.self, for: "a directory entry"))
    var size = UInt64(try reader.little(UInt32.self, for: "a directory entry"))
    let nameLength = Int(try reader.little(UInt16.self, for: "a directory entry"))
    let extraLength = Int(try reader.little(UInt16.self, for: "a directory entry"))
    let commentLength = Int(try reader.little(UInt16.self, for: "a directory entry"))
    let disk = try reader.little(UInt16.self, for: "a directory entry")
    _ = try reader.take(6, for: "a directory entry")
    var offset = UInt64(try reader.little(UInt32.self, for: "a directory entry"))
    let nameRange = try reader.take(nameLength, for: "a member's name")
    let extra = try reader.take(extraLength, for: "a member's extra field")
    _ = try reader.take(commentLength, for: "a member's comment")

    guard let name = String(validating: reader.bytes[nameRange], as: UTF8.self) else {
      throw .zipCorrupt(
        "a member's name is not UTF-8", expected: "UTF-8",
        got: hexadecimal(reader.bytes[nameRange].prefix(16)),
        place: "\(place), byte \(reader.origin + nameRange.lowerBound)")
    }
    try zip64(
      ByteReader(reader.bytes, in: extra, from: reader.origin, place: place), size: &size,
      compressed: &compressed,
      offset: &offset)
    // Bit 0: encrypted; 6: strongly; 13: names masked (4.4.4).
    guard flags & 0x2041 == 0 else { throw .zipEncrypted(name, place: place) }
    guard method == 0 || method == 8 else { throw .zipMethod(method, name, place: place) }
    guard disk == 0 || disk == 0xFFFF else { throw .zipParts(place: place) }
    guard
      size <= UInt64(outputLimit), compressed <= UInt64(limit), offset <= UInt64(limit),
      method == 8 ? size <= compressed * UInt64(greatestRatio) : size == compressed
    else {
      throw .zipSize("\(size) bytes for '\(name)' from \(compressed)", place: place)
    }

    // The header has 30 bytes before the name; the data is looked at later.
    let head = Int(offset)..<min(limit, Int(offset) + 30 + nameLength)
    var local = ByteReader(
      try source.bytes(head), from: head.lowerBound, place: "\(place), member '\(name)'")
    guard try local.little(UInt32.self, for: "the member's header") == 0x0403_4B50 else {
      throw .zipCorrupt(
        "the directory points to no member", expected: "the mark PK\\x03\\x04", got: "other bytes",
        place: "\(place), byte \(offset)")
    }
    _ = try local.take(4, for: "the member's header")
    let localMethod = try local.little(UInt16.self, for: "the member's header")
    _ = try local.take(16, for: "the member's header")
    let localNameLength = Int(try local.little(UInt16.self, for: "the member's header"))
    let localExtraLength = Int(try local.little(UInt16.self, for: "the member's header"))
    let isSameLength = localNameLength == nameLength
    let localName = try local.take(
      isSameLength ? nameLength : min(localNameLength, local.remaining), for: "the member's name")
    guard localMethod == method, isSameLength,
      local.bytes[localName] == reader.bytes[nameRange]
    else {
      throw .zipCorrupt(
        "the member's header and the directory disagree", expected: "'\(name)'",
        got: "'" + String(decoding: local.bytes[localName], as: UTF8.self) + "'",
        place: "\(place), byte \(offset)")
    }
    let start = head.upperBound + localExtraLength
    guard Int(compressed) <= limit - start else {
      throw Diagnostic(
        "truncated-file", "the file ends inside the member's data",
        place: "\(local.place), byte \(start)",
        expected: "\(compressed) bytes for the member's data", got: "\(max(0, limit - start)) bytes"
      )
    }
    return Entry(
      name: name, size: Int(size), compressedSize: Int(compressed), isDeflated: method == 8,
      crc: crc, data: start..<(start + Int(compressed)))
  }

  /// The ZIP64 extra field (4.5.3) holds each value whose 32-bit field is all ones, in this order.
  private static func zip64(
    _ extra: consuming ByteReader, size: inout UInt64, compressed: inout UInt64,
    offset: inout UInt64
  ) throws(Diagnostic) {
    let all: UInt64 = 0xFFFF_FFFF
    guard size == all || compressed == all || offset == all else { return }
    while extra.remaining > 0 {
      let id = try extra.little(UInt16.self, for: "an extra field")
      let length = Int(try extra.little(UInt16.self, for: "an extra field"))
      let range = try extra.take(length, for: "an extra field")
      guard id == 1 else { continue }
      var field = ByteReader(extra.bytes, in: range, from: extra.origin, place: extra.place)
      if size == all { size = try field.little(UInt64.self, for: "the ZIP64 size") }
      if compressed == all { compressed = try field.little(UInt64.self, for: "the ZIP64 size") }
      if offset == all { offset = try field.little(UInt64.self, for: "the ZIP64 offset") }
      return
    }
  }
}
