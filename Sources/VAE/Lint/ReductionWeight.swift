import Ayatori
import GraphIR

/// How much one element counts in a term of the loss: a product of powers of dimensions, numbers
/// left aside. 1/N of a mean over the batch, 1/(N·D) of a mean over everything.
struct ReductionWeight: Sendable {
  /// The array that is summed or averaged in the end.
  let elements: NodeID
  /// Powers by dimension, without zeros; a fixed extent goes by its number.
  let powers: [String: Int]

  /// The powers of dimensions that each of `terms` is multiplied by on its ways into `loss`;
  /// nothing for a term that is multiplied by different ones.
  static func factors(of terms: [NodeID], in loss: NodeID, _ graph: Graph) -> [NodeID: [String:
    Int]]
  {
    let constants = graph.constantScalars
    var found: [NodeID: Set<[String: Int]>] = [:]
    var pending: [(id: NodeID, powers: [String: Int])] = [(loss, [:])]
    while let (id, powers) = pending.popLast() {
      if terms.contains(id) {
        found[id, default: []].insert(powers)
      } else if !constants.contains(id) {
        pending += (steps(graph[id], graph, constants) ?? []).map {
          ($0.operand, powers.times($0.powers))
        }
      }
    }
    return found.compactMapValues { $0.count == 1 ? $0.first : nil }
  }

  /// The weight of each array that a term sums, where the term itself counts `factor`; nil where
  /// two of them differ.
  static func of(
    _ term: NodeID, times factor: [String: Int], in graph: Graph
  ) -> ReductionWeight? {
    let constants = graph.constantScalars
    var found: [ReductionWeight] = []
    var pending: [(id: NodeID, powers: [String: Int])] = [(term, factor)]
    while let (id, powers) = pending.popLast() {
      let node = graph[id]
      if constants.contains(id) { continue }
      if let steps = steps(node, graph, constants) {
        pending += steps.map { ($0.operand, powers.times($0.powers)) }
      } else {
        found.append(ReductionWeight(elements: id, powers: powers))
      }
      // A sum of sums of sums: what it is, is not the question.
      if found.count > 64 { return nil }
    }
    guard let first = found.first else { return nil }
    return found.allSatisfy { $0.powers == first.powers } ? first : nil
  }

  /// The terms that are added up within `term` before its last reduction, as `a` and `k` of
  /// `mean(a + k)`, with the powers that come in; `term` itself where it has none. One that is
  /// broadcast counts as often as it is repeated. Addends that are no sums themselves are one
  /// formula, as the divergence written out.
  static func parts(
    of term: NodeID, times factor: [String: Int], in graph: Graph
  ) -> [(id: NodeID, powers: [String: Int])] {
    let constants = graph.constantScalars
    var found: [(id: NodeID, powers: [String: Int])] = []
    var pending = [(id: term, powers: factor, name: term, nameFactor: factor)]
    while let (id, powers, name, nameFactor) = pending.popLast() {
      let node = graph[id]
      let addends = node.operands.filter { !constants.contains($0) }
      if case .signedSum? = node.definition?.linearity, addends.count > 1,
        addends.allSatisfy({ isSum($0, graph, constants) })
      {
        pending += addends.reversed().map { operand in
          let own = powers.times(repeats(of: operand, in: node, graph))
          return (operand, own, operand, own)
        }
      } else if let steps = steps(node, graph, constants), steps.count == 1 {
        pending.append((steps[0].operand, powers.times(steps[0].powers), name, nameFactor))
      } else {
        found.append((name, nameFactor))
      }
      if found.count + pending.count > 64 { return [(term, factor)] }
    }
    return found
  }

  /// Whether a value is a sum or mean over axes, scaled, or made of such.
  private static func isSum(_ id: NodeID, _ graph: Graph, _ constants: Set<NodeID>) -> Bool {
    var pending = [id]
    var count = 0
    while let id = pending.popLast() {
      count += 1
      let node = graph[id]
      if case .sum? = node.definition?.fusion { continue }
      let addends = node.operands.filter { !constants.contains($0) }
      if case .signedSum? = node.definition?.linearity, count < 64, !addends.isEmpty {
        pending += addends
      } else if let steps = steps(node, graph, constants), steps.count == 1, count < 64 {
        pending.append(steps[0].operand)
      } else {
        return false
      }
    }
    return true
  }

  /// The axes of a sum along which an addend is repeated.
  private static func repeats(of operand: NodeID, in sum: Node, _ graph: Graph) -> [String: Int] {
    let dims = graph[operand].type.shape.dims
    let missing = sum.type.shape.rank - dims.count
    return sum.type.shape.dims.enumerated().reduce(into: [:]) { powers, axis in
      let own = axis.offset < missing ? 1 : dims[axis.offset - missing]
      if own == 1 { powers = powers.times(power(axis.element, 1)) }
    }
  }

  /// What a node sums or scales, with the powers of dimensions that come in; nil for what is
  /// neither.
  private static func steps(
    _ node: Node, _ graph: Graph, _ constants: Set<NodeID>
  ) -> [(operand: NodeID, powers: [String: Int])]? {
    guard let operation = node.operation else { return nil }
    let operands = node.operands
    if case .sum(let isMean)? = operation.definition.fusion {
      let shape = graph[operands[0]].type.shape
      let listed = operation.attributes.ints("axes").map { $0 < 0 ? $0 + shape.rank : $0 }
      let axes = listed.isEmpty ? Array(0..<shape.rank) : listed
      var powers: [String: Int] = [:]
      if isMean {
        for axis in axes { powers = powers.times(ReductionWeight.power(shape.dims[axis], -1)) }
      }
      return [(operands[0], powers)]
    }
    switch operation.definition.linearity {
    case .signedSum where node.type.shape.rank == 0: return operands.map { ($0, [:]) }
    case .signedSum where operands.count == 1: return [(operands[0], [:])]
    case .product:
      for place in 0..<2 where constants.contains(operands[place]) {
        return [(operands[1 - place], monomial(operands[place], graph))]
      }
      return nil
    case .quotient where constants.contains(operands[1]):
      return [(operands[0], monomial(operands[1], graph).mapValues { -$0 })]
    default: return nil
    }
  }

  /// The dimensions in a constant scalar; what is no product of them counts as a number.
  private static func monomial(_ id: NodeID, _ graph: Graph) -> [String: Int] {
    let node = graph[id]
    if case .leaf(.size(let dim)) = node.body { return power(dim, 1) }
    guard let linearity = node.definition?.linearity else { return [:] }
    let parts = node.operands.map { monomial($0, graph) }
    switch linearity {
    case .product: return parts[0].times(parts[1])
    case .quotient: return parts[0].times(parts[1].mapValues { -$0 })
    case .signedSum where parts.count == 1: return parts[0]
    default: return [:]
    }
  }

  private static func power(_ dim: Dim, _ exponent: Int) -> [String: Int] {
    dim == 1 ? [:] : [dim.description: exponent]
  }

  /// The weight as people write it: `1/(N·D)`.
  var text: String {
    func product(_ sign: Int) -> [String] {
      powers.filter { $0.value.signum() == sign }.sorted { $0.key < $1.key }.flatMap {
        Array(repeating: $0.key, count: abs($0.value))
      }
    }
    let (above, below) = (product(1), product(-1))
    let head = above.isEmpty ? "1" : above.joined(separator: "·")
    if below.isEmpty { return head }
    let tail = below.joined(separator: "·")
    return head + "/" + (below.count > 1 ? "(\(tail))" : tail)
  }
}

extension [String: Int] {
  fileprivate func times(_ other: [String: Int]) -> [String: Int] {
    merging(other, uniquingKeysWith: +).filter { $0.value != 0 }
  }
}
