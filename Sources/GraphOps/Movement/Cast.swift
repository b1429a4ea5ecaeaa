import CKernels
public import GraphIR

extension OpDefinition {
  /// `cast(x, to: f64)`: to floats rounds; a float to an integer truncates and saturates, NaN to 0;
  /// an integer to a narrower one wraps; to bool is x ≠ 0.
  public static let cast = OpDefinition(
    "cast", "x in another dtype", operands: ["x"],
    attributes: [AttributeSpec("to", .dtype, "the dtype of the result")],
    type: TypeRule { context throws(TypeError) in
      ValueType(context.attributes.dtype("to"), context[0].shape)
    },
    range: .cast,
    gradient: .partial { g in
      switch (g[0].dtype.isFloating, g.cotangent.dtype.isFloating) {
      case (true, true): [.value(GraphOps.cast(g.cotangent, to: g[0].dtype))]
      case (true, false): [.zero(because: "a cast to \(g.cotangent.dtype) is piecewise constant")]
      case (false, _): [.notConnected(because: "\(g[0].dtype) has no derivatives")]
      }
    },
    reference: ReferenceRule { context throws(RunError) in
      let values = context[0].values.map { x -> Double in
        switch context.type.dtype {
        case .f32, .f64: x
        case .i32 where context.operandTypes[0].dtype == .i64:
          Double(Int32(truncatingIfNeeded: Int64(saturating: x)))
        case .i32: Double(Int32(saturating: x))
        case .i64: Double(Int64(saturating: x))
        case .bool: x != 0 ? 1 : 0
        }
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .elementwise(
      { context in
        KernelRule.unary(context, castLoop(context[0].dtype, context.result.dtype).unary)
      },
      BlockKernel { operands, result in castLoop(operands[0], result) }),
    drawing: .init(.conversion, chainer: "Cast", notation: .conversion),
    pieces: .steps { !$0.type.dtype.isFloating })
}

private func castLoop(_ from: DType, _ to: DType) -> BlockLoop {
  BlockLoop(.unary, unsafeBitCast(ak_cast(from.code, to.code), to: UnsafeRawPointer.self))
}

extension DType {
  fileprivate var code: ak_dtype {
    switch self {
    case .f32: AK_F32
    case .f64: AK_F64
    case .i32: AK_I32
    case .i64: AK_I64
    case .bool: AK_BOOL
    }
  }
}

/// `x` in another dtype; `x` itself when it has that dtype already.
public func cast(_ x: Value, to dtype: DType) -> Value {
  x.dtype == dtype ? x : x.builder.make(.cast, [x], ["to": .dtype(dtype)])
}
