import CKernels
import Foundation
public import GraphIR

extension OpDefinition {
  /// `abs(x)`. The derivative at 0 is 0, as in PyTorch and JAX.
  public static let abs = OpDefinition(
    "abs", "|x|", operands: ["x"], type: .sameAsOperand(.numeric),
    range: .even { Swift.abs($0) },
    gradient: .rule { g in [g.cotangent * GraphOps.sign(g[0])] },
    reference: .elementwise { Swift.abs($0) },
    kernel: .elements(.unary(f32: ak_abs_f32, f64: ak_abs_f64, i32: ak_abs_i32, i64: ak_abs_i64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, symbol: "|·|", chainer: "Absolute",
      notation: .fences(Notation.Sign("|", latex: "|"))),
    pieces: .kinks(aboveZero))

  /// `sign(x)`: −1, 0 or 1; NaN stays.
  public static let sign = OpDefinition(
    "sign", "x / |x|, 0 at 0", operands: [OperandSpec("x", edge: .nondifferentiable)],
    type: .sameAsOperand(.numeric),
    range: .within(ValueRange(-1, 1)),
    gradient: .partial { _ in [.zero(because: "sign is piecewise constant")] },
    reference: .elementwise { $0.isNaN ? $0 : $0 > 0 ? 1 : $0 < 0 ? -1 : 0 },
    kernel: .elements(
      .unary(f32: ak_sign_f32, f64: ak_sign_f64, i32: ak_sign_i32, i64: ak_sign_i64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "Sign",
      notation: .function(.upright("sign"))), pieces: .steps)

  /// `heaviside(x)`: 1 above 0, else 0; NaN stays, where a comparison would make 0 of it.
  public static let heaviside = OpDefinition(
    "heaviside", "1 where x > 0, else 0", operands: [OperandSpec("x", edge: .nondifferentiable)],
    type: .sameAsOperand(.floating),
    range: .within(.unit),
    gradient: .partial { _ in [.zero(because: "heaviside is piecewise constant")] },
    reference: .elementwise { $0.isNaN ? $0 : $0 > 0 ? 1 : 0 },
    kernel: .elements(.unary(f32: ak_heaviside_f32, f64: ak_heaviside_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, symbol: "[· > 0]", chainer: "Heaviside",
      notation: .bracket(.greater)), pieces: .steps)
}

public func abs(_ x: Value) -> Value { x.builder.make(.abs, [x]) }
public func sign(_ x: Value) -> Value { x.builder.make(.sign, [x]) }
public func heaviside(_ x: Value) -> Value { x.builder.make(.heaviside, [x]) }
