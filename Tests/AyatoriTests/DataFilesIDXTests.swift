import Ayatori
import Testing

@Suite struct DataFilesIDXTests {
  static let images = (0..<24).map { UInt8(($0 * 37 + 11) % 101) }

  @Test(arguments: ["images-idx3-ubyte", "images-idx3-ubyte.gz", "two-members.gz"])
  func reads(_ file: String) throws {
    let idx = try IDXFile.read(DataFiles.fixtures + file, rank: 3)
    #expect(idx == IDXFile(dims: [3, 2, 4], bytes: DataFilesIDXTests.images))
  }

  @Test func readsLabels() throws {
    let idx = try IDXFile.read(DataFiles.fixtures + "labels-idx1-ubyte", rank: 1)
    #expect(idx == IDXFile(dims: [3], bytes: [11, 48, 85]))
  }

  @Test(arguments: [
    ([0, 0, 8, 1, 0, 0, 0, 2, 7, 9], "no error"), ([0, 0, 8, 1, 0, 0, 0, 0], "no error"),
    ([0, 1, 8, 1, 0, 0, 0, 0], "idx-magic"), ([0x89, 0x50, 0x4E, 0x47], "idx-magic"),
    ([0, 0, 13, 1, 0, 0, 0, 0], "idx-type"), ([0, 0, 77, 1, 0, 0, 0, 0], "idx-type"),
    ([0, 0, 8, 0], "idx-rank"), ([0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 0], "idx-rank"),
    ([0, 0, 8], "truncated-file"), ([0, 0, 8, 1, 0, 0], "truncated-file"),
    ([0, 0, 8, 1, 0, 0, 0, 2, 7], "idx-truncated"),
    ([0, 0, 8, 1, 255, 255, 255, 255, 7], "idx-truncated"),
    ([0, 0, 8, 1, 0, 0, 0, 1, 7, 9], "idx-trailing-bytes"), ([], "truncated-file"),
  ])
  func judges(_ bytes: [UInt8], _ id: String) {
    #expect(DataFiles.problem { _ = try IDXFile.decode(bytes, place: "a", rank: 1) } == id)
  }

  @Test func countsDimsWithoutOverflow() {
    let bytes: [UInt8] = [0, 0, 8, 255] + [UInt8](repeating: 255, count: 255 * 4)
    #expect(DataFiles.problem { _ = try IDXFile.decode(bytes, place: "a") } == "idx-truncated")
    var hidden = bytes
    hidden.replaceSubrange(4..<8, with: [0, 0, 0, 0])
    #expect(DataFiles.problem { _ = try IDXFile.decode(hidden, place: "a") } == "idx-truncated")
  }

  /// Dims whose product is 2⁶³ − 1, in a compressed file of 45 bytes.
  @Test func refusesWhatNoFileHolds() {
    let dims = [153_092_023, 92_737, 649_657].flatMap { dim in
      (0..<4).map { UInt8(truncatingIfNeeded: dim >> (24 - 8 * $0)) }
    }
    let plain: [UInt8] = [0, 0, 8, 3] + dims
    let count = UInt8(plain.count)
    let sum = plain.withUnsafeBytes { crc32($0, continuing: 0) }
    let trailer = [sum, UInt32(count)].flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    // One stored block.
    let packed = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1, count, 0, ~count, 255] + plain + trailer
    #expect(DataFiles.problem { _ = try IDXFile.decode(packed, place: "a") } == "file-too-large")
  }

  @Test(arguments: ["images-idx3-ubyte", "images-idx3-ubyte.gz"])
  func survivesDamage(_ file: String) throws {
    let bytes = try DataFiles.fixture(file)
    DataFiles.expectTruncationsThrow(bytes) { _ = try IDXFile.decode($0, place: "a", rank: 3) }
    DataFiles.expectBitFlipsAreSafe(bytes) { _ = try IDXFile.decode($0, place: "a", rank: 3) }
  }
}

@Suite struct DataFilesGzipTests {
  /// Every prefix of two members throws, but the one that ends with the first member.
  @Test func refusesEveryCut() throws {
    let bytes = try DataFiles.fixture("two-members.gz")
    let plain = try DataFiles.fixture("images-idx3-ubyte")
    #expect(try Gzip.decompress(bytes, place: "a") == plain)
    var whole = 0
    for count in 0..<bytes.count {
      let prefix = Array(bytes[..<count])
      if let output = try? Gzip.decompress(prefix, place: "a") {
        #expect(output == Array(plain[..<9]))
        whole += 1
      }
    }
    #expect(whole == 1)
    DataFiles.expectBitFlipsAreSafe(bytes) { _ = try Gzip.decompress($0, place: "a") }
  }

  @Test func judgesWhatFollows() throws {
    let bytes = try DataFiles.fixture("images-idx3-ubyte.gz")
    let plain = try DataFiles.fixture("images-idx3-ubyte")
    #expect(try Gzip.decompress(bytes + [0, 0, 0], place: "a") == plain)
    #expect(
      DataFiles.problem { _ = try Gzip.decompress(bytes + [0, 1], place: "a") }
        == "gzip-trailing-bytes")
    #expect(
      DataFiles.problem { _ = try Gzip.decompress(bytes + [0x1F, 0x8B], place: "a") }
        == "gzip-truncated")
  }

  @Test func refusesOtherDamage() throws {
    var bytes = try DataFiles.fixture("images-idx3-ubyte.gz")
    #expect(DataFiles.problem { _ = try Gzip.decompress([], place: "a") } == "gzip-magic")
    #expect(DataFiles.problem { _ = try Gzip.decompress([1, 2], place: "a") } == "gzip-magic")
    #expect(
      DataFiles.problem { _ = try Gzip.decompress(bytes, place: "a", limit: 39) }
        == "gzip-too-large")
    #expect(try Gzip.decompress(bytes, place: "a", limit: 40).count == 40)
    // The stored CRC-32.
    bytes[bytes.count - 8] ^= 1
    #expect(DataFiles.problem { _ = try Gzip.decompress(bytes, place: "a") } == "gzip-corrupt")
  }
}
