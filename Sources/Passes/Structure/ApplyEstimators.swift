import GraphIR
import GraphOps

extension Pass {
  /// Makes each draw's estimator part of the graph.
  ///
  ///     z ~ normal(m, s) estimator score;  loss = sum(f(z))
  ///     => z ~ normal(m, s) estimator surrogate
  ///        loss = sum(f(z) · exp(ln q(z) − stop_gradient(ln q(z))))
  ///
  ///     z ~ normal(m, s) estimator pathwise_mc_kl;  kl = kl_normal(m, s)
  ///     => z ~ normal(m, s);  kl = ln q(z) − ln p(z)
  ///
  /// A cost multiplied by such an exponential, which is 1, has the derivative of its expectation,
  /// to every order (DiCE, Foerster et al. 2018); only costs downstream of a draw take part
  /// (Schulman et al. 2015), each for its own slice of the batch where slices do not mix. With
  /// `draws: K` the costs are averaged over K draws. A sampled divergence changes what the loss is
  /// worth at one draw, not on average: the pass gives the graph its meaning, it does not keep one.
  /// Runs before `lower_sampling`, which knows nothing of costs. No limit on replacements holds it
  /// back.
  public static let applyEstimators = Pass(
    "apply_estimators", "f(z) => f(z)·exp(ln q − stop(ln q)), by each draw's estimator",
    keepsMeaning: false
  ) { graph, context in
    guard graph.nodes.contains(where: { $0.operation?.isApplied == false }) else {
      return .unchanged(graph)
    }
    let sampled = sampleDivergences(in: graph, context)
    let weighed = weighCosts(of: sampled.graph, context)
    // What served only what was replaced.
    let roots = weighed.graph.outputs.map(\.node) + weighed.graph.updates.map(\.value)
    let places = sampled.places.map { $0.flatMap { weighed.places[$0.index] } }
    let wasNeeded = graph.needed(by: graph.outputs.map(\.node) + graph.updates.map(\.value))
    let idle = zip(places, wasNeeded).compactMap { place, wasNeeded in wasNeeded ? nil : place }
    let named = weighed.graph.nodes.filter { $0.name != nil || $0.body.isSignature }.map(\.id)
    let needed = weighed.graph.needed(by: roots + idle + named)
    let (kept, moved) = weighed.graph.keeping { needed[$0.id.index] }
    return PassResult(graph: kept, places: places.map { $0.flatMap { moved[$0.index] } })
  }
}

extension Operation {
  /// Whether nothing is left to do for a draw's estimator but lower the draw.
  fileprivate var isApplied: Bool {
    guard let estimator else { return true }
    return draws == 1 && estimator.score == nil && estimator.divergence == .closed
  }

  /// The draw once costs have what its estimator asks for.
  var applied: Operation {
    guard let sampling = definition.sampling, let estimator else { return self }
    var attributes = attributes
    let rest = estimator.score != nil ? .surrogate : estimator
    attributes.set(sampling.estimatorAttribute, to: .symbol(rest.name))
    attributes.set(sampling.drawsAttribute, to: .int(1))
    return Operation(definition, attributes)
  }
}
