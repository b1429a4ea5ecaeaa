import Foundation
import GraphIR

extension LintRule {
  /// About the scale of draws.
  static let scales: [LintRule] = [
    LintRule(
      "scale-mismatch",
      why:
        "the loss weighs another distribution than the one that is drawn from, and nothing shows it"
    ) { c in
      try ScalePair.all(in: c.graph).compactMap { pairs in
        let compared = try pairs.compactMap { pair in
          try pair.values(c.graph).map { (pair, ScalePair.factor($0)) }
        }
        let agrees = compared.contains { $0.1.map { abs($0 - 1) < 1e-9 } ?? false }
        guard !agrees, let (pair, factor) = compared.first else { return nil }
        let (draw, divergence) = (pair.draw, pair.divergence)
        let relation =
          factor.map { "\(String(format: "%.4g", $0)) times what" } ?? "another function than what"
        return Match(
          node: draw.node, others: [divergence.node],
          message: "ln σ² of the draw '\(c.graph[draw.node].mention)', with "
            + "\(draw.kind.rawValue) '\(c.graph[draw.scale].mention)', is \(relation) the "
            + "divergence takes it for, with \(divergence.kind.rawValue) "
            + "'\(c.graph[divergence.scale].mention)'",
          fix: "draw what is weighed: normal(mean: \(c.expression(draw.mean)), "
            + "\(divergence.kind.rawValue): \(c.expression(divergence.scale))); or weigh what is "
            + "drawn: kl_normal(mean: \(c.expression(draw.mean)), "
            + "log_variance: \(c.logVariance(draw.scale, draw.kind)))")
      }
    },

    LintRule(
      "clamped-scale", why: "beyond a clamp the gradient is 0: a scale that went there stays there"
    ) { c in
      var seen: Set<NodeID> = []
      return c.draws.compactMap { draw in
        guard let clamp = Clamp(of: draw.scale, c), seen.insert(clamp.node).inserted else {
          return nil
        }
        return Match(
          node: clamp.node, others: [draw.node],
          message: "the scale of '\(c.graph[draw.node].mention)' is clamped at "
            + "\(String(format: "%g", clamp.bound)): no gradient passes beyond",
          fix: "bound it smoothly: \(clamp.smooth(c))")
      }
    },
  ]
}
