import Foundation
public import GraphIR

/// The logistic noise of a uniform number: ln u − ln(1 − u), −∞ at 0.
private func logit(_ u: Double) -> Double { Foundation.log(u) - Foundation.log1p(-u) }

extension OpDefinition {
  /// `b ~ bernoulli(logits: l, temperature: 1, draws: 1) estimator score`: 1 with probability σ(l),
  /// else 0.
  ///
  /// b = 1 where l + ln u − ln(1 − u) > 0, with u uniform from the visible noise operand. Under
  /// `gumbel_softmax` the draw is smooth, σ((l + ln u − ln(1 − u))/temperature), the binary
  /// Concrete of Maddison, Mnih & Teh 2017; under `straight_through` derivatives pass as if it were
  /// σ(l) (Bengio, Léonard & Courville 2013). u has 24 bits: probabilities below 6e-8 are as good
  /// as 0.
  public static let bernoulli = OpDefinition(
    "bernoulli", "1 where l + ln u − ln(1 − u) > 0, u ~ U(0, 1)",
    operands: ["logits", OperandSpec("noise", edge: .noise)],
    attributes: [.estimator(Estimator.discrete, default: .score), .draws, .temperature],
    type: TypeRule { context throws(TypeError) in
      for index in 0..<2 { try context.require(index, .floating) }
      try context.requireEqualDTypes(0..<2)
      try context.requireNoise(at: 1, of: context[0].shape)
      try context.requireDraws()
      try context.requireTemperature()
      return context[0]
    },
    gradient: .partial { g in
      let noise = OperandGradient.notConnected(because: noiseReason)
      if let reason = stoppedReason(g.attributes) {
        return [.notConnected(because: reason), noise]
      }
      let smooth = smooth(g[0], g[1], g.attributes)
      return [.value(g.cotangent * smooth.draw * (1 - smooth.draw) / smooth.temperature), noise]
    },
    reference: ReferenceRule { context throws(RunError) in
      let temperature = context.attributes.scalar("temperature").doubleValue
      let isSmooth = context.attributes.symbol("estimator") == Estimator.gumbelSoftmax.name
      return try ReferenceRule.broadcast {
        let position = $0[0] + logit($0[1])
        if isSmooth { return logistic(position / temperature) }
        return position.isNaN ? position : position > 0 ? 1 : 0
      }(context)
    },
    kernel: .decomposed, drawing: .init(.sampling, symbol: "l + logit u > 0", chainer: "Bernoulli"),
    sampling: SamplingSpec(
      noiseOperand: 1, noise: .uniform, estimatorAttribute: "estimator", drawsAttribute: "draws",
      estimators: Estimator.discrete,
      logProbability: { value, c in -GraphOps.bernoulliNLL(value, logits: c.operands[0]) },
      scores: { value, c in [value - GraphOps.sigmoid(c.operands[0]), nil] }),
    decomposition: Decomposition(.always) { c in
      let (logits, u) = (c.operands[0], c.operands[1])
      let position = logits + (GraphOps.log(u) - GraphOps.log1p(-u))
      let isOne = GraphOps.cast(GraphOps.greater(position, position.zero), to: logits.dtype)
      let estimator = c.attributes.symbol("estimator")
      if stoppedReason(c.attributes) != nil { return stopped(isOne, c.attributes) }
      let smooth = smooth(logits, u, c.attributes).draw
      return estimator == Estimator.gumbelSoftmax.name ? smooth : isOne.straightThrough(to: smooth)
    }, axes: .aligned, pieces: .steps(isHard))
}

/// What derivatives pass: σ(l), or the smooth draw under Gumbel-softmax.
private func smooth(
  _ logits: Value, _ u: Value, _ attributes: Attributes
) -> (draw: Value, temperature: Double) {
  if attributes.symbol("estimator") == Estimator.straightThrough.name {
    return (sigmoid(logits), 1)
  }
  let temperature = attributes.scalar("temperature").doubleValue
  return (sigmoid((logits + (log(u) - log1p(-u))) / temperature), temperature)
}

/// A draw of 0 or 1, with its own noise leaf `<name>.eps`.
public func bernoulli(
  _ name: String, logits: Value, estimator: Estimator = .score, draws: Int = 1,
  temperature: Double = 1
) -> Value {
  let noise = logits.builder.noise("\(name).eps", logits.type, .uniform)
  return logits.builder.make(
    .bernoulli, [logits, noise],
    [
      "estimator": .symbol(estimator.name), "draws": .int(draws),
      "temperature": .scalar(.float(temperature)),
    ]
  ).named(name)
}
