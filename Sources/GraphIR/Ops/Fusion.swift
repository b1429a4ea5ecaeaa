/// What part an op can play in a fused group: operations that run as one step over blocks.
public enum FusionRole: Sendable {
  /// Computes one element from the elements at the same place, by the op's block kernel.
  case elementwise
  /// Adds up its operand over some axes, and divides by their extent for a mean. Attributes are
  /// those of every reduction: `axes`, `keepdims`.
  case sum(isMean: Bool)
  /// Runs first and by its own kernel: a matrix product, behind which the rest follows.
  case anchor
  /// A stretch of the last axis of its operand: read in place.
  case window
  /// Its operands side by side along the last axis: written in place.
  case join
}

/// A block of an operand as a block kernel reads it.
public struct BlockOperand {
  public var pointer: UnsafeMutableRawPointer
  /// How many elements lie from one row to the next; 0 where all rows are the same.
  public var rowStride: Int
  /// 1, or 0 where all columns are the same.
  public var columnStride: Int

  public init(pointer: UnsafeMutableRawPointer, rowStride: Int, columnStride: Int) {
    self.pointer = pointer
    self.rowStride = rowStride
    self.columnStride = columnStride
  }
}

/// Computes `rows` · `columns` elements of a contiguous, row-major result.
public typealias BlockLoop =
  @Sendable (
    _ operands: UnsafePointer<BlockOperand>, _ result: UnsafeMutableRawPointer, _ rows: Int,
    _ columns: Int
  ) -> Void

/// How an elementwise op computes a block inside a fused group: the same arithmetic as its kernel,
/// to the bit. The result may lie over an operand of its dtype that is read element for element.
public struct BlockKernel: Sendable {
  /// The loop for these dtypes.
  public let loop: @Sendable (_ operands: [DType], _ result: DType) -> BlockLoop

  public init(_ loop: @escaping @Sendable (_ operands: [DType], _ result: DType) -> BlockLoop) {
    self.loop = loop
  }
}
