import CKernels
public import GraphIR

extension OpDefinition {
  /// `one_hot(index, depth: K, dtype: f32)`: a last axis of extent K with 1 at the index, 0
  /// elsewhere; an index outside gives zeros.
  public static let oneHot = OpDefinition(
    "one_hot", "1 at the index, 0 elsewhere",
    operands: [OperandSpec("index", edge: .nondifferentiable, below: "depth")],
    attributes: [
      AttributeSpec("depth", .dim, "the extent of the new last axis"),
      AttributeSpec("dtype", .dtype, default: .dtype(.f32), "the dtype of the result"),
    ],
    type: TypeRule { context throws(TypeError) in
      try context.require(0, .integer)
      return ValueType(
        context.attributes.dtype("dtype"),
        Shape(context[0].shape.dims + [context.attributes.dim("depth")]))
    },
    range: .within(.unit),
    gradient: .notDifferentiable(because: "an index is an integer"),
    reference: ReferenceRule { context throws(RunError) in
      let depth = context.shape[context.shape.count - 1]
      return ReferenceArray(
        shape: context.shape,
        values: context[0].values.flatMap { index in
          (0..<depth).map { Double($0) == index ? 1 : 0 }
        })
    },
    kernel: .prepare { context in
      let isNarrow = context[0].dtype == .i32
      switch context.result.dtype {
      case .f32:
        return isNarrow
          ? prepare(context, ak_one_hot_f32_i32) : prepare(context, ak_one_hot_f32_i64)
      case .f64:
        return isNarrow
          ? prepare(context, ak_one_hot_f64_i32) : prepare(context, ak_one_hot_f64_i64)
      case .i32:
        return isNarrow
          ? prepare(context, ak_one_hot_i32_i32) : prepare(context, ak_one_hot_i32_i64)
      case .i64:
        return isNarrow
          ? prepare(context, ak_one_hot_i64_i32) : prepare(context, ak_one_hot_i64_i64)
      case .bool:
        return isNarrow
          ? prepare(context, ak_one_hot_bool_i32) : prepare(context, ak_one_hot_bool_i64)
      }
    },
    drawing: .init(.conversion, chainer: "OneHot", notation: .indicator(.upright("one_hot"))),
    axes: AxisRule { axis, _ in axis })
}

private func prepare<T, I>(
  _ context: KernelRule.Context,
  _ loop: @escaping (UnsafePointer<I>?, UnsafeMutablePointer<T>?, Int64, Int64) -> Void
) -> PreparedKernel {
  let index = context[0].typed(I.self)
  let y = context.result.typed(T.self)
  let count = Int64(context[0].count)
  let depth = Int64(context.result.shape[context.result.shape.count - 1])
  return PreparedKernel { loop(index, y, count, depth) }
}

public func oneHot(_ index: Value, depth: Dim, dtype: DType = .f32) -> Value {
  index.builder.make(.oneHot, [index], ["depth": .dim(depth), "dtype": .dtype(dtype)])
}
