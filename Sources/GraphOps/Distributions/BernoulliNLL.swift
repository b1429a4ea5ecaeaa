import CKernels
import Foundation
public import GraphIR

extension OpDefinition {
  /// `bernoulli_nll(x, logits: l)`: −ln Bernoulli(x; σ(l)) element by element, in nats.
  ///
  /// ln(1 + eˡ) − x·l, without overflow. For x strictly between 0 and 1 it is the cross entropy,
  /// not a likelihood.
  public static let bernoulliNLL = OpDefinition(
    "bernoulli_nll", "ln(1 + e^l) − x·l", operands: ["x", "logits"], type: .broadcast(.floating),
    // x·softplus(−l) + (1 − x)·softplus(l): a mean of two positive numbers for x in [0, 1].
    range: RangeRule { c in c[0].low >= 0 && c[0].high <= 1 ? .positive : .everything },
    gradient: .rule { g in
      [
        -(g.cotangent * g[1]).summed(to: g[0].shape),
        (g.cotangent * (GraphOps.sigmoid(g[1]) - g[0])).summed(to: g[1].shape),
      ]
    },
    // max(l, 0) and x·l cancel first: where x is 1 and l is large, only the logarithm is left.
    reference: .elementwise { x, l in
      (l > 0 ? l : 0) - x * l + Foundation.log1p(Foundation.exp(-Swift.abs(l)))
    },
    kernel: .elements(.binary(f32: ak_bernoulli_nll_f32, f64: ak_bernoulli_nll_f64)),
    storage: .over([0, 1]),
    drawing: .init(.loss, symbol: "−ln Bernoulli", chainer: "BernoulliNLL"),
    decomposition: Decomposition(.onRequest) { c in
      let (x, logits) = (c.operands[0], c.operands[1])
      // Not softplus(l) − x·l, which loses e^−l at x = 1 for large l.
      let linear = GraphOps.maximum(logits, logits.zero) - x * logits
      return linear + GraphOps.log1p(GraphOps.exp(-GraphOps.abs(logits)))
    }, likelihood: .negativeLogarithm)
}

public func bernoulliNLL(_ x: Value, logits: Value) -> Value {
  x.builder.make(.bernoulliNLL, [x, logits])
}
