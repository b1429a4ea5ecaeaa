import Ayatori
import Foundation
import GraphIR
import GraphOps

/// ln σ² of a draw against that of the divergence with the same mean.
private struct ScalePair {
  let draw: Draw
  let divergence: DivergenceUse

  /// For each draw of a stabilised graph the divergences with its mean; none where one of them has
  /// its scale as well.
  static func all(in graph: Graph) -> [[ScalePair]] {
    let divergences = DivergenceUse.all(in: graph)
    return Draw.all(in: graph).map { draw in
      let candidates = divergences.filter { $0.mean == draw.mean }
      let isSame = candidates.contains { other in
        draw.kind == .logVariance && other.logVariance == draw.scale
      }
      return isSame ? [] : candidates.map { ScalePair(draw: draw, divergence: $0) }
    }
  }

  /// What both are at random parameters and inputs: an expression for ln σ² may be written in any
  /// way, its value not.
  func values(_ graph: Graph) throws -> (draw: [Double], divergence: [Double])? {
    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    builder.output("draw", draw.logVariance(builder))
    builder.output("divergence", Value(builder: builder, id: divergence.logVariance))
    let lowered = try Compiler().lower(builder.build().retyped(from: .f32, to: .f64))
    let needed = lowered.needed(by: lowered.outputs.map(\.node))
    let sizes = lowered.sizes(
      binding: Dictionary(
        uniqueKeysWithValues: lowered.dimensions.filter { $0.defaultSize == nil }.map {
          ($0.name, 2)
        }))
    var leaves: [String: NDArray] = [:]
    for node in lowered.inputs + lowered.persistent where needed[node.id.index] {
      guard let shape = try? node.type.shape.evaluated(sizes) else { return nil }
      let drawn = NoiseStream(seed: 0, name: "lint/\(node.label)").values(
        .normal, count: shape.reduce(1, *), step: 0)
      let values =
        node.type.dtype.isFloating ? drawn.map { 0.1 * $0 } : drawn.map { $0 < 0 ? 0 : 1 }
      leaves[node.label] = NDArray(converting: values, to: node.type.dtype, shape: shape)
    }
    let results = try CompiledGraph(optimized: lowered).run(inputs: leaves, sizes: sizes)
    guard let own = results["draw"]?.doubles, let other = results["divergence"]?.doubles,
      !own.isEmpty, own.count == other.count, (own + other).allSatisfy(\.isFinite)
    else { return nil }
    return (own, other)
  }

  /// What the divergence's ln σ² must be multiplied by, when a number does it.
  static func factor(_ values: (draw: [Double], divergence: [Double])) -> Double? {
    let largest = values.divergence.indices.max {
      abs(values.divergence[$0]) < abs(values.divergence[$1])
    }
    guard let largest, values.divergence[largest] != 0 else { return nil }
    let factor = values.draw[largest] / values.divergence[largest]
    let isConstant = zip(values.draw, values.divergence).allSatisfy {
      abs($0 - factor * $1) <= 1e-9 * max(abs($0), 1e-3)
    }
    return isConstant ? factor : nil
  }
}

extension LintContext {
  /// An op on the way into `scale` that is flat beyond a bound, with a kink there: a clamp.
  fileprivate func clamp(of scale: NodeID) -> (node: Node, bound: Double)? {
    var id = scale
    let constants = graph.constantScalars
    while let operation = graph[id].operation {
      let node = graph[id]
      let moving = node.operands.filter { !constants.contains($0) }
      guard moving.count == 1, let operand = moving.first else { return nil }
      if operation.definition.linearity == nil, operation.definition.pieces != nil,
        let bound = bound(node, operand)
      {
        return (node, bound)
      }
      // Scaling, shifting and functions of one value leave a clamp behind them what it is.
      guard case .elementwise? = operation.definition.fusion else { return nil }
      id = operand
    }
    return nil
  }

  /// The end of a node's range that its operand's range goes beyond, where the node is flat beyond.
  private func bound(_ node: Node, _ operand: NodeID) -> Double? {
    let (own, inner) = (ranges[node.id.index], ranges[operand.index])
    for (end, beyond) in [(own.low, inner.low < own.low), (own.high, inner.high > own.high)]
    where end.isFinite && beyond {
      let far = end == own.low ? end - 1e3 : end + 1e3
      if let a = value(node, operand, at: far), a == value(node, operand, at: 2 * far) {
        return end
      }
    }
    return nil
  }

  /// An elementwise op of one moving operand at a number, by its reference.
  private func value(_ node: Node, _ operand: NodeID, at x: Double) -> Double? {
    guard let operation = node.operation else { return nil }
    let operands = node.operands.map { id in
      ReferenceArray(scalar: id == operand ? x : ranges[id.index].low)
    }
    return try? operation.definition.reference(
      ReferenceRule.Context(
        operands: operands, operandTypes: node.operands.map { graph[$0].type },
        attributes: operation.attributes, type: ValueType(node.type.dtype, []), shape: [],
        sizes: [:])
    ).values.first
  }
}

extension LintRule {
  /// About the scale of draws.
  static let scales: [LintRule] = [
    LintRule(
      "scale-mismatch",
      why:
        "the loss weighs another distribution than the one that is drawn from, and nothing shows it"
    ) { c in
      try ScalePair.all(in: c.stable).compactMap { pairs in
        let compared = try pairs.compactMap { pair in
          try pair.values(c.stable).map { (pair, ScalePair.factor($0)) }
        }
        let agrees = compared.contains { $0.1.map { abs($0 - 1) < 1e-9 } ?? false }
        guard !agrees, let (pair, factor) = compared.first else { return nil }
        let name = c.stable[pair.draw.node].mention
        guard let node = c.graph.node(named: name) ?? c.counterpart(c.stable[pair.draw.node])
        else { return nil }
        let (drawn, meant) = (
          c.stable[pair.draw.scale].mention, c.stable[pair.divergence.logVariance].mention
        )
        let relation =
          factor.map { "\(String(format: "%.4g", $0)) times what" } ?? "another function than"
        let kind = pair.draw.kind.rawValue
        return Match(
          node: node.id,
          message: "ln σ² of the draw '\(name)', with \(kind) '\(drawn)', is \(relation) the "
            + "divergence takes it for, '\(meant)'",
          fix: "draw and weigh the same: normal(mean: m, log_variance: s) and "
            + "kl_normal(mean: m, log_variance: s)")
      }
    },

    LintRule(
      "clamped-scale", why: "beyond a clamp the gradient is 0: a scale that went there stays there"
    ) { c in
      var seen: Set<NodeID> = []
      return c.draws.compactMap { draw in
        guard let (node, bound) = c.clamp(of: draw.scale), seen.insert(node.id).inserted else {
          return nil
        }
        let operand = node.operands.first { c.isTrained($0) } ?? node.operands[0]
        return Match(
          node: node.id, others: [draw.node],
          message: "the scale of '\(c.graph[draw.node].mention)' is clamped at "
            + "\(String(format: "%g", bound)): no gradient passes beyond",
          fix: "bound it smoothly: 8 * tanh(\(c.placeholder(operand)) / 8), or softplus")
      }
    },
  ]
}

extension LintContext {
  /// The node of the source graph where a node of the stabilised one was written.
  fileprivate func counterpart(_ node: Node) -> Node? {
    guard let location = node.location else { return nil }
    return graph.nodes.first { $0.location == location }
  }
}
