/// A literal number or truth value as the text spells it: `0` and `0.0` are different scalars.
///
/// Equality and hashing go by bit pattern, so that `-0.0` and `0.0` stay apart; all NaNs are equal,
/// as all are spelled `nan`. Hash-consing needs both.
public enum Scalar: Hashable, Sendable, CustomStringConvertible {
  case int(Int64)
  case float(Double)
  case bool(Bool)

  public static func == (a: Scalar, b: Scalar) -> Bool {
    switch (a, b) {
    case (.int(let x), .int(let y)): x == y
    case (.float(let x), .float(let y)): x.bitPattern == y.bitPattern || x.isNaN && y.isNaN
    case (.bool(let x), .bool(let y)): x == y
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .int(let x): hasher.combine(x)
    case .float(let x): hasher.combine(x.isNaN ? Double.nan.bitPattern : x.bitPattern)
    case .bool(let x): hasher.combine(x)
    }
  }

  /// Whether the value can stand for a constant of `dtype`: truth values for bool alone, whole
  /// numbers for integers.
  public func fits(_ dtype: DType) -> Bool {
    switch self {
    case .bool: dtype == .bool
    case .int(let x): dtype == .i32 ? Int32(exactly: x) != nil : dtype != .bool
    case .float(let x): dtype.isFloating || (dtype.isInteger && x == x.rounded())
    }
  }

  /// The value as a Double; `true` is 1. Integers above 2^53 round.
  public var doubleValue: Double {
    switch self {
    case .int(let x): Double(x)
    case .float(let x): x
    case .bool(let x): x ? 1 : 0
    }
  }

  /// The shortest text that reads back as the same scalar: `1`, `0.5`, `1e-08`, `inf`, `nan`.
  public var description: String {
    switch self {
    case .int(let x): String(x)
    case .float(let x): x.isNaN ? "nan" : x.isInfinite ? (x < 0 ? "-inf" : "inf") : "\(x)"
    case .bool(let x): x ? "true" : "false"
    }
  }
}
