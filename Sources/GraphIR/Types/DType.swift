/// The type of one element of an array.
public enum DType: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
  case f32, f64, i32, i64, bool

  /// The name in `.aya` text: `f32`.
  public var description: String { rawValue }

  /// Bytes per element; a `bool` takes one.
  public var byteCount: Int {
    switch self {
    case .bool: 1
    case .f32, .i32: 4
    case .f64, .i64: 8
    }
  }

  public var isFloating: Bool { self == .f32 || self == .f64 }
  public var isInteger: Bool { self == .i32 || self == .i64 }
  public var isNumeric: Bool { self != .bool }

  /// NumPy's name, as Chainer's and PyTorch's drawings show it: `float32`.
  public var numpyName: String {
    switch self {
    case .f32: "float32"
    case .f64: "float64"
    case .i32: "int32"
    case .i64: "int64"
    case .bool: "bool"
    }
  }
}
