public import Ayatori
import GraphIR
import GraphOps

/// The named terms that a loss is the weighted sum of: its roots.
///
/// Walks from the loss through +, −, negation and multiplication or division by constants, and
/// stops at the first name on each way. Names in a row are one: of `loss = -elbo` the terms are
/// those of `elbo`. Constant addends are no terms: they have no gradient. Names in `unseen` were
/// given by a tool and count as none.
///
/// Terms are scalars. Beside them, where `draw` is given, there are terms with a number for each
/// image that are added up before the batch is reduced: `bce` and `kld` of `mean(bce + kld)`.
public func lossTerms(
  of graph: Graph, loss: NodeID, draw: NodeID? = nil, unseen: Set<String> = []
) -> [NodeID] {
  let walk = TermWalk(graph, loss: loss, draw: draw, unseen: unseen)
  return walk.terms(from: walk.top).sorted()
}

/// The way from a loss to its terms.
private struct TermWalk {
  let graph: Graph
  let unseen: Set<String>
  let constants: Set<NodeID>
  /// What the draw is computed from, and itself: no cost of it. Nil where reductions are terms.
  let sources: [Bool]?
  /// The first node from the loss on that is the sum of several; where there is none, the loss.
  private(set) var top: NodeID

  init(_ graph: Graph, loss: NodeID, draw: NodeID?, unseen: Set<String>) {
    self.graph = graph
    self.unseen = unseen
    constants = graph.constantScalars
    sources = draw.map { graph.needed(by: [$0]) }
    top = loss
    var next = loss
    while true {
      let found = addends(graph[next])
      if found.count > 1, terms(from: next).contains(where: isNamed) { top = next }
      guard found.count == 1 else { return }
      next = found[0]
    }
  }

  func terms(from start: NodeID) -> [NodeID] {
    leaves(from: start) { addends(graph[$0]) }
  }

  private func isNamed(_ id: NodeID) -> Bool {
    graph[id].name.map { !unseen.contains($0) } ?? false
  }

  /// Where the ways end that lead from `start` on: at a name, and where there is no next.
  private func leaves(from start: NodeID, next: (NodeID) -> [NodeID]) -> [NodeID] {
    var found: [NodeID] = []
    var pending = [start]
    var seen: Set<NodeID> = []
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      let next = id != start && isNamed(id) ? [] : next(id)
      if next.isEmpty { found.append(id) } else { pending += next.reversed() }
    }
    return found
  }

  /// The operands of which a node is a weighted sum, constants left out; empty when it is none. Of
  /// a reduction the costs that it adds up, however their sum is called.
  private func addends(_ node: Node) -> [NodeID] {
    guard case .reduction? = node.operation?.definition.linearity else { return parts(of: node) }
    var array = node.operands[0]
    while parts(of: graph[array]).count == 1 { array = parts(of: graph[array])[0] }
    let found = leaves(from: array) { parts(of: graph[$0]) }
    return areCosts(found) ? found : []
  }

  /// What a node adds up element by element. A draw as such is none: what is made of it is.
  private func parts(of node: Node) -> [NodeID] {
    let found = weightedAddends(node, constants).filter { !constants.contains($0) }
    let isScaledDraw =
      found.count == 1 && graph[found[0]].operation?.definition.sampling != nil
    return isScaledDraw ? [] : found
  }

  /// Whether several numbers for each image meet, of which somebody named one; not the parts of a
  /// formula that is written out, as the divergence by its parameters.
  private func areCosts(_ found: [NodeID]) -> Bool {
    guard let sources else { return false }
    return found.count > 1 && found.contains(where: isNamed)
      && found.allSatisfy { id in
        graph[id].type.shape.dims.count { $0 != 1 } <= 1 && !sources[id.index]
      }
  }
}

extension SamplingSite {
  /// The site with a name for each term of the loss, and the names: of one without a name, what it
  /// computes. Names stay through lowering, where a term that is drawn several times becomes a sum.
  func namingTerms(of loss: String) -> (site: SamplingSite, terms: [String]) {
    guard let root = graph.value(named: loss) else { return (self, []) }
    let terms = lossTerms(of: graph, loss: root.id, draw: node.id)
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
  let found = known.compactMap { graph.value(named: $0)?.id }
  return found.isEmpty || found.count < known.count || !reaches(found, from: loss, graph)
    ? lossTerms(of: graph, loss: loss, unseen: unseen) : found
}

/// Whether the loss is a weighted sum in which all of `terms` are.
private func reaches(_ terms: [NodeID], from loss: NodeID, _ graph: Graph) -> Bool {
  let constants = graph.constantScalars
  var pending = [loss]
  var seen: Set<NodeID> = []
  while let id = pending.popLast() {
    guard seen.insert(id).inserted, !terms.contains(id) else { continue }
    if case .reduction? = graph[id].operation?.definition.linearity {
      pending.append(graph[id].operands[0])
    } else {
      pending += weightedAddends(graph[id], constants).filter { !constants.contains($0) }
    }
  }
  return terms.allSatisfy(seen.contains)
}

/// A term as the scalar that the loss adds up, and its factor: loss = Σ weight·root + constants.
struct WeighedTerm {
  /// The term itself; of one with a number for each image, the sum or mean over these.
  var root: NodeID
  /// A scalar node.
  var weight: NodeID
}

/// A loss as the weighted sum of its terms and a constant, nil where there is none.
struct WeighedSum {
  var terms: [WeighedTerm]
  var constant: NodeID?
}

/// The terms with their factors in the loss, as nodes of `builder`, which continues `graph`.
///
/// A weight is not the derivative of the loss with respect to the term, which would count a way
/// through another term too: with `penalty = square(kl)` that of `kl` in `kl + penalty` is 1.
func weighedTerms(
  _ graph: Graph, loss: NodeID, terms: [NodeID], in builder: GraphBuilder
) -> WeighedSum {
  let constants = graph.constantScalars
  let one = builder.constant(.float(1), graph[loss].type.dtype)
  // By node and the reductions on the way to it, the innermost first.
  var weights: [NodeID: [[NodeID]: Value]] = [loss: [[]: one]]
  var constant: Value?
  // Users come after their operands, so a weight is whole when the walk reaches its node.
  for node in graph.nodes.reversed() where !terms.contains(node.id) {
    guard let own = weights[node.id] else { continue }
    if case .reduction? = node.operation?.definition.linearity {
      for (reductions, weight) in own {
        weights[node.operands[0], default: [:]].add(weight, at: [node.id] + reductions)
      }
      continue
    }
    for (index, operand) in node.operands.enumerated() {
      for (reductions, weight) in own.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        if constants.contains(operand) {
          guard case .signedSum(let signs)? = node.operation?.definition.linearity else { continue }
          let addend = Value(builder: builder, id: operand).reduced(by: reductions, of: graph)
          let part = (signs[index] < 0 ? -weight : weight) * addend
          constant = constant.map { $0 + part } ?? part
          continue
        }
        guard let factor = factor(of: index, node, weight, constants) else { continue }
        weights[operand, default: [:]].add(factor, at: reductions)
      }
    }
  }
  let weighed = terms.map { id in
    let ways = (weights[id] ?? [[]: one])
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let term = Value(builder: builder, id: id)
    if term.shape.rank == 0 {
      // A scalar that is added to each image's share counts once for each.
      let shares = ways.map { reductions, weight in
        reductions.isEmpty ? weight : weight * one.reduced(by: reductions, of: graph)
      }
      return WeighedTerm(root: id, weight: shares.dropFirst().reduce(shares[0], +).id)
    }
    let values = ways.map { (value: term.reduced(by: $0.key, of: graph), weight: $0.value) }
    let parts = values.count == 1 ? [] : values.map { $0.value * $0.weight }
    let root = parts.isEmpty ? values[0].value : parts.dropFirst().reduce(parts[0], +)
    // What refuses a gradient tells which scalar has none.
    if root.name == nil { root.named(builder.freeName("\(graph[id].label), reduced")) }
    return WeighedTerm(root: root.id, weight: parts.isEmpty ? values[0].weight.id : one.id)
  }
  return WeighedSum(terms: weighed, constant: constant?.id)
}

extension [[NodeID]: Value] {
  fileprivate mutating func add(_ weight: Value, at key: [NodeID]) {
    self[key] = self[key].map { $0 + weight } ?? weight
  }
}

extension Value {
  /// What reductions of `graph`, the innermost first, make of a value that is added to what they
  /// reduce.
  fileprivate func reduced(by reductions: [NodeID], of graph: Graph) -> Value {
    reductions.reduce(self) { value, id in
      let node = graph[id]
      guard let operation = node.operation else { preconditionFailure("'\(node.label)' is a leaf") }
      let shape = graph[node.operands[0]].type.shape
      let whole = value.shape == shape ? value : broadcast(value, to: shape)
      return builder.make(operation.definition, [whole], operation.attributes)
    }
  }
}

/// `weight` times what the operand at `index` is multiplied by in `node`; nil when it is no addend.
private func factor(
  of index: Int, _ node: Node, _ weight: Value, _ constants: Set<NodeID>
) -> Value? {
  guard weightedAddends(node, constants).contains(node.operands[index]) else { return nil }
  func operand(_ index: Int) -> Value { Value(builder: weight.builder, id: node.operands[index]) }
  switch node.operation?.definition.linearity {
  case .signedSum(let signs): return signs[index] < 0 ? -weight : weight
  case .product: return weight * operand(1 - index)
  case .quotient: return weight / operand(1)
  case .reduction, nil: return nil
  }
}

/// The operands of which a node is a weighted sum, element by element; empty when it is none.
private func weightedAddends(_ node: Node, _ constants: Set<NodeID>) -> [NodeID] {
  let operands = node.operands
  switch node.operation?.definition.linearity {
  case .signedSum: return operands
  case .product where constants.contains(operands[0]): return [operands[1]]
  case .product where constants.contains(operands[1]): return [operands[0]]
  case .quotient where constants.contains(operands[1]): return [operands[0]]
  default: return []
  }
}
