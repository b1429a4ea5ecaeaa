import Foundation
import GraphIR

/// How an operand lies to a hazard of its op.
private enum Exposure: Equatable {
  case overflow(limit: Double, reach: Double)
  case pole
  /// A logarithm of what lies in [0, 1] and can round to 0.
  case probability
  case domain(String)
  /// A function of what is positive and can round to 0 all the same.
  case underflow

  /// Nil where the operand keeps clear.
  init?(_ hazard: Hazard, _ range: ValueRange, _ dtype: DType, _ attributes: Attributes) {
    guard dtype.isFloating else { return nil }
    switch hazard {
    case .overflow(_, let limit):
      guard let limit = limit(dtype, attributes), range.high > limit else { return nil }
      self = .overflow(limit: limit, reach: range.high)
    case .pole:
      guard range.canBeZero else { return nil }
      self = .pole
    case .logarithm(_, let end):
      let (low, high) = (range.low - end, range.high - end)
      if low > 0 { return nil }
      if low == 0, high <= 1 {
        self = .probability
      } else if low == 0 {
        self = range.isPositive ? .underflow : .domain("be 0")
      } else {
        self = .domain("be 0 or negative")
      }
    case .root:
      guard range.low < 0 else { return nil }
      self = .domain("be negative")
    }
  }
}

extension LintContext {
  /// Operands at which a hazard is exposed and `pick` wants it, in graph order.
  fileprivate func exposures<T>(
    _ pick: (Node, Hazard, Exposure) -> T?
  ) -> [(node: Node, operand: NodeID, found: T)] {
    graph.nodes.filter { isNeeded[$0.id.index] }.flatMap { node in
      exposed(node, graph, ranges).compactMap { hazard, exposure in
        pick(node, hazard, exposure).map { (node, node.operands[hazard.operand], $0) }
      }
    }
  }

  private func exposed(
    _ node: Node, _ graph: Graph, _ ranges: [ValueRange]
  ) -> [(Hazard, Exposure)] {
    guard let operation = node.operation else { return [] }
    return operation.definition.hazards.compactMap { hazard in
      let operand = node.operands[hazard.operand]
      return Exposure(
        hazard, ranges[operand.index], graph[operand].type.dtype, operation.attributes
      ).map { (hazard, $0) }
    }
  }

  /// The rewrites that took the hazard out of what is run; none where it is there still.
  fileprivate func mends(_ node: Node, _ isSame: (Exposure) -> Bool) -> [String] {
    let fired = rewrites(of: node.id)
    let remains = stable.nodes.contains { other in
      other.location == node.location
        && exposed(other, stable, stableRanges).contains { isSame($0.1) }
    }
    return remains ? [] : fired
  }

  fileprivate func mention(_ id: NodeID) -> String { "'\(graph[id].mention)'" }
}

private func short(_ value: Double) -> String { String(format: "%.3g", value) }

extension LintRule {
  /// About single operations on numbers that they should not meet.
  static let numbers: [LintRule] = [
    LintRule(
      "exp-overflow", why: "one large value makes the loss infinite, and its gradient NaN"
    ) { c in
      let found = c.exposures { _, _, exposure -> (limit: Double, reach: Double)? in
        if case .overflow(let limit, let reach) = exposure { (limit, reach) } else { nil }
      }
      // Once for each operand: the place where the least value overflows.
      var least: [NodeID: Int] = [:]
      for (place, entry) in found.enumerated() {
        if let known = least[entry.operand], found[known].found.limit <= entry.found.limit {
          continue
        }
        least[entry.operand] = place
      }
      return least.values.sorted().map { place in
        let (node, operand, (limit, reach)) = found[place]
        let name = c.mention(operand)
        let edge =
          "\(short(limit)), where \(c.mention(node.id)) overflows \(c.graph[operand].type.dtype)"
        let isBounded = reach.isFinite
        return Match(
          node: node.id, others: [operand],
          message: isBounded
            ? "\(name) may reach \(short(reach)), beyond \(edge)"
            : "nothing keeps \(name) below \(edge)",
          severity: isBounded ? .warning : .note,
          fix: "bound it smoothly, so that gradients pass: 8 * tanh(\(c.placeholder(operand)) / 8)")
      }
    },

    LintRule(
      "log-of-probability",
      why: "a probability rounds to 0 long before its logarithm is large: the loss is infinite"
    ) { c in
      c.exposures { _, _, exposure in exposure == .probability ? () : nil }.map {
        node, operand, _ in
        let mends = c.mends(node) { $0 == .probability }
        return Match(
          node: node.id, others: [operand],
          message:
            "\(c.mention(operand)) is a probability that can round to 0, and its logarithm is −∞",
          severity: mends.isEmpty ? .warning : .note,
          fix: "write the loss on logits: bernoulli_nll(x, logits: l), log_softmax(l)",
          rewrites: mends)
      }
    },

    LintRule(
      "unsafe-domain", why: "outside its domain a function gives −∞ or NaN, which spreads"
    ) { c in
      c.exposures { _, _, exposure -> String? in
        switch exposure {
        case .domain(let what): what
        case .underflow: "round to 0"
        default: nil
        }
      }.map { node, operand, what in
        let mends = c.mends(node) {
          if case .domain = $0 { true } else { $0 == .underflow }
        }
        return Match(
          node: node.id, others: [operand],
          message: "the operand of \(c.mention(node.id)), \(c.mention(operand)), can \(what)",
          severity: mends.isEmpty && !c.ranges[operand.index].isPositive ? .warning : .note,
          fix: "make it positive: softplus(\(c.placeholder(operand))) + 1e-6", rewrites: mends)
      }
    },

    LintRule(
      "division-by-zero", why: "one divisor of 0 makes the loss infinite or NaN"
    ) { c in
      c.exposures { _, _, exposure in exposure == .pole ? () : nil }.map { node, operand, _ in
        let mends = c.mends(node) { $0 == .pole }
        return Match(
          node: node.id, others: [operand],
          message:
            "nothing keeps \(c.mention(operand)), by which \(c.mention(node.id)) divides, from 0",
          severity: mends.isEmpty ? .warning : .note,
          fix: "make it positive: softplus(\(c.placeholder(operand))) + 1e-6", rewrites: mends)
      }
    },
  ]
}
