import CKernels
import Foundation
public import GraphIR

/// σ(x) without overflow on either side.
func logistic(_ x: Double) -> Double {
  x >= 0 ? 1 / (1 + Foundation.exp(-x)) : Foundation.exp(x) / (1 + Foundation.exp(x))
}

/// ln(1 + eˣ) without overflow or cancellation.
func stableSoftplus(_ x: Double) -> Double {
  x.isNaN ? x : Swift.max(x, 0) + Foundation.log1p(Foundation.exp(-Swift.abs(x)))
}

extension OpDefinition {
  /// `sigmoid(x)`; its derivative is σ(x) σ(−x), which keeps its digits where 1 − σ(x) has none.
  public static let sigmoid = OpDefinition(
    "sigmoid", "1 / (1 + e^−x)", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(into: ValueRange(0, 1, isPositive: true)) { logistic($0) },
    gradient: .rule { g in [g.cotangent * g.result * GraphOps.sigmoid(-g[0])] },
    reference: .elementwise { logistic($0) },
    kernel: .elements(.unary(f32: ak_sigmoid_f32, f64: ak_sigmoid_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, symbol: "σ", chainer: "Sigmoid",
      notation: .function(.upright("sigmoid"))))

  /// `relu(x)`: NaN stays NaN; the derivative at 0 is 0.
  public static let relu = OpDefinition(
    "relu", "max(x, 0)", operands: ["x"], type: .sameAsOperand(.numeric),
    range: RangeRule { ValueRange(Swift.max($0[0].low, 0), Swift.max($0[0].high, 0)) },
    gradient: .rule { g in
      [GraphOps.select(GraphOps.lessEqual(g.result, g.result.zero), g.cotangent.zero, g.cotangent)]
    },
    reference: .elementwise { $0.isNaN ? $0 : Swift.max($0, 0) },
    kernel: .elements(
      .unary(f32: ak_relu_f32, f64: ak_relu_f64, i32: ak_relu_i32, i64: ak_relu_i64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "ReLU",
      notation: .positivePart(.upright("relu"))), pieces: .kinks(aboveZero))

  /// `softplus(x)`, stable over the whole range.
  public static let softplus = OpDefinition(
    "softplus", "ln(1 + e^x)", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(into: .positive) { stableSoftplus($0) },
    gradient: .rule { g in [g.cotangent * GraphOps.sigmoid(g[0])] },
    reference: .elementwise { stableSoftplus($0) },
    kernel: .elements(.unary(f32: ak_softplus_f32, f64: ak_softplus_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "Softplus",
      notation: .function(.upright("softplus"))),
    decomposition: Decomposition(.onRequest) { c in
      let x = c.operands[0]
      return GraphOps.maximum(x, x.zero) + GraphOps.log1p(GraphOps.exp(-GraphOps.abs(x)))
    })

  /// `erf(x)`.
  public static let erf = OpDefinition(
    "erf", "2/√π ∫₀ˣ e^(−t²) dt", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(into: ValueRange(-1, 1)) { Foundation.erf($0) },
    gradient: .rule { g in
      [g.cotangent * (2 / Double.pi.squareRoot()) * GraphOps.exp(-GraphOps.square(g[0]))]
    },
    reference: .elementwise { Foundation.erf($0) },
    kernel: .elements(.unary(f32: ak_erf_f32, f64: ak_erf_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "Erf",
      notation: .function(.upright("erf"))))
}

public func sigmoid(_ x: Value) -> Value { x.builder.make(.sigmoid, [x]) }
public func relu(_ x: Value) -> Value { x.builder.make(.relu, [x]) }
public func softplus(_ x: Value) -> Value { x.builder.make(.softplus, [x]) }
public func erf(_ x: Value) -> Value { x.builder.make(.erf, [x]) }
