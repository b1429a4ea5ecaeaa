public import GraphIR

extension OpDefinition {
  /// `reshape(x, shape: [N, -1])`: the same elements in row-major order under another shape; one −1
  /// is inferred. A view.
  public static let reshape = OpDefinition(
    "reshape", "the same elements under another shape", operands: ["x"],
    attributes: [AttributeSpec("shape", .dims, "the new extents; one may be -1")],
    type: TypeRule { context throws(TypeError) in
      do {
        return ValueType(context[0].dtype, try resolved(context))
      } catch let error as TypeError {
        throw error
      } catch {
        throw TypeError("the shape of 'reshape' is too large: \(error)")
      }
    },
    range: .operand,
    gradient: .rule { g in [GraphOps.reshape(g.cotangent, g[0].shape)] },
    reference: ReferenceRule { context throws(RunError) in
      ReferenceArray(shape: context.shape, values: context[0].values)
    },
    kernel: .none, storage: .view(of: 0),
    drawing: .init(
      .movement, chainer: "Reshape",
      notation: .reshaping),
    axes: AxisRule { axis, context in
      // Leading extents that stay: what comes behind them is rearranged within their slices.
      let (old, new) = (context.shape.dims, context.result.dims)
      return axis < new.count && old[...axis] == new[...axis] ? axis : nil
    })
}

/// The target shape with its −1 worked out.
private func resolved(_ context: TypeRule.Context) throws -> Shape {
  var dims = context.attributes.dims("shape")
  let count = try context[0].shape.elementCount()
  let open = dims.indices.filter { dims[$0] == -1 }
  if open.count > 1 {
    throw TypeError(
      "more than one extent of 'reshape' is -1", expected: "at most one", got: "\(Shape(dims))")
  }
  if let position = open.first {
    dims[position] = 1
    let known = try Shape(dims).elementCount()
    guard let rest = count.dividedExactly(by: known) else {
      throw TypeError(
        "the -1 of 'reshape' cannot be worked out", expected: "\(count) divisible by \(known)",
        got: "\(context[0])", operand: 0)
    }
    dims[position] = rest
  }
  let target = try Shape(dims).elementCount()
  guard target == count else {
    throw TypeError(
      "'reshape' would change the number of elements", expected: "\(count) elements",
      got: "\(target) in \(Shape(dims))", operand: 0)
  }
  return Shape(dims)
}

public func reshape(_ x: Value, _ shape: Shape) -> Value {
  x.builder.make(.reshape, [x], ["shape": .dims(shape.dims)])
}
