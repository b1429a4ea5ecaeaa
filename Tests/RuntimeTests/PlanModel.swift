import GraphIR
import Runtime

/// A naive model of memory that knows nothing of lifetimes: it plays a plan byte by byte (in
/// blocks of 64) and writes down whose value each byte holds. What a step, a copy or a reader finds
/// there must be the value it came for.
struct PlanModel {
  private struct Byte: Hashable {
    /// Nil is the arena.
    let leaf: NodeID?
    let block: Int
  }

  private enum Owner: Hashable {
    case value(NodeID, run: Int)
    case kept(NodeID, run: Int)
    case constant(NodeID)
  }

  let program: Program
  let plan: MemoryPlan
  private var memory: [Byte: Owner] = [:]
  private(set) var complaints: [String] = []

  init(_ program: Program, _ plan: MemoryPlan) {
    self.program = program
    self.plan = plan
  }

  /// Two runs in a row; returns what went wrong.
  static func complaints(_ program: Program, _ plan: MemoryPlan) -> [String] {
    var model = PlanModel(program, plan)
    model.bind()
    for run in 0..<2 { model.play(run) }
    return model.complaints
  }

  private var graph: Graph { program.graph }

  /// The node whose value a node shows, by the ops' own word.
  private func root(_ id: NodeID) -> NodeID {
    if let operation = graph[id].operation, case .view(let of) = operation.definition.storage {
      return root(graph[id].operands[of])
    }
    return id
  }

  private func size(_ id: NodeID) -> Int {
    plan.shapes[id.index].reduce(1, *) * graph[id].type.dtype.byteCount
  }

  private func blocks(_ place: MemoryPlan.Place, _ bytes: Int) -> [Byte] {
    let start: Int
    let leaf: NodeID?
    switch place {
    case .arena(let index): (start, leaf) = (plan.allocations[index].offset, nil)
    case .persistent(let id): (start, leaf) = (0, id)
    }
    return stride(from: start / 64, to: (start + bytes + 63) / 64, by: 1).map {
      Byte(leaf: leaf, block: $0)
    }
  }

  private func owner(_ id: NodeID, _ run: Int) -> Owner {
    let root = root(id)
    if graph[root].isPersistent { return .kept(root, run: run) }
    switch graph[root].body {
    case .leaf(.constant), .leaf(.size): return .constant(root)
    default: return .value(root, run: run)
    }
  }

  private mutating func write(_ owner: Owner, _ place: MemoryPlan.Place, _ bytes: Int) {
    for byte in blocks(place, bytes) { memory[byte] = owner }
  }

  private mutating func expect(
    _ owner: Owner, _ place: MemoryPlan.Place, _ bytes: Int, _ what: String
  ) {
    if blocks(place, bytes).contains(where: { memory[$0] != owner }) {
      complaints.append("\(what) finds another value")
    }
  }

  private mutating func bind() {
    for node in graph.nodes where program.isNeeded[node.id.index] {
      guard let place = plan.places[node.id.index] else {
        complaints.append("\(node.label) has no place")
        continue
      }
      if case .constant = owner(node.id, 0), root(node.id) == node.id {
        write(.constant(node.id), place, size(node.id))
      }
      if node.isPersistent { write(.kept(node.id, run: 0), place, size(node.id)) }
      if case .arena(let index) = place, size(node.id) > plan.allocations[index].bytes {
        complaints.append("\(node.label) is larger than its allocation")
      }
    }
  }

  private mutating func play(_ run: Int) {
    for node in graph.nodes
    where program.isNeeded[node.id.index] && program.fed.contains(node.label) {
      if let place = plan.places[node.id.index] {
        write(.value(node.id, run: run), place, size(node.id))
      }
    }
    for copy in plan.before { move(copy) }
    for id in plan.steps { step(id, run) }
    for copy in plan.after { move(copy) }
    for (output, place) in zip(program.outputs, plan.outputPlaces) {
      expect(owner(output.node, run), place, size(output.node), "output \(output.name)")
    }
    for leaf in graph.persistent where program.isNeeded[leaf.id.index] {
      let update = graph.updates.first { $0.target == leaf.id }
      let wanted = owner(update?.value ?? leaf.id, run)
      expect(wanted, .persistent(leaf.id), size(leaf.id), "after the run, \(leaf.label)")
    }
    for leaf in graph.persistent where program.isNeeded[leaf.id.index] {
      write(.kept(leaf.id, run: run + 1), .persistent(leaf.id), size(leaf.id))
    }
  }

  private mutating func move(_ copy: MemoryPlan.Copy) {
    let values = blocks(copy.from, copy.bytes).map { memory[$0] }
    for (byte, value) in zip(blocks(copy.to, copy.bytes), values) { memory[byte] = value }
  }

  private mutating func step(_ id: NodeID, _ run: Int) {
    guard let place = plan.places[id.index] else { return }
    let target = Set(blocks(place, size(id)))
    for (position, operand) in graph[id].operands.enumerated() {
      guard let from = plan.places[operand.index] else { continue }
      expect(
        owner(operand, run), from, size(operand),
        "\(graph[id].label) reading \(graph[operand].label)")
      guard !target.isDisjoint(with: blocks(from, size(operand))) else { continue }
      // Writing over what is being read: only where the op allows it, element for element.
      guard let operation = graph[id].operation,
        case .over(let allowed) = operation.definition.storage, allowed.contains(position),
        plan.shapes[operand.index] == plan.shapes[id.index],
        graph[operand].type.dtype == graph[id].type.dtype,
        target == Set(blocks(from, size(operand)))
      else {
        complaints.append("\(graph[id].label) writes over its operand \(graph[operand].label)")
        continue
      }
    }
    write(.value(id, run: run), place, size(id))
  }
}
