import Autodiff
import GraphIR
import GraphOps
import Runtime

/// A lowered graph of which the gradient that its cuts leave is the whole derivative: the values
/// that are cut off from derivatives are inputs, and stay what they are at one point.
///
/// A cut says that a value counts as a constant: behind `stop_gradient`, at a draw whose costs
/// carry the derivative, in a straight-through draw. Held at its value, it is one.
struct HeldCuts {
  let graph: Graph
  /// What was held, as it stands in the graph as given.
  let cuts: [GradientCheck.HeldCut]
  /// The values, by the names of the inputs.
  let values: [String: NDArray]

  /// Holds what lies between `targets` and `root` on edges that the ops' records call stopped, and
  /// no others: where a rule alone says that no derivative passes, the rule may be wrong.
  ///
  /// Throws as binding and running do.
  init(
    _ lowered: Graph, root: NodeID, targets: [NodeID], at point: DifferenceProgram.Point
  ) throws {
    let held = HeldCuts.cuts(lowered, root: root, targets: targets)
    guard !held.isEmpty else {
      (graph, cuts, values) = (lowered, [], [:])
      return
    }
    let known = try HeldCuts.values(of: held, lowered, point)
    let rebuilder = GraphRebuilder(lowered)
    var values: [String: NDArray] = [:]
    for node in lowered.nodes {
      guard held.contains(node.id), let value = known[node.id] else {
        rebuilder.copy(node)
        continue
      }
      let name = node.name ?? rebuilder.builder.freeName("held \(node.id)")
      values[name] = value
      rebuilder.replace(node) { rebuilder.builder.leaf(.input, node.type, name: name) }
    }
    graph = rebuilder.finish()
    cuts = lowered.nodes.filter { held.contains($0.id) }.map {
      GradientCheck.HeldCut(node: $0.mention, scope: $0.scope, location: $0.location)
    }
    self.values = values
  }

  /// Nodes of which every operand is stopped, on a way from a target to the root, the first on each
  /// way: what lies behind one does not move.
  private static func cuts(_ graph: Graph, root: NodeID, targets: [NodeID]) -> Set<NodeID> {
    var moves = [Bool](repeating: false, count: graph.nodes.count)
    for target in targets { moves[target.index] = true }
    var candidates: Set<NodeID> = []
    for node in graph.nodes where node.operands.contains(where: { moves[$0.index] }) {
      if node.isCut { candidates.insert(node.id) } else { moves[node.id.index] = true }
    }
    // Backwards from the root, and no further than to what is held.
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    isNeeded[root.index] = true
    for node in graph.nodes.reversed() where isNeeded[node.id.index] {
      if candidates.contains(node.id) { continue }
      for operand in node.operands { isNeeded[operand.index] = true }
    }
    return candidates.filter { isNeeded[$0.index] }
  }

  /// The values of some nodes at the point, by the graph as it is written.
  private static func values(
    of nodes: Set<NodeID>, _ graph: Graph, _ point: DifferenceProgram.Point
  ) throws -> [NodeID: NDArray] {
    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    builder.removeUpdates()
    for id in nodes.sorted() { builder.output("\(id)", Value(builder: builder, id: id)) }
    let whole = builder.build()
    let program = try CompiledGraph(
      optimized: whole, feeding: whole.fedNoise(point.inputs.keys))
    let results = try program.run(
      inputs: point.inputs.filter { program.program.fed.contains($0.key) },
      parameters: point.parameters, sizes: point.sizes, seed: point.seed, step: point.step)
    return Dictionary(
      uniqueKeysWithValues: nodes.compactMap { id in results["\(id)"].map { (id, $0) } })
  }
}

extension Node {
  /// Whether the node hands values on and no derivative, by its op's record.
  fileprivate var isCut: Bool {
    guard let operation, !operands.isEmpty else { return false }
    return operands.indices.allSatisfy { operation.definition.operandSpec(at: $0).edge == .stopped }
  }
}

extension BlockedEdge {
  /// Whether the op's record says that the edge is cut: every place of the operand is stopped.
  func isCut(in graph: Graph) -> Bool {
    let user = graph[user]
    guard let operation = user.operation else { return false }
    return user.operands.indices.allSatisfy {
      user.operands[$0] != operand || operation.definition.operandSpec(at: $0).edge == .stopped
    }
  }
}
