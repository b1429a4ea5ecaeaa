/// A number or truth value as the text spells it, before any dtype: an integer keeps its sign
/// apart, so that the least Int64 can be written.
enum Literal {
  case integer(negative: Bool, magnitude: UInt64)
  case float(Double)
  case bool(Bool)

  init?(_ kind: Expression.Kind) {
    switch kind {
    case .integer(let magnitude): self = .integer(negative: false, magnitude: magnitude)
    case .float(let value): self = .float(value)
    case .bool(let value): self = .bool(value)
    default: return nil
    }
  }

  var isNumber: Bool { if case .bool = self { false } else { true } }

  func negated() -> Literal {
    switch self {
    case .integer(let negative, let magnitude):
      .integer(negative: !negative, magnitude: magnitude)
    case .float(let value): .float(-value)
    case .bool: self
    }
  }

  /// Nil when an integer does not fit in 64 bits.
  var scalar: Scalar? {
    switch self {
    case .integer(false, let magnitude): Int64(exactly: magnitude).map(Scalar.int)
    case .integer(true, let magnitude):
      magnitude <= Int64.min.magnitude ? .int(Int64(truncatingIfNeeded: 0 &- magnitude)) : nil
    case .float(let value): .float(value)
    case .bool(let value): .bool(value)
    }
  }
}

/// How a scalar stands to a dtype.
enum ScalarFit {
  case fits
  /// It becomes infinite, or zero, in f32.
  case rounds(to: String)
  case fraction
  case outOfRange
  case kind

  init(_ scalar: Scalar, _ dtype: DType) {
    switch (scalar, dtype) {
    case (.bool, .bool): self = .fits
    case (.bool, _), (_, .bool): self = .kind
    case (.int(let value), .i32): self = Int32(exactly: value) == nil ? .outOfRange : .fits
    case (.int, _): self = .fits
    case (.float(let value), .i32), (.float(let value), .i64):
      if !value.isFinite || value.rounded() != value {
        self = .fraction
      } else if dtype == .i32 ? Int32(exactly: value) == nil : Int64(exactly: value) == nil {
        self = .outOfRange
      } else {
        self = .fits
      }
    case (.float(let value), .f32):
      let narrow = Float(value)
      if value.isFinite, narrow.isInfinite {
        self = .rounds(to: narrow < 0 ? "-inf" : "inf")
      } else if value != 0, narrow == 0 {
        self = .rounds(to: "0")
      } else {
        self = .fits
      }
    case (.float, .f64): self = .fits
    }
  }
}
