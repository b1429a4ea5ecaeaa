import GraphIR

/// The element type of a `.npy` file, and how it becomes one of Ayatori's.
///
/// Source: NumPy, "The array interface", `typestr`: byte order, kind, bytes per element.
struct NPYElement: Equatable {
  enum Kind: String, CaseIterable {
    case f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, b1
  }

  let kind: Kind
  let isBigEndian: Bool

  /// Nil for what Ayatori does not read, such as `<u8`, `<c8`, `|O` and `<U3`.
  init?(descr: String) {
    guard let order = descr.first, let kind = Kind(rawValue: String(descr.dropFirst())) else {
      return nil
    }
    switch order {
    case "<", "=": isBigEndian = false
    case ">": isBigEndian = true
    case "|" where kind.rawValue.hasSuffix("1"): isBigEndian = false
    default: return nil
    }
    self.kind = kind
  }

  /// The `descr` of each of Ayatori's dtypes.
  static func descr(of dtype: DType) -> String {
    switch dtype {
    case .f32: "<f4"
    case .f64: "<f8"
    case .i32: "<i4"
    case .i64: "<i8"
    case .bool: "|b1"
    }
  }

  /// Bytes per element in the file.
  var size: Int {
    switch kind {
    case .i1, .u1, .b1: 1
    case .f2, .i2, .u2: 2
    case .f4, .i4, .u4: 4
    case .f8, .i8: 8
    }
  }

  /// The narrowest of Ayatori's dtypes that holds every value.
  var dtype: DType {
    switch kind {
    case .f2, .f4: .f32
    case .f8: .f64
    case .i1, .i2, .i4, .u1, .u2: .i32
    case .i8, .u4: .i64
    case .b1: .bool
    }
  }

  /// NumPy's name of the file's dtype: `uint8`.
  var numpyName: String {
    let bits = size * 8
    return switch kind {
    case .f2, .f4, .f8: "float\(bits)"
    case .i1, .i2, .i4, .i8: "int\(bits)"
    case .u1, .u2, .u4: "uint\(bits)"
    case .b1: "bool"
    }
  }

  /// Whether the file's bytes are those of Ayatori's arrays.
  var isStored: Bool { !isBigEndian && [.f4, .f8, .i4, .i8, .b1].contains(kind) }

  /// Little-endian elements of `dtype` from the file's; `raw` holds whole elements.
  func converted(_ raw: ArraySlice<UInt8>) -> [UInt8] {
    switch kind {
    case .b1: Array(raw)
    case .f4, .i4: isBigEndian ? each(raw, UInt32.self) { $0 } : Array(raw)
    case .f8, .i8: isBigEndian ? each(raw, UInt64.self) { $0 } : Array(raw)
    case .f2: each(raw, UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .i1: each(raw, Int8.self) { Int32($0) }
    case .u1: each(raw, UInt8.self) { Int32($0) }
    case .i2: each(raw, Int16.self) { Int32($0) }
    case .u2: each(raw, UInt16.self) { Int32($0) }
    case .u4: each(raw, UInt32.self) { Int64($0) }
    }
  }

  private func each<Source: FixedWidthInteger & BitwiseCopyable, Target: BitwiseCopyable>(
    _ raw: ArraySlice<UInt8>, _ type: Source.Type, _ convert: (Source) -> Target
  ) -> [UInt8] {
    let width = MemoryLayout<Source>.size
    let values = raw.withUnsafeBytes { source in
      (0..<raw.count / width).map { index in
        let value = source.loadUnaligned(fromByteOffset: index * width, as: Source.self)
        return convert(isBigEndian ? Source(bigEndian: value) : Source(littleEndian: value))
      }
    }
    return values.withUnsafeBytes { [UInt8]($0) }
  }
}

/// Row-major bytes from column-major ones (`fortran_order`), `width` bytes an element.
func rowMajor(fromColumnMajor bytes: [UInt8], shape: [Int], width: Int) -> [UInt8] {
  if shape.count < 2 || bytes.isEmpty { return bytes }
  var strides: [Int] = []
  var stride = width
  for dim in shape {
    strides.append(stride)
    stride *= dim
  }
  var result: [UInt8] = []
  result.reserveCapacity(bytes.count)
  var index = [Int](repeating: 0, count: shape.count)
  var source = 0
  while result.count < bytes.count {
    result += bytes[source..<(source + width)]
    // Count up like an odometer, the last axis fastest.
    var axis = shape.count - 1
    while axis >= 0 {
      index[axis] += 1
      source += strides[axis]
      if index[axis] < shape[axis] { break }
      source -= strides[axis] * shape[axis]
      index[axis] = 0
      axis -= 1
    }
  }
  return result
}
