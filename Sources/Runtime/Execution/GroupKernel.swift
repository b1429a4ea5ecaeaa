import GraphIR
import GraphOps

/// A fused group with pointers and sizes settled: its members run block by block, so that values
/// that no other step needs stay in the cache.
///
/// Blocks are whole rows where several rows fit, else stretches of one row. The arithmetic is that
/// of the members' own kernels, to the bit.
final class GroupKernel {
  /// Where a value is while a block is computed.
  private struct Source {
    var base: UnsafeMutableRawPointer
    var extent: GroupLayout.Extent
    /// Elements from one row to the next; nil in blocks, whose rows lie close together.
    var rowStride: Int?
    var byteCount: Int
  }

  private enum Work {
    /// Into memory or a block.
    case compute(BlockLoop, operands: Range<Int>, into: Source)
    /// Into each row of `base`, from the column `start` on.
    case place(Source, base: UnsafeMutableRawPointer, start: Int, rowStride: Int)
    case sum(SumState)
  }

  /// A sum under way.
  private struct SumState {
    var operand: Source
    var axes: GroupLayout.Axes
    var sum: StreamedSum
    var sums: UnsafeMutablePointer<Double>
    var count: Int
    var result: UnsafeMutableRawPointer
    /// What every sum is divided by; 1 for a plain sum.
    var divisor: Double
  }

  private let anchor: PreparedKernel?
  private let rows: Int
  private let columns: Int
  private let blockRows: Int
  private let blockColumns: Int
  private var work: [Work] = []
  /// The operands of every `compute`, one after another.
  private var operands: [Source] = []
  private let scratch: AlignedMemory
  private let arguments: UnsafeMutablePointer<BlockOperand>

  /// About how many elements a block has.
  private static let blockElements = 4096
  /// No op that computes blocks has more operands.
  private static let mostOperands = 8

  /// `buffer` gives the memory of values that have some. Nil when there is no memory for blocks.
  init?(
    _ layout: GroupLayout, _ graph: Graph, sizes: [String: Int], anchor: PreparedKernel?,
    buffer: (NodeID) -> Buffer?
  ) {
    self.anchor = anchor
    guard let space = try? layout.space.evaluated(sizes) else { return nil }
    let rows = space[..<layout.split].reduce(1, *)
    let columns = space[layout.split...].reduce(1, *)
    self.rows = rows
    self.columns = columns
    if rows == 1 || columns >= GroupKernel.blockElements {
      blockRows = 1
      blockColumns = max(1, min(columns, GroupKernel.blockElements))
    } else {
      blockRows = max(1, min(rows, GroupKernel.blockElements / max(1, columns)))
      blockColumns = max(1, columns)
    }
    var registers = Registers(layout, graph) { buffer($0) == nil }
    let slot = MemoryPlan.paddedBytes([blockRows * blockColumns], .f64)
    var sumBytes = 0
    for (id, part) in zip(layout.members, layout.parts) {
      if case .sum(let axes, _) = part {
        sumBytes += GroupKernel.sumCount(axes, rows, columns, graph[id]) * 8
      }
    }
    guard let scratch = AlignedMemory(bytes: registers.count * slot + sumBytes) else { return nil }
    self.scratch = scratch
    arguments = .allocate(capacity: GroupKernel.mostOperands)
    var nextSum = (scratch.base + registers.count * slot).assumingMemoryBound(to: Double.self)
    var sources: [NodeID: Source] = [:]

    func source(_ id: NodeID) -> Source {
      if let known = sources[id] { return known }
      guard let memory = buffer(id), let extent = layout.extent(of: graph[id].type.shape) else {
        preconditionFailure("no memory for \(graph[id].label)")
      }
      return Source(
        base: memory.pointer, extent: extent, rowStride: extent.columns ? columns : 1,
        byteCount: memory.dtype.byteCount)
    }

    for (place, id) in layout.members.enumerated() {
      let node = graph[id]
      let byteCount = node.type.dtype.byteCount
      switch layout.parts[place] {
      case .anchor: break
      case .alias: sources[id] = source(node.operands[0])
      case .window(let start):
        guard let parent = buffer(node.operands[0]), let first = try? start.evaluated(sizes),
          let width = parent.shape.last
        else { preconditionFailure("no memory behind \(node.label)") }
        let window = Source(
          base: parent.pointer + first * byteCount,
          extent: GroupLayout.Extent(rows: true, columns: true), rowStride: width,
          byteCount: byteCount)
        if let own = buffer(id) {
          work.append(.place(window, base: own.pointer, start: 0, rowStride: columns))
          sources[id] = source(id)
        } else {
          sources[id] = window
        }
      case .elementwise:
        guard case .elementwise(_, let kernel)? = node.operation?.definition.kernel else {
          preconditionFailure("'\(node.label)' has no block kernel")
        }
        let from = operands.count
        for operand in node.operands { operands.append(source(operand)) }
        if buffer(id) == nil, let extent = layout.extent(of: node.type.shape) {
          sources[id] = Source(
            base: scratch.base + registers.take(id) * slot, extent: extent, rowStride: nil,
            byteCount: byteCount)
        }
        let loop = kernel.loop(node.operands.map { graph[$0].type.dtype }, node.type.dtype)
        work.append(.compute(loop, operands: from..<operands.count, into: source(id)))
      case .join:
        guard let own = buffer(id) else { preconditionFailure("no memory for \(node.label)") }
        for (index, operand) in node.operands.enumerated() {
          work.append(
            .place(
              source(operand), base: own.pointer, start: index * columns,
              rowStride: node.operands.count * columns))
        }
      case .sum(let axes, let isMean):
        guard let own = buffer(id) else { preconditionFailure("no memory for \(node.label)") }
        let count = GroupKernel.sumCount(axes, rows, columns, node)
        let added =
          switch axes {
          case .all: rows * columns
          case .rows: rows
          case .columns: columns
          }
        work.append(
          .sum(
            SumState(
              operand: source(node.operands[0]), axes: axes, sum: StreamedSum(node.type.dtype),
              sums: nextSum, count: count, result: own.pointer,
              divisor: isMean ? Double(added) : 1)))
        nextSum += count
      }
      registers.release(after: place)
    }
  }

  deinit { arguments.deallocate() }

  /// How many doubles a sum keeps while it runs.
  private static func sumCount(
    _ axes: GroupLayout.Axes, _ rows: Int, _ columns: Int, _ node: Node
  ) -> Int {
    switch axes {
    case .all, .columns: StreamedSum.lanes
    case .rows: columns == 1 ? StreamedSum.lanes : max(1, columns)
    }
  }

  var prepared: PreparedKernel {
    PreparedKernel(
      units: 1, run: { [self] _ in run() },
      failure: anchor?.failure)
  }

  // MARK: Running

  private func run() {
    if let anchor { anchor.run(0..<anchor.units) }
    var index = 0
    while index < work.count {
      if case .sum(let state) = work[index] {
        state.sums.update(repeating: 0, count: state.count)
      }
      index += 1
    }
    var row = 0
    while row < rows {
      let height = min(blockRows, rows - row)
      var column = 0
      while column < columns {
        let width = min(blockColumns, columns - column)
        runBlock(row, height, column, width)
        column += width
      }
      row += height
    }
    index = 0
    while index < work.count {
      if case .sum(let state) = work[index] { finish(state) }
      index += 1
    }
  }

  private func runBlock(_ row: Int, _ height: Int, _ column: Int, _ width: Int) {
    var index = 0
    while index < work.count {
      switch work[index] {
      case .compute(let loop, let range, let result):
        var place = range.lowerBound
        while place < range.upperBound {
          arguments[place - range.lowerBound] = block(operands[place], row, column, width)
          place += 1
        }
        loop(
          arguments, block(result, row, column, width).pointer,
          result.extent.rows ? height : 1, result.extent.columns ? width : 1)
      case .place(let source, let base, let start, let rowStride):
        let from = block(source, row, column, width)
        let size = source.byteCount
        var line = 0
        while line < height {
          (base + ((row + line) * rowStride + start + column) * size).copyMemory(
            from: from.pointer + line * from.rowStride * size, byteCount: width * size)
          line += 1
        }
      case .sum(let state): add(state, row, height, column, width)
      }
      index += 1
    }
  }

  /// A value's part of the block.
  private func block(_ source: Source, _ row: Int, _ column: Int, _ width: Int) -> BlockOperand {
    let extent = source.extent
    guard let stride = source.rowStride else {
      return BlockOperand(
        pointer: source.base, rowStride: extent.rows ? (extent.columns ? width : 1) : 0,
        columnStride: extent.columns ? 1 : 0)
    }
    let offset = (extent.rows ? row * stride : 0) + (extent.columns ? column : 0)
    return BlockOperand(
      pointer: source.base + offset * source.byteCount, rowStride: extent.rows ? stride : 0,
      columnStride: extent.columns ? 1 : 0)
  }

  // MARK: Sums

  private func add(_ state: SumState, _ row: Int, _ height: Int, _ column: Int, _ width: Int) {
    let x = block(state.operand, row, column, width)
    let size = state.operand.byteCount
    switch state.axes {
    case .all where x.rowStride == width || height == 1:
      state.sum.addLine(
        state.sums, position: row * columns + column, x.pointer, count: height * width)
    case .all:
      var line = 0
      while line < height {
        state.sum.addLine(
          state.sums, position: (row + line) * columns + column,
          x.pointer + line * x.rowStride * size, count: width)
        line += 1
      }
    case .rows where columns == 1:
      var line = 0
      while line < height {
        state.sum.addLine(
          state.sums, position: row + line, x.pointer + line * x.rowStride * size, count: 1)
        line += 1
      }
    case .rows:
      state.sum.addColumns(
        state.sums + column, x.pointer, rows: height, columns: width, stride: x.rowStride)
    case .columns:
      var line = 0
      while line < height {
        if column == 0 { state.sums.update(repeating: 0, count: state.count) }
        state.sum.addLine(
          state.sums, position: column, x.pointer + line * x.rowStride * size, count: width)
        if column + width == columns { store(state, state.sum.total(state.sums), row + line) }
        line += 1
      }
    }
  }

  private func finish(_ state: SumState) {
    switch state.axes {
    case .all: store(state, state.sum.total(state.sums), 0)
    case .rows where columns == 1: store(state, state.sum.total(state.sums), 0)
    case .rows:
      var column = 0
      while column < columns {
        store(state, state.sums[column], column)
        column += 1
      }
    case .columns:
      // Without columns there was no block; every row's sum is empty.
      guard columns == 0 else { return }
      var row = 0
      while row < rows {
        store(state, 0, row)
        row += 1
      }
    }
  }

  private func store(_ state: SumState, _ total: Double, _ index: Int) {
    // An empty mean is NaN, as 0 / 0 is.
    state.sum.store(
      state.divisor == 1 ? total : total / state.divisor, at: index, of: state.result)
  }
}

/// Blocks of scratch memory, each used again once the value in it is dead.
private struct Registers {
  private(set) var count = 0
  private var lastUse: [NodeID: Int] = [:]
  private var assigned: [NodeID: Int] = [:]
  private var free: [Int] = []
  private var dying: [Int: [NodeID]] = [:]

  /// Finds out how many are needed before any is taken.
  init(_ layout: GroupLayout, _ graph: Graph, isInBlocks: (NodeID) -> Bool) {
    // What a value is read under: an alias or window stands for what lies behind it.
    var behind: [NodeID: NodeID] = [:]
    for (place, id) in layout.members.enumerated() {
      for operand in graph[id].operands {
        lastUse[behind[operand] ?? operand] = place
      }
      if case .alias = layout.parts[place] {
        let operand = graph[id].operands[0]
        behind[id] = behind[operand] ?? operand
      }
    }
    for (place, id) in layout.members.enumerated() {
      guard case .elementwise = layout.parts[place], isInBlocks(id) else { continue }
      dying[max(place, lastUse[id] ?? place), default: []].append(id)
    }
    var trial = self
    for (place, id) in layout.members.enumerated() {
      if case .elementwise = layout.parts[place], isInBlocks(id) { _ = trial.take(id) }
      trial.release(after: place)
    }
    count = trial.count
  }

  mutating func take(_ id: NodeID) -> Int {
    if let index = free.popLast() {
      assigned[id] = index
      return index
    }
    defer { next += 1 }
    count = max(count, next + 1)
    assigned[id] = next
    return next
  }

  mutating func release(after place: Int) {
    for id in dying[place] ?? [] {
      if let index = assigned[id] { free.append(index) }
    }
  }

  private var next = 0
}
