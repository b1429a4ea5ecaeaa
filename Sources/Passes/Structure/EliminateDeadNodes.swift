import GraphIR

extension Pass {
  /// Drops what no output and no update needs. Inputs, parameters and state stay: they are the
  /// graph's signature.
  public static let eliminateDeadNodes = Pass(
    "eliminate_dead_nodes", "nodes that no output or update needs => nothing"
  ) { graph, context in
    let needed = graph.needed(
      by: graph.outputs.map(\.node) + graph.updates.flatMap { [$0.target, $0.value] })
    func isKept(_ node: Node) -> Bool {
      needed[node.id.index] || node.isInput || node.isPersistent
    }
    let dead = graph.nodes.filter { !isKept($0) }
    guard !dead.isEmpty, context.permitsMore else { return .unchanged(graph) }
    for node in dead {
      context.record(
        rule: "dead_node", pattern: "a node without use => nothing", float: .exact,
        nodes: [node.mention], result: "nothing", location: node.location)
    }
    let (new, places) = graph.keeping(isKept)
    return PassResult(graph: new, places: places)
  }
}
