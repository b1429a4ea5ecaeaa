public import GraphIR

extension SafetensorsFile {
  /// Reads the bytes of a file; checks the header against every rule of the format first.
  public static func decode(
    _ bytes: [UInt8], place: String
  ) throws(Diagnostic) -> SafetensorsFile {
    try checkBeginning(bytes, size: bytes.count, place: place)
    var reader = ByteReader(bytes, place: place)
    let length = try reader.little(UInt64.self, for: "the header's length")
    let range = try reader.take(Int(length), for: "the header")
    var parser = StrictJSONParser(bytes[range], place: place)
    guard case .object(let members) = try parser.parse() else {
      throw .safetensorsHeader(expected: "an object", got: "something else", place: place)
    }
    var metadata: [String: String] = [:]
    var infos: [TensorInfo] = []
    for member in members {
      if member.key == metadataKey {
        metadata = try strings(member.value, place: place)
      } else {
        infos.append(try TensorInfo(member, place: place))
      }
    }
    let data = reader.offset..<bytes.count
    try checkCoverage(infos, size: data.count, place: place)
    var tensors: [(name: String, array: NDArray)] = []
    for info in infos {
      let lower = data.lowerBound + info.offsets.lowerBound
      let raw = bytes[lower..<(lower + info.offsets.count)]
      if info.dtype == .bool, let odd = raw.firstIndex(where: { $0 > 1 }) {
        throw .booleanByte(raw[odd], place: "\(place), tensor '\(info.name)', byte \(odd)")
      }
      tensors.append(
        (info.name, NDArray(dtype: info.dtype, shape: info.shape, bytes: Array(raw))))
    }
    return SafetensorsFile(tensors: tensors, metadata: metadata)
  }

  /// Looks at the first bytes of a file of `size` bytes: the header's length, and its first byte.
  static func checkBeginning(_ head: [UInt8], size: Int, place: String) throws(Diagnostic) {
    var reader = ByteReader(head, place: place)
    let length = try reader.little(UInt64.self, for: "the header's length")
    guard length <= UInt64(headerLimit) else {
      throw .safetensorsHeaderSize(length, place: place)
    }
    guard Int(length) <= size - reader.offset else {
      throw Diagnostic(
        "truncated-file", "the file ends inside the header",
        place: "\(place), byte \(reader.offset)", expected: "\(length) bytes for the header",
        got: "\(size - reader.offset) bytes")
    }
    let first = head[reader.offset...].prefix(min(4, Int(length)))
    guard first.first == 0x7B else {
      throw Diagnostic(
        "safetensors-magic", "this is not a safetensors file", place: place,
        expected: "a JSON object from byte 8 on", got: hexadecimal(first))
    }
  }

  private static func strings(
    _ value: StrictJSON, place: String
  ) throws(Diagnostic) -> [String: String] {
    guard case .object(let members) = value else {
      throw .safetensorsHeader(
        expected: "an object of strings", got: value.kind, place: "\(place), \(metadataKey)")
    }
    var result: [String: String] = [:]
    for member in members {
      guard case .string(let text) = member.value else {
        throw .safetensorsHeader(
          expected: "a string for '\(member.key)'", got: member.value.kind,
          place: "\(place), \(metadataKey)")
      }
      result[member.key] = text
    }
    return result
  }

  /// In order of their offsets the tensors must cover the data exactly.
  private static func checkCoverage(
    _ infos: [TensorInfo], size: Int, place: String
  ) throws(Diagnostic) {
    var end = 0
    // Empty tensors come before the one that begins where they are.
    let ordered = infos.map { ($0.offsets.lowerBound, $0.offsets.upperBound, $0) }
      .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    for (_, _, info) in ordered {
      guard info.offsets.lowerBound == end else {
        throw Diagnostic(
          "safetensors-offsets",
          info.offsets.lowerBound > end ? "the data has a hole" : "two tensors overlap",
          place: "\(place), tensor '\(info.name)'", expected: "data from offset \(end) on",
          got: "offset \(info.offsets.lowerBound)")
      }
      end = info.offsets.upperBound
    }
    guard end <= size else {
      throw Diagnostic(
        "safetensors-truncated", "the safetensors file ends before its data does", place: place,
        expected: "\(end) bytes of data", got: "\(size) bytes",
        fix: "fetch the file again; it is cut short")
    }
    guard end == size else {
      throw Diagnostic(
        "safetensors-trailing-bytes", "bytes follow the data of the safetensors file", place: place,
        expected: "the end after \(end) bytes of data", got: "\(size - end) bytes more")
    }
  }
}

/// What the header says of one tensor; the size of its data fits its shape.
private struct TensorInfo {
  let name: String
  let dtype: DType
  let shape: [Int]
  let offsets: Range<Int>

  init(_ member: StrictJSON.Member, place: String) throws(Diagnostic) {
    name = member.key
    let place = "\(place), tensor '\(member.key)'"
    guard case .object(let fields) = member.value else {
      throw .safetensorsHeader(expected: "an object", got: member.value.kind, place: place)
    }
    var dtype: DType?
    var shape: [Int]?
    var offsets: [Int]?
    for field in fields {
      switch field.key {
      case "dtype": dtype = try TensorInfo.dtype(field.value, place: place)
      case "shape": shape = try TensorInfo.sizes(field, place: place)
      case "data_offsets": offsets = try TensorInfo.sizes(field, place: place)
      default:
        throw .safetensorsHeader(
          expected: "dtype, shape and data_offsets", got: "the key '\(field.key)'", place: place)
      }
    }
    guard let dtype, let shape, let offsets else {
      throw .safetensorsHeader(
        expected: "dtype, shape and data_offsets",
        got: "only " + fields.map(\.key).joined(separator: ", "), place: place)
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw .safetensorsHeader(
        expected: "data_offsets [begin, end]", got: "\(offsets)", place: place)
    }
    let size = byteCount(of: shape, itemSize: dtype.byteCount)
    guard let size, size == offsets[1] - offsets[0] else {
      throw Diagnostic(
        "safetensors-size", "the tensor's data does not fit its shape", place: place,
        expected: (size.map { "\($0)" } ?? "too many") + " bytes for \(dtype)\(shape)",
        got: "\(offsets[1] - offsets[0]) bytes")
    }
    self.dtype = dtype
    self.shape = shape
    self.offsets = offsets[0]..<offsets[1]
  }

  private static func dtype(_ value: StrictJSON, place: String) throws(Diagnostic) -> DType {
    guard case .string(let name) = value else {
      throw .safetensorsHeader(expected: "a dtype's name", got: value.kind, place: place)
    }
    for dtype in DType.allCases where SafetensorsFile.dtypeName(dtype) == name { return dtype }
    throw Diagnostic(
      "safetensors-dtype", "the tensor's dtype is not one that Ayatori reads", place: place,
      expected: DType.allCases.map(SafetensorsFile.dtypeName).joined(separator: ", "), got: name,
      fix: "convert it first, to F32 say")
  }

  private static func sizes(
    _ field: StrictJSON.Member, place: String
  ) throws(Diagnostic) -> [Int] {
    guard case .array(let values) = field.value else {
      throw .safetensorsHeader(
        expected: "an array for \(field.key)", got: field.value.kind, place: place)
    }
    var sizes: [Int] = []
    for value in values {
      guard let size = value.size else {
        throw .safetensorsHeader(
          expected: "sizes, zero or more, in \(field.key)", got: value.kind, place: place)
      }
      sizes.append(size)
    }
    return sizes
  }
}

extension Diagnostic {
  fileprivate static func safetensorsHeader(
    expected: String, got: String, place: String
  ) -> Diagnostic {
    Diagnostic(
      "safetensors-header", "the safetensors header is not as the format says", place: place,
      expected: expected, got: got)
  }
}
