public import GraphIR

extension SafetensorsFile {
  /// Reads the bytes of a file; checks the header against every rule of the format first.
  public static func decode(
    _ bytes: [UInt8], place: String
  ) throws(Diagnostic) -> SafetensorsFile {
    let file = try SafetensorsReader(ByteSource(bytes, place: place))
    return SafetensorsFile(
      tensors: try file.arrays { _ in true }, metadata: file.metadata)
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

  fileprivate static func strings(
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
  fileprivate static func checkCoverage(
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

/// A safetensors file of which only the header has been read and checked: names, dtypes and shapes
/// can be judged before memory is taken for the data.
package struct SafetensorsReader {
  package let metadata: [String: String]
  /// In the order of the header.
  package let tensors: [TensorInfo]
  private let source: ByteSource
  private let dataStart: Int

  package init(_ path: String) throws(Diagnostic) {
    let source = try ByteSource(readFrom: path) { head, size throws(Diagnostic) in
      try SafetensorsFile.checkBeginning(head, size: size ?? .max, place: path)
    }
    try self.init(source)
  }

  init(_ source: ByteSource) throws(Diagnostic) {
    self.source = source
    let place = source.place
    let head = try source.bytes(0..<min(source.count, fileHeadSize))
    try SafetensorsFile.checkBeginning(head, size: source.count, place: place)
    var reader = ByteReader(head, place: place)
    let length = Int(try reader.little(UInt64.self, for: "the header's length"))
    dataStart = reader.offset + length
    let beginning = try source.bytes(0..<dataStart)
    var parser = StrictJSONParser(beginning[reader.offset...], place: place)
    guard case .object(let members) = try parser.parse() else {
      throw .safetensorsHeader(expected: "an object", got: "something else", place: place)
    }
    var metadata: [String: String] = [:]
    var tensors: [TensorInfo] = []
    for member in members {
      if member.key == SafetensorsFile.metadataKey {
        metadata = try SafetensorsFile.strings(member.value, place: place)
      } else {
        tensors.append(try TensorInfo(member, place: place))
      }
    }
    self.metadata = metadata
    self.tensors = tensors
    try SafetensorsFile.checkCoverage(tensors, size: source.count - dataStart, place: place)
  }

  /// The data of one tensor.
  package func array(of info: TensorInfo) throws(Diagnostic) -> NDArray {
    let offsets = info.offsets
    let raw = try source.bytes((dataStart + offsets.lowerBound)..<(dataStart + offsets.upperBound))
    if info.dtype == .bool, let odd = raw.firstIndex(where: { $0 > 1 }) {
      throw .booleanByte(
        raw[odd],
        place: "\(source.place), tensor '\(info.name)', "
          + "byte \(dataStart + offsets.lowerBound + odd)")
    }
    return NDArray(dtype: info.dtype, shape: info.shape, bytes: raw)
  }

  /// The file, for diagnostics.
  var place: String { source.place }

  /// The bytes of a tensor's data, a part after the other.
  func forEachChunk(
    of info: TensorInfo, _ body: (_ bytes: [UInt8]) -> Void
  ) throws(Diagnostic) {
    var position = dataStart + info.offsets.lowerBound
    let end = dataStart + info.offsets.upperBound
    while position < end {
      let next = min(position + ByteSource.chunk, end)
      body(try source.bytes(position..<next))
      position = next
    }
  }

  /// The tensors that are wanted, by name.
  package func arrays(
    where isWanted: (String) -> Bool
  ) throws(Diagnostic) -> [(name: String, array: NDArray)] {
    var arrays: [(name: String, array: NDArray)] = []
    for info in tensors where isWanted(info.name) {
      arrays.append((info.name, try array(of: info)))
    }
    return arrays
  }
}

/// What the header says of one tensor; the size of its data fits its shape.
package struct TensorInfo {
  package let name: String
  package let dtype: DType
  package let shape: [Int]
  /// Where in the data it lies.
  let offsets: Range<Int>

  fileprivate init(_ member: StrictJSON.Member, place: String) throws(Diagnostic) {
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
