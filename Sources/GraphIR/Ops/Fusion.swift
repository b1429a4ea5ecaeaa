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

/// A loop in C over the elements of a block: its address, and how it is called.
public struct BlockLoop: @unchecked Sendable {
  // A function's address is the same for ever; hence the unchecked conformance.
  public enum Call: Sendable {
    /// `loop(x, y, count)`.
    case unary
    /// `loop(walk, a, b, y, begin, end)`.
    case binary
    /// `loop(walk, condition, a, b, y, begin, end)`.
    case select
    /// No loop: the operand itself, stretched where it is broadcast.
    case copy
  }

  public let call: Call
  public let address: UnsafeRawPointer?

  public init(_ call: Call, _ address: UnsafeRawPointer?) {
    self.call = call
    self.address = address
  }
}

/// How an elementwise op computes a block inside a fused group: the same arithmetic as its kernel,
/// to the bit. The result may lie over an operand of its dtype that is read element for element.
public struct BlockKernel: Sendable {
  /// The loop for these dtypes.
  public let loop: @Sendable (_ operands: [DType], _ result: DType) -> BlockLoop

  public init(_ loop: @escaping @Sendable (_ operands: [DType], _ result: DType) -> BlockLoop) {
    self.loop = loop
  }
}
