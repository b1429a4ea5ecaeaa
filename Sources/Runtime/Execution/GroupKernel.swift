import GraphIR
import GraphOps

/// A fused group with pointers and sizes settled: its members run block by block, so that values
/// that no other step needs stay in the cache.
///
/// The arithmetic is that of the members' own kernels, to the bit.
struct GroupKernel {
  private let program: BlockProgram
  private let scratchBytes: Int
  /// What the units read and write, and what is written once all of them have run.
  private let reads: [Phase.Span]
  private let writes: [Phase.Span]
  private let totals: [Phase.Span]
  private let anchor: [Phase]
  /// Set when product and blocks run strip by strip.
  private let carried: PreparedKernel.Strips?

  /// `buffer` gives the memory of values that have some; `anchor` is the matrix product.
  init(
    _ layout: GroupLayout, _ graph: Graph, sizes: [String: Int], anchor: [Phase],
    buffer: (NodeID) -> Buffer?
  ) {
    guard let space = try? layout.space.evaluated(sizes) else {
      preconditionFailure("a group without a size")
    }
    let hasSums = layout.parts.contains { if case .sum = $0 { true } else { false } }
    let strips = GroupKernel.strips(layout, space, anchor, layout.anchor.flatMap(buffer))
    let split = strips == nil ? layout.split : 1
    let columns = space[split...].reduce(1, *)
    let rows = space[..<split].reduce(1, *)
    let program =
      strips.map {
        BlockProgram(
          rows: rows, columns: columns, unitRows: $0.rows, unitColumns: $0.columns,
          hasSums: hasSums)
      } ?? BlockProgram(shape: space, split: split, hasSums: hasSums)
    self.program = program
    self.anchor = anchor.map { phase in
      var phase = phase
      phase.part = .product
      return phase
    }
    var registers = Registers(layout, graph) { buffer($0) == nil }
    // Registers of the widest dtype, and lines apart modulo a page: a block of 4 KiB is one way of
    // the first-level cache, and what lies a multiple of it apart fights for the same lines.
    let width = layout.members.map { graph[$0].type.dtype.byteCount }.max() ?? 8
    let slot = MemoryPlan.paddedBytes([program.blockElements * width], .bool) + 320
    scratchBytes = registers.count * slot
    var places: [NodeID: BlockProgram.Place] = [:]
    var reads: [Phase.Span] = []
    var writes: [Phase.Span] = []
    var totals: [Phase.Span] = []

    func place(_ id: NodeID) -> BlockProgram.Place {
      if let known = places[id] { return known }
      guard let memory = buffer(id),
        let extent = layout.extent(of: graph[id].type.shape, split: split)
      else {
        preconditionFailure("no memory for \(graph[id].label)")
      }
      reads.append(Phase.Span(memory))
      let place = BlockProgram.Place.memory(
        memory.pointer, memory.dtype, stride: extent.columns ? columns : 1, rows: extent.rows,
        columns: extent.columns)
      places[id] = place
      return place
    }

    func memory(_ id: NodeID) -> Buffer {
      guard let memory = buffer(id) else { preconditionFailure("no memory for \(graph[id].label)") }
      return memory
    }

    for (index, id) in layout.members.enumerated() {
      let node = graph[id]
      let dtype = node.type.dtype
      switch layout.parts[index] {
      case .anchor: break
      case .alias: places[id] = place(node.operands[0])
      case .window(let start):
        let parent = memory(node.operands[0])
        guard let first = try? start.evaluated(sizes), let width = parent.shape.last else {
          preconditionFailure("a slice without a start: \(node.label)")
        }
        reads.append(Phase.Span(parent))
        let window = BlockProgram.Place.memory(
          parent.pointer + first * dtype.byteCount, dtype, stride: width, rows: true, columns: true)
        if let own = buffer(id) {
          writes.append(Phase.Span(own))
          let place = BlockProgram.Place.memory(
            own.pointer, dtype, stride: columns, rows: true, columns: true)
          program.copy(window, into: place)
          places[id] = place
        } else {
          places[id] = window
        }
      case .elementwise:
        guard case .elementwise(_, let kernel)? = node.definition?.kernel,
          let extent = layout.extent(of: node.type.shape, split: split)
        else { preconditionFailure("'\(node.label)' has no block kernel") }
        let operands = node.operands.map(place)
        let result: BlockProgram.Place
        if let own = buffer(id) {
          writes.append(Phase.Span(own))
          result = .memory(
            own.pointer, dtype, stride: extent.columns ? columns : 1, rows: extent.rows,
            columns: extent.columns)
        } else {
          result = .register(
            registers.take(id), of: slot, dtype, rows: extent.rows, columns: extent.columns)
        }
        places[id] = result
        program.compute(
          kernel.loop(node.operands.map { graph[$0].type.dtype }, dtype), operands, into: result)
      case .join:
        let own = memory(id)
        writes.append(Phase.Span(own))
        for (number, operand) in node.operands.enumerated() {
          program.copy(
            place(operand),
            into: .memory(
              own.pointer + number * columns * dtype.byteCount, dtype,
              stride: node.operands.count * columns, rows: true, columns: true))
        }
      case .sum(let axes, let isMean):
        let own = memory(id)
        // The units write the sum of a row, and strips that of a column; of others, parts.
        if case .columns = axes {
          writes.append(Phase.Span(own))
        } else if strips != nil {
          writes.append(Phase.Span(own))
        } else {
          totals.append(Phase.Span(own))
        }
        let added =
          switch axes {
          case .all: rows * columns
          case .rows: rows
          case .columns: columns
          }
        program.sum(
          place(node.operands[0]), over: axes.program, divisor: isMean ? Double(added) : 1,
          into: own.pointer, dtype)
      }
      registers.release(after: index)
    }
    program.seal()
    // Another strip's product must still find what it reads.
    let isSafe = writes.allSatisfy { span in
      anchor.allSatisfy { phase in phase.reads.allSatisfy { !$0.overlaps(span) } }
    }
    carried = isSafe ? strips : nil
    self.reads = reads
    self.writes = writes
    self.totals = totals
  }

  /// The strips of the product in which a thread can go on with what it has computed, as soon as
  /// it is there; nil where there are none.
  private static func strips(
    _ layout: GroupLayout, _ space: [Int], _ anchor: [Phase], _ product: Buffer?
  ) -> PreparedKernel.Strips? {
    guard layout.split <= 1, space.count == 2, anchor.count == 1, var strips = anchor[0].strips,
      let product, product.shape.count == 2, product.shape[0] == space[0]
    else { return nil }
    // Only a product of all columns makes what other columns read: parts of its rows, for example.
    if strips.columns >= product.shape[1] {
      strips.columns = space[1]
    } else if product.shape != space {
      return nil
    }
    for part in layout.parts {
      switch part {
      case .anchor, .elementwise, .alias: break
      case .window, .join: if strips.columns < space[1] { return nil }
      case .sum(let axes, _):
        // Those over rows need all of them, and few columns; others units of their own.
        guard case .rows = axes, strips.rows >= space[0], strips.columns < space[1] else {
          return nil
        }
      }
    }
    return strips
  }

  /// The matrix product, the blocks, and the sums that all of them make together.
  var phases: [Phase] {
    if let carried, let product = anchor.first {
      let program = program
      // Empty products have no units, and their rows nothing to wait for.
      let tiles = product.units
      var phase = Phase(
        .carried, units: program.units, scratchBytes: max(scratchBytes, product.scratchBytes),
        reads: product.reads + reads, writes: product.writes + writes
      ) { units, scratch in
        for unit in units {
          let first = unit * carried.units
          if first < tiles { product.run(first..<min(tiles, first + carried.units), scratch) }
          program.run(unit..<unit + 1, scratch)
        }
      }
      phase.method = product.method
      return [phase]
    }
    let partials = program.partials.map { Phase.Span($0) }
    let program = program
    let body = Phase(
      .blocks, units: program.units, scratchBytes: scratchBytes, reads: reads,
      writes: writes + partials
    ) { program.run($0, $1) }
    if !program.hasFinish { return anchor + [body] }
    let end = Phase(.totals, units: 1, reads: partials, writes: partials + totals) { _, _ in
      program.finish()
    }
    return anchor + [body, end]
  }
}

extension GroupLayout.Axes {
  fileprivate var program: BlockProgram.Axes {
    switch self {
    case .all: .all
    case .rows: .rows
    case .columns: .columns
    }
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
