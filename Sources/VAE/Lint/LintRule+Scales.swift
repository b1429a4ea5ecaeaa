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
      "scale-not-positive",
      why: "where σ is 0 or negative there is no such distribution: ln q is undefined, and what a "
        + "draw hands on is mirrored noise or none"
    ) { c in
      c.draws.compactMap { draw in
        // A draw that takes ln q is told of as a function outside its domain.
        guard draw.isSampled, draw.kind == .standardDeviation, c.feedsLoss(draw),
          !c.takesDensity(draw), !c.ranges[draw.scale.index].isPositive
        else { return nil }
        let (name, scale) = (c.graph[draw.node].mention, c.graph[draw.scale].mention)
        return Match(
          node: draw.node, others: [draw.scale],
          message: "nothing keeps '\(scale)', the standard deviation of the draw '\(name)', "
            + "positive",
          fix: "make it positive: stddev: \(c.positive(draw.scale))")
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

extension LintContext {
  /// Whether the draw is a way to a loss, and not the value that is asked for itself.
  fileprivate func feedsLoss(_ draw: Draw) -> Bool {
    guard let loss, loss != draw.node else { return false }
    return reachesLoss(from: [draw.node], avoiding: [])
  }

  /// Whether the draw has ln q in the graph, by its estimator.
  fileprivate func takesDensity(_ draw: Draw) -> Bool {
    (graph[draw.node].operation?.hazards ?? []).contains { $0.kind == .scale }
  }
}
