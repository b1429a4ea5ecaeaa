import CKernels
import Foundation
public import GraphIR

extension OpDefinition {
  /// `exp(x)`.
  public static let exp = OpDefinition(
    "exp", "e^x", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(into: .positive) { Foundation.exp($0) },
    hazards: [Hazard(.overflow(rate: 1))],
    gradient: .rule { g in [g.cotangent * g.result] },
    reference: .elementwise { Foundation.exp($0) },
    kernel: .elements(.unary(f32: ak_exp_f32, f64: ak_exp_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "exp",
      notation: .exponential(Notation.Sign("exp", latex: "\\exp"))))

  /// `expm1(x)`: exact near 0, where `exp(x) - 1` cancels.
  public static let expm1 = OpDefinition(
    "expm1", "e^x − 1", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(into: ValueRange(-1, .infinity)) { Foundation.expm1($0) },
    hazards: [Hazard(.overflow(rate: 1))],
    gradient: .rule { g in [g.cotangent * GraphOps.exp(g[0])] },
    reference: .elementwise { Foundation.expm1($0) },
    kernel: .elements(.unary(f32: ak_expm1_f32, f64: ak_expm1_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "Expm1",
      notation: .arithmetic(.call(.exp, [.x]) - .number(1))))

  /// `log(x)`, natural.
  public static let log = OpDefinition(
    "log", "ln x", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(from: 0) { Foundation.log($0) },
    hazards: [Hazard(.logarithm(end: 0))],
    gradient: .rule { g in [g.cotangent / g[0]] },
    reference: .elementwise { Foundation.log($0) },
    kernel: .elements(.unary(f32: ak_log_f32, f64: ak_log_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "log",
      notation: .naturalLogarithm(Notation.Sign("ln", latex: "\\ln"))))

  /// `log1p(x)`: exact near 0, where `log(1 + x)` cancels.
  public static let log1p = OpDefinition(
    "log1p", "ln(1 + x)", operands: ["x"], type: .sameAsOperand(.floating),
    range: .increasing(from: -1) { Foundation.log1p($0) },
    hazards: [Hazard(.logarithm(end: -1))],
    gradient: .rule { g in [g.cotangent / (1 + g[0])] },
    reference: .elementwise { Foundation.log1p($0) },
    kernel: .elements(.unary(f32: ak_log1p_f32, f64: ak_log1p_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, chainer: "Log1p",
      notation: .arithmetic(.call(.log, [.number(1) + .x]))))
}

public func exp(_ x: Value) -> Value { x.builder.make(.exp, [x]) }
public func expm1(_ x: Value) -> Value { x.builder.make(.expm1, [x]) }
public func log(_ x: Value) -> Value { x.builder.make(.log, [x]) }
public func log1p(_ x: Value) -> Value { x.builder.make(.log1p, [x]) }
