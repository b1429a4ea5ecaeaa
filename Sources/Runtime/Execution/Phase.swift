import GraphIR

/// A part of a step whose units can run at the same time, and the memory that it touches.
struct Phase {
  /// Bytes that lie together.
  struct Span: Equatable {
    var start: UInt
    var end: UInt

    init(_ pointer: UnsafeRawPointer, bytes: Int) {
      start = UInt(bitPattern: pointer)
      end = start + UInt(bytes)
    }

    func overlaps(_ other: Span) -> Bool { start < other.end && other.start < end }

    init(_ buffer: Buffer) {
      self.init(buffer.pointer, bytes: buffer.count * buffer.dtype.byteCount)
    }

    init(_ bytes: UnsafeRawBufferPointer) {
      start = UInt(bitPattern: bytes.baseAddress)
      end = start + UInt(bytes.count)
    }
  }

  /// What of a step it is.
  enum Part: String, Sendable {
    /// All of a step that is one kernel.
    case whole
    /// The matrix product before a group's blocks.
    case product
    case blocks
    /// The matrix product and the blocks, strip by strip.
    case carried
    /// Adding up what the units of a sum left.
    case totals
    case copy
    /// Inputs of the next run.
    case refill
    case poison
  }

  /// The number of the plan's step; nil for what the plan adds before and after.
  var step: Int?
  var part = Part.whole
  let units: Int
  let scratchBytes: Int
  /// As the kernel says.
  var strips: PreparedKernel.Strips?
  var method: (() -> String)?
  let run: (_ units: Range<Int>, _ scratch: UnsafeMutableRawPointer) -> Void
  var reads: [Span]
  var writes: [Span]

  init(
    _ part: Part = .whole, units: Int, scratchBytes: Int = 0, reads: [Span], writes: [Span],
    run: @escaping (_ units: Range<Int>, _ scratch: UnsafeMutableRawPointer) -> Void
  ) {
    self.part = part
    self.units = units
    self.scratchBytes = scratchBytes
    self.run = run
    self.reads = reads
    self.writes = writes
  }

  /// The phases of a kernel that reads and writes what is given.
  static func phases(of kernel: PreparedKernel, reads: [Span], writes: [Span]) -> [Phase] {
    var main = Phase(
      units: kernel.units, scratchBytes: kernel.scratchBytes, reads: reads, writes: writes,
      run: kernel.run)
    main.strips = kernel.strips
    main.method = kernel.method
    guard let finish = kernel.finish else { return [main] }
    // What the units leave is the kernel's own: told apart by the place where the result goes.
    return [main, Phase(.totals, units: 1, reads: writes, writes: writes) { _, _ in finish() }]
  }
}
