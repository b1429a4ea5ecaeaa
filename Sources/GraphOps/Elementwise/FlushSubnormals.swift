import CKernels
public import GraphIR

extension OpDefinition {
  /// `flush_subnormals(x)`: ±0 for a subnormal x (|x| < 2⁻¹²⁶ in f32, 2⁻¹⁰²² in f64), else x; IEEE
  /// 754's "flush to zero". Its derivative is the identity's.
  ///
  /// For state that decays: a moving average of zeros becomes subnormal and, since products round
  /// to the nearest, stays so for good. Arithmetic on such numbers takes a hundred times as long.
  public static let flushSubnormals = OpDefinition(
    "flush_subnormals", "x, 0 for a subnormal x", operands: ["x"],
    type: .sameAsOperand(.floating),
    range: RangeRule { ValueRange(Swift.min($0[0].low, 0), Swift.max($0[0].high, 0)) },
    gradient: .rule { g in [g.cotangent] },
    reference: ReferenceRule { c throws(RunError) in
      let least =
        c.type.dtype == .f32
        ? Double(Float.leastNormalMagnitude) : Double.leastNormalMagnitude
      return ReferenceArray(
        shape: c.shape,
        values: c[0].values.map { $0.magnitude < least ? Double(signOf: $0, magnitudeOf: 0) : $0 })
    },
    kernel: .elements(.unary(f32: ak_flush_subnormals_f32, f64: ak_flush_subnormals_f64)),
    storage: .over([0]),
    drawing: .init(
      .elementwise, symbol: "flush", chainer: "FlushSubnormals",
      notation: .function(.upright("flush"))))
}

public func flushSubnormals(_ x: Value) -> Value { x.builder.make(.flushSubnormals, [x]) }
