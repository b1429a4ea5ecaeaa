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
    // Costs are averaged over the draws of all of them.
    let repeated = graph.draws.filter { ($0.operation?.draws ?? 1) > 1 }
    if let first = repeated.first,
      let other = repeated.first(where: { $0.operation?.draws != first.operation?.draws })
    {
      throw Diagnostics([.drawsDiffer(first, other)])
    }
  }
}

extension Diagnostic {
  static func drawsDiffer(_ first: Node, _ other: Node) -> Diagnostic {
    let counts = [first, other].map { $0.operation?.draws ?? 1 }
    return Diagnostic(
      "draws-differ",
      "'\(first.label)' and '\(other.label)' are drawn several times, but not as often",
      at: other.location, place: "the draws of '\(other.label)'",
      expected: "draws: \(counts[0]), as of '\(first.label)'; or 1", got: "draws: \(counts[1])",
      notes: [Diagnostic.Note("costs are averaged over the draws of all of them together")])
  }

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
