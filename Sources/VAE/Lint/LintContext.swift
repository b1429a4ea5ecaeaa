import Ayatori
import GraphIR
import GraphOps
import Passes

/// What the rules ask of a graph, found out once.
struct LintContext: Sendable {
  let graph: Graph
  let ranges: [ValueRange]
  let users: [[NodeID]]
  /// Nodes that an output or update needs.
  let isNeeded: [Bool]
  /// The scalar that is minimised, if there is one.
  let loss: NodeID?
  let draws: [Draw]
  /// The graph with what would lose digits rewritten; its draws are not lowered.
  let stable: Graph
  let stableRanges: [ValueRange]
  /// Nodes that depend on a parameter.
  private let trained: [Bool]
  /// What was rewritten, by where the person wrote it.
  private let rewrites: [SourceLocation: [String]]

  init(_ graph: Graph, loss name: String?) throws {
    self.graph = graph
    ranges = graph.ranges()
    users = graph.users()
    isNeeded = graph.needed(by: graph.outputs.map(\.node) + graph.updates.map(\.value))
    if let name, graph.value(named: name) == nil {
      throw Diagnostic(
        "unknown-node", "graph '\(graph.name)' has no node '\(name)'", place: "--loss",
        expected: "the name of a scalar node", got: "'\(name)'",
        fix: nearest(to: name, among: graph.names).map { "did you mean '\($0)'?" })
    }
    let lossName = name ?? (try? Compiler.lossName(of: graph))
    loss = lossName.flatMap { graph.value(named: $0)?.id }
    draws = Draw.all(in: graph)
    var trained = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes {
      trained[node.id.index] =
        node.isParameter || node.operands.contains { trained[$0.index] }
    }
    self.trained = trained
    let compiler = Compiler()
    stable = try compiler.run([.stabilize], on: graph)
    stableRanges = stable.ranges()
    var rewrites: [SourceLocation: [String]] = [:]
    for replacement in compiler.journal.replacements {
      guard let location = replacement.location else { continue }
      rewrites[location, default: []].append(replacement.rule)
    }
    self.rewrites = rewrites
  }

  /// Rules that fired where `node` was written, each once, in order.
  func rewrites(of node: NodeID) -> [String] {
    guard let location = graph[node].location else { return [] }
    var seen: Set<String> = []
    return (rewrites[location] ?? []).filter { seen.insert($0).inserted }
  }

  /// Whether the node depends on a parameter.
  func isTrained(_ node: NodeID) -> Bool { trained[node.index] }

  /// How a fix calls a node: by its name, which could be typed.
  func placeholder(_ node: NodeID) -> String { graph[node].name ?? "x" }

  /// Whether a way leads from any of `starts` to the loss that passes none of `avoided`.
  func reachesLoss(from starts: [NodeID], avoiding avoided: Set<NodeID>) -> Bool {
    guard let loss else { return false }
    var pending = starts
    var seen = avoided
    while let id = pending.popLast() {
      if id == loss { return true }
      guard seen.insert(id).inserted else { continue }
      pending += users[id.index]
    }
    return false
  }

  /// The node and what it is computed from element by element, up to layers and inputs: an exp, a
  /// scaling, a bound.
  func elementwiseSources(of node: NodeID) -> [NodeID] {
    var found: [NodeID] = []
    var pending = [node]
    var seen: Set<NodeID> = []
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      found.append(id)
      if case .elementwise? = graph[id].operation?.definition.fusion {
        pending += graph[id].operands.filter { !graph[$0].isNoise && graph[$0].leaf == nil }
      }
    }
    return found
  }
}
