import Foundation
public import GraphIR

/// ln √(2π).
private let halfLog2Pi = 0.918_938_533_204_672_8

extension OpDefinition {
  /// `normal_log_prob(x, mean: m, log_variance: s)`: ln N(x; m, σ²) element by element, in nats.
  ///
  /// −½ ((x − m)/σ)² − ln σ − ½ ln 2π; the scale may be given as `stddev:` or `log_stddev:`.
  public static let normalLogProb = OpDefinition(
    "normal_log_prob", "−½ ((x − m)/σ)² − ln σ − ½ ln 2π",
    operands: [
      "x", "mean",
      OperandSpec("log_variance", alternatives: ["stddev", "log_stddev"], choice: "scale"),
    ], attributes: [.normalScale], type: .broadcast(.floating),
    // Highest at the mean: −ln σ − ½ ln 2π.
    range: RangeRule { c in
      let logSigma = NormalScale(c.attributes).logStandardDeviation(c[2])
      let isSpread = ValueRange(-.infinity, 0)
      return (isSpread - logSigma - .exactly(halfLog2Pi)).slack
    },
    hazards: Hazard.density(scaleAt: 2),
    gradient: .rule { g in
      let scale = NormalScale(g.attributes)
      let sigma = scale.standardDeviation(g[2])
      let e = (g[0] - g[1]) / sigma
      let toMean = g.cotangent * e / sigma
      let spread = g.cotangent * (GraphOps.square(e) - 1)
      let toScale =
        switch scale {
        case .logVariance: 0.5 * spread
        case .standardDeviation: spread / sigma
        case .logStandardDeviation: spread
        }
      return [
        (-toMean).summed(to: g[0].shape), toMean.summed(to: g[1].shape),
        toScale.summed(to: g[2].shape),
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let scale = NormalScale(context.attributes)
      // Term by term as the decomposition has it, so that lowering changes no bit.
      return try ReferenceRule.broadcast {
        let (distance, s) = ($0[0] - $0[1], $0[2])
        switch scale {
        case .logVariance:
          return -0.5 * (distance * distance * Foundation.exp(-s) + s) - halfLog2Pi
        case .standardDeviation:
          let e = distance / s
          return -0.5 * (e * e) - Foundation.log(s) - halfLog2Pi
        case .logStandardDeviation:
          return -0.5 * (distance * distance * Foundation.exp(-2 * s)) - s - halfLog2Pi
        }
      }(context)
    },
    kernel: .decomposed, drawing: .init(.loss, symbol: "ln N(x; m, σ²)"),
    decomposition: Decomposition(.always) { c in
      let (x, mean, s) = (c.operands[0], c.operands[1], c.operands[2])
      let squared = GraphOps.square(x - mean)
      switch NormalScale(c.attributes) {
      case .logVariance:
        return -0.5 * (squared * GraphOps.exp(-s) + s) - halfLog2Pi
      case .standardDeviation:
        return -0.5 * GraphOps.square((x - mean) / s) - GraphOps.log(s) - halfLog2Pi
      case .logStandardDeviation:
        return -0.5 * (squared * GraphOps.exp(-2 * s)) - s - halfLog2Pi
      }
    }, likelihood: .logarithm, axes: .aligned)
}

/// ln N(x; mean, σ²) element by element, in nats.
public func normalLogProb(
  _ x: Value, mean: Value, scale: Value, as kind: NormalScale = .logVariance
) -> Value {
  x.builder.make(.normalLogProb, [x, mean, scale], ["scale": .symbol(kind.rawValue)])
}
