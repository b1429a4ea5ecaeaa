import CKernels
public import GraphIR

/// The cotangent's share of an operand that is compared with `other`: all where it wins, half at a
/// tie.
private func share(_ own: Value, over other: Value, wins: Value, _ cotangent: Value) -> Value {
  select(
    wins, cotangent, select(equal(own, other), cotangent * 0.5, cotangent.zero)
  ).summed(to: own.shape)
}

extension OpDefinition {
  /// `maximum(a, b)`: NaN wins, as in NumPy; at a tie each operand gets half of the gradient.
  public static let maximum = OpDefinition(
    "maximum", "the larger of a and b", operands: ["a", "b"], type: .broadcast(.numeric),
    range: RangeRule { c in
      ValueRange(
        Swift.max(c[0].low, c[1].low), Swift.max(c[0].high, c[1].high),
        isPositive: c[0].isPositive || c[1].isPositive)
    },
    gradient: .rule { g in
      let (a, b) = (g[0], g[1])
      return [
        share(a, over: b, wins: GraphOps.greater(a, b), g.cotangent),
        share(b, over: a, wins: GraphOps.greater(b, a), g.cotangent),
      ]
    },
    reference: .elementwise { $0.isNaN || $1.isNaN ? .nan : $0 > $1 ? $0 : $1 },
    kernel: .elements(
      .binary(f32: ak_maximum_f32, f64: ak_maximum_f64, i32: ak_maximum_i32, i64: ak_maximum_i64)),
    storage: .over([0, 1]),
    drawing: .init(
      .elementwise, chainer: "Maximum",
      notation: .function(Notation.Sign("max", latex: "\\max"))),
    pieces: .kinks(firstIsLarger))

  /// `minimum(a, b)`: NaN wins, as in NumPy; at a tie each operand gets half of the gradient.
  public static let minimum = OpDefinition(
    "minimum", "the smaller of a and b", operands: ["a", "b"], type: .broadcast(.numeric),
    range: RangeRule { c in
      ValueRange(
        Swift.min(c[0].low, c[1].low), Swift.min(c[0].high, c[1].high),
        isPositive: c[0].isPositive && c[1].isPositive)
    },
    gradient: .rule { g in
      let (a, b) = (g[0], g[1])
      return [
        share(a, over: b, wins: GraphOps.less(a, b), g.cotangent),
        share(b, over: a, wins: GraphOps.less(b, a), g.cotangent),
      ]
    },
    reference: .elementwise { $0.isNaN || $1.isNaN ? .nan : $0 < $1 ? $0 : $1 },
    kernel: .elements(
      .binary(f32: ak_minimum_f32, f64: ak_minimum_f64, i32: ak_minimum_i32, i64: ak_minimum_i64)),
    storage: .over([0, 1]),
    drawing: .init(
      .elementwise, chainer: "Minimum",
      notation: .function(Notation.Sign("min", latex: "\\min"))),
    pieces: .kinks(firstIsLarger))
}

public func maximum(_ a: Value, _ b: Value) -> Value { a.builder.make(.maximum, [a, b]) }
public func minimum(_ a: Value, _ b: Value) -> Value { a.builder.make(.minimum, [a, b]) }
