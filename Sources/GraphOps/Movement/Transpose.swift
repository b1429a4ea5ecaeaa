public import GraphIR

extension OpDefinition {
  /// `transpose(x, permutation: [1, 0])`: axis i of the result is axis permutation[i] of x; `[]`
  /// reverses all.
  public static let transpose = OpDefinition(
    "transpose", "axes in another order", operands: ["x"],
    attributes: [
      AttributeSpec("permutation", .ints, default: .ints([]), "the old axes in their new order")
    ],
    type: TypeRule { context throws(TypeError) in
      let rank = context[0].shape.rank
      let order = permutation(context.attributes, rank: rank)
      guard order.sorted() == Array(0..<rank) else {
        throw TypeError(
          "the permutation of 'transpose' does not fit", expected: "each of 0..<\(rank) once",
          got: "\(context.attributes.ints("permutation")) for \(context[0])", operand: 0)
      }
      return ValueType(context[0].dtype, Shape(order.map { context[0].shape.dims[$0] }))
    },
    range: .operand,
    gradient: .rule { g in
      let order = permutation(g.attributes, rank: g[0].shape.rank)
      let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
      return [GraphOps.transpose(g.cotangent, inverse)]
    },
    reference: ReferenceRule { context throws(RunError) in
      let order = permutation(context.attributes, rank: context.shape.count)
      let strides = rowMajorStrides(context[0].shape)
      let own = order.map { strides[$0] }
      return ReferenceArray(
        shape: context.shape,
        values: IndexSequence(context.shape).map { context[0].values[offset($0, own)] })
    },
    kernel: .prepare { context in
      let order = permutation(context.attributes, rank: context.result.shape.count)
      let strides = rowMajorStrides(context[0].shape)
      return PreparedKernel(
        StridedCopy(
          shape: context.result.shape, source: order.map { strides[$0] },
          target: rowMajorStrides(context.result.shape)
        ).prepared(context[0], context.result))
    },
    drawing: .init(.movement, chainer: "Transpose", notation: .transposition),
    axes: AxisRule { axis, context in
      permutation(context.attributes, rank: context.shape.rank).firstIndex(of: axis)
    })
}

private func permutation(_ attributes: Attributes, rank: Int) -> [Int] {
  let given = attributes.ints("permutation")
  return given.isEmpty ? Array((0..<rank).reversed()) : given.map { $0 < 0 ? $0 + rank : $0 }
}

/// `x` with its axes in the order `permutation`; reversed when empty.
public func transpose(_ x: Value, _ permutation: [Int] = []) -> Value {
  x.builder.make(.transpose, [x], ["permutation": .ints(permutation)])
}
