import GraphIR
import GraphOps

extension Pass {
  /// Replaces each op that has no kernel by its decomposition; the node's names go over.
  ///
  ///     z ~ normal(mean: mu, log_variance: s, noise: z.eps)
  ///     => z.sigma = exp(mul(0.5, s));  z = add(mu, mul(z.sigma, z.eps))
  ///
  /// Ops whose decomposition is only on request stay. No limit on replacements holds it back:
  /// without it nothing runs.
  public static let lowerSampling = Pass(
    "lower_sampling", "z ~ normal(m, s) => m + exp(s/2)·eps, by the node's estimator"
  ) { graph, context in
    let rebuilder = GraphRebuilder(graph)
    var makers: [NodeID: [Int]] = [:]
    for node in graph.nodes {
      guard let operation = node.operation, let decomposition = operation.definition.decomposition,
        decomposition.when == .always
      else {
        rebuilder.copy(node)
        continue
      }
      let firstNew = rebuilder.builder.nodeCount
      let value = rebuilder.replace(node) {
        decomposition.body(
          OpContext(
            builder: rebuilder.builder, operands: rebuilder.operands(of: node),
            attributes: operation.attributes, type: node.type, name: node.name))
      }
      let index = context.record(
        rule: "lower_\(operation.definition.name)", pattern: operation.definition.summary,
        float: .exact, nodes: [node.mention], result: rebuilder.builder.phrase(of: value.id),
        location: node.location)
      for new in firstNew..<rebuilder.builder.nodeCount { makers[NodeID(new)] = [index] }
    }
    let new = rebuilder.finish()
    return PassResult(graph: new, places: rebuilder.places, makers: makers)
  }
}
