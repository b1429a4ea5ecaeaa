public import GraphIR

extension OpDefinition {
  /// `broadcast_to(x, shape: [N, D])`: stretches axes of extent 1 and adds axes in front.
  public static let broadcastTo = OpDefinition(
    "broadcast_to", "x stretched to a shape", operands: ["x"],
    attributes: [AttributeSpec("shape", .dims, "the extents to stretch to")],
    type: TypeRule { context throws(TypeError) in
      let target = Shape(context.attributes.dims("shape"))
      guard context[0].shape.broadcast(with: target) == target else {
        throw .shape(
          context, 0, "the shape does not stretch", expected: "a shape that fits \(target)")
      }
      return ValueType(context[0].dtype, target)
    },
    range: .operand,
    gradient: .rule { g in [g.cotangent.summed(to: g[0].shape)] },
    reference: ReferenceRule { context throws(RunError) in
      let strides = broadcastStrides(context[0].shape, to: context.shape)
      return ReferenceArray(
        shape: context.shape,
        values: IndexSequence(context.shape).map { context[0].values[offset($0, strides)] })
    },
    kernel: .elementwise(
      { context in
        PreparedKernel(
          StridedCopy(
            shape: context.result.shape,
            source: broadcastStrides(context[0].shape, to: context.result.shape),
            target: rowMajorStrides(context.result.shape)
          ).prepared(context[0], context.result))
      },
      BlockKernel { _, _ in BlockLoop(.copy, nil) }),
    drawing: .init(.movement, chainer: "BroadcastTo", notation: .stretching), axes: .aligned)
}

public func broadcast(_ x: Value, to shape: Shape) -> Value {
  x.builder.make(.broadcastTo, [x], ["shape": .dims(shape.dims)])
}
