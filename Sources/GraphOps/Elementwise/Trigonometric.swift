import CKernels
import Foundation
public import GraphIR

extension OpDefinition {
  /// `sin(x)`, x in radians.
  public static let sin = OpDefinition(
    "sin", "sin x", operands: ["x"], type: .sameAsOperand(.floating),
    range: .within(ValueRange(-1, 1)),
    gradient: .rule { g in [g.cotangent * GraphOps.cos(g[0])] },
    reference: .elementwise { Foundation.sin($0) },
    kernel: .elements(.unary(f32: ak_sin_f32, f64: ak_sin_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "sin",
      notation: .function(Notation.Sign("sin", latex: "\\sin"))))

  /// `cos(x)`, x in radians.
  public static let cos = OpDefinition(
    "cos", "cos x", operands: ["x"], type: .sameAsOperand(.floating),
    range: .within(ValueRange(-1, 1)),
    gradient: .rule { g in [-(g.cotangent * GraphOps.sin(g[0]))] },
    reference: .elementwise { Foundation.cos($0) },
    kernel: .elements(.unary(f32: ak_cos_f32, f64: ak_cos_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "cos",
      notation: .function(Notation.Sign("cos", latex: "\\cos"))))

  /// `tanh(x)`.
  public static let tanh = OpDefinition(
    "tanh", "tanh x", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(into: ValueRange(-1, 1)) { Foundation.tanh($0) },
    gradient: .rule { g in [g.cotangent * (1 - GraphOps.square(g.result))] },
    reference: .elementwise { Foundation.tanh($0) },
    kernel: .elements(.unary(f32: ak_tanh_f32, f64: ak_tanh_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "Tanh",
      notation: .function(Notation.Sign("tanh", latex: "\\tanh"))))
}

public func sin(_ x: Value) -> Value { x.builder.make(.sin, [x]) }
public func cos(_ x: Value) -> Value { x.builder.make(.cos, [x]) }
public func tanh(_ x: Value) -> Value { x.builder.make(.tanh, [x]) }
