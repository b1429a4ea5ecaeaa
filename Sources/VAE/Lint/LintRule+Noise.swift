import GraphIR
import GraphOps

extension LintContext {
  /// Whether anything but the draw itself tells the loss of `operand`: of the operand, or of what
  /// it is computed from element by element.
  fileprivate func isAccounted(_ operand: NodeID, of draw: Draw) -> Bool {
    reachesLoss(
      from: elementwiseSources(of: operand).filter {
        graph[$0].leaf == nil || graph[$0].isParameter
      },
      avoiding: draw.parts)
  }

  fileprivate func reachesLoss(_ draw: Draw) -> Bool {
    guard let loss, loss != draw.node else { return false }
    return reachesLoss(from: [draw.node], avoiding: [])
  }

  /// The first of the barriers that stand on all ways from a draw to the loss, if they do. A score
  /// function by hand, in which the stopped draw meets its own parameters again, is none.
  fileprivate func barrier(after draw: Draw) -> NodeID? {
    let barriers = graph.nodes.filter { $0.definition == .stopGradient }.map(\.id)
    guard reachesLoss(draw), !reachesLoss(from: [draw.node], avoiding: Set(barriers)),
      graph[draw.node].operation?.estimator?.passesDraw ?? true,
      isTrained(draw.mean) || isTrained(draw.scale)
    else { return nil }
    let drawn = downstream(of: [draw.node], avoiding: [])
    let others = downstream(of: [draw.mean, draw.scale].filter(isTrained), avoiding: draw.parts)
    let isScore = graph.nodes.contains { node in
      if case .signedSum? = node.definition?.linearity { return false }
      return node.operands.contains { drawn[$0.index] }
        && node.operands.contains { others[$0.index] && !drawn[$0.index] }
    }
    return isScore ? nil : barriers.first { drawn[$0.index] }
  }

  private func downstream(of starts: [NodeID], avoiding avoided: Set<NodeID>) -> [Bool] {
    var marks = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes where !avoided.contains(node.id) {
      marks[node.id.index] =
        starts.contains(node.id) || node.operands.contains { marks[$0.index] }
    }
    return marks
  }

  /// Whether randomness stands behind a node.
  fileprivate func isRandom(_ id: NodeID) -> Bool {
    let needed = graph.needed(by: [id])
    return graph.noises.contains { needed[$0.id.index] }
  }
}

extension LintRule {
  /// About draws and what they are drawn with.
  static let noise: [LintRule] = [
    LintRule(
      "unaccounted-noise",
      why: "the loss falls when the noise is made small: the scale dies, and nothing is sampled"
    ) { c in
      c.draws.compactMap { draw in
        guard c.reachesLoss(draw), c.isTrained(draw.scale), !c.isAccounted(draw.scale, of: draw)
        else { return nil }
        let mean = c.isTrained(draw.mean) && !c.isAccounted(draw.mean, of: draw)
        let (m, s) = (c.graph[draw.mean].mention, c.graph[draw.scale].mention)
        return Match(
          node: draw.node, others: [draw.scale],
          message:
            "no density in the loss accounts for the noise of '\(c.graph[draw.node].mention)': "
            + (mean ? "'\(m)' and '\(s)' reach" : "'\(s)' reaches") + " it through the draw alone",
          fix: "add the divergence: sum(kl_normal(mean: \(c.expression(draw.mean)), "
            + "log_variance: \(c.logVariance(draw.scale, draw.kind))))")
      }
    },

    LintRule(
      "stopped-draw",
      why: "what comes before the draw learns from the divergence alone, while the loss still falls"
    ) { c in
      c.graph.nodes.compactMap { node in
        guard let operation = node.operation, operation.estimator == .stopped, let loss = c.loss,
          loss == node.id || c.reachesLoss(from: [node.id], avoiding: []),
          node.operands.contains(where: { c.isTrained($0) })
        else { return nil }
        return Match(
          node: node.id,
          message: "no gradient passes the draw '\(node.mention)': its estimator is 'stopped'",
          fix: "leave the estimator out"
            + (operation.defaultEstimator.map { ", for '\($0)'" } ?? ""))
      }
        + c.draws.compactMap { draw in
          guard let barrier = c.barrier(after: draw) else { return nil }
          return Match(
            node: draw.node, others: [barrier],
            message: "no gradient passes the draw '\(c.graph[draw.node].mention)': every way from "
              + "it to the loss leads through a 'stop_gradient'",
            fix: "take the 'stop_gradient' away")
        }
    },

    LintRule(
      "fixed-noise", why: "the same numbers at every step are no noise: the decoder learns them"
    ) { c in
      c.draws.compactMap { draw in
        guard draw.isSampled, !c.isRandom(draw.noise) else { return nil }
        return Match(
          node: draw.node, others: [draw.noise],
          message: "the noise of '\(c.graph[draw.node].mention)' is "
            + "'\(c.graph[draw.noise].mention)', which nothing draws",
          fix: "leave 'noise:' out: each step then draws anew; a run may still be fed by name")
      }
    },

    LintRule(
      "reused-noise", why: "draws that share their noise are not independent: estimates are biased"
    ) { c in
      var first: [NodeID: Draw] = [:]
      return c.draws.compactMap { draw in
        let name = "'\(c.graph[draw.node].mention)'"
        if let other = first[draw.noise], other.node != draw.node {
          return Match(
            node: draw.node, others: [other.node, draw.noise],
            message: "\(name) is drawn with the noise of '\(c.graph[other.node].mention)'",
            fix: "give each draw its own: leave 'noise:' out")
        }
        first[draw.noise] = draw
        // One number for several elements, the examples of a batch among them.
        let (own, whole) = (c.graph[draw.noise].type.shape, c.graph[draw.node].type.shape)
        guard own != whole, c.isRandom(draw.noise), c.isTrained(draw.scale) else { return nil }
        return Match(
          node: draw.node, others: [draw.noise],
          message: "\(name) has the shape \(whole), and its noise \(own): elements share a number",
          fix: "draw noise of the shape \(whole): noise \(c.expression(draw.noise)): "
            + "\(c.graph[draw.noise].type.dtype)\(whole) ~ normal")
      }
    },
  ]
}

extension Operation {
  /// The estimator of a sampling op where none is asked for.
  fileprivate var defaultEstimator: String? {
    let attribute = definition.sampling?.estimatorAttribute
    let spec = definition.attributes.first { $0.name == attribute }
    if case .symbol(let name)? = spec?.defaultValue { return name }
    return nil
  }
}
