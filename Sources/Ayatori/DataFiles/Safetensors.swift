public import GraphIR

/// The tensors and the metadata of a safetensors file.
///
/// Source: huggingface/safetensors, README "Format" and `safetensors/src/tensor.rs`: the header's
/// length as a little-endian 64-bit integer, the header as JSON, then the data. The data must be
/// without holes and overlaps, the header at most 100 MB, no key twice. Ayatori reads and writes
/// the dtypes F32, F64, I32, I64 and BOOL.
public struct SafetensorsFile: Sendable {
  /// Named arrays, in the order of the header.
  public var tensors: [(name: String, array: NDArray)]
  /// Free text by name, `__metadata__` in the header.
  public var metadata: [String: String]

  /// The longest header, in bytes: a few hundred thousand tensors. The specification allows
  /// 100,000,000, which read into memory take far more than that.
  public static let headerLimit = 1 << 25

  /// A file in memory.
  public init(
    tensors: [(name: String, array: NDArray)] = [], metadata: [String: String] = [:]
  ) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The tensor of this name.
  public subscript(name: String) -> NDArray? { tensors.first { $0.name == name }?.array }

  /// Reads the file at `path`.
  public static func read(_ path: String) throws(Diagnostic) -> SafetensorsFile {
    let file = try SafetensorsReader(path)
    return SafetensorsFile(
      tensors: try file.arrays { _ in true }, metadata: file.metadata)
  }

  /// Writes the file at `path`, or in the place of a link there; atomically. Equal contents give
  /// equal bytes.
  public func write(to path: String, replacingLinks: Bool = false) throws(Diagnostic) {
    try AtomicFile.write(pieces: pieces(place: path), to: path, replacingLinks: replacingLinks)
  }

  /// The bytes of the file. Throws when two tensors have one name or one is `__metadata__`.
  public func encode() throws(Diagnostic) -> [UInt8] {
    Array(try pieces(place: ".safetensors").joined())
  }

  static let metadataKey = "__metadata__"

  /// Wider elements come first in the data, as the reference implementation has it, so that each
  /// tensor is aligned; the header keeps the caller's order.
  private func pieces(place: String) throws(Diagnostic) -> [[UInt8]] {
    var names: Set<String> = []
    for (name, _) in tensors {
      guard name != SafetensorsFile.metadataKey else {
        throw Diagnostic(
          "safetensors-name", "a tensor cannot be called '\(name)'", place: place,
          fix: "the format keeps this name for its metadata; choose another")
      }
      guard names.insert(name).inserted else {
        throw Diagnostic(
          "safetensors-duplicate", "two tensors have the name '\(name)'", place: place,
          expected: "each name once")
      }
    }
    let order = tensors.indices.sorted { a, b in
      let (left, right) = (tensors[a].array.dtype.byteCount, tensors[b].array.dtype.byteCount)
      return left != right ? left > right : a < b
    }
    var starts = [Int](repeating: 0, count: tensors.count)
    var offset = 0
    for index in order {
      starts[index] = offset
      offset += tensors[index].array.bytes.count
    }
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { key, value in
        StrictJSON.quoted(key) + ":" + StrictJSON.quoted(value)
      }
      members.append("\"\(SafetensorsFile.metadataKey)\":{" + pairs.joined(separator: ",") + "}")
    }
    for (start, (name, array)) in zip(starts, tensors) {
      let dims = array.shape.map(String.init).joined(separator: ",")
      members.append(
        StrictJSON.quoted(name) + ":{\"dtype\":\"\(SafetensorsFile.dtypeName(array.dtype))\","
          + "\"shape\":[\(dims)],\"data_offsets\":[\(start),\(start + array.bytes.count)]}")
    }
    var header = Array(("{" + members.joined(separator: ",") + "}").utf8)
    header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
    guard header.count <= SafetensorsFile.headerLimit else {
      throw .safetensorsHeaderSize(UInt64(header.count), place: place)
    }
    var length: [UInt8] = []
    length.append(little: UInt64(header.count))
    return [length, header] + order.map { tensors[$0].array.bytes }
  }

  static func dtypeName(_ dtype: DType) -> String {
    switch dtype {
    case .f32: "F32"
    case .f64: "F64"
    case .i32: "I32"
    case .i64: "I64"
    case .bool: "BOOL"
    }
  }
}

extension Diagnostic {
  static func safetensorsHeaderSize(_ count: UInt64, place: String) -> Diagnostic {
    Diagnostic(
      "safetensors-header-size", "the safetensors header is too large", place: place,
      expected: "at most \(SafetensorsFile.headerLimit) bytes", got: "\(count) bytes")
  }
}
