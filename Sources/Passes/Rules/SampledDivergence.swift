import GraphIR
import GraphOps

/// `kl_normal(m, s) => ln q(z) − ln p(z)` for each draw whose estimator asks for it, which then
/// has nothing left to ask: it is `pathwise`.
func sampleDivergences(in graph: Graph, _ context: PassContext) -> PassResult {
  var wanted: [NodeID: (divergence: ClosedDivergence, draw: Node, estimator: Estimator)] = [:]
  var settled: Set<NodeID> = []
  for node in graph.nodes {
    guard let estimator = node.operation?.estimator, estimator.divergence != .closed else {
      continue
    }
    let found = graph.closedDivergences(of: node.id)
    if found.isEmpty {
      context.note(
        "'\(node.mention)' is to have a sampled divergence, but the graph has none in closed form")
    } else {
      settled.insert(node.id)
    }
    for divergence in found where wanted[divergence.node] == nil {
      wanted[divergence.node] = (divergence, node, estimator)
    }
  }
  guard !wanted.isEmpty else { return .unchanged(graph) }
  let rebuilder = GraphRebuilder(graph)
  var makers: [NodeID: [Int]] = [:]
  func copy(_ node: Node) {
    guard settled.contains(node.id), let operation = node.operation?.pathwise else {
      rebuilder.copy(node)
      return
    }
    rebuilder.replace(node) {
      rebuilder.builder.make(
        operation.definition, rebuilder.operands(of: node), operation.attributes)
    }
  }
  for node in graph.nodes where rebuilder.value(of: node.id) == nil {
    guard let (divergence, draw, estimator) = wanted[node.id] else {
      copy(node)
      continue
    }
    // The draw may stand behind what its parameters alone determine.
    for id in draw.operands + [draw.id] where rebuilder.value(of: id) == nil {
      copy(graph[id])
    }
    let firstNew = rebuilder.builder.nodeCount
    let value = rebuilder.replace(node) {
      integrand(divergence, draw, estimator, rebuilder)
    }
    let index = context.record(
      rule: "estimator_\(estimator.name)", pattern: "kl(m, s) => ln q(z) − ln p(z)",
      float: .reassociating, nodes: [node.mention, draw.mention],
      result: rebuilder.builder.phrase(of: value.id), location: draw.location)
    for new in firstNew..<rebuilder.builder.nodeCount { makers[NodeID(new)] = [index] }
  }
  let new = rebuilder.finish()
  return PassResult(graph: new, places: rebuilder.places, makers: makers)
}

extension Operation {
  /// The draw whose divergence the graph samples itself; nil for ops that draw nothing.
  fileprivate var pathwise: Operation? {
    guard let sampling = definition.sampling else { return nil }
    var attributes = attributes
    attributes.set(sampling.estimatorAttribute, to: .symbol(Estimator.pathwise.name))
    return Operation(definition, attributes)
  }
}

/// factor · (ln q(z) − ln p(z)) at the draw.
private func integrand(
  _ divergence: ClosedDivergence, _ draw: Node, _ estimator: Estimator, _ rebuilder: GraphRebuilder
) -> Value {
  let operands = rebuilder.operands(of: draw)
  guard let operation = draw.operation, let z = rebuilder.value(of: draw.id) else {
    preconditionFailure("'\(draw.label)' is no draw")
  }
  let isStopped = estimator.divergence == .sampledAlongPath
  let (mean, scale) =
    isStopped
    ? (stopForEstimator(operands[0]), stopForEstimator(operands[1])) : (operands[0], operands[1])
  let own = normalLogProb(z, mean: mean, scale: scale, as: NormalScale(operation.attributes))
  let prior: Value
  switch divergence.prior {
  case .standard:
    let zero = z.builder.constant(.float(0), z.dtype)
    prior = normalLogProb(z, mean: zero, scale: zero)
  case .normal(let mean, let logVariance):
    guard let mean = rebuilder.value(of: mean), let variance = rebuilder.value(of: logVariance)
    else { preconditionFailure("the prior of '\(draw.label)' stands behind its divergence") }
    prior = normalLogProb(z, mean: mean, scale: variance)
  }
  let difference = own - prior
  return divergence.factor == 1 ? difference : divergence.factor * difference
}
