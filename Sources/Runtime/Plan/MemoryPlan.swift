public import GraphIR

/// Where every value of a program lives at given sizes, and what happens in which order.
///
/// Time is counted in moments: moment 0 is before the first step, step i is moment i + 1, and the
/// last moment is after all steps, when outputs are read.
public struct MemoryPlan: Sendable {
  /// A stretch of the arena that belongs to one value, and to those written over it, for a time.
  public struct Allocation: Sendable {
    /// The nodes that live in it, in the order of their birth.
    public var nodes: [NodeID]
    public var offset: Int
    public var bytes: Int
    /// The first and last moment in which it holds something that is needed.
    public var lifetime: ClosedRange<Int>
  }

  /// Where a node's memory is.
  public enum Place: Sendable, Equatable {
    /// In `allocations`.
    case arena(Int)
    /// In the storage of a persistent leaf.
    case persistent(NodeID)
  }

  /// A copy that keeps a value that would be overwritten, or brings an update home.
  public struct Copy: Sendable {
    public var from: Place
    public var to: Place
    public var bytes: Int
  }

  public let sizes: [String: Int]
  /// Concrete shapes by node index; empty for nodes that are not needed.
  public let shapes: [[Int]]
  /// Nodes that a kernel computes, in order.
  public let steps: [NodeID]
  /// Settable for tests of the verification.
  public package(set) var allocations: [Allocation]
  /// By node index; nil for nodes that are not needed.
  public let places: [Place?]
  /// Copies before the first step and after the last.
  public let before: [Copy]
  public let after: [Copy]
  /// Where the run leaves each output's value.
  public let outputPlaces: [Place]
  /// Bytes of the arena.
  public let arenaBytes: Int

  /// Every allocation starts at a multiple of this many bytes: a cache line and a vector register.
  public static let alignment = 64

  /// No plan may take more: sums of sizes below it cannot overflow.
  static let byteLimit = 1 << 50

  /// The bytes of an array, rounded up to whole alignments; an empty one takes one.
  static func paddedBytes(_ shape: [Int], _ dtype: DType) -> Int {
    let raw = shape.reduce(1, *) * dtype.byteCount
    return max(alignment, (raw + alignment - 1) / alignment * alignment)
  }

  /// Plans the memory. Throws for dimensions without a size and for shapes that do not fit.
  public init(_ program: Program, sizes: [String: Int]) throws(Diagnostic) {
    var planner = try Planner(program, sizes: sizes)
    planner.plan()
    self.sizes = sizes
    shapes = planner.shapes
    steps = planner.steps
    places = planner.places
    before = planner.before
    after = planner.after
    outputPlaces = planner.outputPlaces
    var allocations = planner.allocations
    guard let arenaBytes = MemoryPlan.assignOffsets(&allocations) else {
      throw .outOfMemory(Int.max, program.graph)
    }
    self.arenaBytes = arenaBytes
    self.allocations = allocations
  }

  /// Whether a leaf's memory still holds the leaf's value after a run.
  func survivesRun(_ leaf: NodeID) -> Bool {
    guard case .arena(let index)? = places[leaf.index] else { return true }
    let own = allocations[index]
    return own.nodes == [leaf]
      && allocations.indices.allSatisfy { other in
        other == index || allocations[other].offset >= own.offset + own.bytes
          || allocations[other].offset + allocations[other].bytes <= own.offset
      }
  }

  /// Places allocations whose lifetimes meet side by side, the largest first, each at the lowest
  /// offset where it fits. Returns the arena's size, or nil when it does not fit in an `Int`.
  private static func assignOffsets(_ allocations: inout [Allocation]) -> Int? {
    let order = allocations.indices.sorted {
      (allocations[$1].bytes, $0) < (allocations[$0].bytes, $1)
    }
    // Sorted by offset.
    var placed: [Int] = []
    var total = 0
    for index in order {
      let lifetime = allocations[index].lifetime
      var offset = 0
      for neighbour in placed where allocations[neighbour].lifetime.overlaps(lifetime) {
        // No overflow: offsets are not negative, and each end was checked when it was placed.
        if allocations[neighbour].offset - offset >= allocations[index].bytes { break }
        offset = max(offset, allocations[neighbour].offset + allocations[neighbour].bytes)
      }
      let (end, overflow) = offset.addingReportingOverflow(allocations[index].bytes)
      if overflow { return nil }
      allocations[index].offset = offset
      total = max(total, end)
      let place = placed.partitioningIndex { allocations[$0].offset > offset }
      placed.insert(index, at: place)
    }
    return total
  }
}

private struct Planner {
  let program: Program
  let graph: Graph
  var shapes: [[Int]]
  var steps: [NodeID] = []
  var places: [MemoryPlan.Place?]
  var allocations: [MemoryPlan.Allocation] = []
  var before: [MemoryPlan.Copy] = []
  var after: [MemoryPlan.Copy] = []
  var outputPlaces: [MemoryPlan.Place] = []
  /// The moment at which a node's value appears, by node index.
  private var birth: [Int]
  /// The last moment at which the value rooted at a node is read.
  private var lastRead: [Int]
  private var end = 0

  init(_ program: Program, sizes: [String: Int]) throws(Diagnostic) {
    self.program = program
    graph = program.graph
    shapes = Array(repeating: [], count: graph.nodes.count)
    places = Array(repeating: nil, count: graph.nodes.count)
    birth = Array(repeating: 0, count: graph.nodes.count)
    lastRead = Array(repeating: 0, count: graph.nodes.count)
    var total = 0
    for node in graph.nodes where program.isNeeded[node.id.index] {
      do throws(DimError) {
        shapes[node.id.index] = try node.type.shape.evaluated(sizes)
      } catch {
        throw .unsized(node, error)
      }
      if isStep(node) { steps.append(node.id) }
      total += bytes(node.id)
      guard total <= MemoryPlan.byteLimit else { throw .outOfMemory(total, graph) }
    }
    end = steps.count + 1
    for (index, id) in steps.enumerated() { birth[id.index] = index + 1 }
  }

  /// Whether a kernel or a noise stream computes the node during the run.
  private func isStep(_ node: Node) -> Bool {
    switch node.body {
    case .leaf(.noise): !program.fed.contains(node.label)
    case .leaf: false
    case .operation(let operation):
      if case .view = operation.definition.storage { false } else { true }
    }
  }

  private func bytes(_ id: NodeID) -> Int {
    MemoryPlan.paddedBytes(shapes[id.index], graph[id].type.dtype)
  }

  mutating func plan() {
    findLastReads()
    let homes = updatesAtHome()
    for node in graph.nodes where program.isNeeded[node.id.index] {
      places[node.id.index] = place(of: node, homes: homes)
    }
    finishUpdates(homes)
    finishOutputs()
  }

  private mutating func findLastReads() {
    for (index, id) in steps.enumerated() {
      for operand in graph[id].operands {
        let root = program.root(of: operand).index
        lastRead[root] = max(lastRead[root], index + 1)
      }
    }
    for output in program.outputs { lastRead[program.root(of: output.node).index] = end }
    for update in graph.updates {
      let root = program.root(of: update.value)
      if !graph[root].isPersistent { lastRead[root.index] = end }
    }
    // Constants are written once, at binding, and must survive every run.
    for node in graph.nodes {
      switch node.body {
      case .leaf(.constant), .leaf(.size): lastRead[node.id.index] = end
      default: break
      }
    }
  }

  /// Updates whose value can be computed straight into the leaf it replaces, by value: nobody reads
  /// the old value after the new one is born.
  private func updatesAtHome() -> [NodeID: NodeID] {
    let outputRoots = Set(program.outputs.map { program.root(of: $0.node) })
    let valueRoots = Set(graph.updates.map { program.root(of: $0.value) })
    var homes: [NodeID: NodeID] = [:]
    for update in graph.updates {
      let value = update.value
      guard program.root(of: value) == value, birth[value.index] > 0, homes[value] == nil,
        // An old value that is an output, or an update of another leaf, must outlive the run.
        !outputRoots.contains(update.target), !valueRoots.contains(update.target)
      else { continue }
      let moment = birth[value.index]
      let read = lastRead[update.target.index]
      guard read < moment || (read == moment && mayOverwrite(value, root: update.target)) else {
        continue
      }
      homes[value] = update.target
    }
    return homes
  }

  /// Whether the op at `id` may write its result over the operand in the memory of `root`.
  private func mayOverwrite(_ id: NodeID, root: NodeID) -> Bool {
    guard let operation = graph[id].operation,
      case .over(let allowed) = operation.definition.storage
    else { return false }
    // Every operand in that memory must be one it may overwrite, read element for element.
    let places = graph[id].operands.indices.filter {
      program.root(of: graph[id].operands[$0]) == root
    }
    return !places.isEmpty
      && places.allSatisfy { position in
        let operand = graph[id].operands[position]
        return allowed.contains(position) && shapes[operand.index] == shapes[id.index]
          && graph[operand].type.dtype == graph[id].type.dtype
      }
  }

  private mutating func place(of node: Node, homes: [NodeID: NodeID]) -> MemoryPlan.Place {
    let root = program.root(of: node.id)
    if root != node.id, let place = places[root.index] { return place }
    if node.isPersistent { return .persistent(node.id) }
    if let home = homes[node.id] { return .persistent(home) }
    if let index = overwritten(by: node) {
      allocations[index].nodes.append(node.id)
      let start = allocations[index].lifetime.lowerBound
      allocations[index].lifetime = start...max(birth[node.id.index], lastRead[node.id.index])
      return .arena(index)
    }
    let born = birth[node.id.index]
    return allocate(
      [node.id], bytes: bytes(node.id), lifetime: born...max(born, lastRead[node.id.index]))
  }

  private mutating func allocate(
    _ nodes: [NodeID], bytes: Int, lifetime: ClosedRange<Int>
  ) -> MemoryPlan.Place {
    allocations.append(
      MemoryPlan.Allocation(nodes: nodes, offset: 0, bytes: bytes, lifetime: lifetime))
    return .arena(allocations.count - 1)
  }

  /// The allocation of an operand that dies at this step and may be written over.
  private func overwritten(by node: Node) -> Int? {
    guard let operation = node.operation, case .over(let allowed) = operation.definition.storage
    else { return nil }
    for position in allowed where position < node.operands.count {
      let root = program.root(of: node.operands[position])
      guard case .arena(let index)? = places[root.index],
        allocations[index].nodes.last == root,
        lastRead[root.index] == birth[node.id.index], mayOverwrite(node.id, root: root)
      else { continue }
      return index
    }
    return nil
  }

  private mutating func finishUpdates(_ homes: [NodeID: NodeID]) {
    for update in graph.updates where homes[update.value] != update.target {
      guard var source = places[update.value.index] else { continue }
      let size = bytes(update.target)
      if graph[program.root(of: update.value)].isPersistent {
        // The old value of a leaf that may change during the run.
        let copy = allocate([], bytes: size, lifetime: 0...end)
        before.append(MemoryPlan.Copy(from: source, to: copy, bytes: size))
        source = copy
      }
      after.append(MemoryPlan.Copy(from: source, to: .persistent(update.target), bytes: size))
    }
  }

  private mutating func finishOutputs() {
    let targets = Set(graph.updates.map(\.target))
    for output in program.outputs {
      guard let place = places[output.node.index] else { continue }
      let root = program.root(of: output.node)
      if graph[root].isPersistent, targets.contains(root) {
        // An output that names a leaf shows the value the run began with.
        let size = bytes(root)
        let copy = allocate([], bytes: size, lifetime: 0...end)
        before.append(MemoryPlan.Copy(from: place, to: copy, bytes: size))
        outputPlaces.append(copy)
      } else {
        outputPlaces.append(place)
      }
    }
  }
}

extension Array {
  /// The first index whose element satisfies a predicate that, once true, stays true.
  fileprivate func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if belongs(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
