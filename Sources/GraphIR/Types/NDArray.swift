/// A dense array in host memory: element type, concrete shape and row-major bytes.
///
/// What people feed to a graph and get back from it, and what the file readers return. Scalars
/// have the empty shape. Little-endian, as every platform Ayatori runs on.
public struct NDArray: Sendable, Equatable {
  public let dtype: DType
  public let shape: [Int]
  /// Row-major elements; a `bool` is one byte, 0 or 1.
  public private(set) var bytes: [UInt8]

  /// Wraps bytes that are already laid out. Misuse traps: `bytes.count` must fit the shape.
  public init(dtype: DType, shape: [Int], bytes: [UInt8]) {
    let count = shape.reduce(1, *)
    precondition(
      bytes.count == count * dtype.byteCount,
      "\(bytes.count) bytes for \(dtype)\(shape), which takes \(count * dtype.byteCount)")
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// Zeros of the given type and shape.
  public init(zeros dtype: DType, shape: [Int]) {
    self.init(
      dtype: dtype, shape: shape,
      bytes: [UInt8](repeating: 0, count: shape.reduce(1, *) * dtype.byteCount))
  }

  /// Copies `values`, row-major. Misuse traps: the count must be the shape's product.
  public init(_ values: [Float], shape: [Int]) { self.init(copying: values, .f32, shape) }
  public init(_ values: [Double], shape: [Int]) { self.init(copying: values, .f64, shape) }
  public init(_ values: [Int32], shape: [Int]) { self.init(copying: values, .i32, shape) }
  public init(_ values: [Int64], shape: [Int]) { self.init(copying: values, .i64, shape) }
  public init(_ values: [Bool], shape: [Int]) {
    self.init(copying: values.map { $0 ? UInt8(1) : 0 }, .bool, shape)
  }

  private init<T: BitwiseCopyable>(copying values: [T], _ dtype: DType, _ shape: [Int]) {
    self.init(
      dtype: dtype, shape: shape, bytes: values.withUnsafeBytes { [UInt8]($0) })
  }

  /// Copies `shape`'s elements from memory, such as a runtime buffer.
  public init(dtype: DType, shape: [Int], copying source: UnsafeRawPointer) {
    let count = shape.reduce(1, *) * dtype.byteCount
    self.init(
      dtype: dtype, shape: shape,
      bytes: [UInt8](UnsafeRawBufferPointer(start: source, count: count)))
  }

  /// Values of any dtype from doubles: floats round, integers truncate and saturate, NaN to 0.
  public init(converting values: [Double], to dtype: DType, shape: [Int]) {
    switch dtype {
    case .f64: self.init(values, shape: shape)
    case .f32: self.init(values.map { Float($0) }, shape: shape)
    case .i32: self.init(values.map { Int32(saturating: $0) }, shape: shape)
    case .i64: self.init(values.map { Int64(saturating: $0) }, shape: shape)
    case .bool: self.init(values.map { $0 != 0 }, shape: shape)
    }
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try bytes.withUnsafeBytes(body)
  }

  /// Every element as a Double, row-major; `true` is 1.
  public var doubles: [Double] {
    switch dtype {
    case .f32: elements(as: Float.self).map(Double.init)
    case .f64: elements(as: Double.self)
    case .i32: elements(as: Int32.self).map(Double.init)
    case .i64: elements(as: Int64.self).map(Double.init)
    case .bool: bytes.map { $0 == 0 ? 0 : 1 }
    }
  }

  /// Every element as a Float, row-major; f64 rounds.
  public var floats: [Float] {
    dtype == .f32 ? elements(as: Float.self) : doubles.map { Float($0) }
  }

  /// Every element as the shortest text that reads back, row-major: integers exact, `true`, `nan`.
  public var texts: [String] {
    switch dtype {
    case .f32: elements(as: Float.self).map { $0.isNaN ? "nan" : "\($0)" }
    case .f64: elements(as: Double.self).map { $0.isNaN ? "nan" : "\($0)" }
    case .i32: elements(as: Int32.self).map(String.init)
    case .i64: elements(as: Int64.self).map(String.init)
    case .bool: bytes.map { $0 == 0 ? "false" : "true" }
    }
  }

  private func elements<T: BitwiseCopyable>(as type: T.Type) -> [T] {
    [T](unsafeUninitializedCapacity: count) { elements, initialized in
      UnsafeMutableRawBufferPointer(elements).copyBytes(from: bytes)
      initialized = count
    }
  }

  /// The same elements in another dtype: floats round, integers truncate and saturate.
  public func converted(to target: DType) -> NDArray {
    target == dtype ? self : NDArray(converting: doubles, to: target, shape: shape)
  }

  /// The same bytes under another shape. Misuse traps: the element count must stay.
  public func reshaped(_ shape: [Int]) -> NDArray {
    NDArray(dtype: dtype, shape: shape, bytes: bytes)
  }
}

extension FixedWidthInteger {
  /// Truncates toward zero; what does not fit becomes the nearest bound, NaN becomes 0.
  public init(saturating value: Double) {
    if value.isNaN {
      self = 0
    } else if value <= Double(Self.min) {
      self = .min
    } else if value >= Double(Self.max) {
      self = .max
    } else {
      self = Self(value)
    }
  }
}
