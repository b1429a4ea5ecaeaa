import Ayatori
import Testing

@Suite struct DataFilesSafetensorsTests {
  @Test func readsTheReferenceImplementations() throws {
    let file = try SafetensorsFile.read(DataFiles.fixtures + "tensors.safetensors")
    #expect(file.metadata == ["format": "np", "note": "a \"quoted\" ü\n"])
    #expect(file.tensors.map(\.name).sorted() == ["a.W", "b", "mask", "n", "step"])
    #expect(file["a.W"] == DataFiles.values(.f32, [2, 3]))
    #expect(file["b"] == DataFiles.values(.f64, []))
    #expect(file["mask"] == DataFiles.values(.bool, [3]))
    #expect(file["step"] == DataFiles.values(.i64, [1]))
    #expect(file["n"] == DataFiles.values(.i32, [0, 2]))
    #expect(file["absent"] == nil)
  }

  @Test func roundTripsInOrder() throws {
    let tensors: [(name: String, array: NDArray)] = [
      ("mask", DataFiles.values(.bool, [3])),
      ("encoder/ü \"x\"\\\u{1}", DataFiles.values(.f64, [2])),
      ("n", DataFiles.values(.i32, [])), ("empty", DataFiles.values(.f32, [0, 4])),
      ("step", DataFiles.values(.i64, [1, 1])),
    ]
    let metadata = ["b": "2", "a": "line\nbreak\t\"", "🙂": ""]
    let file = SafetensorsFile(tensors: tensors, metadata: metadata)
    try DataFiles.withDirectory { directory in
      try file.write(to: directory + "/a.safetensors")
      let back = try SafetensorsFile.read(directory + "/a.safetensors")
      DataFiles.expectEqual(back.tensors, tensors)
      #expect(back.metadata == metadata)
      #expect(try readFile(directory + "/a.safetensors") == file.encode())
    }
    let none = try SafetensorsFile.decode(SafetensorsFile().encode(), place: "a")
    #expect(none.tensors.isEmpty && none.metadata.isEmpty)
  }

  @Test func alignsTheData() throws {
    let file = SafetensorsFile(tensors: [
      ("mask", DataFiles.values(.bool, [3])), ("x", NDArray([Double(7)], shape: [1])),
    ])
    let bytes = try file.encode()
    // The wider tensor's 8 bytes come first, at a multiple of 8, then the 3 booleans.
    let start = bytes.count - 3 - 8
    #expect(start % 8 == 0)
    #expect(Array(bytes[start..<(start + 8)]) == NDArray([Double(7)], shape: [1]).bytes)
    #expect(Array(bytes[(start + 8)...]) == DataFiles.values(.bool, [3]).bytes)
  }

  @Test func refusesToWriteWhatCannotBeRead() {
    let array = DataFiles.values(.f32, [1])
    let reserved = SafetensorsFile(tensors: [("__metadata__", array)])
    #expect(DataFiles.problem { _ = try reserved.encode() } == "safetensors-name")
    let twice = SafetensorsFile(tensors: [("a", array), ("a", array)])
    #expect(DataFiles.problem { _ = try twice.encode() } == "safetensors-duplicate")
  }

  private static func file(_ header: String, _ count: Int = 0) -> [UInt8] {
    DataFiles.little(UInt64(header.utf8.count)) + Array(header.utf8)
      + [UInt8](repeating: 0, count: count)
  }

  private static func tensor(_ begin: Int, _ end: Int, _ shape: String, _ dtype: String = "F32")
    -> String
  {
    "{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
  }

  @Test(arguments: [
    ("{\"a\":\(tensor(0, 4, "[1]"))}", 4, "no error"),
    ("{\"b\":\(tensor(4, 8, "[1]")),\"a\":\(tensor(0, 4, "[1]"))}  ", 8, "no error"),
    ("{\"a\":\(tensor(0, 0, "[0]")),\"b\":\(tensor(0, 4, "[]"))}", 4, "no error"),
    ("{\"\\u0061\\ud83d\\ude42\":\(tensor(0, 4, "[1]"))}", 4, "no error"),
    ("{\"a\":\(tensor(0, 4, "[1]")),\"a\":\(tensor(4, 8, "[1]"))}", 8, "json-duplicate-key"),
    ("{\"a\":\(tensor(0, 4, "[1]")),\"\\u0061\":\(tensor(4, 8, "[1]"))}", 8, "json-duplicate-key"),
    ("{\"a\":\(tensor(0, 4, "[1]"))}", 3, "safetensors-truncated"),
    ("{\"a\":\(tensor(0, 4, "[1]"))}", 5, "safetensors-trailing-bytes"),
    ("{}", 1, "safetensors-trailing-bytes"),
    ("{\"a\":\(tensor(4, 8, "[1]"))}", 8, "safetensors-offsets"),
    ("{\"a\":\(tensor(0, 8, "[2]")),\"b\":\(tensor(4, 8, "[1]"))}", 8, "safetensors-offsets"),
    ("{\"a\":\(tensor(0, 4, "[1]")),\"b\":\(tensor(0, 4, "[1]"))}", 4, "safetensors-offsets"),
    ("{\"a\":\(tensor(0, 4, "[2]"))}", 4, "safetensors-size"),
    (
      "{\"a\":\(tensor(0, 0, "[4611686018427387904,4611686018427387904,0]"))}", 0,
      "safetensors-size"
    ),
    ("{\"a\":\(tensor(0, 9_223_372_036_854_775_807, "[1]"))}", 4, "safetensors-size"),
    ("{\"a\":\(tensor(4, 0, "[1]"))}", 4, "safetensors-header"),
    ("{\"a\":\(tensor(0, 2, "[1]", "F16"))}", 2, "safetensors-dtype"),
    ("{\"a\":\(tensor(0, 4, "[1.0]"))}", 4, "safetensors-header"),
    ("{\"a\":\(tensor(0, 4, "[-1]"))}", 4, "safetensors-header"),
    ("{\"a\":\(tensor(0, 4, "[99999999999999999999]"))}", 4, "safetensors-header"),
    ("{\"a\":\(tensor(0, 4, "1"))}", 4, "safetensors-header"),
    ("{\"a\":{\"dtype\":7,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "safetensors-header"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0]}}", 4, "safetensors-header"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "safetensors-header"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"extra\":1}}", 4, "safetensors-header"),
    ("{\"a\":[]}", 0, "safetensors-header"),
    ("{\"__metadata__\":[]}", 0, "safetensors-header"),
    ("{\"__metadata__\":{\"a\":1}}", 0, "safetensors-header"),
    ("[]", 0, "safetensors-magic"), ("", 0, "safetensors-magic"),
    (" {}", 0, "safetensors-magic"), ("{} x", 0, "json-syntax"), ("{", 0, "json-syntax"),
    ("{\"a\"}", 0, "json-syntax"), ("{\"a\":01}", 0, "json-syntax"),
    ("{\"a\":1,}", 0, "json-syntax"),
    ("{\"a\":[1,]}", 0, "json-syntax"), ("{\"a\":\"\\x\"}", 0, "json-syntax"),
    ("{\"a\":\"\\ud800\"}", 0, "json-syntax"), ("{\"a\":\"\\u12\"}", 0, "json-syntax"),
    ("{\"a\":\"\n\"}", 0, "json-syntax"), ("{\"a\":-}", 0, "json-syntax"),
    ("{\"a\":1.}", 0, "json-syntax"), ("{\"a\":1e}", 0, "json-syntax"), ("{\"a", 0, "json-syntax"),
    ("{\"a\":nul}", 0, "json-syntax"), ("{\"a\":null}", 0, "safetensors-header"),
    ("{\"a\":" + String(repeating: "[", count: 100_000), 0, "json-syntax"),
  ])
  func judgesHeader(_ header: String, _ count: Int, _ id: String) {
    let bytes = DataFilesSafetensorsTests.file(header, count)
    #expect(DataFiles.problem { _ = try SafetensorsFile.decode(bytes, place: "a") } == id)
  }

  @Test func refusesOtherDamage() throws {
    let bytes = try DataFiles.fixture("refused_f16.safetensors")
    #expect(
      DataFiles.problem { _ = try SafetensorsFile.decode(bytes, place: "a") } == "safetensors-dtype"
    )
    let large = DataFiles.little(UInt64(100_000_001)) + [0x7B]
    #expect(
      DataFiles.problem { _ = try SafetensorsFile.decode(large, place: "a") }
        == "safetensors-header-size")
    let huge = DataFiles.little(UInt64.max)
    #expect(
      DataFiles.problem { _ = try SafetensorsFile.decode(huge, place: "a") }
        == "safetensors-header-size")
    let short = DataFiles.little(UInt64(100)) + [0x7B]
    #expect(
      DataFiles.problem { _ = try SafetensorsFile.decode(short, place: "a") } == "truncated-file")
    let notUTF8 = DataFiles.little(UInt64(6)) + [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x7D]
    #expect(
      DataFiles.problem { _ = try SafetensorsFile.decode(notUTF8, place: "a") } == "json-syntax")
    var odd = DataFilesSafetensorsTests.file(
      "{\"a\":\(DataFilesSafetensorsTests.tensor(0, 1, "[1]", "BOOL"))}", 1)
    odd[odd.count - 1] = 2
    #expect(DataFiles.problem { _ = try SafetensorsFile.decode(odd, place: "a") } == "boolean-byte")
  }

  @Test func survivesDamage() throws {
    let bytes = try DataFiles.fixture("tensors.safetensors")
    DataFiles.expectTruncationsThrow(bytes) { _ = try SafetensorsFile.decode($0, place: "a") }
    DataFiles.expectBitFlipsAreSafe(bytes) { _ = try SafetensorsFile.decode($0, place: "a") }
  }
}
