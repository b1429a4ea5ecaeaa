import CKernels
import Foundation
public import GraphIR

extension OpDefinition {
  /// `sqrt(x)`.
  public static let sqrt = OpDefinition(
    "sqrt", "√x", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(into: .nonnegative, from: 0) { $0.squareRoot() },
    hazards: [Hazard(.root)],
    gradient: .rule { g in [g.cotangent * 0.5 / g.result] },
    reference: .elementwise { $0.squareRoot() },
    kernel: .elements(.unary(f32: ak_sqrt_f32, f64: ak_sqrt_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "Sqrt",
      notation: .arithmetic(.power(.x, .number(0.5)))))

  /// `rsqrt(x)`.
  public static let rsqrt = OpDefinition(
    "rsqrt", "1 / √x", operands: ["x"], type: .sameAsOperand(.floating),
    range: .within(.positive), hazards: [Hazard(.root), Hazard(.pole)],
    gradient: .rule { g in [g.cotangent * -0.5 * g.result / g[0]] },
    reference: .elementwise { 1 / $0.squareRoot() },
    kernel: .elements(.unary(f32: ak_rsqrt_f32, f64: ak_rsqrt_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "RsqrtGPU",
      notation: .arithmetic(.power(.x, .number(-0.5)))))

  /// `square(x)`.
  public static let square = OpDefinition(
    "square", "x²", operands: ["x"], type: .sameAsOperand(.numeric),
    range: .even { $0 * $0 },
    gradient: .rule { g in [g.cotangent * 2 * g[0]] },
    reference: .elementwise { $0 * $0 },
    kernel: .elements(
      .unary(f32: ak_square_f32, f64: ak_square_f64, i32: ak_square_i32, i64: ak_square_i64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, symbol: "(·)²", chainer: "Square",
      notation: .arithmetic(.power(.x, .number(2)))))

  /// `reciprocal(x)`.
  public static let reciprocal = OpDefinition(
    "reciprocal", "1 / x", operands: ["x"], type: .sameAsOperand(.floating),
    range: RangeRule { $0[0].reciprocal }, hazards: [Hazard(.pole)],
    gradient: .rule { g in [-(g.cotangent * g.result * g.result)] },
    reference: .elementwise { 1 / $0 },
    kernel: .elements(.unary(f32: ak_reciprocal_f32, f64: ak_reciprocal_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, symbol: "1/·", chainer: "1.0 / _",
      notation: .arithmetic(.power(.x, .number(-1)))),
    pieces: .kinks(aboveZero))

  /// `pow(a, b)` or `a ** b`. The derivative in `a` is 0 where b is 0, that in `b` is 0 where a is
  /// 0, the limits that keep `0 ** 0` and `0 ** 2` finite.
  public static let pow = OpDefinition(
    "pow", "aᵇ", operands: ["a", "b"], type: .broadcast(.floating),
    range: .power,
    gradient: .rule { g in
      let (a, b) = (g[0], g[1])
      // Only the operand of what would be 0·∞ is replaced, so that further derivatives hold: that
      // of b·a^(b − 1) in b is 1/a at b = 0.
      let (isZero, one) = (GraphOps.equal(a, a.zero), a.constant(1))
      let isCorner = GraphOps.logicalAnd(isZero, GraphOps.equal(b, b.zero))
      let da =
        literalExponent(b).map { slope(a, $0) }
        ?? b * GraphOps.pow(GraphOps.select(isCorner, one, a), b - 1)
      let ln = GraphOps.log(GraphOps.select(isZero, one, a))
      // 0ᵇ is 0 for all b > 0 and jumps at 0; below, it is ∞ and falls without bound.
      let isFlat = GraphOps.logicalAnd(isZero, GraphOps.greaterEqual(b, b.zero))
      let db = GraphOps.select(isFlat, a.zero, g.result * GraphOps.select(isZero, b, ln))
      return [(g.cotangent * da).summed(to: a.shape), (g.cotangent * db).summed(to: b.shape)]
    },
    reference: .elementwise { Foundation.pow($0, $1) },
    kernel: .elements(.binary(f32: ak_pow_f32, f64: ak_pow_f64)),
    storage: .over([0, 1]),
    drawing: .init(
      .elementwise, symbol: "^", infix: "**",
      notation: .arithmetic(.power(.x, .y))),
    pieces: .kinks { c in
      // 0ᵇ jumps where b is 0, aᵇ has a pole at 0 for b < 0; a², a³ and so on are smooth.
      let (a, b) = (c.operands[0], c.operands[1])
      if let power = literalExponent(b) {
        return power > 0 && power == power.rounded() ? [] : [aboveZero(a)]
      }
      let isAbove = aboveZero(a)
      return [isAbove, GraphOps.logicalAnd(aboveZero(b), GraphOps.logicalNot(isAbove))]
    })
}

public func sqrt(_ x: Value) -> Value { x.builder.make(.sqrt, [x]) }
public func rsqrt(_ x: Value) -> Value { x.builder.make(.rsqrt, [x]) }
public func square(_ x: Value) -> Value { x.builder.make(.square, [x]) }
public func reciprocal(_ x: Value) -> Value { x.builder.make(.reciprocal, [x]) }
public func pow(_ a: Value, _ b: Value) -> Value { a.builder.make(.pow, [a, b]) }
public func pow(_ a: Value, _ b: Double) -> Value { pow(a, a.constant(b)) }

/// The exponent when it is a number written in place: its derivative needs no guards.
private func literalExponent(_ b: Value) -> Double? {
  guard b.name == nil, case .leaf(.constant(let scalar)) = b.builder.body(of: b.id) else {
    return nil
  }
  return scalar.doubleValue == 0 ? nil : scalar.doubleValue
}

/// d(aᶜ)/da for c ≠ 0, as people write it: 2·a for a².
private func slope(_ a: Value, _ c: Double) -> Value {
  switch c {
  case 1: a.constant(1)
  case 2: 2 * a
  default: c * pow(a, c - 1)
  }
}
