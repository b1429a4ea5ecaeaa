import CKernels
import GraphIR

extension ak_walk {
  /// A walk over a block of rows, as one row where every operand allows.
  init(block operands: UnsafePointer<BlockOperand>, count: Int, rows: Int, columns: Int) {
    self.init()
    var isFlat = true
    if rows > 1 {
      for index in 0..<count
      where operands[index].rowStride != columns * operands[index].columnStride { isFlat = false }
    }
    rank = isFlat ? 1 : 2
    shape.0 = Int64(isFlat ? rows * columns : rows)
    shape.1 = Int64(columns)
    withUnsafeMutableBytes(of: &stride) { raw in
      let strides = raw.bindMemory(to: Int64.self)
      for index in 0..<count {
        let operand = operands[index]
        let base = index * maximumRank
        strides[base] = Int64(isFlat ? operand.columnStride : operand.rowStride)
        strides[base + 1] = Int64(operand.columnStride)
      }
    }
  }
}

extension KernelRule {
  static func blocks<T>(_ loop: UnaryLoop<T>?) -> BlockLoop {
    guard let loop else { preconditionFailure("no loop for \(T.self)") }
    return { operands, result, rows, columns in
      let x = operands[0].pointer.assumingMemoryBound(to: T.self)
      let y = result.assumingMemoryBound(to: T.self)
      let stride = operands[0].rowStride
      if stride == columns || rows == 1 {
        loop(x, y, Int64(rows * columns))
      } else {
        for row in 0..<rows { loop(x + row * stride, y + row * columns, Int64(columns)) }
      }
    }
  }

  static func blocks<T, R>(_ loop: BinaryLoop<T, R>?) -> BlockLoop {
    guard let loop else { preconditionFailure("no loop for \(T.self)") }
    return { operands, result, rows, columns in
      var walk = ak_walk(block: operands, count: 2, rows: rows, columns: columns)
      let lines = walk.rank == 1 ? 1 : Int64(rows)
      loop(
        &walk, operands[0].pointer.assumingMemoryBound(to: T.self),
        operands[1].pointer.assumingMemoryBound(to: T.self),
        result.assumingMemoryBound(to: R.self), 0, lines)
    }
  }
}

/// Copies a block, stretched where it is broadcast.
func copyBlock(of dtype: DType) -> BlockLoop {
  let size = dtype.byteCount
  return { operands, result, rows, columns in
    let x = operands[0]
    if x.columnStride == 1, x.rowStride == columns || rows == 1 {
      result.copyMemory(from: x.pointer, byteCount: rows * columns * size)
      return
    }
    for row in 0..<rows {
      let from = x.pointer + row * x.rowStride * size
      let to = result + row * columns * size
      if x.columnStride == 1 {
        to.copyMemory(from: from, byteCount: columns * size)
      } else {
        for column in 0..<columns { (to + column * size).copyMemory(from: from, byteCount: size) }
      }
    }
  }
}
