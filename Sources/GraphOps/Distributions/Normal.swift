import Foundation
public import GraphIR

extension OpDefinition {
  /// `z ~ normal(mean: m, log_variance: s, draws: 1) estimator pathwise`: a draw from N(m, σ²).
  ///
  /// z = m + σ·ε with ε from the visible noise operand (the reparameterization of Kingma & Welling
  /// 2013, section 2.4). The estimator says how derivatives get past the draw.
  public static let normal = OpDefinition(
    "normal", "m + σ·ε, ε ~ N(0, 1)",
    operands: [
      "mean",
      OperandSpec(
        "log_variance", alternatives: ["stddev", "log_stddev"], choice: "scale"),
      OperandSpec("noise", edge: .noise),
    ],
    attributes: [.normalScale, .estimator(Estimator.continuous, default: .pathwise), .draws],
    type: TypeRule { context throws(TypeError) in
      for index in 0..<3 { try context.require(index, .floating) }
      try context.requireEqualDTypes(0..<3)
      let shape = try context.broadcastShape(0..<2)
      try context.requireNoise(at: 2, of: shape)
      try context.requireDraws()
      return ValueType(context[0].dtype, shape)
    },
    hazards: [
      Hazard(.overflow(rate: 0.5), operand: 1) { NormalScale($0) == .logVariance },
      Hazard(.overflow(rate: 1), operand: 1) { NormalScale($0) == .logStandardDeviation },
    ] + Hazard.density(scaleAt: 1) { hasDensity($0) },
    gradient: .partial { g in
      let noise = OperandGradient.notConnected(because: noiseReason)
      if let refusal = refusal(g.attributes, .continuous) { return [refusal, refusal, noise] }
      let through = g.cotangent * g[2]
      let scale =
        switch NormalScale(g.attributes) {
        case .logVariance: through * 0.5 * GraphOps.exp(0.5 * g[1])
        case .standardDeviation: through
        case .logStandardDeviation: through * GraphOps.exp(g[1])
        }
      return [
        .value(g.cotangent.summed(to: g[0].shape)), .value(scale.summed(to: g[1].shape)), noise,
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let scale = NormalScale(context.attributes)
      return try ReferenceRule.broadcast { $0[0] + scale.standardDeviation($0[1]) * $0[2] }(context)
    },
    kernel: .decomposed, drawing: .init(.sampling, symbol: "m + σ·ε", chainer: "Gaussian"),
    sampling: SamplingSpec(
      noiseOperand: 2, noise: .normal, estimatorAttribute: "estimator", drawsAttribute: "draws",
      estimators: Estimator.continuous,
      logProbability: { value, c in
        GraphOps.normalLogProb(
          value, mean: c.operands[0], scale: c.operands[1], as: NormalScale(c.attributes))
      },
      scores: { value, c in
        let scale = NormalScale(c.attributes)
        let sigma = scale.standardDeviation(c.operands[1])
        let e = (value - c.operands[0]) / sigma
        // In σ; from there on the chain rule.
        let spread = GraphOps.square(e) - 1
        let inScale =
          switch scale {
          case .logVariance: 0.5 * spread
          case .standardDeviation: spread / sigma
          case .logStandardDeviation: spread
          }
        return [e / sigma, inScale, nil]
      }),
    decomposition: Decomposition(.always) { c in
      let sigma = NormalScale(c.attributes).standardDeviation(c.operands[1])
      if let name = c.name, sigma.name == nil {
        sigma.named(c.builder.freeName("\(name).sigma"))
      }
      return stopped(c.operands[0] + sigma * c.operands[2], c.attributes, .continuous)
    }, axes: .aligned)
}

/// Whether the draw's estimator puts ln q of the draw into the graph.
private func hasDensity(_ attributes: Attributes) -> Bool {
  let estimator = Estimator.continuous.first { $0.name == attributes.symbol("estimator") }
  return estimator.map { $0.score != nil || $0.divergence != .closed } ?? false
}

/// A draw from N(mean, σ²) with its own noise leaf `<name>.eps`.
public func normal(
  _ name: String, mean: Value, scale: Value, as kind: NormalScale = .logVariance,
  estimator: Estimator = .pathwise, draws: Int = 1
) -> Value {
  guard let shape = mean.shape.broadcast(with: scale.shape) else {
    preconditionFailure("\(mean.type) and \(scale.type) do not broadcast")
  }
  let noise = mean.builder.noise("\(name).eps", ValueType(mean.dtype, shape), .normal)
  return mean.builder.make(
    .normal, [mean, scale, noise],
    [
      "scale": .symbol(kind.rawValue), "estimator": .symbol(estimator.name),
      "draws": .int(draws),
    ]
  ).named(name)
}
