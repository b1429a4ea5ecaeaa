import CKernels
public import GraphIR

extension OpDefinition {
  /// `linear(x, W, b)`: x·Wᵀ + b over the last axis. [.., I], [O, I], [O] → [.., O].
  public static let linear = OpDefinition(
    "linear", "x·Wᵀ + b", operands: ["x", "W", "b"],
    type: TypeRule { context throws(TypeError) in
      for index in 0..<3 { try context.require(index, .floating) }
      try context.requireEqualDTypes(0..<3)
      let (x, w, b) = (context[0].shape, context[1].shape, context[2].shape)
      guard x.rank >= 1 else {
        throw .shape(context, 0, "there is no axis to apply the layer to", expected: "[…, inputs]")
      }
      guard w.rank == 2 else {
        throw .shape(context, 1, "a weight has two axes", expected: "[outputs, inputs]")
      }
      guard x.dims[x.rank - 1] == w.dims[1] else {
        throw TypeError(
          "the layer takes another number of inputs",
          expected: "a last axis of \(w.dims[1]), from the weight \(context[1])",
          got: "\(context[0])", operand: 0)
      }
      guard b.dims == [w.dims[0]] else {
        throw .shape(context, 2, "the bias does not fit the weight", expected: "[\(w.dims[0])]")
      }
      return ValueType(context[0].dtype, Shape(x.dims.dropLast() + [w.dims[0]]))
    },
    gradient: .rule { g in
      let (x, w, c) = (rows(g[0]), g[1], rows(g.cotangent))
      let dx = GraphOps.matmul(c, w)
      return [
        dx.shape == g[0].shape ? dx : GraphOps.reshape(dx, g[0].shape),
        GraphOps.matmul(c, x, transposeA: true),
        GraphOps.sum(c, axes: [0]),
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let (x, w, b) = (context[0], context[1], context[2])
      let (outputs, inputs) = (w.shape[0], w.shape[1])
      let rows = x.shape.dropLast().reduce(1, *)
      var values: [Double] = []
      for row in 0..<rows {
        for output in 0..<outputs {
          values.append(
            (0..<inputs).reduce(b.values[output]) {
              $0 + x.values[row * inputs + $1] * w.values[output * inputs + $1]
            })
        }
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .prepare { context in
      let (x, w, b, y) = (context[0], context[1], context[2], context.result)
      let count = x.shape.dropLast().reduce(1, *)
      let gemm = Gemm(
        rows: count, columns: w.shape[0], inner: w.shape[1], transposeA: false, transposeB: true,
        accumulates: true)
      let isSingle = y.dtype == .f32
      let size = y.dtype.byteCount
      var prepared = PreparedKernel(units: gemm.tiling.count) { range in
        for tile in range {
          let (rows, columns) = gemm.extent(of: tile)
          let bias = b.pointer + columns.lowerBound * size
          for row in rows {
            (y.pointer + (row * gemm.columns + columns.lowerBound) * size)
              .copyMemory(from: bias, byteCount: columns.count * size)
          }
          gemm.run(tile: tile, x.pointer, w.pointer, y.pointer, isSingle: isSingle)
        }
      }
      prepared.strips = gemm.strips
      prepared.method = { gemm.description }
      return prepared
    },
    drawing: .init(.matmul, chainer: "LinearFunction", notation: .affine),
    decomposition: Decomposition(.onRequest) { c in
      let (x, w, b) = (c.operands[0], c.operands[1], c.operands[2])
      let product = GraphOps.matmul(rows(x), w, transposeB: true)
      return (product.shape == c.type.shape ? product : GraphOps.reshape(product, c.type.shape)) + b
    },
    axes: AxisRule { axis, context in
      // Rows of x go their own ways; weight and bias reach all of them, each for its own output.
      switch context.operand {
      case 0: axis < context.shape.rank - 1 ? axis : nil
      default: axis == 0 ? context.result.rank - 1 : nil
      }
    },
    fusion: .anchor,
    flops: { operands, result, _ in 2 * result.reduce(1, *) * operands[1][1] },
    bindCheck: { operands, _, _ in
      Gemm.tooLarge([[operands[0].dropLast().reduce(1, *)], operands[1]])
    })
}

/// The operand as a matrix: all axes but the last become one.
private func rows(_ x: Value) -> Value {
  if x.shape.rank == 2 { return x }
  // The operand exists, so the product of its extents was checked already.
  guard let count = try? Shape(Array(x.shape.dims.dropLast())).elementCount() else {
    preconditionFailure("the extents of \(x.type) overflow")
  }
  return reshape(x, Shape([count, x.shape.dims[x.shape.rank - 1]]))
}

public func linear(_ x: Value, _ w: Value, _ b: Value) -> Value {
  x.builder.make(.linear, [x, w, b])
}
