import Foundation
public import GraphIR

/// How the scale of a normal distribution is given.
public enum NormalScale: String, CaseIterable, Sendable {
  /// ln σ².
  case logVariance = "log_variance"
  /// σ.
  case standardDeviation = "stddev"
  /// ln σ.
  case logStandardDeviation = "log_stddev"

  /// σ as graph.
  func standardDeviation(_ scale: Value) -> Value {
    switch self {
    case .logVariance: exp(0.5 * scale)
    case .standardDeviation: scale
    case .logStandardDeviation: exp(scale)
    }
  }

  /// σ as a number.
  func standardDeviation(_ scale: Double) -> Double {
    switch self {
    case .logVariance: Foundation.exp(0.5 * scale)
    case .standardDeviation: scale
    case .logStandardDeviation: Foundation.exp(scale)
    }
  }

  /// The attribute `scale`, whose values the type rule has checked.
  init(_ attributes: Attributes) {
    self = NormalScale(rawValue: attributes.symbol("scale")) ?? .logVariance
  }
}

extension OpDefinition {
  /// `z ~ normal(mean: m, log_variance: s) estimator pathwise`: a draw from N(m, σ²).
  ///
  /// z = m + σ·ε with ε from the visible noise operand (the reparameterization of Kingma & Welling
  /// 2013, section 2.4). The estimator says how derivatives pass: `pathwise` through m and σ,
  /// `stopped` not at all.
  public static let normal = OpDefinition(
    "normal", "m + σ·ε, ε ~ N(0, 1)",
    operands: [
      "mean",
      OperandSpec(
        "log_variance", alternatives: ["stddev", "log_stddev"], choice: "scale"),
      OperandSpec("noise", edge: .noise),
    ],
    attributes: [
      AttributeSpec(
        "scale", .symbol, default: .symbol("log_variance"),
        choices: NormalScale.allCases.map(\.rawValue), "how the scale is given"),
      AttributeSpec(
        "estimator", .symbol, default: .symbol("pathwise"), choices: ["pathwise", "stopped"],
        "how derivatives pass the draw"),
    ],
    type: TypeRule { context throws(TypeError) in
      for index in 0..<3 { try context.require(index, .floating) }
      try context.requireEqualDTypes(0..<3)
      let shape = try context.broadcastShape(0..<2)
      guard context[2].shape == shape else {
        throw .shape(context, 2, "the noise has another shape than the draw", expected: "\(shape)")
      }
      return ValueType(context[0].dtype, shape)
    },
    gradient: .partial { g in
      let noise = OperandGradient.notConnected(because: "noise: nothing flows into randomness")
      if g.attributes.symbol("estimator") == "stopped" {
        let stopped = OperandGradient.notConnected(because: stoppedEstimatorReason)
        return [stopped, stopped, noise]
      }
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
      noiseOperand: 2, noise: .normal, estimatorAttribute: "estimator",
      passingEstimators: ["pathwise"]),
    decomposition: Decomposition(.always) { c in
      let sigma = NormalScale(c.attributes).standardDeviation(c.operands[1])
      if let name = c.name, sigma.name == nil {
        sigma.named(c.builder.freeName("\(name).sigma"))
      }
      let draw = c.operands[0] + sigma * c.operands[2]
      guard c.attributes.symbol("estimator") == "stopped" else { return draw }
      return c.builder.make(.stopGradient, [draw], ["because": .symbol("stopped_estimator")])
    })
}

/// A draw from N(mean, σ²) with its own noise leaf `<name>.eps`.
public func normal(
  _ name: String, mean: Value, scale: Value, as kind: NormalScale = .logVariance,
  estimator: String = "pathwise"
) -> Value {
  guard let shape = mean.shape.broadcast(with: scale.shape) else {
    preconditionFailure("\(mean.type) and \(scale.type) do not broadcast")
  }
  let noise = mean.builder.noise("\(name).eps", ValueType(mean.dtype, shape), .normal)
  return mean.builder.make(
    .normal, [mean, scale, noise],
    ["scale": .symbol(kind.rawValue), "estimator": .symbol(estimator)]
  ).named(name)
}
