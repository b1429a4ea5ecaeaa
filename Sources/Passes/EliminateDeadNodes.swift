import GraphIR

extension Pass {
  /// Drops what no output and no update needs. Inputs, parameters and state stay: they are the
  /// graph's signature.
  public static let eliminateDeadNodes = Pass(
    "eliminate_dead_nodes", "nodes that no output or update needs -> nothing"
  ) { graph in
    let needed = graph.needed(
      by: graph.outputs.map(\.node) + graph.updates.flatMap { [$0.target, $0.value] })
    return graph.filtered { node in
      needed[node.id.index] || node.isInput || node.isPersistent
    }
  }
}
