import GraphIR

extension MemoryPlan {
  /// Plays the plan without computing anything: writes down for every byte of memory whose value it
  /// holds, and complains where a step, a copy or a reader does not find the value that it came
  /// for. Two runs in a row, as the second begins with what the first has left.
  ///
  /// Knows nothing of lifetimes or of how the plan was made: it asks the ops alone what they read,
  /// what they may write over, and what is a view of what. So it finds lifetimes that are too
  /// short as well as offsets that collide. Returns what is wrong, in words.
  package func replay(_ program: Program) -> [String] {
    var replay = PlanReplay(program, self)
    replay.bind()
    for run in 0..<2 { replay.play(run) }
    return replay.complaints
  }
}

private struct PlanReplay {
  /// A value at one point of the two runs.
  private enum Value: Hashable {
    case computed(NodeID, run: Int)
    case kept(NodeID, run: Int)
    case constant(NodeID)
  }

  /// A stretch of a value's bytes.
  private struct Piece {
    var value: Value
    /// The first byte, counted in the value.
    var first: Int
    var bytes: Int
  }

  /// A stretch of what a node computes.
  private struct Stretch {
    var owner: NodeID
    /// The first byte, counted in the owner's value.
    var first: Int
    var bytes: Int
  }

  let program: Program
  let plan: MemoryPlan
  /// What each node shows, by node index; empty for nodes that are not needed.
  private var shown: [[Stretch]]
  /// The arena under nil, the storage of each persistent leaf under its id.
  private var memory: [NodeID?: ByteMap] = [:]
  /// The step that computes each node, by node index.
  private var stepOfNode: [Int?]
  /// What is computed once, when the program is bound.
  private var isSettled: [Bool]
  /// Where leaves that lie side by side begin: the first of them, and the bytes before.
  private var storage: [NodeID: (first: NodeID, offset: Int)] = [:]
  var complaints: [String] = []

  /// What lies in a stretch of memory: runs of bytes of one value.
  private struct ByteMap {
    struct Run {
      var start: Int
      var end: Int
      var value: Value
      /// Where the value's byte 0 would lie.
      var origin: Int
    }

    private var runs: [Run] = []

    private func firstIndex(endingAfter place: Int) -> Int {
      var (low, high) = (0, runs.count)
      while low < high {
        let middle = (low + high) / 2
        if runs[middle].end > place { high = middle } else { low = middle + 1 }
      }
      return low
    }

    /// The runs in a range, cut at its ends.
    func runs(in range: Range<Int>) -> [Run] {
      var found: [Run] = []
      var index = firstIndex(endingAfter: range.lowerBound)
      while index < runs.count, runs[index].start < range.upperBound {
        var run = runs[index]
        run.start = max(run.start, range.lowerBound)
        run.end = min(run.end, range.upperBound)
        found.append(run)
        index += 1
      }
      return found
    }

    mutating func replace(_ range: Range<Int>, with new: [Run]) {
      let first = firstIndex(endingAfter: range.lowerBound)
      var last = first
      var kept: [Run] = new
      while last < runs.count, runs[last].start < range.upperBound {
        let old = runs[last]
        if old.start < range.lowerBound {
          var left = old
          left.end = range.lowerBound
          kept.insert(left, at: 0)
        }
        if old.end > range.upperBound {
          var right = old
          right.start = range.upperBound
          kept.append(right)
        }
        last += 1
      }
      runs.replaceSubrange(first..<last, with: kept)
    }
  }

  init(_ program: Program, _ plan: MemoryPlan) {
    self.program = program
    self.plan = plan
    stepOfNode = Array(repeating: nil, count: program.graph.nodes.count)
    isSettled = Array(repeating: false, count: program.graph.nodes.count)
    shown = Array(repeating: [], count: program.graph.nodes.count)
    for (step, nodes) in plan.stepNodes.enumerated() {
      for node in nodes { stepOfNode[node.index] = step }
    }
    for id in program.settled { isSettled[id.index] = true }
    for node in program.graph.nodes where program.isNeeded[node.id.index] {
      shown[node.id.index] = stretches(of: node)
    }
    for run in program.joins.runs {
      var offset = 0
      for leaf in run {
        storage[leaf] = (run[0], offset)
        offset += bytes(leaf)
      }
    }
  }

  private var graph: Graph { program.graph }

  // MARK: What the ops say

  private func bytes(_ id: NodeID) -> Int {
    plan.shapes[id.index].reduce(1, *) * graph[id].type.dtype.byteCount
  }

  /// The values that a node shows at one run, in order.
  private func pieces(_ id: NodeID, _ run: Int) -> [Piece] {
    shown[id.index].map { stretch in
      let value: Value
      switch graph[stretch.owner].body {
      case .leaf(.constant), .leaf(.size): value = .constant(stretch.owner)
      case .leaf(.parameter), .leaf(.state): value = .kept(stretch.owner, run: run)
      case .operation where isSettled[stretch.owner.index]: value = .constant(stretch.owner)
      case .leaf, .operation: value = .computed(stretch.owner, run: run)
      }
      return Piece(value: value, first: stretch.first, bytes: stretch.bytes)
    }
  }

  /// What a node shows, once that is known of its operands: itself, or what it is a view of.
  private func stretches(of node: Node) -> [Stretch] {
    let itself = [Stretch(owner: node.id, first: 0, bytes: bytes(node.id))]
    guard let operation = node.operation else { return itself }
    switch operation.definition.storage {
    case .own, .over: return itself
    case .view(let place): return shown[node.operands[place].index]
    case .stretch(let start):
      let types = node.operands.map { graph[$0].type }
      guard let start = start(types, operation.attributes),
        let first = try? start.evaluated(plan.sizes)
      else { return itself }
      return cut(
        shown[node.operands[0].index], from: first * node.type.dtype.byteCount, bytes(node.id))
    case .joined:
      if stepOfNode[node.id.index] != nil || isSettled[node.id.index] { return itself }
      // Nothing computes it, so it is the memory of leaves that lie side by side.
      return node.operands.flatMap { shown[$0.index] }
    }
  }

  private func cut(_ stretches: [Stretch], from first: Int, _ bytes: Int) -> [Stretch] {
    var found: [Stretch] = []
    var start = 0
    for stretch in stretches {
      let (low, high) = (max(start, first), min(start + stretch.bytes, first + bytes))
      if low < high {
        found.append(
          Stretch(owner: stretch.owner, first: stretch.first + low - start, bytes: high - low))
      }
      start += stretch.bytes
    }
    return found
  }

  private func isView(_ id: NodeID) -> Bool { shown[id.index].first?.owner != id }

  /// Whether `result`, a member of a step, may be written over an operand of `reader`, a member
  /// that comes no later: only when both go element for element.
  private func mayOverwrite(_ result: NodeID, reader: NodeID, operand: NodeID) -> Bool {
    guard let made = graph[result].operation, let read = graph[reader].operation,
      plan.shapes[operand.index].reduce(1, *) == plan.shapes[result.index].reduce(1, *),
      graph[operand].type.dtype == graph[result].type.dtype
    else { return false }
    if stepOfNode[result.index].map({ plan.stepNodes[$0].count == 1 }) ?? true {
      guard case .over(let allowed) = made.definition.storage else { return false }
      return graph[result].operands.indices.allSatisfy {
        graph[result].operands[$0] != operand
          || (allowed.contains($0) && plan.shapes[operand.index] == plan.shapes[result.index])
      }
    }
    guard case .elementwise? = made.definition.fusion else { return false }
    switch read.definition.fusion {
    case .elementwise?:
      return plan.shapes[operand.index].reduce(1, *) == plan.shapes[reader.index].reduce(1, *)
    case .sum?: return true
    case .anchor?, .window?, .join?: return false
    case nil: return isView(reader)
    }
  }

  // MARK: Memory

  private func range(
    _ place: MemoryPlan.Place, _ offset: Int, _ bytes: Int
  ) -> (space: NodeID?, Range<Int>) {
    switch place {
    case .arena(let index):
      let start = plan.allocations[index].offset + offset
      return (nil, start..<(start + bytes))
    case .persistent(let leaf):
      let own = storage[leaf] ?? (leaf, 0)
      return (own.first, (own.offset + offset)..<(own.offset + offset + bytes))
    }
  }

  /// Where a node's value is; nil when it has no memory.
  private func range(of id: NodeID) -> (space: NodeID?, Range<Int>)? {
    plan.places[id.index].map { range($0, plan.offsets[id.index], bytes(id)) }
  }

  private mutating func write(_ value: Value, _ place: (space: NodeID?, range: Range<Int>)) {
    let run = ByteMap.Run(
      start: place.range.lowerBound, end: place.range.upperBound, value: value,
      origin: place.range.lowerBound)
    memory[place.space, default: ByteMap()].replace(
      place.range, with: place.range.isEmpty ? [] : [run])
  }

  /// What is wrong with a place where values are expected; nil when they are there.
  private func fault(_ pieces: [Piece], _ place: (space: NodeID?, range: Range<Int>)) -> String? {
    var start = place.range.lowerBound
    for piece in pieces {
      let range = start..<(start + piece.bytes)
      let found = memory[place.space]?.runs(in: range) ?? []
      let length = found.reduce(0) { $0 + $1.end - $1.start }
      let origin = start - piece.first
      if length != range.count
        || found.contains(where: { $0.value != piece.value || $0.origin != origin })
      {
        return "finds another value"
      }
      start = range.upperBound
    }
    return start == place.range.upperBound ? nil : "finds too little"
  }

  // MARK: Playing

  mutating func bind() {
    for leaf in graph.persistent where program.isNeeded[leaf.id.index] {
      write(.kept(leaf.id, run: 0), range(.persistent(leaf.id), 0, bytes(leaf.id)))
    }
    for node in graph.nodes where program.isNeeded[node.id.index] {
      guard let place = plan.places[node.id.index], let range = range(of: node.id) else {
        // Inside a fused group a value may live in blocks alone.
        if node.group == nil { complaints.append("\(node.label) has no place") }
        continue
      }
      if case .arena(let index) = place,
        plan.offsets[node.id.index] + bytes(node.id) > plan.allocations[index].bytes
      {
        complaints.append("\(node.label) is larger than its allocation")
      }
      switch node.body {
      case .leaf(.constant), .leaf(.size): write(.constant(node.id), range)
      case .operation where isSettled[node.id.index] && !isView(node.id):
        for operand in node.operands { read(operand, by: node.id, 0) }
        write(.constant(node.id), range)
      case .leaf, .operation: break
      }
    }
  }

  private mutating func read(_ operand: NodeID, by id: NodeID, _ run: Int) {
    guard let from = range(of: operand) else {
      complaints.append("\(graph[id].label) reads \(graph[operand].label), which has no place")
      return
    }
    if let fault = fault(pieces(operand, run), from) {
      complaints.append("\(graph[id].label) reading \(graph[operand].label) \(fault)")
    }
  }

  mutating func play(_ run: Int) {
    for node in graph.nodes
    where program.isNeeded[node.id.index] && program.fed.contains(node.label) {
      if let range = range(of: node.id) { write(.computed(node.id, run: run), range) }
    }
    for copy in plan.before { move(copy) }
    for nodes in plan.stepNodes { step(nodes, run) }
    for copy in plan.after { move(copy) }
    for (output, place) in zip(program.outputs, plan.outputPlaces) {
      let range = range(place.place, place.offset, bytes(output.node))
      if let fault = fault(pieces(output.node, run), range) {
        complaints.append("output \(output.name) \(fault)")
      }
    }
    let kept = graph.persistent.filter { program.isNeeded[$0.id.index] }
    for leaf in kept {
      let update = graph.updates.first { $0.target == leaf.id }
      let range = range(.persistent(leaf.id), 0, bytes(leaf.id))
      if let fault = fault(pieces(update?.value ?? leaf.id, run), range) {
        complaints.append("after the run, \(leaf.label) \(fault)")
      }
    }
    for leaf in kept {
      write(.kept(leaf.id, run: run + 1), range(.persistent(leaf.id), 0, bytes(leaf.id)))
    }
  }

  private mutating func move(_ copy: MemoryPlan.Copy) {
    let (source, from) = range(copy.from, copy.fromOffset, copy.bytes)
    let (target, to) = range(copy.to, 0, copy.bytes)
    let distance = to.lowerBound - from.lowerBound
    let runs = (memory[source]?.runs(in: from) ?? []).map { run in
      ByteMap.Run(
        start: run.start + distance, end: run.end + distance, value: run.value,
        origin: run.origin + distance)
    }
    memory[target, default: ByteMap()].replace(to, with: runs)
  }

  /// The members of a group one after another. They run block by block, so what comes later in the
  /// group may write over what a member reads only element for element.
  private mutating func step(_ nodes: [NodeID], _ run: Int) {
    let members = Set(nodes)
    for (index, id) in nodes.enumerated() {
      for operand in graph[id].operands {
        if members.contains(operand), plan.places[operand.index] == nil { continue }
        read(operand, by: id, run)
        for result in nodes[index...] where !isView(result) {
          checkOverlap(result, reader: id, operand)
        }
      }
      if let range = range(of: id), !isView(id) { write(.computed(id, run: run), range) }
    }
  }

  private mutating func checkOverlap(_ result: NodeID, reader: NodeID, _ operand: NodeID) {
    guard let (target, written) = range(of: result), let (source, read) = range(of: operand),
      target == source, written.overlaps(read)
    else { return }
    if written != read || !mayOverwrite(result, reader: reader, operand: operand) {
      complaints.append("\(graph[result].label) writes over its operand \(graph[operand].label)")
    }
  }
}
