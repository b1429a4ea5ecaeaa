import CKernels
import Foundation
public import GraphIR

extension OpDefinition {
  /// `kl_normal(mean: m, log_variance: s)`: KL(N(m, eˢ) ‖ N(0, 1)) element by element, in nats.
  ///
  /// ½ (m² + eˢ − 1 − s). Kingma & Welling 2013, appendix B.
  public static let klNormal = OpDefinition(
    "kl_normal", "½ (m² + e^s − 1 − s)", operands: ["mean", "log_variance"],
    type: .broadcast(.floating),
    hazards: [Hazard(.overflow(rate: 1), operand: 1)],
    gradient: .rule { g in
      [
        (g.cotangent * g[0]).summed(to: g[0].shape),
        (g.cotangent * 0.5 * GraphOps.expm1(g[1])).summed(to: g[1].shape),
      ]
    },
    reference: .elementwise { mean, s in 0.5 * (mean * mean + (Foundation.expm1(s) - s)) },
    kernel: .elements(.binary(f32: ak_kl_normal_f32, f64: ak_kl_normal_f64)),
    storage: .over([0, 1]), drawing: .init(.loss, symbol: "KL", chainer: "GaussianKL"),
    decomposition: Decomposition(.onRequest) { c in
      0.5 * (GraphOps.square(c.operands[0]) + (GraphOps.expm1(c.operands[1]) - c.operands[1]))
    })
}

public func klNormal(mean: Value, logVariance: Value) -> Value {
  mean.builder.make(.klNormal, [mean, logVariance])
}
