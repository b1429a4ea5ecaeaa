import Ayatori
import Testing

@Suite struct DataFilesNPYTests {
  /// A file NumPy wrote, and what must come of it.
  struct Case: Sendable, CustomTestStringConvertible {
    var file: String
    var dtype: DType
    var shape: [Int] = [2, 3]
    var unsigned = false
    var testDescription: String { file }
  }

  static let cases: [Case] = [
    Case(file: "f2", dtype: .f32), Case(file: "f4", dtype: .f32), Case(file: "f8", dtype: .f64),
    Case(file: "i1", dtype: .i32), Case(file: "i2", dtype: .i32), Case(file: "i4", dtype: .i32),
    Case(file: "i8", dtype: .i64), Case(file: "b1", dtype: .bool),
    Case(file: "u1", dtype: .i32, unsigned: true), Case(file: "u2", dtype: .i32, unsigned: true),
    Case(file: "u4", dtype: .i64, unsigned: true), Case(file: "big_f2", dtype: .f32),
    Case(file: "big_f4", dtype: .f32), Case(file: "big_f8", dtype: .f64),
    Case(file: "big_i2", dtype: .i32), Case(file: "big_i4", dtype: .i32),
    Case(file: "big_i8", dtype: .i64), Case(file: "big_u2", dtype: .i32, unsigned: true),
    Case(file: "big_u4", dtype: .i64, unsigned: true),
    Case(file: "fortran", dtype: .f32, shape: [2, 3, 4]),
    Case(file: "fortran_big_u2", dtype: .i32, shape: [3, 2], unsigned: true),
    Case(file: "scalar", dtype: .f64, shape: []), Case(file: "vector", dtype: .i64, shape: [5]),
    Case(file: "empty", dtype: .f32, shape: [0, 3]), Case(file: "version2", dtype: .f32),
    Case(file: "version3", dtype: .f32),
  ]

  @Test(arguments: cases) func reads(_ item: Case) throws {
    let array = try readNPY(DataFiles.fixtures + item.file + ".npy")
    #expect(array == DataFiles.values(item.dtype, item.shape, unsigned: item.unsigned))
  }

  @Test(arguments: ["f4", "f8", "i4", "i8", "b1", "scalar", "vector", "empty"])
  func writesAsNumPyDoes(_ name: String) throws {
    let bytes = try DataFiles.fixture(name + ".npy")
    #expect(try encodeNPY(decodeNPY(bytes, place: name)) == bytes)
  }

  @Test(arguments: DType.allCases, [[], [0], [7], [3, 0, 2], [1, 2, 3, 4]])
  func roundTrips(_ dtype: DType, _ shape: [Int]) throws {
    let array = DataFiles.values(dtype, shape)
    try DataFiles.withDirectory { directory in
      try writeNPY(array, to: directory + "/a.npy")
      #expect(try readNPY(directory + "/a.npy") == array)
    }
  }

  @Test func keepsEveryBitOfAFloat() throws {
    let patterns: [UInt32] = [0x7FC0_0001, 0xFFA1_2345, 0x8000_0000, 0x0000_0001, 0x7F80_0000]
    let array = NDArray(patterns.map(Float.init(bitPattern:)), shape: [5])
    #expect(try decodeNPY(encodeNPY(array), place: "a").bytes == array.bytes)
  }

  @Test func keepsSixtyFourAxesAndRefusesMore() throws {
    let widest = NDArray(zeros: .f32, shape: [Int](repeating: 1, count: 64))
    #expect(try decodeNPY(encodeNPY(widest), place: "a") == widest)
    let wider = NDArray(zeros: .f32, shape: [Int](repeating: 1, count: 65))
    #expect(DataFiles.problem { _ = try encodeNPY(wider) } == "npy-rank")
  }

  @Test(arguments: ["u8", "c8", "text", "object", "record"])
  func refusesDType(_ name: String) throws {
    let bytes = try DataFiles.fixture("refused_\(name).npy")
    #expect(DataFiles.problem { _ = try decodeNPY(bytes, place: name) } == "npy-dtype")
  }

  /// A version 1.0 file with this header text and data.
  private static func file(_ header: String, _ data: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
    [0x93] + Array("NUMPY".utf8) + [version, 0]
      + (version == 1
        ? DataFiles.little(UInt16(header.utf8.count))
        : DataFiles.little(UInt32(header.utf8.count))) + Array(header.utf8) + data
  }

  @Test(arguments: [
    "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }\n",
    "{'shape': (1,), 'fortran_order': True, 'descr': '|b1'}",
    "{\"descr\":\"|b1\",\"fortran_order\":False,\"shape\":(1,)}   \n",
    "{'descr': '|b1', 'fortran_order': False, 'shape': (1L,), }",
    "{'descr': '=b1', 'fortran_order': False, 'shape': (1, 1), }",
  ])
  func acceptsHeader(_ header: String) throws {
    let array = try decodeNPY(DataFilesNPYTests.file(header, [1]), place: "a")
    #expect(array.bytes == [1])
  }

  @Test(arguments: [
    "", "{", "{}", "[]", "{'descr'", "{'descr': ", "{'descr': '<f4", "{'descr': '<f4'}",
    "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
    "{'descr': '<\\x66', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
    "{'descr': None, 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': ("
      + String(repeating: "1, ", count: 65) + ")}",
  ])
  func refusesHeader(_ header: String) {
    let bytes = DataFilesNPYTests.file(header, [0, 0, 0, 0])
    #expect(DataFiles.problem { _ = try decodeNPY(bytes, place: "a") } == "npy-header")
  }

  @Test(arguments: [
    ("(3,)", 4, "npy-truncated"), ("(1,)", 5, "npy-trailing-bytes"),
    ("(0,)", 1, "npy-trailing-bytes"),
    ("(4611686018427387904,)", 4, "npy-truncated"),
    ("(4611686018427387904, 4611686018427387904, 0)", 0, "npy-truncated"),
    ("(0, 4611686018427387904, 4611686018427387904)", 0, "npy-truncated"),
    ("(9223372036854775807,)", 0, "npy-truncated"),
  ])
  func checksTheSize(_ shape: String, _ count: Int, _ id: String) {
    let bytes = DataFilesNPYTests.file(
      "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }",
      [UInt8](repeating: 0, count: count))
    #expect(DataFiles.problem { _ = try decodeNPY(bytes, place: "a") } == id)
  }

  @Test func refusesOtherFilesAndVersions() throws {
    var bytes = try DataFiles.fixture("f4.npy")
    bytes[6] = 4
    #expect(DataFiles.problem { _ = try decodeNPY(bytes, place: "a") } == "npy-version")
    bytes[0] = 0
    #expect(DataFiles.problem { _ = try decodeNPY(bytes, place: "a") } == "npy-magic")
    let long = DataFilesNPYTests.file("{", version: 2).dropLast()
    #expect(DataFiles.problem { _ = try decodeNPY(Array(long), place: "a") } == "truncated-file")
    let odd = DataFilesNPYTests.file(
      "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }", [2])
    #expect(DataFiles.problem { _ = try decodeNPY(odd, place: "a") } == "boolean-byte")
  }

  @Test(arguments: ["f4", "fortran", "big_i8", "version2", "scalar"])
  func survivesDamage(_ name: String) throws {
    let bytes = try DataFiles.fixture(name + ".npy")
    DataFiles.expectTruncationsThrow(bytes) { _ = try decodeNPY($0, place: "a") }
    DataFiles.expectBitFlipsAreSafe(bytes) { _ = try decodeNPY($0, place: "a") }
  }
}
