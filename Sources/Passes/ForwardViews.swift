import GraphIR
import GraphOps

extension Pass {
  /// Replaces views that only mark something for people or for derivatives by what they show, once
  /// derivatives are taken. Names become aliases.
  ///
  ///     c = contribution(x, index: 0) -> c = x
  ///     s = stop_gradient(x)          -> s = x
  public static let forwardViews = Pass(
    "forward_views", "contribution(x), stop_gradient(x) -> x"
  ) { graph in
    let rebuilder = GraphRebuilder(graph)
    for node in graph.nodes {
      if let op = node.operation?.definition, op == .contribution || op == .stopGradient {
        rebuilder.replace(node) { rebuilder.operands(of: node)[0] }
      } else {
        rebuilder.copy(node)
      }
    }
    return rebuilder.finish()
  }
}
