import CKernels
public import GraphIR

extension OpDefinition {
  /// `slice(x, axis: 0, start: 0, stop: N, step: 1)`: elements start, start + step, … below stop.
  public static let slice = OpDefinition(
    "slice", "a stretch of one axis", operands: ["x"],
    attributes: [
      AttributeSpec("axis", .int, default: .int(0), "the axis, negative from the end"),
      AttributeSpec("start", .dim, default: .dim(0), "the first position"),
      AttributeSpec("stop", .dim, "the position after the last"),
      AttributeSpec("step", .int, default: .int(1), "the distance between positions, at least 1"),
    ],
    type: TypeRule { context throws(TypeError) in
      let axis = try context.normalized(
        axis: context.attributes.int("axis"), rank: context[0].shape.rank)
      var shape = context[0].shape
      let extent = shape.dims[axis]
      shape.dims[axis] = try sliceExtent(context.attributes, of: extent)
      return ValueType(context[0].dtype, shape)
    },
    range: .operand,
    gradient: .rule { g in
      let axis = g.attributes.axis(rank: g[0].shape.rank)
      let start = g.attributes.dim("start")
      let count = g.result.shape.dims[axis]
      // An empty slice has no neighbours to part.
      let step = count == 0 ? 1 : g.attributes.int("step")
      // Positions after the last one taken: extent − start − (count − 1)·step − 1.
      guard
        let span = try? count.subtracting(1).multiplied(by: Dim(step)).adding(1),
        let high = try? g[0].shape.dims[axis].subtracting(start).subtracting(span)
      else { preconditionFailure("the extents of \(g[0].type) overflow") }
      return [GraphOps.pad(g.cotangent, axis: axis, low: start, high: high, interior: step - 1)]
    },
    reference: ReferenceRule { context throws(RunError) in
      let (start, step) = try placed(context)
      let axis = context.attributes.axis(rank: context.shape.count)
      let strides = rowMajorStrides(context[0].shape)
      return ReferenceArray(
        shape: context.shape,
        values: IndexSequence(context.shape).map { index in
          var from = index
          from[axis] = start + index[axis] * step
          return context[0].values[offset(from, strides)]
        })
    },
    kernel: .prepare { context in
      let axis = context.attributes.axis(rank: context.result.shape.count)
      var strides = rowMajorStrides(context[0].shape)
      // The bind check has evaluated it before.
      let start = (try? context.attributes.dim("start").evaluated(context.sizes)) ?? 0
      let first = start * strides[axis]
      strides[axis] *= context.attributes.int("step")
      return PreparedKernel(
        StridedCopy(
          shape: context.result.shape, source: strides,
          target: rowMajorStrides(context.result.shape), sourceOffset: first
        ).prepared(context[0], context.result))
    },
    storage: .stretch { operands, attributes in
      // Whole stretches of the first axis lie together.
      guard attributes.axis(rank: operands[0].shape.rank) == 0, attributes.int("step") == 1,
        let inner = try? Shape(Array(operands[0].shape.dims.dropFirst())).elementCount()
      else { return nil }
      return try? attributes.dim("start").multiplied(by: inner)
    },
    drawing: .init(
      .movement, chainer: "GetItem",
      notation: .function(.upright("slice"))), axes: .besidesAxis, fusion: .window,
    bindCheck: { operands, attributes, sizes in
      let extent = operands[0][attributes.axis(rank: operands[0].count)]
      do {
        let start = try attributes.dim("start").evaluated(sizes)
        let stop = try attributes.dim("stop").evaluated(sizes)
        return start <= stop && stop <= extent
          ? nil : RunError("the slice \(start)..<\(stop) leaves the axis of extent \(extent)")
      } catch {
        return RunError("the slice's bounds: \(error)")
      }
    })

  /// `pad(x, axis: 0, low: 0, high: 0, interior: 0)`: zeros before, after and between the elements
  /// of one axis; the adjoint of `slice`.
  public static let pad = OpDefinition(
    "pad", "zeros round and between", operands: ["x"],
    attributes: [
      AttributeSpec("axis", .int, default: .int(0), "the axis, negative from the end"),
      AttributeSpec("low", .dim, default: .dim(0), "zeros before the first element"),
      AttributeSpec("high", .dim, default: .dim(0), "zeros after the last element"),
      AttributeSpec("interior", .int, default: .int(0), "zeros between neighbours"),
    ],
    type: TypeRule { context throws(TypeError) in
      try context.require(0, .numeric)
      let axis = try context.normalized(
        axis: context.attributes.int("axis"), rank: context[0].shape.rank)
      let interior = context.attributes.int("interior")
      guard interior >= 0, interior < Int(Int32.max) else {
        throw TypeError(
          "'pad' takes a count of zeros", expected: "interior from 0 on", got: "\(interior)")
      }
      for name in ["low", "high"] {
        if let value = context.attributes.dim(name).constant, value < 0 {
          throw TypeError(
            "'pad' takes a count of zeros", expected: "\(name) from 0 on", got: "\(value)")
        }
      }
      var shape = context[0].shape
      do throws(DimError) {
        let extent = shape.dims[axis]
        let spread =
          interior == 0 || extent == 0
          ? extent : try extent.multiplied(by: Dim(interior + 1)).subtracting(Dim(interior))
        shape.dims[axis] = try spread.adding(context.attributes.dim("low"))
          .adding(context.attributes.dim("high"))
      } catch {
        throw TypeError("the extent of 'pad' is too large: \(error)")
      }
      return ValueType(context[0].dtype, shape)
    },
    range: RangeRule { $0[0].union(.exactly(0)) },
    gradient: .rule { g in
      let axis = g.attributes.axis(rank: g[0].shape.rank)
      let low = g.attributes.dim("low")
      guard let stop = try? g.result.shape.dims[axis].subtracting(g.attributes.dim("high")) else {
        preconditionFailure("the extents of \(g.result.type) overflow")
      }
      return [
        GraphOps.slice(
          g.cotangent, axis: axis, from: low, to: stop, step: g.attributes.int("interior") + 1)
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let axis = context.attributes.axis(rank: context.shape.count)
      let (low, step) = try padPlaced(context)
      let strides = rowMajorStrides(context.shape)
      var values = [Double](repeating: 0, count: context.shape.reduce(1, *))
      for (position, index) in IndexSequence(context[0].shape).enumerated() {
        var to = index
        to[axis] = low + index[axis] * step
        values[offset(to, strides)] = context[0].values[position]
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .prepare { context in
      let axis = context.attributes.axis(rank: context.result.shape.count)
      var strides = rowMajorStrides(context.result.shape)
      let low = (try? context.attributes.dim("low").evaluated(context.sizes)) ?? 0
      let first = low * strides[axis]
      strides[axis] *= context.attributes.int("interior") + 1
      let copy = StridedCopy(
        shape: context[0].shape, source: rowMajorStrides(context[0].shape), target: strides,
        targetOffset: first
      ).prepared(context[0], context.result)
      let (memory, bytes) = (
        context.result.pointer, context.result.count * context.result.dtype.byteCount
      )
      return PreparedKernel {
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        copy()
      }
    },
    drawing: .init(
      .movement, chainer: "Pad",
      notation: .function(.upright("pad"))), axes: .besidesAxis,
    bindCheck: { operands, attributes, sizes in
      for name in ["low", "high"] {
        do {
          _ = try attributes.dim(name).evaluated(sizes)
        } catch {
          return RunError("the '\(name)' of pad: \(error)")
        }
      }
      let extent = operands[0][attributes.axis(rank: operands[0].count)]
      return extent == 0 && attributes.int("interior") > 0
        ? RunError("pad cannot put zeros between the elements of an empty axis") : nil
    })
}

/// The number of positions a slice takes.
private func sliceExtent(_ attributes: Attributes, of extent: Dim) throws(TypeError) -> Dim {
  let (start, stop, step) = (
    attributes.dim("start"), attributes.dim("stop"), attributes.int("step")
  )
  guard step >= 1, step < Int(Int32.max) else {
    throw TypeError("a slice goes forward", expected: "a step of 1 or more", got: "\(step)")
  }
  if let first = start.constant, first < 0 {
    throw TypeError("a slice starts inside its axis", expected: "start from 0 on", got: "\(first)")
  }
  if let last = stop.constant, let size = extent.constant, last > size {
    throw TypeError(
      "the slice leaves its axis", expected: "stop up to \(size)", got: "\(last)", operand: 0)
  }
  let span: Dim
  do throws(DimError) {
    span = try stop.subtracting(start)
  } catch {
    throw TypeError("the bounds of the slice are too large: \(error)")
  }
  if let count = span.constant {
    guard count >= 0 else {
      throw TypeError(
        "the slice ends before it starts", expected: "start ≤ stop", got: "\(start) and \(stop)")
    }
    return Dim(count == 0 ? 0 : (count - 1) / step + 1)
  }
  // ⌈span / step⌉ is a dim when the step divides span + step − 1, as in the adjoint of `pad`.
  if step > 1, let count = try? span.adding(Dim(step - 1)).dividedExactly(by: Dim(step)) {
    return count
  }
  guard step == 1 else {
    throw TypeError(
      "a slice with a step needs bounds whose distance is known",
      expected: "stop − start to be a number", got: "\(span)")
  }
  return span
}

private func placed(_ context: ReferenceRule.Context) throws(RunError) -> (start: Int, step: Int) {
  do {
    let start = try context.attributes.dim("start").evaluated(context.sizes)
    return (start, context.attributes.int("step"))
  } catch {
    throw RunError("the slice's bounds: \(error)")
  }
}

private func padPlaced(_ context: ReferenceRule.Context) throws(RunError) -> (low: Int, step: Int) {
  do {
    let low = try context.attributes.dim("low").evaluated(context.sizes)
    return (low, context.attributes.int("interior") + 1)
  } catch {
    throw RunError("the 'low' of pad: \(error)")
  }
}

/// The positions `start`, `start + step`, … below `stop` of one axis.
public func slice(
  _ x: Value, axis: Int = 0, from start: Dim = 0, to stop: Dim, step: Int = 1
) -> Value {
  x.builder.make(
    .slice, [x], ["axis": .int(axis), "start": .dim(start), "stop": .dim(stop), "step": .int(step)])
}

/// Zeros before, after and between the elements of one axis.
public func pad(
  _ x: Value, axis: Int = 0, low: Dim = 0, high: Dim = 0, interior: Int = 0
) -> Value {
  x.builder.make(
    .pad, [x],
    ["axis": .int(axis), "low": .dim(low), "high": .dim(high), "interior": .int(interior)])
}
