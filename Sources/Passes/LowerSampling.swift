import GraphIR

extension Pass {
  /// Replaces each op that has no kernel by its decomposition; the node's names go over.
  ///
  ///     z ~ normal(mean: mu, log_variance: s, noise: z.eps)
  ///     -> z.sigma = exp(mul(0.5, s));  z = add(mu, mul(z.sigma, z.eps))
  ///
  /// Ops whose decomposition is only on request stay.
  public static let lowerSampling = Pass(
    "lower_sampling", "z ~ normal(m, s) -> m + exp(s/2)·eps, by the node's estimator"
  ) { graph in
    let rebuilder = GraphRebuilder(graph)
    for node in graph.nodes {
      guard let operation = node.operation, let decomposition = operation.definition.decomposition,
        decomposition.when == .always
      else {
        rebuilder.copy(node)
        continue
      }
      rebuilder.replace(node) {
        decomposition.body(
          OpContext(
            builder: rebuilder.builder, operands: rebuilder.operands(of: node),
            attributes: operation.attributes, type: node.type, name: node.name))
      }
    }
    return rebuilder.finish()
  }
}
