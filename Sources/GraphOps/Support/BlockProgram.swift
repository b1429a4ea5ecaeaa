import CKernels
package import GraphIR

/// Elementwise loops, copies and sums that run together over rows · columns elements, one block at
/// a time, so that what lies between them stays in the first-level cache.
///
/// The space is cut into units along its first axis, or into given strips. The order in which sums
/// add up depends on its shape alone: a sum gives the same bits alone and in a group, on any number
/// of threads.
package final class BlockProgram {
  /// Where a value is while a block is computed.
  package struct Place {
    fileprivate var raw: ak_place

    /// In memory, from `base` on: rows lie `stride` elements apart.
    package static func memory(
      _ base: UnsafeMutableRawPointer, _ dtype: DType, stride: Int, rows: Bool, columns: Bool
    ) -> Place {
      Place(
        raw: ak_place(
          memory: base.assumingMemoryBound(to: CChar.self), slot: 0, stride: Int64(stride),
          size: Int32(dtype.byteCount), rows: rows, columns: columns))
    }

    /// In the register of that number, which holds one block.
    package static func register(
      _ index: Int, of slot: Int, _ dtype: DType, rows: Bool, columns: Bool
    ) -> Place {
      Place(
        raw: ak_place(
          memory: nil, slot: Int64(index * slot), stride: 0, size: Int32(dtype.byteCount),
          rows: rows, columns: columns))
    }
  }

  /// What a sum adds up.
  package enum Axes { case all, rows, columns }

  private let program: UnsafeMutablePointer<ak_block_program>
  private var code: [Draft] = []
  private var settled: UnsafeMutablePointer<ak_instruction>?
  private var streams: UnsafeMutablePointer<ak_place>?
  private var sums: [UnsafeMutableBufferPointer<Double>] = []
  private let rows: Int
  private let columns: Int

  /// About how many elements a block has: a few registers of it fit in 32 KiB.
  private static let blockElements = 1_024
  /// At most so many units where sums are to be put together again, and elsewhere.
  private static let mostUnits = (sums: 8, others: 24)
  /// A unit of fewer elements is not worth handing over.
  private static let unitElements = 2_048

  /// Operands of fewer bytes are not asked for in advance.
  private static let cachedBytes = 2 << 20

  /// A program over a space of this shape, whose first `split` axes are the rows.
  package init(shape: [Int], split: Int, hasSums: Bool) {
    program = .allocate(capacity: 1)
    program.initialize(to: ak_block_program())
    rows = shape[..<split].reduce(1, *)
    columns = shape[split...].reduce(1, *)
    let slices = max(1, shape.first ?? 1)
    let slicesOfUnit = BlockProgram.slicesOfUnit(slices, rows * columns, hasSums: hasSums)
    if split > 0 {
      settle(unitRows: rows / slices * slicesOfUnit, unitColumns: columns)
    } else {
      settle(unitRows: rows, unitColumns: columns / slices * slicesOfUnit)
    }
  }

  /// A program whose units are given: strips of so many rows and columns, from left to right, then
  /// downwards. With sums, which go over rows, a unit has all of them.
  package init(
    rows: Int, columns: Int, unitRows: Int, unitColumns: Int, hasSums: Bool
  ) {
    precondition(!hasSums || unitRows >= rows, "a sum over part of the rows")
    program = .allocate(capacity: 1)
    program.initialize(to: ak_block_program())
    self.rows = rows
    self.columns = columns
    settle(unitRows: unitRows, unitColumns: unitColumns)
    if hasSums {
      program.pointee.sum_rows = Int64(
        BlockProgram.slicesOfUnit(max(1, rows), rows * columns, hasSums: true))
    }
  }

  /// How many slices along the first axis a unit has, unless strips are given.
  private static func slicesOfUnit(_ slices: Int, _ count: Int, hasSums: Bool) -> Int {
    let most = hasSums ? mostUnits.sums : mostUnits.others
    let wanted = max(1, min(slices, most, count / unitElements))
    return (slices + wanted - 1) / wanted
  }

  private func settle(unitRows: Int, unitColumns: Int) {
    program.pointee.rows = Int64(rows)
    program.pointee.columns = Int64(columns)
    let (height, width) = (max(1, min(rows, unitRows)), max(1, min(columns, unitColumns)))
    program.pointee.unit_rows = Int64(height)
    program.pointee.unit_columns = Int64(width)
    let isEmpty = rows == 0 || columns == 0
    program.pointee.units =
      isEmpty ? 1 : Int64((rows + height - 1) / height * ((columns + width - 1) / width))
    if width >= BlockProgram.blockElements || height == 1 {
      // Blocks of equal width.
      let parts = (width + BlockProgram.blockElements - 1) / BlockProgram.blockElements
      let part = (width + parts - 1) / parts
      program.pointee.block_rows = 1
      program.pointee.block_columns = Int64((part + 15) / 16 * 16)
    } else {
      program.pointee.block_rows = Int64(min(height, BlockProgram.blockElements / width))
      program.pointee.block_columns = Int64(width)
    }
  }

  deinit {
    program.deallocate()
    settled?.deallocate()
    streams?.deallocate()
    for memory in sums { memory.deallocate() }
  }

  package var units: Int { Int(program.pointee.units) }
  /// Elements of a block, at most.
  package var blockElements: Int { Int(program.pointee.block_rows * program.pointee.block_columns) }
  /// Whether something is left to do once all units have run.
  private(set) package var hasFinish = false
  /// The memory in which units leave what `finish` adds up.
  package var partials: [UnsafeRawBufferPointer] {
    sums.map { UnsafeRawBufferPointer($0) }
  }

  // MARK: Writing

  package func compute(_ loop: BlockLoop, _ operands: [Place], into result: Place) {
    var instruction = ak_instruction()
    let kind =
      switch loop.call {
      case .unary: AK_LOOP_UNARY
      case .binary: AK_LOOP_BINARY
      case .select: AK_LOOP_TERNARY
      case .copy: AK_COPY
      }
    instruction.kind = Int32(kind)
    instruction.loop = loop.address
    instruction.result = result.raw
    code.append(Draft(raw: instruction, operands: operands.map(\.raw)))
  }

  package func copy(_ operand: Place, into result: Place) {
    compute(BlockLoop(.copy, nil), [operand], into: result)
  }

  /// A sum over `axes`, each total divided by `divisor`, into `result` from its first element on.
  package func sum(
    _ operand: Place, over axes: Axes, divisor: Double, into result: UnsafeMutableRawPointer,
    _ dtype: DType
  ) {
    var instruction = ak_instruction()
    let kind =
      switch axes {
      case .all: AK_SUM_ALL
      case .rows: AK_SUM_ROWS
      case .columns: AK_SUM_COLUMNS
      }
    instruction.kind = Int32(kind)
    instruction.result =
      Place.memory(result, dtype, stride: 0, rows: axes == .columns, columns: axes == .rows).raw
    // Whole cache lines, so that units do not write into each other's.
    let lanes = axes == .rows ? (max(1, columns) + 7) / 8 * 8 : Int(AK_SUM_LANES)
    let isStrips = program.pointee.sum_rows > 0
    precondition(!isStrips || axes == .rows, "a sum that strips do not make")
    let memory = UnsafeMutableBufferPointer<Double>.allocate(
      capacity: lanes * (isStrips ? 2 : units))
    memory.initialize(repeating: 0)
    sums.append(memory)
    instruction.sums = memory.baseAddress
    instruction.lanes = Int64(lanes)
    instruction.divisor = divisor
    if axes != .columns, !isStrips { hasFinish = true }
    code.append(Draft(raw: instruction, operands: [operand.raw]))
  }

  /// To be called once, after the last instruction.
  package func seal() {
    let instructions = BlockProgram.combined(code).map { draft -> ak_instruction in
      var instruction = draft.raw
      withUnsafeMutableBytes(of: &instruction.operand) { raw in
        let places = raw.bindMemory(to: ak_place.self)
        for (index, operand) in draft.operands.enumerated() { places[index] = operand }
      }
      return instruction
    }
    code = []
    let memory = UnsafeMutablePointer<ak_instruction>.allocate(
      capacity: max(1, instructions.count))
    memory.initialize(from: instructions, count: instructions.count)
    settled = memory
    program.pointee.code = memory
    program.pointee.count = Int64(instructions.count)
    prefetch(instructions)
  }

  /// Lists what is to be asked for in advance: what is read from memory before it is written there,
  /// each once, if that is more than the second-level cache may still hold.
  private func prefetch(_ instructions: [ak_instruction]) {
    var seen: Set<UnsafeMutablePointer<CChar>> = []
    var streams: [ak_place] = []
    for instruction in instructions {
      withUnsafeBytes(of: instruction.operand) { raw in
        for place in raw.bindMemory(to: ak_place.self) {
          guard let memory = place.memory, place.rows, place.columns else { continue }
          if seen.insert(memory).inserted { streams.append(place) }
        }
      }
      if let memory = instruction.result.memory { seen.insert(memory) }
    }
    let bytes = streams.reduce(0) { $0 + rows * columns * Int($1.size) }
    guard bytes > BlockProgram.cachedBytes else { return }
    let settled = UnsafeMutablePointer<ak_place>.allocate(capacity: streams.count)
    settled.initialize(from: streams, count: streams.count)
    self.streams = settled
    program.pointee.streams = settled
    program.pointee.stream_count = Int64(streams.count)
  }

  // MARK: Running

  package func run(_ units: Range<Int>, _ scratch: UnsafeMutableRawPointer) {
    ak_block_program_run(
      program, scratch.assumingMemoryBound(to: CChar.self), Int64(units.lowerBound),
      Int64(units.upperBound))
  }

  package func finish() { ak_block_program_finish(program) }
}
