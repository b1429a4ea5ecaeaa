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
  /// as 0. Where l is NaN, so is the draw.
  public static let bernoulli = OpDefinition(
    "bernoulli", "1 where l + ln u − ln(1 − u) > 0, u ~ U(0, 1)",
    operands: ["logits", OperandSpec("noise", edge: .noise)],
    attributes: AttributeSpec.discreteDraw,
    type: TypeRule { context throws(TypeError) in
      try context.requireDiscreteDraw()
      return context[0]
    },
    range: .within(.unit),
    gradient: .partial { g in
      let noise = OperandGradient.notConnected(because: noiseReason)
      if let refusal = refusal(g.attributes, .discrete) { return [refusal, noise] }
      let smooth = smooth(g[0], g[1], g.attributes)
      return [.value(g.cotangent * smooth.draw * (1 - smooth.draw) / smooth.temperature), noise]
    },
    reference: ReferenceRule { context throws(RunError) in
      let temperature = context.attributes.scalar("temperature").doubleValue
      let isHard = isHard(context.attributes)
      return try ReferenceRule.broadcast {
        let position = $0[0] + logit($0[1])
        if !isHard { return logistic(position / temperature) }
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
      return discreteDraw(
        GraphOps.heaviside(position(logits, u)), smooth: smooth(logits, u, c.attributes).draw,
        c.attributes)
    }, axes: .aligned, pieces: .steps(isHard))
}

/// The logits with logistic noise: the draw is 1 where they are above 0.
private func position(_ logits: Value, _ u: Value) -> Value { logits + (log(u) - log1p(-u)) }

private func smooth(
  _ logits: Value, _ u: Value, _ attributes: Attributes
) -> (draw: Value, temperature: Double) {
  smoothDraw(logits, position(logits, u), attributes) { sigmoid($0) }
}

/// A draw of 0 or 1, with its own noise leaf `<name>.eps`.
public func bernoulli(
  _ name: String, logits: Value, estimator: Estimator = .score, draws: Int = 1,
  temperature: Double = 1
) -> Value {
  discreteDraw(
    .bernoulli, name, logits: logits, estimator: estimator, draws: draws, temperature: temperature)
}
