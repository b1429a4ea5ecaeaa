public import GraphIR

/// Reads one array from a NumPy `.npy` file, version 1.0, 2.0 or 3.0 (see `decodeNPY`).
public func readNPY(_ path: String) throws(Diagnostic) -> NDArray {
  let source = try ByteSource(readFrom: path) { head, _ throws(Diagnostic) in
    guard head.starts(with: npyMagic) else { throw .npyMagic(head, place: path) }
  }
  // Judged before memory is taken for the rest.
  let head = try source.bytes(0..<min(source.count, NPYLayout.longest))
  try NPYLayout(head, total: source.count, place: path).requireMemory(isRead: false, place: path)
  return try decodeNPY(source.bytes(0..<source.count), place: path)
}

/// Writes one array as a `.npy` file, byte for byte as `numpy.save` does; atomically.
public func writeNPY(_ array: NDArray, to path: String) throws(Diagnostic) {
  try AtomicFile.write(pieces: npyPieces(array, place: path), to: path)
}

/// The array in the bytes of a `.npy` file.
///
/// Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`. `f4 f8 i4 i8 b1` stay as they are;
/// `f2` widens to f32, `i1 u1 i2 u2` to i32, `u4` to i64. Either byte order, row- or column-major.
/// Every size is checked against the bytes that are there before memory is taken.
public func decodeNPY(_ bytes: [UInt8], place: String) throws(Diagnostic) -> NDArray {
  let layout = try NPYLayout(bytes, total: bytes.count, place: place)
  let (header, element) = (layout.header, layout.element)
  try layout.requireMemory(isRead: true, place: place)
  let raw = bytes[layout.dataStart...]
  if element.kind == .b1, let odd = raw.firstIndex(where: { $0 > 1 }) {
    throw .booleanByte(raw[odd], place: "\(place), byte \(odd)")
  }
  var data = element.converted(raw)
  if header.fortranOrder {
    data = rowMajor(
      fromColumnMajor: data, shape: header.shape, width: element.dtype.byteCount)
  }
  return NDArray(dtype: element.dtype, shape: header.shape, bytes: data)
}

/// The bytes of a `.npy` file. Throws for more than 64 axes, which NumPy cannot read.
public func encodeNPY(_ array: NDArray) throws(Diagnostic) -> [UInt8] {
  Array(try npyPieces(array, place: ".npy").joined())
}

let npyMagic: [UInt8] = [0x93] + Array("NUMPY".utf8)

/// Header and data apart, so that large data need not be copied.
func npyPieces(_ array: NDArray, place: String) throws(Diagnostic) -> [[UInt8]] {
  guard array.shape.count <= NPYHeader.maximumRank else {
    throw .npyRank(array.shape.count, place: place)
  }
  let header = NPYHeader(
    descr: NPYElement.descr(of: array.dtype), fortranOrder: false, shape: array.shape)
  // Magic, version, length, text, padding and newline together end at a multiple of 64.
  let text = Array(header.text.utf8)
  let unpadded = npyMagic.count + 4 + text.count + 1
  let padding = (64 - unpadded % 64) % 64
  var head = npyMagic + [1, 0]
  // At most 64 axes of 20 digits: 16 bits are enough.
  head.append(little: UInt16(text.count + padding + 1))
  head += text
  head += [UInt8](repeating: 0x20, count: padding)
  head.append(0x0A)
  return [head, array.bytes]
}

extension Diagnostic {
  static func npyMagic(_ bytes: [UInt8], place: String) -> Diagnostic {
    let isZip = bytes.starts(with: [0x50, 0x4B])
    return Diagnostic(
      "npy-magic", "this is not a .npy file", place: place, expected: "the bytes \\x93NUMPY first",
      got: hexadecimal(bytes.prefix(6)), fix: isZip ? "it looks like a .npz; name it so" : nil)
  }

  static func npyVersion(_ major: UInt8, _ minor: UInt8, place: String) -> Diagnostic {
    Diagnostic(
      "npy-version", "the .npy version is unknown", place: place, expected: "1.0, 2.0 or 3.0",
      got: "\(major).\(minor)")
  }

  static func npyHeaderSize(_ length: Int, place: String) -> Diagnostic {
    Diagnostic(
      "npy-header", "the .npy header is too long", place: place,
      expected: "at most \(NPYLayout.headerLimit) bytes", got: "\(length) bytes")
  }

  static func npyDType(_ descr: String, place: String) -> Diagnostic {
    let readable = NPYElement.Kind.allCases.map(\.rawValue).joined(separator: " ")
    return Diagnostic(
      "npy-dtype", "the array's dtype is not one that Ayatori reads", place: place,
      expected: "one of \(readable)", got: "'\(descr)'",
      fix: descr.hasSuffix("O")
        ? "pickled objects are never read; save plain numbers"
        : "convert it in NumPy first: a.astype(numpy.float32)")
  }

  static func npySize(
    _ header: NPYHeader, expected: String, got: Int, place: String
  ) -> Diagnostic {
    Diagnostic(
      "npy-truncated", "the .npy file ends before its data does", place: place,
      expected: "\(expected) bytes for \(header.shape) of '\(header.descr)'", got: "\(got) bytes")
  }

  static func npyTrailing(_ count: Int, place: String) -> Diagnostic {
    Diagnostic(
      "npy-trailing-bytes", "bytes follow the data of the .npy file", place: place,
      expected: "the end", got: "\(count) bytes more",
      fix: "store several arrays in a .npz: numpy.savez")
  }

  fileprivate static func npyRank(_ rank: Int, place: String) -> Diagnostic {
    Diagnostic(
      "npy-rank", "NumPy cannot read an array of so many axes", place: place,
      expected: "at most \(NPYHeader.maximumRank)", got: "\(rank)")
  }

  /// Shared by the formats that hold booleans as bytes.
  static func booleanByte(_ value: UInt8, place: String) -> Diagnostic {
    Diagnostic(
      "boolean-byte", "a boolean is neither 0 nor 1", place: place, expected: "0 or 1",
      got: "\(value)")
  }
}
