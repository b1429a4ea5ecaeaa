/// A buffer that a kernel reads or writes: contiguous, row-major, at least 64-byte aligned.
public struct Buffer: @unchecked Sendable {
  // The memory belongs to a bound executable, which outlives every prepared step that points into
  // it and runs one step at a time; hence the unchecked conformance.
  public let pointer: UnsafeMutableRawPointer
  public let dtype: DType
  public let shape: [Int]
  /// The number of elements.
  public let count: Int

  public init(pointer: UnsafeMutableRawPointer, dtype: DType, shape: [Int]) {
    self.pointer = pointer
    self.dtype = dtype
    self.shape = shape
    count = shape.reduce(1, *)
  }

  public func typed<T>(_ type: T.Type = T.self) -> UnsafeMutablePointer<T> {
    pointer.assumingMemoryBound(to: type)
  }
}

/// A kernel with pointers and sizes settled, ready to run many times without allocating.
public struct PreparedKernel {
  /// Independent work items, which depend on shapes alone, never on the number of threads: so the
  /// result is the same to the bit however they are shared out.
  public var units: Int
  /// Memory that a worker lends while it runs units, in bytes.
  public var scratchBytes: Int
  /// How units make up a matrix: each run of so many units covers a strip of so many rows and
  /// columns, fewer at the edges; strips follow each other from left to right, then downwards.
  public struct Strips: Sendable {
    public var units: Int
    public var rows: Int
    public var columns: Int

    public init(units: Int, rows: Int, columns: Int) {
      self.units = units
      self.rows = rows
      self.columns = columns
    }
  }

  /// Set for kernels of one matrix, so that what follows can take a strip over while it is in the
  /// cache.
  public var strips: Strips?
  /// Tells how the kernel goes about its work and why, where it has a choice.
  public var method: (() -> String)?
  /// Does the units in the range; distinct ranges may run at the same time, on other scratch.
  public var run: (_ units: Range<Int>, _ scratch: UnsafeMutableRawPointer) -> Void
  /// What is left to do once all units have run.
  public var finish: (() -> Void)?
  /// Asked after each run, by the thread that ran the last unit: what was wrong with the values.
  /// Only for kernels of one unit.
  public var failure: (() -> RunError?)?

  public init(
    units: Int, scratchBytes: Int = 0,
    withScratch run: @escaping (_ units: Range<Int>, _ scratch: UnsafeMutableRawPointer) -> Void,
    finish: (() -> Void)? = nil
  ) {
    self.units = units
    self.finish = finish
    self.scratchBytes = scratchBytes
    self.run = run
  }

  public init(
    units: Int, run: @escaping (Range<Int>) -> Void, failure: (() -> RunError?)? = nil
  ) {
    precondition(failure == nil || units == 1, "a kernel that can fail has one unit, not \(units)")
    self.units = units
    self.run = { range, _ in run(range) }
    self.failure = failure
    scratchBytes = 0
  }

  /// Runs all units on this thread, with scratch of its own; gives back what was wrong.
  package func runAlone() -> RunError? {
    let scratch = UnsafeMutableRawPointer.allocate(
      byteCount: max(64, scratchBytes), alignment: 64)
    defer { scratch.deallocate() }
    run(0..<units, scratch)
    finish?()
    return failure?()
  }

  /// A kernel that is one piece of work.
  public init(_ run: @escaping () -> Void) {
    self.init(units: 1, run: { _ in run() })
  }
}

/// How an op becomes a prepared step.
public enum KernelRule: Sendable {
  public struct Context {
    public let operands: [Buffer]
    public let result: Buffer
    public let attributes: Attributes
    public let sizes: [String: Int]

    public init(
      operands: [Buffer], result: Buffer, attributes: Attributes, sizes: [String: Int]
    ) {
      self.operands = operands
      self.result = result
      self.attributes = attributes
      self.sizes = sizes
    }

    public subscript(_ index: Int) -> Buffer { operands[index] }
  }

  case prepare(@Sendable (Context) -> PreparedKernel)
  /// As `prepare`, and block by block inside a fused group.
  case elementwise(@Sendable (Context) -> PreparedKernel, BlockKernel)
  /// The op is a view: nothing runs.
  case none
  /// The op is always decomposed before it would run.
  case decomposed

  /// A kernel with pointers and sizes settled; nil when the op has none.
  public func prepared(_ context: Context) -> PreparedKernel? {
    switch self {
    case .prepare(let prepare), .elementwise(let prepare, _): prepare(context)
    case .none, .decomposed: nil
    }
  }
}
