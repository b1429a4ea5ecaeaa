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
    kernel: .elementwise(
      { context in
        switch context.result.dtype {
        case .f32: prepare(context, ak_select_f32, Float.self)
        case .f64: prepare(context, ak_select_f64, Double.self)
        case .i32: prepare(context, ak_select_i32, Int32.self)
        case .i64: prepare(context, ak_select_i64, Int64.self)
        case .bool: prepare(context, ak_select_bool, UInt8.self)
        }
      },
      BlockKernel { _, result in
        switch result {
        case .f32: blocks(ak_select_f32, Float.self)
        case .f64: blocks(ak_select_f64, Double.self)
        case .i32: blocks(ak_select_i32, Int32.self)
        case .i64: blocks(ak_select_i64, Int64.self)
        case .bool: blocks(ak_select_bool, UInt8.self)
        }
      }),
    storage: .over([1, 2]), drawing: .init(.elementwise, chainer: "Where"))
}

private typealias SelectLoop<T> =
  @Sendable (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<T>?, UnsafePointer<T>?,
    UnsafeMutablePointer<T>?, Int64, Int64
  ) -> Void

private func prepare<T>(
  _ context: KernelRule.Context, _ loop: @escaping SelectLoop<T>, _ type: T.Type
) -> PreparedKernel {
  let condition = context[0].typed(UInt8.self)
  let a = context[1].typed(T.self)
  let b = context[2].typed(T.self)
  let y = context.result.typed(T.self)
  return KernelRule.rows(
    ak_walk(broadcasting: context.operands.map(\.shape), to: context.result.shape)
  ) { walk, begin, end in loop(walk, condition, a, b, y, begin, end) }
}

private func blocks<T>(_ loop: @escaping SelectLoop<T>, _ type: T.Type) -> BlockLoop {
  { operands, result, rows, columns in
    var walk = ak_walk(block: operands, count: 3, rows: rows, columns: columns)
    let lines = walk.rank == 1 ? 1 : Int64(rows)
    loop(
      &walk, operands[0].pointer.assumingMemoryBound(to: UInt8.self),
      operands[1].pointer.assumingMemoryBound(to: T.self),
      operands[2].pointer.assumingMemoryBound(to: T.self),
      result.assumingMemoryBound(to: T.self), 0, lines)
  }
}

public func select(_ condition: Value, _ a: Value, _ b: Value) -> Value {
  condition.builder.make(.select, [condition, a, b])
}
