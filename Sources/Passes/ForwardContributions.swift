import GraphIR
import GraphOps

extension Pass {
  /// Replaces the marks on an adjoint's addends by what they mark, once derivatives are taken.
  /// Names become aliases.
  ///
  ///     c = contribution(x, index: 0) -> c = x
  ///
  /// `stop_gradient` stays: it costs nothing when it runs, and the graph may be differentiated
  /// again.
  public static let forwardContributions = Pass(
    "forward_contributions", "contribution(x) -> x"
  ) { graph in
    let rebuilder = GraphRebuilder(graph)
    for node in graph.nodes {
      if node.operation?.definition == .contribution {
        rebuilder.replace(node) { rebuilder.operands(of: node)[0] }
      } else {
        rebuilder.copy(node)
      }
    }
    return rebuilder.finish()
  }
}
