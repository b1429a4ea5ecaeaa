import GraphIR
import Passes

extension Compiler {
  /// An estimator that samples a divergence needs one that the loss has in closed form. Throws a
  /// diagnostic for each draw without.
  static func checkEstimators(_ graph: Graph) throws(Diagnostics) {
    let found = graph.draws.filter { node in
      guard let estimator = node.operation?.estimator, estimator.divergence != .closed else {
        return false
      }
      return graph.closedDivergences(of: node.id).isEmpty
    }
    guard found.isEmpty else { throw Diagnostics(found.map { .noDivergence($0) }) }
  }
}

extension Diagnostic {
  static func noDivergence(_ node: Node) -> Diagnostic {
    Diagnostic(
      "no-divergence",
      "the estimator of '\(node.label)' samples its divergence, but the graph has none",
      at: node.location, place: "the estimator of '\(node.label)'",
      expected: "a term such as kl_normal(mean: …, log_variance: …) of the draw's own parameters",
      got: "'\(node.operation?.estimator?.name ?? "")' without one",
      fix: "with the divergence sampled by hand: estimator pathwise")
  }
}
