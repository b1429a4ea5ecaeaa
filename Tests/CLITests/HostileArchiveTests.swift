import Foundation
import Testing

/// Files of arrays that lie, for `--inputs` and `--params`: a diagnostic that names the file, exit
/// code 1, memory below `Tool.memoryBound`, no output.
@Suite struct HostileArchiveTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var id: String
    var bytes: @Sendable () -> [UInt8]

    init(_ name: String, _ id: String, _ bytes: @escaping @Sendable () -> [UInt8]) {
      (testDescription, self.id, self.bytes) = (name, id, bytes)
    }
  }

  /// What the bombs unpack to: five times what may be resident.
  private static let gigabyte = 1 << 30

  private static func npz(_ name: String, _ shape: String, _ data: Int, descr: String = "<f4")
    -> [UInt8]
  {
    let array = ArchiveBytes.npyHead(shape, descr: descr) + [UInt8](repeating: 0, count: data)
    return ArchiveBytes.zip([ArchiveBytes.Member(name, array)])
  }

  /// An archive of one array of a gigabyte of zeros under `name`, which claims `shape`.
  private static func bomb(_ name: String, _ shape: String, claims size: Int) -> [UInt8] {
    let head = ArchiveBytes.npyHead(shape)
    return ArchiveBytes.zip([
      ArchiveBytes.Member(name, bomb: head, zeros: gigabyte, size: head.count + size)
    ])
  }

  static let archives: [Case] = [
    Case("nothing", "zip-magic") { [] },
    Case("one byte", "zip-magic") { [0x50] },
    Case("a .npy", "zip-magic") {
      ArchiveBytes.npyHead("(2,)") + [UInt8](repeating: 0, count: 8)
    },
    Case("no end", "zip-truncated") { Array(npz("x.npy", "(1, 784)", 3136).dropLast(1)) },
    Case("a bomb of another name", "unknown-node") {
      bomb("nope.npy", "(268435456,)", claims: gigabyte)
    },
    Case("a bomb of another shape", "conflicting-size") {
      bomb("x.npy", "(1048576, 256)", claims: gigabyte)
    },
    Case("a bomb of another rank", "fed-shape") {
      bomb("x.npy", "(268435456,)", claims: gigabyte)
    },
    Case("a bomb behind a small array", "npy-trailing-bytes") {
      bomb("x.npy", "(2, 784)", claims: gigabyte)
    },
    Case("a bomb without a header", "npy-magic") {
      ArchiveBytes.zip([
        ArchiveBytes.Member("x.npy", bomb: [0], zeros: gigabyte, size: gigabyte)
      ])
    },
    Case("a bomb in a bomb", "npy-magic") {
      let inner = ArchiveBytes.zip([
        ArchiveBytes.Member("x.npy", bomb: [0], zeros: gigabyte / 16, size: gigabyte / 16)
      ])
      return ArchiveBytes.zip([ArchiveBytes.Member("x.npy", inner)])
    },
    Case("more than deflate can hold", "zip-size") {
      ArchiveBytes.zip([ArchiveBytes.Member("x.npy", bomb: [0], zeros: 1000, size: 4_000_000_000)])
    },
    Case("2^63 bytes", "zip-size") {
      var member = ArchiveBytes.Member("x.npy", [0])
      (member.method, member.size) = (8, .max)
      member.extra = little(1 as UInt16) + little(8 as UInt16) + little(UInt64(1) << 63)
      return ArchiveBytes.zip([member])
    },
    Case("100,000 bytes in 10", "zip-size") {
      var member = ArchiveBytes.Member("x.npy", [UInt8](repeating: 0, count: 10))
      member.size = 100_000
      return ArchiveBytes.zip([member])
    },
    Case("5,000 members", "unknown-node") {
      let array = ArchiveBytes.npyHead("(0,)")
      return ArchiveBytes.zip((0..<5000).map { ArchiveBytes.Member("m\($0).npy", array) })
    },
    Case("two of one name", "zip-duplicate") {
      let member = ArchiveBytes.Member("x.npy", ArchiveBytes.npyHead("(0,)"))
      return ArchiveBytes.zip([member, member])
    },
    Case("two of the same bytes", "zip-corrupt") {
      let array = ArchiveBytes.npyHead("(0,)")
      var second = ArchiveBytes.Member("y.npy", array)
      second.offset = 0
      return ArchiveBytes.zip([ArchiveBytes.Member("x.npy", array), second])
    },
    Case("a member far away", "zip-size") {
      var member = ArchiveBytes.Member("x.npy", ArchiveBytes.npyHead("(0,)"))
      member.offset = 1 << 31
      return ArchiveBytes.zip([member])
    },
    Case("a wrong CRC-32", "zip-corrupt") { npz("x.npy", "(1, 784)", 3136) },
    Case("a path upwards", "unknown-node") { npz("../../x.npy", "(2,)", 8) },
    Case("a path from the root", "unknown-node") { npz("/tmp/x.npy", "(2,)", 8) },
    Case("a NUL in a name", "unknown-node") { npz("x\0.npy", "(2,)", 8) },
    Case("a terminal's commands in a name", "unknown-node") {
      npz("\u{1B}[2Jx\ng.aya:1:1: error: none [none].npy", "(2,)", 8)
    },
    Case("a name of 60,000 bytes", "unknown-node") {
      npz(String(repeating: "x", count: 60_000) + ".npy", "(2,)", 8)
    },
    Case("a name that is no UTF-8", "zip-corrupt") {
      var member = ArchiveBytes.Member("", ArchiveBytes.npyHead("(0,)"))
      member.name = [0xFF, 0xFE] + Array(".npy".utf8)
      return ArchiveBytes.zip([member])
    },
    Case("a script", "npz-member") { npz("x.py", "(2,)", 8) },
    Case("2^63 elements", "npy-header") { npz("x.npy", "(9223372036854775808,)", 8) },
    Case("2^62 elements", "npy-truncated") { npz("x.npy", "(4611686018427387904,)", 8) },
    Case("2^40 by 2^40 elements", "npy-truncated") {
      npz("x.npy", "(1099511627776, 1099511627776)", 8)
    },
    Case("2^63 by no elements", "npy-truncated") {
      npz("x.npy", "(0, 4611686018427387904, 4611686018427387904)", 0)
    },
    Case("pickled objects", "npy-dtype") { npz("x.npy", "(1,)", 8, descr: "|O") },
    Case("complex numbers", "npy-dtype") { npz("x.npy", "(1,)", 8, descr: "<c8") },
    Case("code for a header", "npy-header") { npz("x.npy", "(__import__('os'),)", 8) },
  ]

  @Test(arguments: archives) func inputs(_ item: Case) throws {
    try Tool.withDirectory { directory in
      try Data(item.bytes()).write(to: URL(filePath: directory + "in.npz"))
      let arguments = [
        "run", "Graphs/vae_pytorch.aya", "--inputs", "in.npz", "--outputs", "loss", "-o", "out.npz",
      ]
      try Tool.expectRefused(arguments, in: directory, [item.id], place: "in.npz")
    }
  }

  /// Files of four gigabytes on no disk: what they begin with refuses them.
  @Test(arguments: [
    ("in.npz", "--inputs", "zip-magic"), ("in.npz", "--params", "zip-magic"),
    ("in.safetensors", "--params", "safetensors-magic"),
  ])
  func sparse(name: String, flag: String, id: String) throws {
    try Tool.withDirectory { directory in
      try Self.makeSparse(directory + name)
      let arguments = ["run", "Graphs/vae_pytorch.aya", "--dim", "N=1", flag, name]
      try Tool.expectRefused(arguments, in: directory, [id], place: name)
    }
  }

  @Test func endless() throws {
    try Tool.withDirectory { directory in
      let arguments = ["run", "Graphs/vae_pytorch.aya", "--inputs", "/dev/zero"]
      try Tool.expectRefused(arguments, in: directory, ["zip-magic"], place: "/dev/zero")
      try Tool.expectRefused(
        ["check", "/dev/zero"], in: directory, ["file-too-large"], place: "/dev/zero")
      try Self.makeSparse(directory + "g.aya")
      try Tool.expectRefused(["check", "g.aya"], in: directory, ["file-too-large"], place: "g.aya")
    }
  }

  private static func makeSparse(_ path: String) throws {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.truncate(atOffset: 4 << 30)
    try file.close()
  }

  private static func tensor(_ begin: Int, _ end: Int, shape: String = "[2]") -> String {
    "{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
  }

  static let parameters: [Case] = [
    Case("nothing", "truncated-file") { [] },
    Case("a header of 2^63 bytes", "safetensors-header-size") {
      ArchiveBytes.safetensors("{}", length: 1 << 63)
    },
    Case("a header beyond the end", "truncated-file") {
      ArchiveBytes.safetensors("{}", length: 1 << 20)
    },
    Case("a header of one text of 32 MB", "json-syntax") {
      ArchiveBytes.safetensors("{\"" + String(repeating: "a", count: 33_000_000))
    },
    Case("a header of 16 million numbers", "json-too-large") {
      ArchiveBytes.safetensors("{\"a\":[" + String(repeating: "0,", count: 16_000_000) + "0]}")
    },
    Case("a header of 300,000 objects", "json-too-large") {
      ArchiveBytes.safetensors(
        "{\"a\":[" + String(repeating: "{\"a\":{\"a\":[0]}},", count: 300_000) + "0]}")
    },
    Case("10,000 open brackets", "json-syntax") {
      ArchiveBytes.safetensors("{\"a\":" + String(repeating: "[", count: 10_000))
    },
    Case("tensors that overlap", "safetensors-offsets") {
      ArchiveBytes.safetensors(
        "{\"a\":\(tensor(0, 8)),\"b\":\(tensor(4, 12))}", data: 12)
    },
    Case("a hole", "safetensors-offsets") {
      ArchiveBytes.safetensors("{\"a\":\(tensor(0, 8)),\"b\":\(tensor(12, 20))}", data: 20)
    },
    Case("two of one name", "json-duplicate-key") {
      ArchiveBytes.safetensors("{\"a\":\(tensor(0, 8)),\"a\":\(tensor(8, 16))}", data: 16)
    },
    Case("a shape that overflows", "safetensors-size") {
      ArchiveBytes.safetensors(
        "{\"a\":\(tensor(0, 8, shape: "[4611686018427387904,4]"))}", data: 8)
    },
    Case("offsets of 2^62", "safetensors-size") {
      ArchiveBytes.safetensors("{\"a\":\(tensor(0, 1 << 62))}", data: 8)
    },
    Case("offsets beyond the end", "safetensors-truncated") {
      ArchiveBytes.safetensors(
        "{\"a\":\(tensor(0, 1 << 40, shape: "[274877906944]"))}", data: 8)
    },
    Case("another name", "unknown-parameter") {
      ArchiveBytes.safetensors("{\"fc1.\\u001b[2J\":\(tensor(0, 8))}", data: 8)
    },
  ]

  @Test(arguments: parameters) func tensors(_ item: Case) throws {
    try Tool.withDirectory { directory in
      try Data(item.bytes()).write(to: URL(filePath: directory + "p.safetensors"))
      let arguments = [
        "run", "Graphs/vae_pytorch.aya", "--dim", "N=1", "--params", "p.safetensors", "-o",
        "out.npz",
      ]
      // What a file lacks is told too, all at once.
      let ids = item.id == "unknown-parameter" ? [item.id, "missing-parameter"] : [item.id]
      try Tool.expectRefused(arguments, in: directory, ids, place: "p.safetensors")
    }
  }

  /// As a checkpoint to go on from.
  @Test(arguments: parameters) func checkpoints(_ item: Case) throws {
    try Tool.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "run", withIntermediateDirectories: false)
      let place = "run/checkpoint.safetensors"
      try Data(item.bytes()).write(to: URL(filePath: directory + place))
      let arguments = [
        "train", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--resume", "run",
      ]
      let id = item.id == "unknown-parameter" ? "not-a-checkpoint" : item.id
      try Tool.expectRefused(arguments, in: directory, [id], place: place)
    }
  }

  /// Numbers that are none are values, and told where they do harm, with where they come from.
  @Test(arguments: ["nan", "inf"]) func numbersThatAreNone(_ word: String) throws {
    try Tool.withDirectory { directory in
      let value: Float = word == "nan" ? .nan : .infinity
      let bits = little(value.bitPattern)
      let array = ArchiveBytes.npyHead("(1, 784)") + (0..<784).flatMap { _ in bits }
      var member = ArchiveBytes.Member("x.npy", array)
      member.crc = Self.crc32(array)
      try Data(ArchiveBytes.zip([member])).write(to: URL(filePath: directory + "in.npz"))
      let result = try Tool.run(
        ["run", "Graphs/vae_pytorch.aya", "--inputs", "in.npz"], in: directory)
      #expect(result.status == 2 && Set(result.ids) == ["not-finite"], "\(result.err)")
      let note = "'x' of in.npz holds 784 values that are not finite, the first, \(word), at "
      #expect(result.err.contains(note), "\(result.err)")
    }
  }

  /// ISO 3309, bit by bit.
  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~crc
  }
}
