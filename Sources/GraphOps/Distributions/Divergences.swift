import CKernels
import Foundation
public import GraphIR

// Divergences from a prior that is written out; from N(0, 1): `NormalDivergence.swift`. They have
// no range: never negative over the reals, they round to either side of 0.

extension OpDefinition {
  /// `kl_normals(mean: m, log_variance: s, prior_mean: m₀, prior_log_variance: s₀)`:
  /// KL(N(m, eˢ) ‖ N(m₀, eˢ⁰)) element by element, in nats.
  ///
  /// ½ (e^(s−s₀) − 1 − (s − s₀) + (m − m₀)² e^−s₀): that of N((m − m₀) e^(−s₀/2), e^(s−s₀)) from
  /// N(0, 1), which is what it is replaced by. Term by term the derivative would be e^(s−s₀) − 1,
  /// and digits would go where both scales are nearly the same.
  public static let klNormals = OpDefinition(
    "kl_normals", "½ (e^(s−s₀) − 1 − (s−s₀) + (m−m₀)² e^−s₀)",
    operands: ["mean", "log_variance", "prior_mean", "prior_log_variance"],
    type: .broadcast(.floating),
    hazards: [
      Hazard(.overflow(rate: 1, base: 3), operand: 1), Hazard(.overflow(rate: -1), operand: 3),
    ],
    gradient: .rule { g in
      let (m, s, m0, s0) = (g[0], g[1], g[2], g[3])
      let precision = GraphOps.exp(-s0)
      let toMean = g.cotangent * (m - m0) * precision
      let ratio = GraphOps.expm1(s - s0)
      return [
        toMean.summed(to: m.shape), (g.cotangent * 0.5 * ratio).summed(to: s.shape),
        (-toMean).summed(to: m0.shape),
        (g.cotangent * -0.5 * (ratio + GraphOps.square(m - m0) * precision)).summed(to: s0.shape),
      ]
    },
    reference: .broadcast {
      let distance = ($0[0] - $0[2]) * Foundation.exp(-0.5 * $0[3])
      let d = $0[1] - $0[3]
      return 0.5 * (distance * distance + (Foundation.expm1(d) - d))
    },
    kernel: .decomposed, drawing: .init(.loss, symbol: "KL"),
    decomposition: Decomposition(.always) { c in
      let (m, s, m0, s0) = (c.operands[0], c.operands[1], c.operands[2], c.operands[3])
      return GraphOps.klNormal(mean: (m - m0) * GraphOps.exp(-0.5 * s0), logVariance: s - s0)
    }, axes: .aligned)

  /// `kl_bernoulli(logits: l, prior_logits: l₀)`: KL(Bernoulli(σ(l)) ‖ Bernoulli(σ(l₀))) element by
  /// element, in nats.
  ///
  /// σ(l)·(l − l₀) − softplus(l) + softplus(l₀). It has a kernel and is not put together of these:
  /// the derivative by l is σ(l) σ(−l) (l − l₀), and not with σ(l) added and taken off again.
  public static let klBernoulli = OpDefinition(
    "kl_bernoulli", "p·(l − l₀) − ln(1 + e^l) + ln(1 + e^l₀)",
    operands: ["logits", "prior_logits"],
    type: .broadcast(.floating),
    gradient: .rule { g in
      let p = GraphOps.sigmoid(g[0])
      return [
        (g.cotangent * p * GraphOps.sigmoid(-g[0]) * (g[0] - g[1])).summed(to: g[0].shape),
        (g.cotangent * (GraphOps.sigmoid(g[1]) - p)).summed(to: g[1].shape),
      ]
    },
    reference: .elementwise { bernoulliDivergence($0, from: $1) },
    kernel: .elements(.binary(f32: ak_kl_bernoulli_f32, f64: ak_kl_bernoulli_f64)),
    storage: .over([0, 1]), drawing: .init(.loss, symbol: "KL"),
    decomposition: Decomposition(.onRequest) { c in
      let (l, l0) = (c.operands[0], c.operands[1])
      return GraphOps.sigmoid(l) * (l - l0) - GraphOps.softplus(l) + GraphOps.softplus(l0)
    }, axes: .aligned)

  /// `kl_categorical(logits: l, prior_logits: l₀)`: KL of one distribution over the categories of
  /// the last axis from another, in nats. [.., K] → [..].
  ///
  /// Σ p·(ln p − ln p₀) with p = softmax(l), p₀ = softmax(l₀). It has a kernel for the reason that
  /// `klBernoulli` gives.
  public static let klCategorical = OpDefinition(
    "kl_categorical", "Σ p·(ln p − ln p₀)", operands: ["logits", "prior_logits"],
    type: TypeRule { context throws(TypeError) in
      for index in 0..<2 { try context.require(index, .floating) }
      try context.requireEqualDTypes(0..<2)
      for index in 0..<2 { try context.requireCategories(at: index) }
      let shape = try context.broadcastShape(0..<2)
      let (own, prior) = (context[0].shape.dims.last, context[1].shape.dims.last)
      guard own == prior else {
        throw .shape(
          context, 1, "the prior has other categories", expected: "a last axis of \(own ?? 0)")
      }
      return ValueType(context[0].dtype, Shape(shape.dims.dropLast()))
    },
    gradient: .rule { g in
      let line = g[0].shape.broadcast(with: g[1].shape) ?? g[0].shape
      let cotangent = g.cotangent.keepingDims([line.rank - 1], of: line)
      let (q, p) = (GraphOps.logSoftmax(g[0]), GraphOps.logSoftmax(g[1]))
      let divergence = g.result.keepingDims([line.rank - 1], of: line)
      return [
        (cotangent * GraphOps.exp(q) * (q - p - divergence)).summed(to: g[0].shape),
        (cotangent * (GraphOps.exp(p) - GraphOps.exp(q))).summed(to: g[1].shape),
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let (l, l0) = (context[0], context[1])
      let count = l.shape[l.shape.count - 1]
      let shape = context.shape + [count]
      let strides = [l, l0].map { broadcastStrides($0.shape, to: shape) }
      let values = IndexSequence(context.shape).map { outer -> Double in
        let logs = zip([l, l0], strides).map { array, strides in
          logSoftmaxLine((0..<count).map { array.values[offset(outer + [$0], strides)] })
        }
        return zip(logs[0], logs[1]).reduce(0) { $0 + Foundation.exp($1.0) * ($1.0 - $1.1) }
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .prepare { context in
      switch context.result.dtype {
      case .f32: categoricalDivergence(context, ak_kl_categorical_f32)
      case .f64: categoricalDivergence(context, ak_kl_categorical_f64)
      default: KernelRule.missing(context)
      }
    },
    drawing: .init(.loss, symbol: "KL"),
    decomposition: Decomposition(.onRequest) { c in
      let (q, p) = (GraphOps.logSoftmax(c.operands[0]), GraphOps.logSoftmax(c.operands[1]))
      return GraphOps.sum(GraphOps.exp(q) * (q - p), axes: [-1])
    },
    axes: AxisRule { axis, context in
      let place = axis + context.result.rank + 1 - context.shape.rank
      return place < context.result.rank
        && context.shape.dims[axis] == context.result.dims[place] ? place : nil
    })
}

/// KL(Bernoulli(σ(l)) ‖ Bernoulli(σ(l₀))), whose digits stay where it is small: the logits near
/// each other, or both far on one side.
private func bernoulliDivergence(_ logit: Double, from prior: Double) -> Double {
  // What it is for (l, l₀) it is for (−l, −l₀).
  let (l, l0) = logit > 0 ? (-logit, -prior) : (logit, prior)
  let (low, high) = l < l0 ? (l, l0) : (l0, l)
  // softplus(low) − softplus(high); its digits go where the argument is near −1.
  let near = Foundation.log1p(logistic(high) * Foundation.expm1(low - high))
  let difference = l0 > 1 ? stableSoftplus(l) - stableSoftplus(l0) : l < l0 ? near : -near
  return logistic(l) * (l - l0) - difference
}

private func categoricalDivergence<T>(
  _ context: KernelRule.Context,
  _ loop:
    @escaping (
      UnsafePointer<ak_reduction>?, UnsafePointer<ak_reduction>?, UnsafePointer<T>?,
      UnsafePointer<T>?, UnsafeMutablePointer<T>?, Int64, Int64
    ) -> Void
) -> PreparedKernel {
  let count = context[0].shape.last ?? 1
  let lines = context.result.shape + [count]
  let own = ak_reduction(linesOf: context[0].shape, broadcastTo: lines)
  let prior = ak_reduction(linesOf: context[1].shape, broadcastTo: lines)
  let (l, l0) = (context[0].typed(T.self), context[1].typed(T.self))
  let y = context.result.typed(T.self)
  let total = context.result.count
  let perTile = max(1, 4_096 / max(1, count))
  return PreparedKernel(units: tiles(total, perTile)) { range in
    withUnsafePointer(to: own) { own in
      withUnsafePointer(to: prior) { prior in
        loop(
          own, prior, l, l0, y, Int64(range.lowerBound * perTile),
          Int64(min(total, range.upperBound * perTile)))
      }
    }
  }
}

/// KL(N(mean, e^logVariance) ‖ N(priorMean, e^priorLogVariance)) element by element, in nats.
public func klNormals(
  mean: Value, logVariance: Value, priorMean: Value, priorLogVariance: Value
) -> Value {
  mean.builder.make(.klNormals, [mean, logVariance, priorMean, priorLogVariance])
}

/// KL(Bernoulli(σ(logits)) ‖ Bernoulli(σ(priorLogits))) element by element, in nats.
public func klBernoulli(logits: Value, priorLogits: Value) -> Value {
  logits.builder.make(.klBernoulli, [logits, priorLogits])
}

/// KL(softmax(logits) ‖ softmax(priorLogits)) over the last axis, in nats.
public func klCategorical(logits: Value, priorLogits: Value) -> Value {
  logits.builder.make(.klCategorical, [logits, priorLogits])
}
