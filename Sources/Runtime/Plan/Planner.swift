import GraphIR

/// Finds out which values need memory, when, and which of them can share it: everything about a
/// plan but the offsets.
struct Planner {
  let program: Program
  let graph: Graph
  let sizes: [String: Int]
  var shapes: [[Int]]
  var places: [MemoryPlan.Place?]
  var offsets: [Int]
  var allocations: [MemoryPlan.Allocation] = []
  var constants: Int?
  var before: [MemoryPlan.Copy] = []
  var after: [MemoryPlan.Copy] = []
  var outputPlaces: [MemoryPlan.OutputPlace] = []
  /// The moment at which a node's value appears, by node index.
  private var birth: [Int]
  /// The last moment at which the value rooted at a node is read.
  private var lastRead: [Int]
  /// The place of each node among its step's nodes.
  private var indexInStep: [Int]
  private let end: Int
  /// Fed leaves whose memory is theirs until the end of a run.
  private let kept: Set<String>

  init(_ program: Program, sizes: [String: Int], keeping kept: Set<String>) throws(Diagnostic) {
    self.program = program
    self.kept = kept
    self.sizes = sizes
    graph = program.graph
    let count = graph.nodes.count
    shapes = Array(repeating: [], count: count)
    places = Array(repeating: nil, count: count)
    offsets = Array(repeating: 0, count: count)
    birth = Array(repeating: 0, count: count)
    lastRead = Array(repeating: 0, count: count)
    indexInStep = Array(repeating: 0, count: count)
    end = program.steps.count + 1
    var total = 0
    for node in graph.nodes where program.isNeeded[node.id.index] {
      do throws(DimError) {
        shapes[node.id.index] = try node.type.shape.evaluated(sizes)
        let offset = try program.offset(of: node.id, sizes: sizes)
        offsets[node.id.index] = offset * node.type.dtype.byteCount
      } catch {
        throw .unsized(node, error)
      }
      total += bytes(node.id)
      guard total <= MemoryPlan.byteLimit else { throw .outOfMemory(total, graph) }
    }
    for (moment, step) in program.steps.enumerated() {
      for (index, id) in step.nodes.enumerated() {
        birth[id.index] = moment + 1
        indexInStep[id.index] = index
      }
    }
  }

  private func bytes(_ id: NodeID) -> Int {
    MemoryPlan.paddedBytes(shapes[id.index], graph[id].type.dtype)
  }

  mutating func plan() {
    findLastReads()
    placeConstants()
    let homes = updatesAtHome()
    for node in graph.nodes where program.isNeeded[node.id.index] {
      if places[node.id.index] == nil {
        places[node.id.index] = place(of: node, homes: homes)
      }
    }
    finishUpdates(homes)
    finishOutputs()
  }

  private mutating func findLastReads() {
    for (moment, step) in program.steps.enumerated() {
      for id in step.nodes {
        for operand in graph[id].operands { noteRead(of: operand, at: moment + 1) }
      }
    }
    for output in program.outputs { noteRead(of: output.node, at: end) }
    for node in graph.nodes where kept.contains(node.label) && program.fed.contains(node.label) {
      noteRead(of: node.id, at: end)
    }
    for update in graph.updates {
      for root in program.roots(of: update.value) where !graph[root].isPersistent {
        lastRead[root.index] = end
      }
    }
  }

  private mutating func noteRead(of id: NodeID, at moment: Int) {
    for root in program.roots(of: id) {
      lastRead[root.index] = max(lastRead[root.index], moment)
    }
  }

  // MARK: Constants

  /// Constants are written once, at binding, and must survive every run: all side by side.
  private mutating func placeConstants() {
    var members: [NodeID] = []
    let settled = Set(program.settled)
    for node in graph.nodes where program.isNeeded[node.id.index] {
      switch node.body {
      case .leaf(.constant), .leaf(.size): members.append(node.id)
      case .operation where settled.contains(node.id) && program.viewed(node.id) == nil:
        members.append(node.id)
      case .leaf, .operation: break
      }
    }
    guard !members.isEmpty else { return }
    let slot = 8
    let size = MemoryPlan.paddedBytes([members.count * slot], .bool)
    let place = allocate(members, bytes: size, lifetime: 0...end)
    constants = allocations.count - 1
    for (index, id) in members.enumerated() {
      places[id.index] = place
      offsets[id.index] = index * slot
    }
    for node in graph.nodes where program.isNeeded[node.id.index] {
      let root = program.root(of: node.id)
      if root != node.id, places[root.index] == place {
        offsets[node.id.index] += offsets[root.index]
      }
    }
  }

  // MARK: Writing over

  /// Updates whose value can be computed straight into the leaf it replaces, by value: nobody reads
  /// the old value after the new one is born.
  private func updatesAtHome() -> [NodeID: NodeID] {
    let outputRoots = Set(program.outputs.flatMap { program.roots(of: $0.node) })
    let valueRoots = Set(graph.updates.flatMap { program.roots(of: $0.value) })
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

  /// Whether the step that makes `id` may write it over the memory of `root`, which it reads.
  private func mayOverwrite(_ id: NodeID, root: NodeID) -> Bool {
    guard graph[root].type.dtype == graph[id].type.dtype,
      shapes[root.index].reduce(1, *) == shapes[id.index].reduce(1, *)
    else { return false }
    let step = program.steps[birth[id.index] - 1]
    guard let layout = step.layout else { return opMayOverwrite(id, root: root) }
    return groupMayOverwrite(id, root: root, step.nodes, layout)
  }

  private func opMayOverwrite(_ id: NodeID, root: NodeID) -> Bool {
    guard let operation = graph[id].operation,
      case .over(let allowed) = operation.definition.storage
    else { return false }
    // Every operand in that memory must be one it may overwrite, read element for element.
    let places = graph[id].operands.indices.filter {
      program.reads(graph[id].operands[$0], memoryOf: root)
    }
    return !places.isEmpty
      && places.allSatisfy { position in
        let operand = graph[id].operands[position]
        return allowed.contains(position) && shapes[operand.index] == shapes[id.index]
          && graph[operand].type.dtype == graph[id].type.dtype
      }
  }

  /// Blocks are done one after another, and within a block the members in order: whoever reads the
  /// old value must read it whole, element for element, and not after the new one is written.
  private func groupMayOverwrite(
    _ id: NodeID, root: NodeID, _ members: [NodeID], _ layout: GroupLayout
  ) -> Bool {
    let index = indexInStep[id.index]
    guard case .elementwise = layout.parts[index],
      layout.extent(of: graph[id].type.shape)?.isFull == true
    else { return false }
    for (place, member) in members.enumerated() {
      for operand in graph[member].operands where program.reads(operand, memoryOf: root) {
        switch layout.parts[place] {
        case .anchor, .window, .join: return false
        case .elementwise, .alias, .sum:
          guard place <= index, shapes[operand.index].reduce(1, *) == shapes[id.index].reduce(1, *),
            layout.extent(of: graph[operand].type.shape)?.isFull == true
          else { return false }
        }
      }
    }
    return true
  }

  /// The allocation of a value that dies at this step and may be written over.
  private func overwritten(by node: Node) -> Int? {
    guard node.operation != nil else { return nil }
    let step = program.steps[birth[node.id.index] - 1]
    for member in step.layout == nil ? [node.id] : step.nodes {
      for operand in graph[member].operands {
        let root = program.root(of: operand)
        guard case .arena(let index)? = places[root.index], index != constants,
          allocations[index].nodes.last == root,
          lastRead[root.index] == birth[node.id.index], mayOverwrite(node.id, root: root)
        else { continue }
        return index
      }
    }
    return nil
  }

  // MARK: Places

  private mutating func place(of node: Node, homes: [NodeID: NodeID]) -> MemoryPlan.Place? {
    let root = program.root(of: node.id)
    if root != node.id { return places[root.index] }
    if node.isPersistent { return .persistent(node.id) }
    if isInBlocks(node.id) { return nil }
    if let home = homes[node.id] { return .persistent(home) }
    let born = birth[node.id.index]
    let dies = max(born, lastRead[node.id.index])
    if born > 0, let index = overwritten(by: node) {
      allocations[index].nodes.append(node.id)
      let start = allocations[index].lifetime.lowerBound
      allocations[index].lifetime = start...dies
      return .arena(index)
    }
    return allocate([node.id], bytes: bytes(node.id), lifetime: born...dies)
  }

  /// Whether a value of a fused group never leaves the blocks it is computed in.
  private func isInBlocks(_ id: NodeID) -> Bool {
    guard birth[id.index] > 0, let layout = program.steps[birth[id.index] - 1].layout else {
      return false
    }
    switch layout.parts[indexInStep[id.index]] {
    case .anchor, .sum, .join: return false
    case .elementwise, .alias, .window: return !program.leavesStep[id.index]
    }
  }

  private mutating func allocate(
    _ nodes: [NodeID], bytes: Int, lifetime: ClosedRange<Int>
  ) -> MemoryPlan.Place {
    allocations.append(
      MemoryPlan.Allocation(nodes: nodes, offset: 0, bytes: bytes, lifetime: lifetime))
    return .arena(allocations.count - 1)
  }

  // MARK: After the last step

  private mutating func finishUpdates(_ homes: [NodeID: NodeID]) {
    for update in graph.updates where homes[update.value] != update.target {
      guard var source = places[update.value.index] else { continue }
      var offset = offsets[update.value.index]
      let size = unpadded(update.target)
      if graph[program.root(of: update.value)].isPersistent {
        // The old value of a leaf that may change during the run.
        let copy = allocate([], bytes: bytes(update.target), lifetime: 0...end)
        before.append(MemoryPlan.Copy(from: source, fromOffset: offset, to: copy, bytes: size))
        source = copy
        offset = 0
      }
      after.append(
        MemoryPlan.Copy(
          from: source, fromOffset: offset, to: .persistent(update.target), bytes: size))
    }
  }

  private mutating func finishOutputs() {
    let targets = Set(graph.updates.map(\.target))
    for output in program.outputs {
      guard let place = places[output.node.index] else {
        preconditionFailure("the output '\(output.name)' has no memory")
      }
      if program.roots(of: output.node).contains(where: targets.contains),
        graph[program.root(of: output.node)].isPersistent
      {
        // An output that names a leaf shows the value the run began with.
        let copy = allocate([], bytes: bytes(output.node), lifetime: 0...end)
        before.append(
          MemoryPlan.Copy(
            from: place, fromOffset: offsets[output.node.index], to: copy,
            bytes: unpadded(output.node)))
        outputPlaces.append(.init(place: copy, offset: 0))
      } else {
        outputPlaces.append(.init(place: place, offset: offsets[output.node.index]))
      }
    }
  }

  private func unpadded(_ id: NodeID) -> Int {
    shapes[id.index].reduce(1, *) * graph[id].type.dtype.byteCount
  }
}
