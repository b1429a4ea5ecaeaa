import GraphIR

/// What a memory plan costs, and why: every allocation with the values in it, what is kept for the
/// backward pass and who reads it there, the bytes in use at each step.
///
/// Moments count as in `MemoryPlan`: 0 is before the first step, i is step i, and one more than
/// the number of steps is after the last, when outputs are read.
public struct PlanReport: Sendable, Encodable {
  /// What a value is.
  public enum Kind: String, Sendable, Encodable, CaseIterable {
    case input, noise, constant, forward, backward, update
    /// A copy of a persistent leaf's value from before the run.
    case copy
  }

  /// A step that reads a value.
  public struct Reader: Sendable, Encodable, Equatable {
    /// The node as messages mention it.
    public var node: String
    public var op: String
    public var step: Int
    /// The derivative that the node is part of, `d_loss/d_h1`, where it has another name.
    public var derivative: String?
  }

  /// A value in the arena.
  public struct Value: Sendable, Encodable {
    /// The node as messages mention it.
    public var name: String
    /// The op that computes it; nil for leaves.
    public var op: String?
    public var type: String
    public var kind: Kind
    /// As long as its numbers are, without padding.
    public var bytes: Int
    /// The moment at which it appears.
    public var born: Int
    /// The last moments at which a forward step and any step read it; nil when none does.
    public var lastForwardRead: Int?
    public var lastRead: Int?
    public var isOutput: Bool
    /// The first and the last step of the backward pass or the update that read it after the
    /// forward pass is done with it. Empty when none does, and for values of no forward pass.
    public var savedFor: [Reader]

    /// Whether it has to outlive the forward pass for the backward pass.
    public var isSaved: Bool { !savedFor.isEmpty }
  }

  /// A stretch of the arena.
  public struct Allocation: Sendable, Encodable {
    public var offset: Int
    /// With padding.
    public var bytes: Int
    /// The first and the last moment of its life.
    public var first: Int
    public var last: Int
    /// In the order of their birth; each is written over the one before, but for constants, which
    /// lie side by side.
    public var values: [Value]
  }

  /// One step of the plan.
  public struct Step: Sendable, Encodable {
    /// What to call it: what it renews, or the last of its nodes that has a name.
    public var label: String
    /// The nodes that it computes, as messages mention them.
    public var nodes: [String]
    public var ops: [String]
    public var kind: Kind
    public var reads: [String]
    /// The parameters and states that it renews.
    public var updates: [String]
    /// Bytes of the arena in use while it runs.
    public var liveBytes: Int
  }

  public var graph: String
  public var sizes: [String: Int]
  public var arenaBytes: Int
  /// The bytes in use at the fullest moment.
  public var lowerBound: Int
  /// The first moment at which as many bytes are in use.
  public var fullestMoment: Int
  /// Arena over lower bound.
  public var ratio: Double
  /// The planner that found the smallest arena.
  public var planner: String
  public var parameterBytes: Int
  public var stateBytes: Int
  public var constantBytes: Int
  /// By moment.
  public var liveBytes: [Int]
  public var steps: [Step]
  /// By offset, then by birth.
  public var allocations: [Allocation]

  /// The values of the forward pass that are kept for the backward pass or the update, in the
  /// order of their birth.
  public var saved: [Value]

  /// Reads the report off a plan.
  public init(_ program: Program, _ plan: MemoryPlan) {
    let reading = PlanReading(program, plan)
    graph = program.graph.name
    sizes = plan.sizes
    arenaBytes = plan.arenaBytes
    planner = plan.planner
    liveBytes = plan.liveBytes
    lowerBound = liveBytes.max() ?? 0
    fullestMoment = liveBytes.firstIndex(of: lowerBound) ?? 0
    ratio = lowerBound == 0 ? 1 : Double(plan.arenaBytes) / Double(lowerBound)
    let needed = program.graph.nodes.filter { program.isNeeded[$0.id.index] }
    parameterBytes = needed.filter(\.isParameter).reduce(0) { $0 + reading.bytes($1.id) }
    stateBytes =
      needed.filter { $0.isPersistent && !$0.isParameter }.reduce(0) { $0 + reading.bytes($1.id) }
    allocations = reading.allocations()
    constantBytes = plan.constants.map { plan.allocations[$0].bytes } ?? 0
    saved = allocations.flatMap(\.values).filter(\.isSaved).sorted {
      ($0.born, $0.name) < ($1.born, $1.name)
    }
    steps = reading.steps(liveBytes)
  }
}

/// Who writes and who reads what, read off the steps alone, without the plan's lifetimes.
private struct PlanReading {
  let program: Program
  let plan: MemoryPlan
  /// The moment at which a step computes the node; nil for what no step computes.
  private var moments: [Int?]
  /// The node whose value a node shows: itself, or what it is a view of.
  private var roots: [NodeID]
  /// The nodes that read each node's value, in the order of time.
  private var readers: [[(moment: Int, node: NodeID)]]

  private var graph: Graph { program.graph }

  init(_ program: Program, _ plan: MemoryPlan) {
    self.program = program
    self.plan = plan
    let count = program.graph.nodes.count
    moments = Array(repeating: nil, count: count)
    roots = program.graph.nodes.map(\.id)
    readers = Array(repeating: [], count: count)
    for (step, nodes) in plan.stepNodes.enumerated() {
      for node in nodes { moments[node.index] = step + 1 }
    }
    for node in graph.nodes where program.isNeeded[node.id.index] {
      if let viewed = program.viewed(node.id) { roots[node.id.index] = roots[viewed.index] }
    }
    for (step, nodes) in plan.stepNodes.enumerated() {
      for node in nodes where program.viewed(node) == nil {
        for operand in graph[node].operands {
          readers[roots[operand.index].index].append((step + 1, node))
        }
      }
    }
  }

  func bytes(_ id: NodeID) -> Int {
    plan.shapes[id.index].reduce(1, *) * graph[id].type.dtype.byteCount
  }

  // MARK: Values

  private func kind(_ node: Node) -> PlanReport.Kind {
    switch node.body {
    case .leaf(.input): return .input
    case .leaf(.noise): return program.fed.contains(node.label) ? .input : .noise
    case .leaf(.constant), .leaf(.size): return .constant
    // Persistent leaves are not in the arena.
    case .leaf(.parameter), .leaf(.state): return .copy
    case .operation:
      // What no step computes is computed once, when the program is bound.
      return moments[node.id.index] == nil ? .constant : kind(node.role)
    }
  }

  private func kind(_ role: Role) -> PlanReport.Kind {
    switch role {
    case .forward: .forward
    case .adjoint: .backward
    case .update: .update
    }
  }

  private func value(_ id: NodeID, outputs: Set<NodeID>) -> PlanReport.Value {
    let node = graph[id]
    let reads = readers[id.index]
    let kind = kind(node)
    let born = moments[id.index] ?? 0
    let lastForwardRead = reads.last { graph[$0.node].role == .forward }?.moment
    let backward = reads.filter {
      graph[$0.node].role != .forward && $0.moment > lastForwardRead ?? born
    }
    let isForward = [.forward, .input, .noise].contains(kind)
    var savedFor: [PlanReport.Reader] = []
    if isForward, let first = backward.first, let last = backward.last {
      savedFor = [reader(first)]
      if last.node != first.node { savedFor.append(reader(last)) }
    }
    return PlanReport.Value(
      name: node.mention, op: node.definition?.name,
      type: "\(node.type.dtype)[\(plan.shapes[id.index].map(String.init).joined(separator: ", "))]",
      kind: kind, bytes: bytes(id), born: born, lastForwardRead: lastForwardRead,
      lastRead: reads.last?.moment, isOutput: outputs.contains(id), savedFor: savedFor)
  }

  private func reader(_ read: (moment: Int, node: NodeID)) -> PlanReport.Reader {
    let node = graph[read.node]
    var derivative: String?
    if case .adjoint(let of?, let root, _) = node.role {
      let name = "d_\(root)/d_\(graph[of].label)"
      if name != node.name { derivative = name }
    }
    return PlanReport.Reader(
      node: node.mention, op: node.definition?.name ?? "", step: read.moment,
      derivative: derivative)
  }

  // MARK: Allocations and steps

  func allocations() -> [PlanReport.Allocation] {
    var tenants: [[NodeID]] = Array(repeating: [], count: plan.allocations.count)
    for node in graph.nodes where roots[node.id.index] == node.id {
      if let index = plan.allocation(of: node.id) { tenants[index].append(node.id) }
    }
    let outputs = Set(program.outputs.map { roots[$0.node.index] })
    let copies = copies()
    return plan.allocations.enumerated().map { index, allocation in
      var values = tenants[index].map { value($0, outputs: outputs) }
      values.sort { $0.born < $1.born }
      if values.isEmpty, let leaf = copies[index] { values = [copy(of: leaf)] }
      return PlanReport.Allocation(
        offset: allocation.offset, bytes: allocation.bytes, first: allocation.lifetime.lowerBound,
        last: allocation.lifetime.upperBound, values: values)
    }.sorted { ($0.offset, $0.first) < ($1.offset, $1.first) }
  }

  /// The persistent leaves that are copied before the first step, by allocation.
  private func copies() -> [Int: NodeID] {
    var copies: [Int: NodeID] = [:]
    for copy in plan.before {
      if case .persistent(let leaf) = copy.from, case .arena(let index) = copy.to {
        copies[index] = leaf
      }
    }
    return copies
  }

  private func copy(of leaf: NodeID) -> PlanReport.Value {
    var value = value(leaf, outputs: [])
    value.kind = .copy
    value.lastForwardRead = nil
    value.lastRead = nil
    value.savedFor = []
    return value
  }

  func steps(_ liveBytes: [Int]) -> [PlanReport.Step] {
    var updates: [NodeID: [NodeID]] = [:]
    for update in graph.updates { updates[update.value, default: []].append(update.target) }
    return plan.stepNodes.enumerated().map { index, nodes in
      var reads: [NodeID] = []
      for node in nodes {
        for operand in graph[node].operands
        where !nodes.contains(operand) && !reads.contains(operand) {
          reads.append(operand)
        }
      }
      // A group is what its last member is.
      let last = nodes.last.map { graph[$0] }
      let renewed = nodes.flatMap { updates[$0] ?? [] }.sorted { $0.index < $1.index }
      let named = nodes.last { graph[$0].name != nil } ?? nodes.last
      return PlanReport.Step(
        label: renewed.first.map { "update " + graph[$0].label }
          ?? named.map { graph[$0].mention } ?? "",
        nodes: nodes.map { graph[$0].mention },
        ops: nodes.map { graph[$0].definition?.name ?? "draw" },
        kind: last.map { $0.isNoise ? .noise : kind($0.role) } ?? .forward,
        reads: reads.map { graph[$0].mention },
        updates: renewed.map { graph[$0].label },
        liveBytes: liveBytes.indices.contains(index + 1) ? liveBytes[index + 1] : 0)
    }
  }
}
