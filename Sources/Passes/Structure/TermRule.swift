package import GraphIR

/// What the terms of a scalar are: one rule for who reports them and who weighs them.
///
/// The terms are where a walk from the scalar ends that goes through weighted sums, which are
/// opened. A sum is opened where
///
/// - it has no name;
/// - it stands in a row with the scalar or with a reduction: nothing else is added up on the way.
///   Of `loss = -elbo` the terms are those of `elbo`, of `mean(t)` those of `t = a + b`;
/// - it is taken away, so that what it is made of costs something and not itself: those of `elbo`
///   are terms of `penalty - elbo`, those of `both` are none of `penalty + both`.
///
/// A sum or mean over an array is opened where several numbers for each image meet in it of which
/// somebody named one, where a factor or a constant stands before a single one, and where the
/// single one is a term of another sum: `kl` of `mean(rec - kl) + mean(kl)` is one term. What the
/// parameters of a draw are computed from is no number that a loss adds up: a formula written out
/// is one term. Weights and constant addends are in no term.
package struct TermRule {
  private let graph: Graph
  /// What may be a weight.
  private let constants: Set<NodeID>
  /// What may be a constant addend: arrays too.
  private let fixed: Set<NodeID>
  /// Names that a tool gave, which count as none.
  private let unseen: Set<String>
  /// Names of sums that are never opened: draws, once they are written out.
  private let whole: Set<String>
  private let opensReductions: Bool
  /// What the parameters of a draw are computed from, but for draws.
  private let feedsDraws: [Bool]

  package init(
    _ graph: Graph, unseen: Set<String> = [], whole: Set<String> = [], opensReductions: Bool = true
  ) {
    self.graph = graph
    self.unseen = unseen
    self.whole = whole
    self.opensReductions = opensReductions
    constants = graph.constantScalars
    fixed = graph.constantNodes
    let parameters = graph.draws.flatMap { node in
      node.operands.indices
        .filter { $0 != node.definition?.sampling?.noiseOperand }
        .map { node.operands[$0] }
    }
    var feeds = graph.needed(by: parameters)
    for draw in graph.draws { feeds[draw.id.index] = false }
    feedsDraws = feeds
  }

  /// The terms of a scalar, in graph order; itself where it is no sum.
  package func terms(of root: NodeID) -> [NodeID] {
    let opened = opened(from: root)
    guard opened.contains(root) else { return [root] }
    return Set(opened.flatMap(next)).subtracting(opened).sorted()
  }

  /// Whether somebody named one of the terms; a draw has a name in any case.
  package func hasNamedTerm(_ root: NodeID) -> Bool { terms(of: root).contains(where: isTerm) }

  /// What is opened on the way from a scalar to its terms.
  package func opened(from root: NodeID) -> Set<NodeID> {
    var opened = sums(from: root)
    // What reduces a term alone is opened once something else is made of the term.
    while true {
      let terms = Set(opened.flatMap(next)).subtracting(opened)
      let ways = terms.compactMap { way(from: $0, to: terms) }
      if ways.isEmpty { return opened }
      opened.formUnion(ways.joined())
    }
  }

  /// The nodes from a reduction without a name to one of `terms` that it reduces alone.
  private func way(from start: NodeID, to terms: Set<NodeID>) -> [NodeID]? {
    var way: [NodeID] = []
    var place = start
    while way.isEmpty || !terms.contains(place) {
      let found = next(place)
      guard found.count == 1, !isNamed(place) else { return nil }
      way.append(place)
      place = found[0]
    }
    return way
  }

  private func sums(from root: NodeID) -> Set<NodeID> {
    var opened: Set<NodeID> = []
    var rows = Set(row(from: root)?.nodes ?? [])
    var taken: [NodeID: Set<Int>] = [root: [1]]
    // Users come after their operands: when the walk reaches a node, all of its users are decided.
    for node in graph.nodes[...root.index].reversed() {
      guard let signs = taken[node.id], !next(node.id).isEmpty else { continue }
      if !rows.contains(node.id) {
        let isReduction = node.definition?.linearity == .reduction
        if isReduction || node.id != root && isNamed(node.id) {
          guard let row = row(from: node.id), !isNamed(node.id) || row.isSum && signs.contains(-1)
          else { continue }
          rows.formUnion(row.nodes)
        }
      }
      opened.insert(node.id)
      for operand in next(node.id) {
        let own = sign(of: operand, in: node)
        taken[operand, default: []].formUnion(own == 0 ? [1, -1] : signs.map { $0 * own })
      }
    }
    return opened
  }

  // MARK: Rows

  /// The nodes from one on to the first that adds up several terms, or to the single term that a
  /// reduction has behind a factor or a constant; nil where there is none.
  private func row(from start: NodeID) -> (nodes: [NodeID], isSum: Bool)? {
    var row: [NodeID] = []
    var place = start
    var isReduced = false
    // Where the row ends unless there is a sum behind it.
    var single: [NodeID]?
    while true {
      let isStop = place != start && (isNamed(place) || isReduction(place) && isReduced)
      if single == nil, isStop || next(place).isEmpty { single = row + [place] }
      let found = next(place)
      row.append(place)
      if found.isEmpty { break }
      if found.count > 1 {
        guard isSumOfTerms(place, isReduced) else { break }
        return (row, true)
      }
      if isReduction(place) { isReduced = true }
      place = found[0]
    }
    guard let single, let end = single.last, isCost(end) else { return nil }
    let reduction = single.dropLast().lastIndex(where: isReduction)
    guard let reduction, reduction < single.count - 2 else { return nil }
    return (single.dropLast(), false)
  }

  /// Whether somebody named one of the addends of a sum; those of arrays are all costs.
  private func isSumOfTerms(_ sum: NodeID, _ isReduced: Bool) -> Bool {
    let areCosts = isReduced || graph[sum].type.shape.rank > 0
    var pending = [sum]
    var seen: Set<NodeID> = []
    var hasName = false
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      let isOpen = id == sum || !isNamed(id)
      let next = isOpen ? next(id) : []
      if !next.isEmpty, !isReduction(id) {
        pending += next
        continue
      }
      if areCosts, !isCost(id) { return false }
      if isTerm(id) || !areCosts && !isNamed(id) && row(from: id)?.isSum == true { hasName = true }
    }
    return hasName
  }

  // MARK: Nodes

  /// What a node is a weighted sum of, constants left out; empty where it is none.
  private func next(_ id: NodeID) -> [NodeID] {
    let node = graph[id]
    if node.name.map(whole.contains) ?? false { return [] }
    if isReduction(id), !opensReductions { return [] }
    return node.weightedAddends(constants).filter { !fixed.contains($0) }
  }

  private func isReduction(_ id: NodeID) -> Bool {
    graph[id].definition?.linearity == .reduction
  }

  private func isNamed(_ id: NodeID) -> Bool {
    graph[id].name.map { !unseen.contains($0) } ?? false
  }

  private func isTerm(_ id: NodeID) -> Bool {
    isNamed(id) && graph[id].definition?.sampling == nil
      && !whole.contains(graph[id].name ?? "")
  }

  /// Whether a node is a number, or one for each image.
  private func isCost(_ id: NodeID) -> Bool {
    graph[id].type.shape.dims.count { $0 != 1 } <= 1 && !feedsDraws[id.index]
  }

  /// With which sign a node takes an operand; 0 where it takes it with both, or nobody knows.
  package func sign(of operand: NodeID, in node: Node) -> Int {
    switch node.definition?.linearity {
    case .signedSum(let signs):
      let own = Set(zip(node.operands, signs).filter { $0.0 == operand }.map(\.1))
      return own.count == 1 ? own.first ?? 0 : 0
    case .product, .quotient:
      return node.operands.filter { $0 != operand }.reduce(1) { $0 * sign(ofConstant: $1) }
    case .reduction, nil: return 1
    }
  }

  /// The sign of a constant; sizes are positive, and what is computed is taken to be.
  private func sign(ofConstant id: NodeID) -> Int {
    switch graph[id].body {
    case .leaf(.constant(let scalar)): return scalar.doubleValue < 0 ? -1 : 1
    case .leaf: return 1
    case .operation(let operation):
      guard operation.definition.linearity == .signedSum([-1]) else { return 1 }
      return -sign(ofConstant: graph[id].operands[0])
    }
  }
}

extension Node {
  /// The operands of which a node is a weighted sum, weighed by `constants` alone: of a reduction
  /// its array; empty when it is none.
  package func weightedAddends(_ constants: Set<NodeID>) -> [NodeID] {
    switch definition?.linearity {
    case .signedSum, .reduction: operands
    case .product where constants.contains(operands[0]): [operands[1]]
    case .product where constants.contains(operands[1]): [operands[0]]
    case .quotient where constants.contains(operands[1]): [operands[0]]
    default: []
    }
  }
}
