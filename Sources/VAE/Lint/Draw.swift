import GraphIR
import GraphOps

/// A draw m + σ·ε from a normal distribution: a sampling node, or the same written by hand.
struct Draw: Sendable {
  let node: NodeID
  let mean: NodeID
  /// σ, ln σ or ln σ², as `kind` says.
  let scale: NodeID
  let kind: NormalScale
  let noise: NodeID
  /// Nodes that belong to the draw: what else uses mean and scale is no part of it.
  let parts: Set<NodeID>
  /// Whether it is written `~`.
  let isSampled: Bool

  static func all(in graph: Graph) -> [Draw] {
    graph.nodes.flatMap { node in sampled(node).map { [$0] } ?? written(node, graph) }
  }

  /// `z ~ normal(mean: m, log_variance: s)`.
  private static func sampled(_ node: Node) -> Draw? {
    guard let operation = node.operation, let sampling = operation.definition.sampling else {
      return nil
    }
    let specs = node.operands.indices.map { operation.definition.operandSpec(at: $0) }
    guard let mean = specs.firstIndex(where: { $0.name == "mean" }),
      let scale = specs.firstIndex(where: { $0.choice != nil }), let choice = specs[scale].choice,
      let kind = NormalScale(rawValue: operation.attributes.symbol(choice))
    else { return nil }
    return Draw(
      node: node.id, mean: node.operands[mean], scale: node.operands[scale], kind: kind,
      noise: node.operands[sampling.noiseOperand], parts: [node.id], isSampled: true)
  }

  /// `m + s * e`, e a noise leaf; or each of two such products.
  private static func written(_ node: Node, _ graph: Graph) -> [Draw] {
    guard node.operands.count == 2, case .signedSum? = node.definition?.linearity else {
      return []
    }
    return (0..<2).compactMap { place in
      let product = graph[node.operands[place]]
      guard case .product? = product.definition?.linearity,
        let index = product.operands.firstIndex(where: { isNormal(graph[$0]) })
      else { return nil }
      return Draw(
        node: node.id, mean: node.operands[1 - place], scale: product.operands[1 - index],
        kind: .standardDeviation, noise: product.operands[index], parts: [node.id, product.id],
        isSampled: false)
    }
  }

  private static func isNormal(_ node: Node) -> Bool {
    if case .leaf(.noise(.normal)) = node.body { true } else { false }
  }
}
