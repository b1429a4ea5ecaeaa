public import GraphIR

extension OpDefinition {
  /// `concat(a, b, …, axis: 0)`: joined along one axis; the others must agree.
  public static let concat = OpDefinition(
    "concat", "joined along an axis", operands: [OperandSpec("x", isVariadic: true)],
    attributes: [AttributeSpec("axis", .int, default: .int(0), "the axis, negative from the end")],
    type: TypeRule { context throws(TypeError) in
      try context.requireEqualDTypes(context.operands.indices)
      let first = context[0].shape
      let axis = try context.normalized(axis: context.attributes.int("axis"), rank: first.rank)
      var total: Dim = 0
      for index in context.operands.indices {
        var shape = context[index].shape
        guard shape.rank == first.rank else {
          throw .shape(context, index, "the ranks differ", expected: "\(first.rank) axes")
        }
        do throws(DimError) {
          total = try total.adding(shape.dims[axis])
        } catch {
          throw TypeError("the extent of 'concat' is too large: \(error)")
        }
        shape.dims[axis] = first.dims[axis]
        guard shape == first else {
          throw .shape(
            context, index, "an axis other than \(axis) differs",
            expected: "\(first) but for axis \(axis)")
        }
      }
      var shape = first
      shape.dims[axis] = total
      return ValueType(context[0].dtype, shape)
    },
    range: .either(),
    gradient: .rule { g in
      let axis = g.attributes.axis(rank: g.result.shape.rank)
      var start: Dim = 0
      return g.operands.map { operand in
        guard let stop = try? start.adding(operand.shape.dims[axis]) else {
          preconditionFailure("the extents of \(g.result.type) overflow")
        }
        defer { start = stop }
        return GraphOps.slice(g.cotangent, axis: axis, from: start, to: stop)
      }
    },
    reference: ReferenceRule { context throws(RunError) in
      let axis = context.attributes.axis(rank: context.shape.count)
      let strides = rowMajorStrides(context.shape)
      var values = [Double](repeating: 0, count: context.shape.reduce(1, *))
      var start = 0
      for operand in context.operands {
        for (position, index) in IndexSequence(operand.shape).enumerated() {
          var to = index
          to[axis] += start
          values[offset(to, strides)] = operand.values[position]
        }
        start += operand.shape[axis]
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .prepare { context in
      let axis = context.attributes.axis(rank: context.result.shape.count)
      let strides = rowMajorStrides(context.result.shape)
      var start = 0
      var copies: [() -> Void] = []
      for operand in context.operands {
        copies.append(
          StridedCopy(
            shape: operand.shape, source: rowMajorStrides(operand.shape), target: strides,
            targetOffset: start * strides[axis]
          ).prepared(operand, context.result))
        start += operand.shape[axis]
      }
      let all = copies
      return PreparedKernel(units: all.count) { range in
        for index in range { all[index]() }
      }
    },
    storage: .joined { operands, attributes in
      attributes.axis(rank: operands[0].shape.rank) == 0
    },
    drawing: .init(
      .movement, chainer: "Concat",
      notation: .function(.upright("concat"))), axes: .besidesAxis, fusion: .join)
}

/// The values joined along `axis`. Misuse traps: there must be at least one.
public func concat(_ values: [Value], axis: Int = 0) -> Value {
  guard let first = values.first else { preconditionFailure("nothing to join") }
  return first.builder.make(.concat, values, ["axis": .int(axis)])
}
