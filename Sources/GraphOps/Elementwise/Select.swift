import CKernels
public import GraphIR

extension OpDefinition {
  /// `select(condition, a, b)`: a where the condition holds, b elsewhere; all three broadcast.
  public static let select = OpDefinition(
    "select", "a where condition, else b",
    operands: [OperandSpec("condition", edge: .nondifferentiable), "a", "b"],
    type: TypeRule { context throws(TypeError) in
      try context.require(0, .bool)
      try context.requireEqualDTypes(1..<3)
      return ValueType(context[1].dtype, try context.broadcastShape(0..<3))
    },
    range: .either(from: 1),
    gradient: .partial { g in
      guard g.cotangent.dtype.isFloating else {
        return Array(repeating: .notConnected(because: "only floats have derivatives"), count: 3)
      }
      let zero = g.cotangent.zero
      return [
        .zero(because: "the condition of select is a step function"),
        .value(GraphOps.select(g[0], g.cotangent, zero).summed(to: g[1].shape)),
        .value(GraphOps.select(g[0], zero, g.cotangent).summed(to: g[2].shape)),
      ]
    },
    reference: .broadcast { $0[0] != 0 ? $0[1] : $0[2] },
    kernel: .elements(
      .select(
        f32: ak_select_f32, f64: ak_select_f64, i32: ak_select_i32, i64: ak_select_i64,
        bool: ak_select_bool)),
    storage: .over([1, 2]), drawing: .init(.elementwise, chainer: "Where", notation: .choice))
}

public func select(_ condition: Value, _ a: Value, _ b: Value) -> Value {
  condition.builder.make(.select, [condition, a, b])
}
