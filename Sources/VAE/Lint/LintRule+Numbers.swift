import Foundation
import GraphIR

extension LintContext {
  /// Dangers of the graph as it is written, those that `pick` wants.
  fileprivate func dangers<T>(_ pick: (Exposure) -> T?) -> [(danger: Danger, found: T)] {
    dangers.compactMap { danger in pick(danger.exposure).map { (danger, $0) } }
  }

  /// The rewrites that took the hazard out of what is run; none where it is there still.
  fileprivate func mends(_ node: Node, _ isSame: (Exposure) -> Bool) -> [String] {
    let fired = rewrites(of: node.id)
    let remains = stableDangers.contains { other in
      other.node.location == node.location && isSame(other.exposure)
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
      c.overflows.map { found in
        let name = c.mention(found.culprit)
        let edge =
          "\(short(found.limit)), where \(c.mention(found.node.id)) overflows "
          + "\(c.graph[found.culprit].type.dtype)"
        let bound =
          found.isBounded
          ? "\(name) may reach \(short(found.reach)), beyond \(edge)"
          : "nothing keeps \(name) \(found.isAbove ? "below" : "above") \(edge)"
        return Match(
          node: found.node.id, others: [found.culprit], message: bound,
          severity: found.isBounded && found.rewrites.isEmpty ? .warning : .note,
          fix: "bound it smoothly, so that gradients pass: "
            + "8 * tanh(\(c.term(found.culprit)) / 8)",
          rewrites: found.rewrites.isEmpty ? nil : found.rewrites)
      }
    },

    LintRule(
      "log-of-probability",
      why: "a probability rounds to 0 long before its logarithm is large: the loss is infinite"
    ) { c in
      c.dangers { $0 == .probability ? () : nil }.map { danger, _ in
        let (node, operand) = (danger.node, danger.operand)
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
      c.dangers { exposure -> String? in
        switch exposure {
        case .domain(let what): what
        case .underflow: "round to 0"
        default: nil
        }
      }.map { danger, what in
        let (node, operand) = (danger.node, danger.operand)
        let mends = c.mends(node) {
          if case .domain = $0 { true } else { $0 == .underflow }
        }
        return Match(
          node: node.id, others: [operand],
          message: "the operand of \(c.mention(node.id)), \(c.mention(operand)), can \(what)",
          severity: mends.isEmpty && !c.ranges[operand.index].isPositive ? .warning : .note,
          fix: "make it positive: \(c.positive(operand))", rewrites: mends)
      }
    },

    LintRule(
      "division-by-zero", why: "one divisor of 0 makes the loss infinite or NaN"
    ) { c in
      c.dangers { $0 == .pole ? () : nil }.map { danger, _ in
        let (node, operand) = (danger.node, danger.operand)
        let mends = c.mends(node) { $0 == .pole }
        return Match(
          node: node.id, others: [operand],
          message:
            "nothing keeps \(c.mention(operand)), by which \(c.mention(node.id)) divides, from 0",
          severity: mends.isEmpty ? .warning : .note,
          fix: "make it positive: (\(c.positive(operand)))", rewrites: mends)
      }
    },
  ]
}
