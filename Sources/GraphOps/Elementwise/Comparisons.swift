import CKernels
public import GraphIR

// Comparisons give bool; NaN compares as unequal to everything and unordered.

/// Comparisons are steps: their results carry no derivative.
private let stepReason = GradientRule.notDifferentiable(because: "a comparison is a step function")

extension Notation.Sign {
  fileprivate static let equals = Notation.Sign("=", latex: "=")
  fileprivate static let differs = Notation.Sign("≠", latex: "\\ne")
  fileprivate static let below = Notation.Sign("<", latex: "<")
  fileprivate static let atMost = Notation.Sign("≤", latex: "\\le")
  fileprivate static let above = Notation.Sign(">", latex: ">")
  fileprivate static let atLeast = Notation.Sign("≥", latex: "\\ge")
}

extension OpDefinition {
  /// A comparison of two operands of one dtype.
  private static func comparison(
    _ name: String, _ sign: Notation.Sign, not opposite: Notation.Sign, _ dtypes: DTypeSet,
    _ loops: ElementLoops, _ reference: @escaping @Sendable (Double, Double) -> Bool
  ) -> OpDefinition {
    OpDefinition(
      name, "a \(sign.text) b",
      operands: [
        OperandSpec("a", edge: .nondifferentiable), OperandSpec("b", edge: .nondifferentiable),
      ],
      type: .comparison(dtypes), range: .within(.unit), gradient: stepReason,
      reference: .elementwise { reference($0, $1) ? 1 : 0 }, kernel: .elements(loops),
      drawing: .init(
        .comparison, symbol: sign.text, notation: .infix(sign, opposite: opposite)),
      pieces: .steps)
  }

  /// `equal(a, b)` or `a == b`.
  public static let equal = comparison(
    "equal", .equals, not: .differs, .any,
    .comparison(
      f32: ak_equal_f32, f64: ak_equal_f64, i32: ak_equal_i32, i64: ak_equal_i64,
      bool: ak_equal_bool)
  ) { $0 == $1 }

  /// `not_equal(a, b)` or `a != b`.
  public static let notEqual = comparison(
    "not_equal", .differs, not: .equals, .any,
    .comparison(
      f32: ak_not_equal_f32, f64: ak_not_equal_f64, i32: ak_not_equal_i32, i64: ak_not_equal_i64,
      bool: ak_not_equal_bool)
  ) { $0 != $1 }

  /// `less(a, b)` or `a < b`.
  public static let less = comparison(
    "less", .below, not: .atLeast, .numeric,
    .comparison(f32: ak_less_f32, f64: ak_less_f64, i32: ak_less_i32, i64: ak_less_i64)
  ) { $0 < $1 }

  /// `less_equal(a, b)` or `a <= b`.
  public static let lessEqual = comparison(
    "less_equal", .atMost, not: .above, .numeric,
    .comparison(
      f32: ak_less_equal_f32, f64: ak_less_equal_f64, i32: ak_less_equal_i32,
      i64: ak_less_equal_i64)
  ) { $0 <= $1 }

  /// `greater(a, b)` or `a > b`.
  public static let greater = comparison(
    "greater", .above, not: .atMost, .numeric,
    .comparison(f32: ak_greater_f32, f64: ak_greater_f64, i32: ak_greater_i32, i64: ak_greater_i64)
  ) { $0 > $1 }

  /// `greater_equal(a, b)` or `a >= b`.
  public static let greaterEqual = comparison(
    "greater_equal", .atLeast, not: .below, .numeric,
    .comparison(
      f32: ak_greater_equal_f32, f64: ak_greater_equal_f64, i32: ak_greater_equal_i32,
      i64: ak_greater_equal_i64)
  ) { $0 >= $1 }
}

public func equal(_ a: Value, _ b: Value) -> Value { a.builder.make(.equal, [a, b]) }
public func notEqual(_ a: Value, _ b: Value) -> Value { a.builder.make(.notEqual, [a, b]) }
public func less(_ a: Value, _ b: Value) -> Value { a.builder.make(.less, [a, b]) }
public func lessEqual(_ a: Value, _ b: Value) -> Value { a.builder.make(.lessEqual, [a, b]) }
public func greater(_ a: Value, _ b: Value) -> Value { a.builder.make(.greater, [a, b]) }
public func greaterEqual(_ a: Value, _ b: Value) -> Value { a.builder.make(.greaterEqual, [a, b]) }
