import GraphIR

/// A value that nothing keeps from where an op overflows.
struct Overflow {
  let node: Node
  /// The value at fault: the operand, or what it is a multiple of.
  let culprit: NodeID
  let limit: Double
  let isAbove: Bool
  /// How far the value goes that way, as far as is known.
  let reach: Double
  /// The rewrites that took the hazard out of what is run.
  let rewrites: [String]

  /// Whether the value's own bound is what lets it overflow.
  var isBounded: Bool { reach.isFinite }

  /// Whether this is told of rather than `other`, of the same value: what is run, then what
  /// overflows first.
  func precedes(_ other: Overflow) -> Bool {
    if rewrites.isEmpty != other.rewrites.isEmpty { return rewrites.isEmpty }
    return abs(limit) < abs(other.limit)
  }
}

extension LintContext {
  /// One for each value and side, in graph order.
  var overflows: [Overflow] {
    struct Side: Hashable {
      var culprit: NodeID
      var isAbove: Bool
    }
    var least: [Side: Overflow] = [:]
    for danger in dangers {
      guard let found = overflow(danger) else { continue }
      let side = Side(culprit: found.culprit, isAbove: found.isAbove)
      if let known = least[side], !found.precedes(known) { continue }
      least[side] = found
    }
    return least.values.sorted {
      ($0.node.id, $0.culprit, $0.limit) < ($1.node.id, $1.culprit, $1.limit)
    }
  }

  private func overflow(_ danger: Danger) -> Overflow? {
    guard case .overflow(let limit, let isAbove) = danger.exposure else { return nil }
    let own = (id: danger.operand, limit: limit, isAbove: isAbove)
    // A bound of the operand's own is at fault itself; where there is none, whatever is scaled.
    let ownReach = reach(own.id, own.isAbove)
    let found = ownReach.isFinite ? own : multiple(own)
    return Overflow(
      node: danger.node, culprit: found.id, limit: found.limit, isAbove: found.isAbove,
      reach: reach(found.id, found.isAbove), rewrites: overflowMends(danger))
  }

  private func reach(_ id: NodeID, _ isAbove: Bool) -> Double {
    isAbove ? ranges[id.index].high : ranges[id.index].low
  }

  /// What a value without a name is a number times of, with the limit for that; the value itself
  /// where the way ends at nothing that has a name.
  private func multiple(
    _ own: (id: NodeID, limit: Double, isAbove: Bool)
  ) -> (id: NodeID, limit: Double, isAbove: Bool) {
    var (id, limit, isAbove) = own
    while graph[id].name == nil {
      guard let (operand, factor) = factor(graph[id]), factor != 0, factor.isFinite else {
        return own
      }
      id = operand
      limit /= factor
      if factor < 0 { isAbove.toggle() }
    }
    return (id, limit, isAbove)
  }

  /// The operand that a node is a number times of.
  private func factor(_ node: Node) -> (operand: NodeID, factor: Double)? {
    func number(_ place: Int) -> Double? {
      let range = ranges[node.operands[place].index]
      return range.low == range.high ? range.low : nil
    }
    switch node.definition?.linearity {
    case .signedSum(let signs) where signs.count == 1 && node.operands.count == 1:
      return (node.operands[0], Double(signs[0]))
    case .product:
      if let factor = number(0) { return (node.operands[1], factor) }
      return number(1).map { (node.operands[0], $0) }
    case .quotient: return number(1).map { (node.operands[0], 1 / $0) }
    default: return nil
    }
  }

  /// The rewrites of the expression in which the op stands, where nothing overflows at its operand
  /// in what is run.
  private func overflowMends(_ danger: Danger) -> [String] {
    let operand = graph[danger.operand]
    let remains = stableDangers.contains { other in
      guard case .overflow = other.exposure else { return false }
      let same = stable[other.operand]
      return same.name == operand.name && same.location == operand.location
    }
    return remains ? [] : rewrites(ofExpressionAt: danger.node)
  }
}
