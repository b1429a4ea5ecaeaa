public import Ayatori
import GraphIR
import GraphOps

/// The named scalar terms that a loss is the weighted sum of: its roots.
///
/// Walks from the loss through +, −, negation and multiplication or division by constants, and
/// stops at the first named scalar on each way. Constant addends are no terms: they have no
/// gradient. Names in `unseen` were given by a tool and count as none.
public func lossTerms(
  of graph: Graph, loss: NodeID, unseen: Set<String> = []
) -> [NodeID] {
  let constants = graph.constantScalars
  var terms: [NodeID] = []
  var pending = [loss]
  var seen: Set<NodeID> = []
  while let id = pending.popLast() {
    let node = graph[id]
    guard seen.insert(id).inserted, !constants.contains(id) else { continue }
    if id != loss, let name = node.name, !unseen.contains(name) {
      terms.append(id)
      continue
    }
    let next = addends(node, constants)
    if next.isEmpty { terms.append(id) } else { pending += next.reversed() }
  }
  return terms.sorted()
}

extension SamplingSite {
  /// The site with a name for each term of the loss, and the names: of one without a name, what it
  /// computes. Names stay through lowering, where a term that is drawn several times becomes a sum.
  func namingTerms(of loss: String) -> (site: SamplingSite, terms: [String]) {
    guard let root = graph.value(named: loss) else { return (self, []) }
    let terms = lossTerms(of: graph, loss: root.id)
    let builder = GraphBuilder(continuing: graph)
    let names = terms.map { id -> String in
      if id == root.id { return loss }
      if let name = graph[id].name { return name }
      let name = builder.freeName(graph.expression(id))
      Value(builder: builder, id: id).named(name)
      return name
    }
    return (SamplingSite(self, in: builder.build()), names)
  }
}

/// The terms of a loss by the names that they have in the graph as written; where one of these is
/// gone, the terms that `graph` has of its own.
func lossTerms(
  of graph: Graph, loss: NodeID, known: [String], unseen: Set<String> = []
) -> [NodeID] {
  let found = known.compactMap { name in
    graph.value(named: name).flatMap { $0.type.shape.rank == 0 ? $0.id : nil }
  }
  return found.isEmpty || found.count < known.count
    ? lossTerms(of: graph, loss: loss, unseen: unseen) : found
}

/// The factor of each term in the loss, as scalar nodes: loss = Σ weight·term + constants.
///
/// Not the derivative of the loss with respect to the term, which would count a way through another
/// term too: in `loss = kl + penalty` with `penalty = square(kl)` the weight of `kl` is 1.
func termWeights(
  _ graph: Graph, loss: NodeID, terms: [NodeID], in builder: GraphBuilder
) -> [NodeID] {
  let constants = graph.constantScalars
  let one = builder.constant(.float(1), graph[loss].type.dtype)
  var weights = [loss: one]
  // Users come after their operands, so a weight is whole when the walk reaches its node.
  for node in graph.nodes.reversed() where !terms.contains(node.id) {
    guard let weight = weights[node.id] else { continue }
    for (index, operand) in node.operands.enumerated() where !constants.contains(operand) {
      guard let factor = factor(of: index, node, weight, constants) else { continue }
      weights[operand] = weights[operand].map { $0 + factor } ?? factor
    }
  }
  return terms.map { (weights[$0] ?? one).id }
}

/// `weight` times what the operand at `index` is multiplied by in `node`; nil when it is no addend.
private func factor(
  of index: Int, _ node: Node, _ weight: Value, _ constants: Set<NodeID>
) -> Value? {
  guard addends(node, constants).contains(node.operands[index]) else { return nil }
  func operand(_ index: Int) -> Value { Value(builder: weight.builder, id: node.operands[index]) }
  switch node.operation?.definition.linearity {
  case .signedSum(let signs): return signs[index] < 0 ? -weight : weight
  case .product: return weight * operand(1 - index)
  case .quotient: return weight / operand(1)
  case .reduction, nil: return nil
  }
}

/// The operands of which a node is a weighted sum; empty when it is none.
private func addends(_ node: Node, _ constants: Set<NodeID>) -> [NodeID] {
  let operands = node.operands
  switch node.operation?.definition.linearity {
  case .signedSum: return operands
  case .product where constants.contains(operands[0]): return [operands[1]]
  case .product where constants.contains(operands[1]): return [operands[0]]
  case .quotient where constants.contains(operands[1]): return [operands[0]]
  default: return []
  }
}
