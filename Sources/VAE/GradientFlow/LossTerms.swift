public import Ayatori
import GraphIR
import GraphOps
import Passes

/// The named terms that a loss is the weighted sum of: its roots, by `TermRule`.
///
/// Terms are scalars, and what has a number for each image and is added up before the batch is
/// reduced: `bce` and `kld` of `mean(bce + kld)`; `areScalars` leaves these within what is reduced.
public func lossTerms(
  of graph: Graph, loss: NodeID, areScalars: Bool = false
) -> [NodeID] {
  TermRule(graph, opensReductions: !areScalars).terms(of: loss)
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

/// A term of a loss in a graph that was made of the one in which it was found.
struct FoundTerm {
  var id: NodeID
  /// What it is called; nil for what has no name that a person gave.
  var name: String?
}

/// The terms of a loss by the names that they have in `source`; where passes left another sum than
/// that of these, the terms that `graph` has of its own.
func lossTerms(
  of graph: Graph, loss: NodeID, known: [String], in source: Graph, unseen: Set<String> = []
) -> [FoundTerm] {
  let found = known.compactMap { name -> FoundTerm? in
    let draw = source.draws.first { $0.name == name }
    let node = draw.flatMap { graph.node(named: $0.nameAsCost) } ?? graph.value(named: name)
    return node.map { FoundTerm(id: $0.id, name: name) }
  }
  if !found.isEmpty, found.count == known.count, isSum(of: found.map(\.id), loss, graph) {
    return found
  }
  let draws = source.draws.compactMap { draw in draw.name.map { ($0, draw.nameAsCost) } }
  let rule = TermRule(graph, unseen: unseen, whole: Set(draws.flatMap { [$0.0, $0.1] }))
  return rule.terms(of: loss).map { id in
    let name = graph[id].name.flatMap { unseen.contains($0) ? nil : $0 }
    return FoundTerm(id: id, name: draws.first { $0.1 == name }?.0 ?? name)
  }
}

/// Whether the loss is a weighted sum of `terms`, all of them and no others, and of constants.
private func isSum(of terms: [NodeID], _ loss: NodeID, _ graph: Graph) -> Bool {
  let constants = graph.constantScalars
  let fixed = graph.constantNodes
  let terms = Set(terms)
  var pending = [loss]
  var seen: Set<NodeID> = []
  while let id = pending.popLast() {
    guard seen.insert(id).inserted, !terms.contains(id), !fixed.contains(id) else { continue }
    let addends = graph[id].weightedAddends(constants)
    if addends.isEmpty { return false }
    pending += addends
  }
  return terms.isSubset(of: seen)
}

/// A term as the scalar that the loss adds up, and its factor: loss = Σ weight·root + constants.
struct WeighedTerm {
  /// The term itself; of one with a number for each image, the mean over these where the loss has
  /// it, else the sum.
  var root: NodeID
  /// A scalar node.
  var weight: NodeID
  /// Whether the loss adds it here and takes it away there, so that it may cancel.
  var hasBothSigns: Bool
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
  let fixed = graph.constantNodes
  let rule = TermRule(graph)
  let one = builder.constant(.float(1), graph[loss].type.dtype)
  // By node and the reductions on the way to it, the innermost first.
  var weights: [NodeID: [[NodeID]: Value]] = [loss: [[]: one]]
  var constant: Value?
  var negations = Negations()
  // By node: whether the loss adds it up, takes it away, or both.
  var signs: [NodeID: Set<Int>] = [loss: [1]]
  // Users come after their operands, so a weight is whole when the walk reaches its node.
  for node in graph.nodes.reversed() where !terms.contains(node.id) {
    guard let own = weights[node.id]?.inOrder(of: graph) else { continue }
    for operand in node.weightedAddends(constants) {
      let sign = rule.sign(of: operand, in: node)
      let ways = sign == 0 ? [1, -1] : (signs[node.id] ?? []).map { $0 * sign }
      signs[operand, default: []].formUnion(ways)
    }
    if case .reduction? = node.definition?.linearity {
      for (reductions, weight) in own {
        weights[node.operands[0], default: [:]].add(weight, at: [node.id] + reductions)
      }
      continue
    }
    for (index, operand) in node.operands.enumerated() {
      for (reductions, weight) in own {
        if fixed.contains(operand) {
          guard case .signedSum(let signs)? = node.definition?.linearity else { continue }
          let addend = Value(builder: builder, id: operand).reduced(by: reductions, of: graph)
          let part = (signs[index] < 0 ? negations.negated(weight) : weight) * addend
          constant = constant.map { $0 + part } ?? part
          continue
        }
        guard let factor = factor(of: index, node, weight, constants, &negations) else { continue }
        weights[operand, default: [:]].add(factor, at: reductions)
      }
    }
  }
  let weighed = terms.map { id in
    guard let ways = weights[id]?.inOrder(of: graph), let first = ways.first else {
      preconditionFailure("'\(graph[id].label)' is no term of '\(graph[loss].label)'")
    }
    let term = Value(builder: builder, id: id)
    let hasBothSigns = signs[id]?.count == 2
    // What a way makes of 1 at each element: every element counts the same.
    let counts = ways.map { one.reduced(by: $0.reductions, of: graph) }
    if term.shape.rank == 0 {
      // A scalar that is added to each image's share counts once for each.
      let shares = zip(ways, counts).map { way, count in
        way.reductions.isEmpty ? way.weight : way.weight * count
      }
      let weight = shares.dropFirst().reduce(shares[0], +)
      return WeighedTerm(root: id, weight: weight.id, hasBothSigns: hasBothSigns)
    }
    let root = term.reduced(by: first.reductions, of: graph)
    // What refuses a gradient tells which scalar has none.
    if root.name == nil { root.named(builder.freeName("\(graph[id].label), reduced")) }
    // Other ways are as many of the first: a sum is N means.
    let weight = zip(ways, counts).dropFirst().reduce(first.weight) { weight, other in
      weight + other.0.weight * (other.1 / counts[0])
    }
    return WeighedTerm(root: root.id, weight: weight.id, hasBothSigns: hasBothSigns)
  }
  return WeighedSum(terms: weighed, constant: constant?.id)
}

extension [[NodeID]: Value] {
  fileprivate mutating func add(_ weight: Value, at key: [NodeID]) {
    self[key] = self[key].map { $0 + weight } ?? weight
  }

  /// Means before sums, whichever the text has first: then by the reductions, so that nodes come
  /// in the same order in each run.
  fileprivate func inOrder(of graph: Graph) -> [(reductions: [NodeID], weight: Value)] {
    func sums(_ reductions: [NodeID]) -> Int {
      reductions.count {
        if case .sum(isMean: true)? = graph[$0].definition?.fusion { false } else { true }
      }
    }
    return sorted {
      let (a, b) = (sums($0.key), sums($1.key))
      return a == b ? $0.key.lexicographicallyPrecedes($1.key) : a < b
    }.map { ($0.key, $0.value) }
  }
}

/// Minus a weight, of which minus is the weight itself.
private struct Negations {
  private var known: [NodeID: Value] = [:]

  mutating func negated(_ weight: Value) -> Value {
    if let value = known[weight.id] { return value }
    let value = -weight
    (known[weight.id], known[value.id]) = (value, weight)
    return value
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
  of index: Int, _ node: Node, _ weight: Value, _ constants: Set<NodeID>,
  _ negations: inout Negations
) -> Value? {
  guard node.weightedAddends(constants).contains(node.operands[index]) else { return nil }
  func operand(_ index: Int) -> Value { Value(builder: weight.builder, id: node.operands[index]) }
  switch node.definition?.linearity {
  case .signedSum(let signs): return signs[index] < 0 ? negations.negated(weight) : weight
  case .product: return weight * operand(1 - index)
  case .quotient: return weight / operand(1)
  case .reduction, nil: return nil
  }
}
