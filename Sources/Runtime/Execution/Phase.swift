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
    /// The matrix product and the blocks, band by band of rows.
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
  var bands: PreparedKernel.Bands?
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
    main.bands = kernel.bands
    guard let finish = kernel.finish else { return [main] }
    // What the units leave is the kernel's own: told apart by the place where the result goes.
    return [main, Phase(.totals, units: 1, reads: writes, writes: writes) { _, _ in finish() }]
  }
}

/// Phases in waves: those of one wave touch nothing of each other's, so that threads need to meet
/// only between waves.
struct Waves {
  /// The phases by number, in the order of execution, and where each wave ends.
  private(set) var order: [Int] = []
  private(set) var ends: [Int] = []
  private var waveOfPhase: [Int] = []

  func wave(of phase: Int) -> Int { waveOfPhase[phase] }

  /// Each phase goes into the first wave after all those with which it conflicts. Within a wave the
  /// order does not matter; `reversed` turns it round, for tests of that.
  init(_ phases: [Phase], reversed: Bool = false) {
    // The memory as stretches that no span begins or ends within.
    var edges: [UInt] = []
    for phase in phases {
      for span in phase.reads + phase.writes where span.start < span.end {
        edges.append(span.start)
        edges.append(span.end)
      }
    }
    edges.sort()
    var count = 0
    for edge in edges where count == 0 || edges[count - 1] != edge {
      edges[count] = edge
      count += 1
    }
    edges.removeLast(edges.count - count)

    func place(_ edge: UInt) -> Int {
      var (low, high) = (0, edges.count)
      while low < high {
        let middle = (low + high) / 2
        if edges[middle] < edge { low = middle + 1 } else { high = middle }
      }
      return low
    }

    // The last wave that reads or writes each stretch; −1 for none.
    var read = [Int](repeating: -1, count: edges.count)
    var written = read
    var waves: [[Int]] = []
    for (number, phase) in phases.enumerated() {
      let reads = phase.reads.filter { $0.start < $0.end }.map { place($0.start)..<place($0.end) }
      let writes = phase.writes.filter { $0.start < $0.end }.map { place($0.start)..<place($0.end) }
      var wave = 0
      for range in reads {
        for stretch in range { wave = max(wave, written[stretch] + 1) }
      }
      for range in writes {
        for stretch in range { wave = max(wave, written[stretch] + 1, read[stretch] + 1) }
      }
      for range in reads {
        for stretch in range { read[stretch] = max(read[stretch], wave) }
      }
      for range in writes {
        for stretch in range { written[stretch] = wave }
      }
      while waves.count <= wave { waves.append([]) }
      waves[wave].append(number)
      waveOfPhase.append(wave)
    }
    for wave in waves {
      order += reversed ? wave.reversed() : wave
      ends.append(order.count)
    }
  }
}
