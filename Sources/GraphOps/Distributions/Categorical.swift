import Foundation
public import GraphIR

extension OpDefinition {
  /// `c ~ categorical(logits: l, temperature: 1, draws: 1) estimator score`: one category along the
  /// last axis, as zeros and a 1; [.., K] → [.., K].
  ///
  /// The 1 stands where l + g is largest, with Gumbel noise g = −ln(−ln u) from the visible uniform
  /// operand. Under `gumbel_softmax` the draw is smooth, softmax((l + g)/temperature) (Jang, Gu &
  /// Poole 2017); under `straight_through` derivatives pass as if it were softmax(l). Where the
  /// largest logit is not finite, so that softmax(l) is NaN, every category is NaN.
  public static let categorical = OpDefinition(
    "categorical", "1 where l − ln(−ln u) is largest, u ~ U(0, 1)",
    operands: ["logits", OperandSpec("noise", edge: .noise)],
    attributes: AttributeSpec.discreteDraw,
    type: TypeRule { context throws(TypeError) in
      try context.requireDiscreteDraw()
      try context.requireCategories()
      return context[0]
    },
    range: .within(.unit),
    gradient: .partial { g in
      let noise = OperandGradient.notConnected(because: noiseReason)
      if let refusal = refusal(g.attributes, .discrete) { return [refusal, noise] }
      let smooth = smooth(g[0], g[1], g.attributes)
      let mean = GraphOps.sum(g.cotangent * smooth.draw, axes: [-1], keepdims: true)
      return [.value(smooth.draw * (g.cotangent - mean) / smooth.temperature), noise]
    },
    reference: ReferenceRule { context throws(RunError) in
      let temperature = context.attributes.scalar("temperature").doubleValue
      let isHard = isHard(context.attributes)
      let count = context.shape[context.shape.count - 1]
      let positions = zip(context[0].values, context[1].values).map { l, u in
        l - Foundation.log(-Foundation.log(u))
      }
      var values: [Double] = []
      for start in stride(from: 0, to: positions.count, by: Swift.max(count, 1)) {
        let line = positions[start..<(start + count)]
        let nan = line.firstIndex(where: \.isNaN)
        guard let largest = line.max(), let first = nan ?? line.firstIndex(of: largest) else {
          continue
        }
        if isHard {
          let chances = logSoftmaxLine(Array(context[0].values[line.indices]))
          let isDefined = !chances.contains(where: \.isNaN)
          values += line.indices.map { isDefined ? $0 == first ? 1 : 0 : .nan }
        } else {
          // As the decomposition has it, so that lowering changes no bit.
          values += logSoftmaxLine(line.map { $0 / temperature }).map(Foundation.exp)
        }
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .decomposed,
    drawing: .init(.sampling, symbol: "argmax(l + g)", chainer: "Categorical"),
    sampling: SamplingSpec(
      noiseOperand: 1, noise: .uniform, estimatorAttribute: "estimator", drawsAttribute: "draws",
      estimators: Estimator.discrete, eventRank: 1,
      logProbability: { value, c in GraphOps.categoricalLogProb(value, logits: c.operands[0]) },
      elementLogProbability: { value, c in
        // ln Σ eˡ by one logit alone: ln(1 + p·(eᵈ − 1)), with d the change from where it is.
        let logits = c.operands[0]
        let change = logits - stopForEstimator(logits)
        let chance = stopForEstimator(softmax(logits))
        return value * change - GraphOps.log1p(chance * GraphOps.expm1(change))
      },
      scores: { value, c in [value - softmax(c.operands[0]), nil] }),
    decomposition: Decomposition(.always) { c in
      let (logits, u) = (c.operands[0], c.operands[1])
      let isOne = GraphOps.oneHot(
        GraphOps.argmax(position(logits, u), axes: [-1]),
        depth: logits.shape.dims[logits.shape.rank - 1], dtype: logits.dtype)
      // 0, or NaN where softmax is.
      let largest = GraphOps.max(logits, axes: [-1], keepdims: true)
      return discreteDraw(
        isOne + (largest - largest), smooth: smooth(logits, u, c.attributes).draw, c.attributes)
    },
    axes: AxisRule { axis, context in axis == context.shape.rank - 1 ? nil : axis },
    pieces: .steps(isHard))

  /// `categorical_log_prob(x, logits: l)`: Σ x·log softmax(l) over the last axis, in nats; ln of
  /// the probability of x where x is zeros and a 1. [.., K] → [..].
  public static let categoricalLogProb = OpDefinition(
    "categorical_log_prob", "Σ x·(l − ln Σ e^l)", operands: ["x", "logits"],
    type: TypeRule { context throws(TypeError) in
      for index in 0..<2 { try context.require(index, .floating) }
      try context.requireEqualDTypes(0..<2)
      try context.requireCategories(at: 1)
      let shape = try context.broadcastShape(0..<2)
      let (choice, own) = (context[0].shape.dims.last, context[1].shape.dims.last)
      guard choice == own else {
        throw .shape(
          context, 0, "the choice is one of other categories",
          expected: "a last axis of \(own ?? 0)")
      }
      return ValueType(context[0].dtype, Shape(shape.dims.dropLast()))
    },
    // A sum of logarithms of probabilities, none counted less than nought times.
    range: RangeRule { c in c[0].low >= 0 ? ValueRange(-.infinity, 0) : .everything },
    gradient: .rule { g in
      let line = g[0].shape.broadcast(with: g[1].shape) ?? g[1].shape
      let cotangent = g.cotangent.keepingDims([line.rank - 1], of: line)
      let total = GraphOps.sum(g[0], axes: [-1], keepdims: true)
      return [
        (cotangent * GraphOps.logSoftmax(g[1])).summed(to: g[0].shape),
        (cotangent * (g[0] - total * softmax(g[1]))).summed(to: g[1].shape),
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let (x, l) = (context[0], context[1])
      let count = l.shape[l.shape.count - 1]
      let shape = context.shape + [count]
      let (sx, sl) = (broadcastStrides(x.shape, to: shape), broadcastStrides(l.shape, to: shape))
      let values = IndexSequence(context.shape).map { outer -> Double in
        let logs = logSoftmaxLine((0..<count).map { l.values[offset(outer + [$0], sl)] })
        return (0..<count).reduce(0) {
          $0 + x.values[offset(outer + [$1], sx)] * logs[$1]
        }
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .decomposed, drawing: .init(.loss, symbol: "ln Categorical"),
    decomposition: Decomposition(.always) { c in
      GraphOps.sum(c.operands[0] * GraphOps.logSoftmax(c.operands[1]), axes: [-1])
    }, likelihood: .logarithm,
    axes: AxisRule { axis, context in
      let place = axis + context.result.rank + 1 - context.shape.rank
      return place < context.result.rank
        && context.shape.dims[axis] == context.result.dims[place] ? place : nil
    })
}

extension TypeRule.Context {
  /// The operand has a last axis, of at least one category as far as is known.
  func requireCategories(at index: Int = 0) throws(TypeError) {
    guard let last = self[index].shape.dims.last, last != 0 else {
      throw .shape(self, index, "there is no category to choose", expected: "[…, categories]")
    }
  }
}

/// The logits with Gumbel noise: the draw is where they are largest.
private func position(_ logits: Value, _ u: Value) -> Value { logits - log(-log(u)) }

private func smooth(
  _ logits: Value, _ u: Value, _ attributes: Attributes
) -> (draw: Value, temperature: Double) {
  smoothDraw(logits, position(logits, u), attributes) { softmax($0) }
}

/// e^(x − ln Σ eˣ) along the last axis.
public func softmax(_ x: Value) -> Value { exp(logSoftmax(x)) }

/// Σ x·log softmax(logits) over the last axis, in nats.
public func categoricalLogProb(_ x: Value, logits: Value) -> Value {
  x.builder.make(.categoricalLogProb, [x, logits])
}

/// A draw of one category as zeros and a 1 along the last axis, with its own noise leaf
/// `<name>.eps`.
public func categorical(
  _ name: String, logits: Value, estimator: Estimator = .score, draws: Int = 1,
  temperature: Double = 1
) -> Value {
  discreteDraw(
    .categorical, name, logits: logits, estimator: estimator, draws: draws,
    temperature: temperature)
}
