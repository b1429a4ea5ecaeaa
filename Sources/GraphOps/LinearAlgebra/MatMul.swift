import COpenBLAS
public import GraphIR

extension OpDefinition {
  /// `matmul(a, b, transpose_a: false, transpose_b: false)`: the product of the last two axes, with
  /// NumPy broadcasting of the axes before them. [.., M, K] · [.., K, N] → [.., M, N].
  public static let matmul = OpDefinition(
    "matmul", "a · b, matrices", operands: ["a", "b"],
    attributes: [
      AttributeSpec("transpose_a", .bool, default: .bool(false), "swap the last two axes of a"),
      AttributeSpec("transpose_b", .bool, default: .bool(false), "swap the last two axes of b"),
    ],
    type: TypeRule { context throws(TypeError) in
      for index in 0..<2 {
        try context.require(index, .floating)
        if context[index].shape.rank < 2 {
          throw .shape(
            context, index, "a matrix has two axes or more", expected: "[…, rows, columns]")
        }
      }
      try context.requireEqualDTypes(0..<2)
      let a = matrix(context[0].shape, context.attributes.bool("transpose_a"))
      let b = matrix(context[1].shape, context.attributes.bool("transpose_b"))
      guard a.columns == b.rows else {
        throw TypeError(
          "the inner extents of 'matmul' differ", expected: "\(a.columns) rows in 'b'",
          got: "\(b.rows) rows in \(context[1])", operand: 1)
      }
      guard let batch = a.batch.broadcast(with: b.batch) else {
        throw TypeError(
          "the outer axes of 'matmul' do not broadcast", expected: "axes that fit \(a.batch)",
          got: "\(b.batch) of \(context[1])", operand: 1)
      }
      return ValueType(context[0].dtype, Shape(batch.dims + [a.rows, b.columns]))
    },
    gradient: .rule { g in
      let (a, b, c) = (g[0], g[1], g.cotangent)
      let da: Value
      let db: Value
      switch (g.attributes.bool("transpose_a"), g.attributes.bool("transpose_b")) {
      case (false, false):
        da = GraphOps.matmul(c, b, transposeB: true)
        db = GraphOps.matmul(a, c, transposeA: true)
      case (true, false):
        da = GraphOps.matmul(b, c, transposeB: true)
        db = GraphOps.matmul(a, c)
      case (false, true):
        da = GraphOps.matmul(c, b)
        db = GraphOps.matmul(c, a, transposeA: true)
      case (true, true):
        da = GraphOps.matmul(b, c, transposeA: true, transposeB: true)
        db = GraphOps.matmul(c, a, transposeA: true, transposeB: true)
      }
      return [da.summed(to: a.shape), db.summed(to: b.shape)]
    },
    reference: ReferenceRule { context throws(RunError) in
      let ta = context.attributes.bool("transpose_a")
      let tb = context.attributes.bool("transpose_b")
      let (a, b) = (context[0], context[1])
      let inner = ta ? a.shape[a.shape.count - 2] : a.shape[a.shape.count - 1]
      let batchRank = context.shape.count - 2
      let batch = Array(context.shape[..<batchRank])
      let sa = broadcastStrides(Array(a.shape.dropLast(2)), to: batch)
      let sb = broadcastStrides(Array(b.shape.dropLast(2)), to: batch)
      let sizeA = a.shape.suffix(2).reduce(1, *)
      let sizeB = b.shape.suffix(2).reduce(1, *)
      let (widthA, widthB) = (a.shape[a.shape.count - 1], b.shape[b.shape.count - 1])
      return ReferenceArray(
        shape: context.shape,
        values: IndexSequence(context.shape).map { index in
          let (row, column) = (index[batchRank], index[batchRank + 1])
          let startA = offset(Array(index[..<batchRank]), sa) * sizeA
          let startB = offset(Array(index[..<batchRank]), sb) * sizeB
          return (0..<inner).reduce(0.0) { total, k in
            total + a.values[startA + (ta ? k * widthA + row : row * widthA + k)]
              * b.values[startB + (tb ? column * widthB + k : k * widthB + column)]
          }
        })
    },
    kernel: .prepare { context in
      let ta = context.attributes.bool("transpose_a")
      let tb = context.attributes.bool("transpose_b")
      let (a, b, c) = (context[0], context[1], context.result)
      let batch = Array(c.shape.dropLast(2))
      let sa = broadcastStrides(Array(a.shape.dropLast(2)), to: batch)
      let sb = broadcastStrides(Array(b.shape.dropLast(2)), to: batch)
      let gemm = Gemm(
        rows: c.shape[c.shape.count - 2], columns: c.shape[c.shape.count - 1],
        inner: a.shape[a.shape.count - (ta ? 2 : 1)], transposeA: ta, transposeB: tb)
      let offsets = IndexSequence(batch).map { (offset($0, sa), offset($0, sb)) }
      let size = c.dtype.byteCount
      let isSingle = c.dtype == .f32
      let tiles = gemm.tiling.count
      var prepared = PreparedKernel(units: offsets.count * tiles) { range in
        for unit in range {
          let (index, tile) = unit.quotientAndRemainder(dividingBy: tiles)
          gemm.run(
            tile: tile, a.pointer + offsets[index].0 * gemm.rows * gemm.inner * size,
            b.pointer + offsets[index].1 * gemm.inner * gemm.columns * size,
            c.pointer + index * gemm.rows * gemm.columns * size, isSingle: isSingle)
        }
      }
      if c.shape.count == 2 { prepared.strips = gemm.strips }
      let products = offsets.count
      prepared.method = { (products == 1 ? "" : "\(products) times ") + gemm.description }
      return prepared
    },
    drawing: .init(
      .matmul, symbol: "·", chainer: "MatMul",
      notation: .matrixProduct(transposes: ["transpose_a", "transpose_b"])),
    axes: AxisRule { axis, context in
      let rank = context.shape.rank
      let transposed = context.attributes.bool(context.operand == 0 ? "transpose_a" : "transpose_b")
      // Rows of a and columns of b go their own ways, the inner axis is summed over.
      let own = (context.operand == 0) != transposed ? rank - 2 : rank - 1
      if axis >= rank - 2 {
        return axis == own ? context.result.rank - (context.operand == 0 ? 2 : 1) : nil
      }
      let place = axis + context.result.rank - rank
      return context.shape.dims[axis] == context.result.dims[place] ? place : nil
    },
    fusion: .anchor,
    flops: { operands, result, attributes in
      let rank = operands[0].count
      return 2 * result.reduce(1, *)
        * operands[0][rank - (attributes.bool("transpose_a") ? 2 : 1)]
    },
    bindCheck: { operands, _, _ in Gemm.tooLarge(operands) })
}

/// The extents of the last two axes after transposition, and the axes before them.
private func matrix(_ shape: Shape, _ transposed: Bool) -> (batch: Shape, rows: Dim, columns: Dim) {
  let (rows, columns) = (shape.dims[shape.rank - 2], shape.dims[shape.rank - 1])
  let batch = Shape(Array(shape.dims.dropLast(2)))
  return transposed ? (batch, columns, rows) : (batch, rows, columns)
}

public func matmul(
  _ a: Value, _ b: Value, transposeA: Bool = false, transposeB: Bool = false
) -> Value {
  a.builder.make(
    .matmul, [a, b], ["transpose_a": .bool(transposeA), "transpose_b": .bool(transposeB)])
}
