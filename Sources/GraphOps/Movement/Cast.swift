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
        let loop = castLoop(context[0].dtype, context.result.dtype)
        let (x, y) = (context[0].pointer, context.result.pointer)
        let count = Int64(context.result.count)
        return PreparedKernel { loop(x, y, count) }
      },
      BlockKernel { operands, result in
        let loop = castLoop(operands[0], result)
        let (from, to) = (operands[0].byteCount, result.byteCount)
        return { operands, result, rows, columns in
          let x = operands[0]
          if x.rowStride == columns || rows == 1 {
            loop(x.pointer, result, Int64(rows * columns))
          } else {
            for row in 0..<rows {
              loop(
                x.pointer + row * x.rowStride * from, result + row * columns * to, Int64(columns))
            }
          }
        }
      }),
    drawing: .init(.conversion, chainer: "Cast"))
}

private typealias CastLoop =
  @Sendable (UnsafeMutableRawPointer, UnsafeMutableRawPointer, Int64) -> Void

private func castLoop(_ from: DType, _ to: DType) -> CastLoop {
  func loop<S, D>(
    _ body: @escaping @Sendable (UnsafePointer<S>?, UnsafeMutablePointer<D>?, Int64) -> Void
  ) -> CastLoop {
    { body($0.assumingMemoryBound(to: S.self), $1.assumingMemoryBound(to: D.self), $2) }
  }
  return switch (from, to) {
  case (.f32, .f32): loop(ak_cast_f32_f32)
  case (.f32, .f64): loop(ak_cast_f32_f64)
  case (.f32, .i32): loop(ak_cast_f32_i32)
  case (.f32, .i64): loop(ak_cast_f32_i64)
  case (.f32, .bool): loop(ak_cast_f32_bool)
  case (.f64, .f32): loop(ak_cast_f64_f32)
  case (.f64, .f64): loop(ak_cast_f64_f64)
  case (.f64, .i32): loop(ak_cast_f64_i32)
  case (.f64, .i64): loop(ak_cast_f64_i64)
  case (.f64, .bool): loop(ak_cast_f64_bool)
  case (.i32, .f32): loop(ak_cast_i32_f32)
  case (.i32, .f64): loop(ak_cast_i32_f64)
  case (.i32, .i32): loop(ak_cast_i32_i32)
  case (.i32, .i64): loop(ak_cast_i32_i64)
  case (.i32, .bool): loop(ak_cast_i32_bool)
  case (.i64, .f32): loop(ak_cast_i64_f32)
  case (.i64, .f64): loop(ak_cast_i64_f64)
  case (.i64, .i32): loop(ak_cast_i64_i32)
  case (.i64, .i64): loop(ak_cast_i64_i64)
  case (.i64, .bool): loop(ak_cast_i64_bool)
  case (.bool, .f32): loop(ak_cast_bool_f32)
  case (.bool, .f64): loop(ak_cast_bool_f64)
  case (.bool, .i32): loop(ak_cast_bool_i32)
  case (.bool, .i64): loop(ak_cast_bool_i64)
  case (.bool, .bool): loop(ak_cast_bool_bool)
  }
}

/// `x` in another dtype; `x` itself when it has that dtype already.
public func cast(_ x: Value, to dtype: DType) -> Value {
  x.dtype == dtype ? x : x.builder.make(.cast, [x], ["to": .dtype(dtype)])
}
