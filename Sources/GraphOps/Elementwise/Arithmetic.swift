import CKernels
public import GraphIR

// Addition, subtraction, multiplication and division with NumPy broadcasting. Operands share one
// dtype of f32, f64, i32, i64; integers wrap, and integer division truncates with x / 0 = 0.

extension OpDefinition {
  /// `add(a, b)` or `a + b`.
  public static let add = OpDefinition(
    "add", "a + b", operands: ["a", "b"], type: .broadcast(.numeric),
    range: RangeRule { $0[0] + $0[1] },
    gradient: .rule { g in
      [g.cotangent.summed(to: g[0].shape), g.cotangent.summed(to: g[1].shape)]
    },
    reference: .elementwise { $0 + $1 },
    kernel: .elements(.binary(f32: ak_add_f32, f64: ak_add_f64, i32: ak_add_i32, i64: ak_add_i64)),
    storage: .over([0, 1]),
    drawing: .init(
      .elementwise, symbol: "+", infix: "+",
      notation: .arithmetic(.x + .y)),
    linearity: .signedSum([1, 1]))

  /// `sub(a, b)` or `a - b`.
  public static let sub = OpDefinition(
    "sub", "a − b", operands: ["a", "b"], type: .broadcast(.numeric),
    range: RangeRule { $0[0] - $0[1] },
    gradient: .rule { g in
      [g.cotangent.summed(to: g[0].shape), -g.cotangent.summed(to: g[1].shape)]
    },
    reference: .elementwise { $0 - $1 },
    kernel: .elements(.binary(f32: ak_sub_f32, f64: ak_sub_f64, i32: ak_sub_i32, i64: ak_sub_i64)),
    storage: .over([0, 1]),
    drawing: .init(
      .elementwise, symbol: "−", infix: "-",
      notation: .arithmetic(.x - .y)),
    linearity: .signedSum([1, -1]))

  /// `mul(a, b)` or `a * b`.
  public static let mul = OpDefinition(
    "mul", "a · b", operands: ["a", "b"], type: .broadcast(.numeric),
    range: RangeRule { $0.nodes[0] == $0.nodes[1] ? .even($0[0]) { $0 * $0 } : $0[0] * $0[1] },
    gradient: .rule { g in
      [(g.cotangent * g[1]).summed(to: g[0].shape), (g.cotangent * g[0]).summed(to: g[1].shape)]
    },
    reference: .elementwise { $0 * $1 },
    kernel: .elements(.binary(f32: ak_mul_f32, f64: ak_mul_f64, i32: ak_mul_i32, i64: ak_mul_i64)),
    storage: .over([0, 1]),
    drawing: .init(
      .elementwise, symbol: "×", infix: "*",
      notation: .arithmetic(.x * .y)),
    linearity: .product)

  /// `div(a, b)` or `a / b`.
  public static let div = OpDefinition(
    "div", "a / b", operands: ["a", "b"], type: .broadcast(.numeric),
    range: RangeRule { c in
      // Integers truncate, and x / 0 is 0.
      c.type.dtype.isFloating ? c[0] * c[1].reciprocal : .everything
    }, hazards: [Hazard(.pole, operand: 1)],
    gradient: .rule { g in
      let quotient = g.cotangent / g[1]
      return [
        quotient.summed(to: g[0].shape), -(quotient * g.result).summed(to: g[1].shape),
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let isInteger = context.type.dtype.isInteger
      let rule = ReferenceRule.elementwise { a, b in
        isInteger ? (b == 0 ? 0 : (a / b).rounded(.towardZero)) : a / b
      }
      return try rule(context)
    },
    kernel: .elements(.binary(f32: ak_div_f32, f64: ak_div_f64, i32: ak_div_i32, i64: ak_div_i64)),
    storage: .over([0, 1]),
    drawing: .init(
      .elementwise, symbol: "÷", infix: "/",
      notation: .arithmetic(.x / .y)),
    linearity: .quotient, pieces: .kinks { [aboveZero($0.operands[1])] })

  /// `neg(x)` or `-x`.
  public static let neg = OpDefinition(
    "neg", "−x", operands: ["x"], type: .sameAsOperand(.numeric),
    range: RangeRule { -$0[0] },
    gradient: .rule { g in [-g.cotangent] },
    reference: .elementwise { -$0 },
    kernel: .elements(.unary(f32: ak_neg_f32, f64: ak_neg_f64, i32: ak_neg_i32, i64: ak_neg_i64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, symbol: "−", chainer: "-_",
      notation: .arithmetic(-.x)),
    linearity: .signedSum([-1]))
}

public func + (a: Value, b: Value) -> Value { a.builder.make(.add, [a, b]) }
public func - (a: Value, b: Value) -> Value { a.builder.make(.sub, [a, b]) }
public func * (a: Value, b: Value) -> Value { a.builder.make(.mul, [a, b]) }
public func / (a: Value, b: Value) -> Value { a.builder.make(.div, [a, b]) }
public prefix func - (x: Value) -> Value { x.builder.make(.neg, [x]) }

public func + (a: Value, b: Double) -> Value { a + a.constant(b) }
public func - (a: Value, b: Double) -> Value { a - a.constant(b) }
public func * (a: Value, b: Double) -> Value { a * a.constant(b) }
public func / (a: Value, b: Double) -> Value { a / a.constant(b) }
public func + (a: Double, b: Value) -> Value { b.constant(a) + b }
public func - (a: Double, b: Value) -> Value { b.constant(a) - b }
public func * (a: Double, b: Value) -> Value { b.constant(a) * b }
public func / (a: Double, b: Value) -> Value { b.constant(a) / b }
