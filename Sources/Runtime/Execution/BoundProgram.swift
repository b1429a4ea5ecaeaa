public import GraphIR
import GraphOps

/// A program at settled sizes: memory laid out, steps prepared, ready to run a million times
/// without an allocation.
///
/// One thread uses it at a time.
public final class BoundProgram {
  public let program: Program
  public let plan: MemoryPlan
  public let state: StateStore
  private let arena: AlignedMemory
  private let draws: DrawContext
  let executor: Executor
  private let failures: Failures
  private let fedBuffers: [String: (node: Node, buffer: Buffer)]
  private var isFed: Set<String> = []
  private var isFilledInPlace: Set<String> = []
  private var wasRun = false
  /// Fed leaves whose memory other values take during a run.
  private let usedUp: [String]
  /// Writes a fed leaf's value for the next run, as soon as the run under way has read the old one.
  /// Not for a leaf that the program hands back.
  public struct Refill {
    let name: String
    let units: Int
    let fill: (_ units: Range<Int>, _ buffer: Buffer) -> Void

    /// `fill` is called for ranges of `units`, at the same time on several threads, with the memory
    /// of the leaf of that name.
    public init(
      _ name: String, units: Int, fill: @escaping (_ units: Range<Int>, _ buffer: Buffer) -> Void
    ) {
      self.name = name
      self.units = units
      self.fill = fill
    }
  }

  /// What steps found wrong in the run under way; the first step in order counts.
  private final class Failures {
    var found: [(node: NodeID, error: RunError)?] = []
    var isAny = false
  }

  /// The seed and step that noise kernels read when they run.
  private final class DrawContext {
    var step: UInt64 = 0
  }

  /// Binds a program: plans memory for `sizes`, allocates it, prepares every kernel.
  ///
  /// `state` holds the persistent leaves; nil makes a store of its own, zeroed. Results do not
  /// depend on how many threads `pool` has. `refills` write fed leaves for the next run. Throws for
  /// dimensions without a size, shapes that do not fit, and too little memory.
  public convenience init(
    _ program: Program, sizes: [String: Int] = [:], shapes: [String: [Int]] = [:],
    state: StateStore? = nil, seed: UInt64 = 0, pool: WorkerPool = .shared,
    refilling refills: [Refill] = []
  ) throws(Diagnostic) {
    try self.init(
      program, sizes: sizes, shapes: shapes, state: state, seed: seed, pool: pool,
      refilling: refills
    ) { _ in }
  }

  /// Binds with a plan that `adjust` may have changed, for tests of what a wrong plan does; or with
  /// the phases of each wave in reverse, for tests of whether they are independent.
  package init(
    _ program: Program, sizes given: [String: Int] = [:], shapes: [String: [Int]] = [:],
    state: StateStore? = nil, seed: UInt64 = 0, pool: WorkerPool = .shared,
    refilling refills: [Refill] = [], reversingWaves: Bool = false,
    adjusting adjust: (inout MemoryPlan) -> Void
  ) throws(Diagnostic) {
    let graph = program.graph
    let sizes = try SizeSolver(graph).solve(given: given, shapes: shapes)
    var plan = try MemoryPlan(program, sizes: sizes, keeping: Set(refills.map(\.name)))
    adjust(&plan)
    let store: StateStore
    if let state { store = state } else { store = try StateStore(graph, sizes: sizes) }
    for node in graph.persistent where program.isNeeded[node.id.index] {
      let shape = plan.shapes[node.id.index]
      guard let held = store.buffer(node.label), held.shape == shape,
        held.dtype == node.type.dtype, store.lies(node.id, as: program.joins, in: graph)
      else { throw .unfitState(node, shape, store) }
    }
    guard let arena = AlignedMemory(bytes: plan.arenaBytes) else {
      throw .outOfMemory(plan.arenaBytes, graph)
    }
    self.program = program
    self.plan = plan
    self.state = store
    self.arena = arena
    #if PoisonFreedMemory
      // Before anything is written: constants are, once and for all.
      let poison = Poison(program, plan, base: arena.base)
      poison.fill()
    #endif
    let draws = DrawContext()
    self.draws = draws

    let locator = Locator(graph: graph, plan: plan, state: store, arena: arena)
    var fedBuffers: [String: (node: Node, buffer: Buffer)] = [:]
    for node in graph.nodes where program.isNeeded[node.id.index] {
      guard case .leaf(let leaf) = node.body, let buffer = locator.buffer(of: node) else {
        continue
      }
      switch leaf {
      case .constant(let scalar): buffer.store(scalar.doubleValue, integer: scalar)
      case .size(let dim):
        do throws(DimError) {
          let value = try dim.evaluated(sizes)
          buffer.store(Double(value), integer: .int(Int64(value)))
        } catch {
          throw .unsized(node, error)
        }
      case .input, .noise:
        if program.fed.contains(node.label) { fedBuffers[node.label] = (node, buffer) }
      case .parameter, .state: break
      }
    }
    self.fedBuffers = fedBuffers
    usedUp = fedBuffers.filter { !plan.survivesRun($0.value.node.id) }.keys.sorted()
    for id in program.settled {
      // Once and for all.
      let kernel = try Self.prepare(graph[id], locator, sizes, draws, seed: seed)
      if let failure = kernel?.runAlone() { throw .failed(graph[id], failure) }
    }
    try Self.checkViews(program, plan)
    let failures = Failures()
    self.failures = failures
    var phases: [Phase] = []
    for copy in plan.before { phases.append(Self.phase(copy, locator)) }
    #if PoisonFreedMemory
      phases.append(poison.phase(after: 0))
    #endif
    for (index, step) in plan.steps.enumerated() {
      let made =
        if let layout = step.layout {
          try Self.phases(layout, locator, sizes, draws, failures, seed: seed)
        } else if let id = step.nodes.first {
          try Self.phases(graph[id], locator, sizes, draws, failures, seed: seed)
        } else {
          [Phase]()
        }
      phases += made.map { phase in
        var phase = phase
        phase.step = index
        return phase
      }
      #if PoisonFreedMemory
        phases.append(poison.phase(after: index + 1))
      #endif
    }
    for copy in plan.after { phases.append(Self.phase(copy, locator)) }
    for refill in refills {
      guard let buffer = fedBuffers[refill.name]?.buffer else { continue }
      phases.append(
        Phase(.refill, units: refill.units, reads: [], writes: [Phase.Span(buffer)]) { units, _ in
          refill.fill(units, buffer)
        })
    }
    guard let executor = Executor(phases, pool: pool, reversingWaves: reversingWaves) else {
      throw .outOfMemory(plan.arenaBytes, graph)
    }
    self.executor = executor
  }

  /// Turns places of the plan into memory.
  private struct Locator {
    let graph: Graph
    let plan: MemoryPlan
    let state: StateStore
    let arena: AlignedMemory

    func pointer(_ place: MemoryPlan.Place) -> UnsafeMutableRawPointer? {
      switch place {
      case .arena(let index): arena.base + plan.allocations[index].offset
      case .persistent(let leaf): state.buffer(graph[leaf].label)?.pointer
      }
    }

    func buffer(of node: Node) -> Buffer? {
      guard let place = plan.places[node.id.index], let pointer = pointer(place) else { return nil }
      return Buffer(
        pointer: pointer + plan.offsets[node.id.index], dtype: node.type.dtype,
        shape: plan.shapes[node.id.index])
    }
  }

  private static func prepare(
    _ node: Node, _ locator: Locator, _ sizes: [String: Int], _ draws: DrawContext, seed: UInt64
  ) throws(Diagnostic) -> PreparedKernel? {
    guard let result = locator.buffer(of: node) else {
      preconditionFailure("no memory for \(node.label)")
    }
    switch node.body {
    case .leaf(.noise(let distribution)):
      let stream = NoiseStream(seed: seed, name: node.label)
      return PreparedKernel { stream.fill(result, distribution, step: draws.step) }
    case .leaf: preconditionFailure("the leaf \(node.label) is no step")
    case .operation(let operation):
      let operands = node.operands.compactMap { locator.buffer(of: locator.graph[$0]) }
      if let complaint = operation.definition.bindCheck?(
        operands.map(\.shape), operation.attributes, sizes)
      {
        throw .failed(node, complaint)
      }
      if case .decomposed = operation.definition.kernel {
        preconditionFailure("'\(operation.definition.name)' must be lowered before it runs")
      }
      let kernel = operation.definition.kernel.prepared(
        KernelRule.Context(
          operands: operands, result: result, attributes: operation.attributes, sizes: sizes))
      if BLASThreads.areUsed {
        let threads = WorkerPool.shared.count
        guard BLASThreads.haveMemory(for: threads) else {
          throw .noMemoryForProducts(threads, node)
        }
      }
      return kernel
    }
  }

  private static func phases(
    _ node: Node, _ locator: Locator, _ sizes: [String: Int], _ draws: DrawContext,
    _ failures: Failures, seed: UInt64
  ) throws(Diagnostic) -> [Phase] {
    guard var kernel = try prepare(node, locator, sizes, draws, seed: seed) else { return [] }
    if let failure = kernel.failure {
      let place = failures.found.count
      failures.found.append(nil)
      let run = kernel.run
      let id = node.id
      kernel.run = { units, scratch in
        run(units, scratch)
        if let error = failure() {
          failures.found[place] = (id, error)
          failures.isAny = true
        }
      }
    }
    let reads = node.operands.compactMap { locator.buffer(of: locator.graph[$0]) }
    return Phase.phases(
      of: kernel, reads: reads.map { Phase.Span($0) },
      writes: locator.buffer(of: node).map { [Phase.Span($0)] } ?? [])
  }

  private static func phases(
    _ layout: GroupLayout, _ locator: Locator, _ sizes: [String: Int], _ draws: DrawContext,
    _ failures: Failures, seed: UInt64
  ) throws(Diagnostic) -> [Phase] {
    let graph = locator.graph
    for id in layout.members { try check(graph[id], locator.plan) }
    let anchor = try layout.anchor.map { id throws(Diagnostic) in
      try phases(graph[id], locator, sizes, draws, failures, seed: seed)
    }
    return GroupKernel(
      layout, graph, sizes: sizes, anchor: anchor ?? [],
      buffer: { locator.buffer(of: graph[$0]) }
    ).phases
  }

  /// What only sizes can show to be wrong about an operation for which no kernel of its own runs.
  private static func check(_ node: Node, _ plan: MemoryPlan) throws(Diagnostic) {
    guard let operation = node.operation, let check = operation.definition.bindCheck else { return }
    let shapes = node.operands.map { plan.shapes[$0.index] }
    if let complaint = check(shapes, operation.attributes, plan.sizes) {
      throw .failed(node, complaint)
    }
  }

  private static func checkViews(_ program: Program, _ plan: MemoryPlan) throws(Diagnostic) {
    for node in program.graph.nodes
    where program.isNeeded[node.id.index] && program.viewed(node.id) != nil {
      try check(node, plan)
    }
  }

  private static func phase(_ copy: MemoryPlan.Copy, _ locator: Locator) -> Phase {
    guard let from = locator.pointer(copy.from), let to = locator.pointer(copy.to) else {
      preconditionFailure("no memory for a copy")
    }
    let source = from + copy.fromOffset
    let bytes = copy.bytes
    return Phase(
      .copy, units: 1, reads: [Phase.Span(source, bytes: bytes)],
      writes: [Phase.Span(to, bytes: bytes)]
    ) { _, _ in to.copyMemory(from: source, byteCount: bytes) }
  }

  // MARK: Running

  /// The names that must be fed before the first run.
  public var fedNames: [String] { fedBuffers.keys.sorted() }

  /// Copies an array in for an input or a fed noise leaf, found by its name or an alias.
  ///
  /// It lasts for one run where the plan lets a step write over it; a further run then throws.
  public func feed(_ name: String, _ array: NDArray) throws(Diagnostic) {
    let name = program.graph.node(named: name)?.label ?? name
    guard let (node, buffer) = fedBuffers[name] else {
      // A feed that nothing needed is fine when the graph knows it.
      if program.fed.contains(name) { return }
      throw .unknownFeed(name, program.graph)
    }
    let accepted = try node.accepting(array, shape: buffer.shape)
    accepted.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress {
        buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
      }
    }
    isFed.insert(name)
  }

  /// The memory of a fed leaf, to be filled in place; nil when nothing needs the leaf. Counts as
  /// fed from then on.
  ///
  /// Steps may write over it, so it must be filled before every run.
  public func inputBuffer(_ name: String) -> Buffer? {
    guard let (node, buffer) = fedBuffers[program.graph.node(named: name)?.label ?? name] else {
      return nil
    }
    isFed.insert(node.label)
    isFilledInPlace.insert(node.label)
    return buffer
  }

  /// Runs every step once; noise is drawn at `step`. Throws when an input was never fed and when a
  /// step found its values wrong; the parameters may then hold what it made of them.
  public func run(step: UInt64 = 0) throws(Diagnostic) { try run(step: step, recording: nil) }

  func run(step: UInt64, recording recorder: Recorder?) throws(Diagnostic) {
    if isFed.count < fedBuffers.count {
      for (name, entry) in fedBuffers.sorted(by: { $0.key < $1.key }) where !isFed.contains(name) {
        throw wasRun && usedUp.contains(name) ? .usedUp(entry.node) : .notFed(entry.node)
      }
    }
    wasRun = true
    draws.step = step
    // By index: iterators over what is not a number allocate in an unoptimised build.
    var index = 0
    while index < usedUp.count {
      if !isFilledInPlace.contains(usedUp[index]) { isFed.remove(usedUp[index]) }
      index += 1
    }
    if let recorder { executor.start(recording: recorder) } else { executor.start() }
    guard failures.isAny else { return }
    let first = failures.found.lazy.compactMap { $0 }.first
    failures.isAny = false
    for place in failures.found.indices { failures.found[place] = nil }
    if let first { throw .failed(program.graph[first.node], first.error) }
  }

  // MARK: Results

  private func outputBuffer(_ name: String) -> Buffer? {
    guard let index = program.outputs.firstIndex(where: { $0.name == name }) else { return nil }
    let node = program.graph[program.outputs[index].node]
    let pointer: UnsafeMutableRawPointer?
    let output = plan.outputPlaces[index]
    switch output.place {
    case .arena(let allocation): pointer = arena.base + plan.allocations[allocation].offset
    case .persistent(let leaf): pointer = state.buffer(program.graph[leaf].label)?.pointer
    }
    return pointer.map {
      Buffer(pointer: $0 + output.offset, dtype: node.type.dtype, shape: plan.shapes[node.id.index])
    }
  }

  /// A copy of an output of the last run; nil for an unknown name.
  public func output(_ name: String) -> NDArray? {
    outputBuffer(name).map { NDArray(dtype: $0.dtype, shape: $0.shape, copying: $0.pointer) }
  }

  /// A scalar output of the last run as a double, without allocating; nil for an unknown name.
  public func scalar(_ name: String) -> Double? {
    guard let buffer = outputBuffer(name), buffer.count == 1 else { return nil }
    switch buffer.dtype {
    case .f32: return Double(buffer.typed(Float.self).pointee)
    case .f64: return buffer.typed(Double.self).pointee
    case .i32: return Double(buffer.typed(Int32.self).pointee)
    case .i64: return Double(buffer.typed(Int64.self).pointee)
    case .bool: return buffer.typed(UInt8.self).pointee == 0 ? 0 : 1
    }
  }
}

extension Buffer {
  /// Writes one scalar; an integer literal goes into an integer buffer exactly.
  fileprivate func store(_ value: Double, integer scalar: Scalar) {
    switch dtype {
    case .f32: typed(Float.self).pointee = Float(value)
    case .f64: typed(Double.self).pointee = value
    case .i32: typed(Int32.self).pointee = Int32(saturating: value)
    case .i64:
      if case .int(let exact) = scalar {
        typed(Int64.self).pointee = exact
      } else {
        typed(Int64.self).pointee = Int64(saturating: value)
      }
    case .bool: typed(UInt8.self).pointee = value == 0 ? 0 : 1
    }
  }
}
