import Ayatori
import Testing

@Suite struct DataFilesNPZTests {
  static let arrays: [(name: String, array: NDArray)] = [
    ("x", DataFiles.values(.f32, [2, 3])), ("z.eps", DataFiles.values(.f64, [4])),
    ("encoder/fc1.W", DataFiles.values(.i32, [1, 2])), ("潜在", DataFiles.values(.i64, [])),
    ("mask", DataFiles.values(.bool, [3])), ("none", DataFiles.values(.f32, [0])),
    ("zeros", NDArray(zeros: .f32, shape: [8, 64])),
  ]

  @Test(arguments: ["stored.npz", "compressed.npz"]) func readsNumPys(_ file: String) throws {
    DataFiles.expectEqual(try readNPZ(DataFiles.fixtures + file), DataFilesNPZTests.arrays)
  }

  @Test func readsAnArchiveWithoutArrays() throws {
    #expect(try readNPZ(DataFiles.fixtures + "no_arrays.npz").isEmpty)
    #expect(try decodeNPZ(encodeNPZ([]), place: "a").isEmpty)
  }

  @Test func roundTrips() throws {
    try DataFiles.withDirectory { directory in
      try writeNPZ(DataFilesNPZTests.arrays, to: directory + "/a.npz")
      DataFiles.expectEqual(try readNPZ(directory + "/a.npz"), DataFilesNPZTests.arrays)
      #expect(try readFile(directory + "/a.npz") == encodeNPZ(DataFilesNPZTests.arrays))
    }
  }

  @Test func roundTripsInZip64() throws {
    var writer = ZipWriter(place: "a", forcesZip64: true)
    for (name, array) in DataFilesNPZTests.arrays {
      try writer.add(name + ".npy", [encodeNPY(array)])
    }
    let bytes = Array(writer.finished().joined())
    DataFiles.expectEqual(try decodeNPZ(bytes, place: "a"), DataFilesNPZTests.arrays)
    DataFiles.expectTruncationsThrow(bytes) { _ = try decodeNPZ($0, place: "a") }
  }

  @Test func holdsMoreMembersThanSixteenBitsCount() throws {
    var writer = ZipWriter(place: "a")
    for index in 0..<0x1_0001 { try writer.add("\(index)", [[]]) }
    let archive = try ZipReader(Array(writer.finished().joined()), place: "a")
    #expect(archive.entries.count == 0x1_0001)
  }

  @Test func refusesToWriteWhatCannotBeRead() {
    let array = DataFiles.values(.f32, [1])
    #expect(
      DataFiles.problem { _ = try encodeNPZ([("a", array), ("a", array)]) } == "zip-duplicate")
    let long = String(repeating: "a", count: 0x1_0000)
    #expect(DataFiles.problem { _ = try encodeNPZ([(long, array)]) } == "zip-name")
  }

  /// One stored member `a.npy`, so that the offsets of the fields are known: local header at 0,
  /// directory entry and end record counted from the end.
  private static func small() throws -> [UInt8] {
    try encodeNPZ([("a", NDArray([Float(1)], shape: []))])
  }

  /// Where to write which bytes, and what must come of it. `entry` offsets count from the
  /// directory entry, `end` offsets from the end record, `local` ones from the start.
  struct Damage: Sendable, CustomTestStringConvertible {
    enum Base: Sendable { case local, entry, end }
    var name: String
    var base: Base
    var offset: Int
    var bytes: [UInt8]
    var id: String
    var testDescription: String { name }
  }

  static let damages: [Damage] = [
    Damage(name: "encrypted", base: .entry, offset: 8, bytes: [1, 0], id: "zip-encrypted"),
    Damage(name: "bzip2", base: .entry, offset: 10, bytes: [12, 0], id: "zip-method"),
    Damage(name: "method 99", base: .entry, offset: 10, bytes: [99, 0], id: "zip-method"),
    Damage(name: "crc", base: .entry, offset: 16, bytes: [1, 2, 3, 4], id: "zip-corrupt"),
    Damage(name: "stored size", base: .entry, offset: 24, bytes: [1, 2, 3, 0], id: "zip-size"),
    Damage(
      name: "great size", base: .entry, offset: 20, bytes: [0, 0, 0, 0x7F, 0, 0, 0, 0x7F],
      id: "zip-size"),
    Damage(name: "part", base: .entry, offset: 34, bytes: [3, 0], id: "zip-parts"),
    Damage(name: "far offset", base: .entry, offset: 42, bytes: [0, 0, 0, 9], id: "zip-size"),
    Damage(name: "odd offset", base: .entry, offset: 42, bytes: [1, 0, 0, 0], id: "zip-corrupt"),
    Damage(name: "name not UTF-8", base: .entry, offset: 46, bytes: [0xFF], id: "zip-corrupt"),
    Damage(name: "other name", base: .entry, offset: 46, bytes: [0x62], id: "zip-corrupt"),
    Damage(name: "entry mark", base: .entry, offset: 0, bytes: [0], id: "zip-corrupt"),
    Damage(name: "long comment", base: .entry, offset: 32, bytes: [9, 0], id: "truncated-file"),
    Damage(name: "local mark", base: .local, offset: 0, bytes: [0], id: "zip-corrupt"),
    Damage(name: "local method", base: .local, offset: 8, bytes: [8], id: "zip-corrupt"),
    Damage(name: "local extra", base: .local, offset: 28, bytes: [9, 9], id: "truncated-file"),
    Damage(name: "disk", base: .end, offset: 4, bytes: [1, 0], id: "zip-parts"),
    Damage(name: "count", base: .end, offset: 8, bytes: [2, 0, 2, 0], id: "zip-corrupt"),
    Damage(name: "directory size", base: .end, offset: 12, bytes: [1, 0], id: "zip-corrupt"),
    Damage(name: "directory offset", base: .end, offset: 16, bytes: [0xFF], id: "zip-corrupt"),
    Damage(name: "end mark", base: .end, offset: 0, bytes: [0], id: "zip-truncated"),
    Damage(name: "comment length", base: .end, offset: 20, bytes: [1, 0], id: "zip-truncated"),
  ]

  @Test(arguments: damages) func refuses(_ damage: Damage) throws {
    var bytes = try DataFilesNPZTests.small()
    let base =
      switch damage.base {
      case .local: 0
      case .entry: bytes.count - 22 - 46 - 5
      case .end: bytes.count - 22
      }
    let start = base + damage.offset
    bytes.replaceSubrange(start..<(start + damage.bytes.count), with: damage.bytes)
    #expect(DataFiles.problem { _ = try decodeNPZ(bytes, place: "a") } == damage.id)
  }

  /// An archive made of its parts, with members that may share their data.
  @Test func refusesMembersThatOverlapOrShareAName() throws {
    let small = try DataFilesNPZTests.small()
    let directory = small.count - 22 - 46 - 5
    let entry = Array(small[directory..<(small.count - 22)])
    var other = entry
    other[46] = 0x62
    func archive(_ local: [UInt8], _ entries: [[UInt8]]) -> [UInt8] {
      let list = Array(entries.joined())
      return local + list + [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
        + DataFiles.little(UInt16(entries.count)) + DataFiles.little(UInt16(entries.count))
        + DataFiles.little(UInt32(list.count)) + DataFiles.little(UInt32(local.count)) + [0, 0]
    }
    let twice = archive(Array(small[..<directory]), [entry, entry])
    #expect(DataFiles.problem { _ = try decodeNPZ(twice, place: "a") } == "zip-duplicate")
    // A second local header hidden in the first member's data, whose data is then shared.
    var hidden = Array(small[..<directory])
    var inner = Array(small[..<35])
    inner[30] = 0x62
    let data: [UInt8] = [7]
    for index in [18, 22] { inner.replaceSubrange(index..<(index + 4), with: [1, 0, 0, 0]) }
    hidden = Array(hidden[..<35]) + inner + data
    var first = entry
    first.replaceSubrange(20..<28, with: [36, 0, 0, 0, 36, 0, 0, 0])
    var second = other
    second.replaceSubrange(20..<28, with: [1, 0, 0, 0, 1, 0, 0, 0])
    second.replaceSubrange(42..<46, with: [35, 0, 0, 0])
    let overlapping = archive(hidden, [first, second])
    #expect(DataFiles.problem { _ = try decodeNPZ(overlapping, place: "a") } == "zip-corrupt")
  }

  @Test func refusesAClaimThatDeflateCannotReach() throws {
    var bytes = try DataFiles.fixture("compressed.npz")
    guard let entry = bytes.indices.first(where: { bytes[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    else { return #expect(Bool(false), "no directory entry in the fixture") }
    bytes.replaceSubrange((entry + 24)..<(entry + 28), with: [0, 0, 0, 0x7F])
    #expect(DataFiles.problem { _ = try decodeNPZ(bytes, place: "a") } == "zip-size")
    // A small lie is found when the data comes out.
    bytes.replaceSubrange((entry + 24)..<(entry + 28), with: [9, 0, 0, 0])
    #expect(DataFiles.problem { _ = try decodeNPZ(bytes, place: "a") } == "zip-corrupt")
  }

  @Test func refusesWhatIsNoArray() throws {
    var writer = ZipWriter(place: "a")
    try writer.add("readme.txt", [Array("hello".utf8)])
    let bytes = Array(writer.finished().joined())
    #expect(DataFiles.problem { _ = try decodeNPZ(bytes, place: "a") } == "npz-member")
    #expect(DataFiles.problem { _ = try decodeNPZ([1, 2, 3], place: "a") } == "zip-magic")
  }

  @Test(arguments: ["stored.npz", "compressed.npz"]) func survivesDamage(_ file: String) throws {
    let bytes = try DataFiles.fixture(file)
    DataFiles.expectTruncationsThrow(bytes) { _ = try decodeNPZ($0, place: "a") }
  }

  @Test func survivesFlippedBits() throws {
    for bytes in [try DataFilesNPZTests.small(), try DataFiles.fixture("compressed.npz")] {
      DataFiles.expectBitFlipsAreSafe(bytes) { _ = try decodeNPZ($0, place: "a") }
    }
  }
}
