import GraphIR
import GraphOps

extension RewriteSite {
  /// Whether two factors are x and 1 − x or x and x − 1: then x, and the sign of the second.
  private func complement(_ a: Value, _ b: Value) -> (x: Value, sign: Double)? {
    if oneMinus(b)?.id == a.id { return (a, 1) }
    if lessOne(b)?.id == a.id { return (a, -1) }
    return nil
  }

  /// A pair of terms `k·…·x·f(-l)` and `±k·…·(1 - x)·f(l)`, f an op: k, the common factors, x, l.
  fileprivate func weighted(
    _ a: SignedSum.Term, _ b: SignedSum.Term, by op: OpDefinition, sign: Double
  ) -> (number: Double, common: [Value], x: Value, logits: Value)? {
    func take(_ list: inout [Value]) -> Value? {
      guard let place = list.firstIndex(where: { operand(of: $0, op) != nil }) else { return nil }
      return operand(of: list.remove(at: place), op)
    }
    var first = factors(a.value)
    guard let l0 = take(&first.factors) else { return nil }
    var second = factors(b.value)
    guard let logits = take(&second.factors), first.factors.count == second.factors.count,
      areOpposite(l0, logits)
    else { return nil }
    var common: [Value] = []
    for factor in first.factors {
      guard let place = second.factors.firstIndex(where: { $0.id == factor.id }) else { continue }
      second.factors.remove(at: place)
      common.append(factor)
    }
    for factor in common {
      if let place = first.factors.firstIndex(where: { $0.id == factor.id }) {
        first.factors.remove(at: place)
      }
    }
    guard first.factors.count == 1, second.factors.count == 1,
      let (x, own) = complement(first.factors[0], second.factors[0]),
      a.factor * first.number == sign * own * b.factor * second.number
    else { return nil }
    return (a.factor * first.number, common, x, logits)
  }

  /// `k·x·softplus(-l) + k·(1 - x)·softplus(l)` as a term with `bernoulli_nll`.
  fileprivate func crossEntropy(_ a: SignedSum.Term, _ b: SignedSum.Term) -> SignedSum.Term? {
    guard let found = weighted(a, b, by: .softplus, sign: 1) else { return nil }
    return term(found.number, found.common + [bernoulliNLL(found.x, logits: found.logits)])
  }

  /// The sum without `k·m²`, `k·eˢ`, `-k·s` and `-k`, and with `2k·kl_normal(m, s)` instead.
  fileprivate func divergence(_ sum: SignedSum) -> SignedSum? {
    for (e, term) in sum.terms.enumerated() {
      var sum = sum
      let s: Value
      if let x = operand(of: term.value, .exp) {
        guard sum.constant == -term.factor else { continue }
        sum.constant = 0
        s = x
      } else if let sigma = squareRoot(of: term.value), let half = operand(of: sigma, .exp) {
        guard sum.constant == -term.factor, scaled(half).factor == 0.5 else { continue }
        sum.constant = 0
        s = scaled(half).operand
      } else if let x = operand(of: term.value, .expm1) {
        s = x
      } else {
        continue
      }
      let linear = sum.terms.firstIndex { $0.value.id == s.id && $0.factor == -term.factor }
      let square = sum.terms.indices.first {
        $0 != e && sum.terms[$0].factor == term.factor
          && squareRoot(of: sum.terms[$0].value) != nil
      }
      guard let linear, let square, let mean = squareRoot(of: sum.terms[square].value) else {
        continue
      }
      let kl = SignedSum.Term(
        factor: 2 * term.factor, value: klNormal(mean: mean, logVariance: s))
      return sum.replacing([e, linear, square], with: kl)
    }
    return nil
  }
}

extension Stabilization {
  /// Losses that people write on probabilities.
  static let losses: [RewriteRule] = [
    RewriteRule(
      "bernoulli_nll",
      "x * softplus(-l) + (1 - x) * softplus(l) => bernoulli_nll(x, logits: l), with any signs",
      .reassociating, on: [.add, .sub]
    ) { site in
      site.pairing(with: .softplus) { site.crossEntropy($0, $1) }
    },

    RewriteRule(
      "bernoulli_nll_of_sums",
      "sum(x * softplus(-l)) + sum((1 - x) * softplus(l)) => sum(bernoulli_nll(x, logits: l))",
      .reassociating, on: [.add, .sub]
    ) { site in
      site.pairing(with: .sum, .mean) { a, b in
        for reduction in [OpDefinition.sum, .mean] {
          guard let x = site.operand(of: a.value, reduction),
            let y = site.operand(of: b.value, reduction), x.type == y.type,
            site.attributes(of: a.value) == site.attributes(of: b.value)
          else { continue }
          let ratio = b.factor / a.factor
          let terms = SignedSum(x, site)
          guard ratio.isFinite, site.factorOps(of: terms).contains(.softplus),
            let both = (terms + SignedSum(y, times: ratio, site)).pairing({
              site.crossEntropy($0, $1)
            }), let merged = both.value(site, x.type)
          else { return nil }
          let total = site.builder.make(reduction, [merged], site.attributes(of: a.value))
          return .init(factor: a.factor, value: total)
        }
        return nil
      }
    },

    RewriteRule(
      "softplus_minus_product",
      "softplus(l) - x * l => bernoulli_nll(x, logits: l), softplus(-l) + (1 - x) * l => the same",
      .reassociating, on: [.add, .sub]
    ) { site in
      site.pairing(with: .softplus) { a, b in
        guard let l = site.operand(of: a.value, .softplus),
          let product = site.operands(of: b.value, .mul)
        else { return nil }
        for (x, y) in [(product[0], product[1]), (product[1], product[0])] {
          if y.id == l.id, b.factor == -a.factor {
            return .init(factor: a.factor, value: bernoulliNLL(x, logits: l))
          }
          if y.id == site.operand(of: l, .neg)?.id, b.factor == a.factor,
            let x = site.oneMinus(x)
          {
            return .init(factor: a.factor, value: bernoulliNLL(x, logits: y))
          }
        }
        return nil
      }
    },

    // The derivative of a cross entropy that was differentiated as written.
    RewriteRule(
      "bernoulli_gradient", "x * sigmoid(-l) - (1 - x) * sigmoid(l) => x - sigmoid(l)",
      .reassociating, on: [.add, .sub]
    ) { site in
      site.pairing(with: .sigmoid) { a, b in
        guard let found = site.weighted(a, b, by: .sigmoid, sign: -1) else { return nil }
        return site.term(found.number, found.common + [found.x - sigmoid(found.logits)])
      }
    },

    RewriteRule(
      "kl_normal", "m² + exp(s) - 1 - s => 2 * kl_normal(mean: m, log_variance: s), in any order",
      .reassociating, on: [.add, .sub]
    ) { site in
      site.divergence(site.sum)?.value(site, site.type)
    },
  ]
}
