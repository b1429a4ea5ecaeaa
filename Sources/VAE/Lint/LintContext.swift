import Ayatori
import GraphIR
import GraphOps
import Passes

/// What the rules ask of a graph, found out once.
struct LintContext: Sendable {
  let graph: Graph
  let ranges: [ValueRange]
  let users: [[NodeID]]
  /// The scalar that is minimised, if there is one, and what people call it.
  let loss: NodeID?
  let lossName: String?
  let draws: [Draw]
  /// Scalars that constants and sizes alone determine.
  let constants: Set<NodeID>
  /// The graph with what would lose digits rewritten; its draws are not lowered.
  let stable: Graph
  /// Where hazards are exposed in what an output or update needs, in graph order: in the graph as
  /// it is written, and in the rewritten one.
  let dangers: [Danger]
  let stableDangers: [Danger]
  /// Nodes that depend on a parameter.
  private let trained: [Bool]
  /// What was rewritten, by where the person wrote it.
  private let rewrites: [SourceLocation: [String]]

  init(_ graph: Graph, loss name: String?) throws {
    self.graph = graph
    ranges = graph.ranges()
    users = graph.users()
    dangers = LintContext.dangers(in: graph, ranges)
    if let name, graph.value(named: name) == nil {
      throw Diagnostic(
        "unknown-node", "graph '\(graph.name)' has no node '\(name)'", place: "--loss",
        expected: "the name of a scalar node", got: "'\(name)'",
        fix: nearest(to: name, among: graph.names).map { "did you mean '\($0)'?" })
    }
    lossName = name ?? (try? Compiler.lossName(of: graph))
    loss = lossName.flatMap { graph.value(named: $0)?.id }
    draws = Draw.all(in: graph)
    constants = graph.constantScalars
    var trained = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes {
      trained[node.id.index] =
        node.isParameter || node.operands.contains { trained[$0.index] }
    }
    self.trained = trained
    let compiler = Compiler()
    stable = try compiler.run([.stabilize], on: graph)
    stableDangers = LintContext.dangers(in: stable, stable.ranges())
    var rewrites: [SourceLocation: [String]] = [:]
    for replacement in compiler.journal.replacements {
      guard let location = replacement.location else { continue }
      rewrites[location, default: []].append(replacement.rule)
    }
    self.rewrites = rewrites
  }

  private static func dangers(in graph: Graph, _ ranges: [ValueRange]) -> [Danger] {
    let isNeeded = graph.needed(by: graph.outputs.map(\.node) + graph.updates.map(\.value))
    return graph.nodes.filter { isNeeded[$0.id.index] }.flatMap {
      Danger.all(at: $0, graph, ranges)
    }
  }

  /// The graph with the estimators of its draws applied: there the costs carry the gradients that
  /// do not pass a draw. Throws a `PassFailure`, which is a mistake in Ayatori.
  func applyingEstimators() throws -> Graph {
    try Compiler().run([.applyEstimators], on: graph, isOptional: false)
  }

  /// Rules that fired where `node` was written, each once, in order.
  func rewrites(of node: NodeID) -> [String] { rewrites(at: [graph[node]]) }

  /// The same for the whole expression around `node`, up to what has a name.
  func rewrites(ofExpressionAt node: Node) -> [String] {
    var around: [Node] = []
    var pending = [node.id]
    var seen: Set<NodeID> = []
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      around.append(graph[id])
      if graph[id].name == nil { pending += users[id.index] }
    }
    return rewrites(at: around)
  }

  private func rewrites(at nodes: [Node]) -> [String] {
    var seen: Set<String> = []
    return nodes.compactMap(\.location).flatMap { rewrites[$0] ?? [] }.filter {
      seen.insert($0).inserted
    }
  }

  /// Whether the node depends on a parameter.
  func isTrained(_ node: NodeID) -> Bool { trained[node.index] }

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
      if case .elementwise? = graph[id].definition?.fusion {
        pending += graph[id].operands.filter { !graph[$0].isNoise && graph[$0].leaf == nil }
      }
    }
    return found
  }
}
