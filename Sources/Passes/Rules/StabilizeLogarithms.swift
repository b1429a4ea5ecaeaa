import GraphIR
import GraphOps

/// −ln 2, where `log(-expm1(x))` and `log1p(-exp(x))` are equally good. Mächler 2012, equation 7.
private let threshold = -0.693147180559945309

/// `ln(1 − eˣ)` for x < 0 by the better of two forms; the operand of the other is held at the
/// threshold, so that it brings no NaN into derivatives. Nil for an operand that is so held.
private func logOneMinusExp(_ x: Value, _ site: RewriteSite) -> Value? {
  if let held = site.operands(of: x, .select),
    held[1...].contains(where: { site.coefficient($0) == threshold })
  {
    return nil
  }
  let limit = site.constant(threshold)
  let isNear = greater(x, limit)
  return select(
    isNear, log(-expm1(select(isNear, x, limit))), log1p(-exp(select(isNear, limit, x))))
}

/// `ln(eᵃ + eᵇ)` = max + softplus(min − max). The larger is chosen, not computed by `maximum`:
/// either choice is the same smooth function, so derivatives of any order hold at ties too. Where
/// the larger is infinite it is the result, as a masked term −∞ needs.
private func logAddExp(_ a: Value, _ b: Value) -> Value {
  let isFirst = greaterEqual(a, b)
  let larger = select(isFirst, a, b)
  let zero = a.builder.constant(.float(0), a.dtype)
  let isFinite = equal(larger - larger, zero)
  return larger + softplus(select(isFirst, b, a) - select(isFinite, larger, zero))
}

extension Stabilization {
  static let logarithms: [RewriteRule] = [
    RewriteRule("log_exp", "log(exp(x)) => x", .reassociating, on: [.log]) { site in
      site.operand(of: site[0], .exp)
    },

    RewriteRule(
      "log_sigmoid", "log(sigmoid(x)) => -softplus(-x)", .reassociating, on: [.log]
    ) { site in
      site.movedOperand(of: site[0], .sigmoid).map { -softplus(site.negated($0)) }
    },

    RewriteRule(
      "log1p_minus_sigmoid", "log1p(-sigmoid(x)) => -softplus(x)", .reassociating, on: [.log1p]
    ) { site in
      guard let y = site.operand(of: site[0], .neg) else { return nil }
      return site.movedOperand(of: y, .sigmoid).map { -softplus($0) }
    },

    RewriteRule("log1p_exp", "log1p(exp(x)) => softplus(x)", .reassociating, on: [.log1p]) { site in
      site.operand(of: site[0], .exp).map { softplus($0) }
    },

    RewriteRule("log1p_expm1", "log1p(expm1(x)) => x", .reassociating, on: [.log1p]) { site in
      site.operand(of: site[0], .expm1)
    },

    RewriteRule(
      "log_one_minus_exp",
      "log(-expm1(x)), log1p(-exp(x)) => select(x > -ln 2, log(-expm1(x)), log1p(-exp(x)))",
      .reassociating, on: [.log, .log1p]
    ) { site in
      guard let y = site.operand(of: site[0], .neg) else { return nil }
      let inner = site.operation.definition == .log ? OpDefinition.expm1 : .exp
      return site.operand(of: y, inner).flatMap { logOneMinusExp($0, site) }
    },

    RewriteRule(
      "log_one_plus", "log(1 + x) => log1p(x), log(1 - x) => log1p(-x)", .reassociating, on: [.log]
    ) { site in
      if let x = site.onePlus(site[0]) { return log1p(x) }
      return site.oneMinus(site[0]).map { log1p(-$0) }
    },

    RewriteRule(
      "log_sum_exp", "log(sum(exp(x), axes)) => logsumexp(x, axes)", .reassociating, on: [.log]
    ) { site in
      guard let e = site.operand(of: site[0], .sum), let x = site.operand(of: e, .exp) else {
        return nil
      }
      return site.builder.make(.logsumexp, [x], site.attributes(of: site[0]))
    },

    RewriteRule(
      "log_mean_exp", "log(mean(exp(x), axes)) => logsumexp(x, axes) - log(count)",
      .reassociating, on: [.log]
    ) { site in
      guard let e = site.operand(of: site[0], .mean), let x = site.operand(of: e, .exp) else {
        return nil
      }
      let axes = site.reducedAxes(of: site[0], rank: x.shape.rank)
      guard let count = try? Shape(axes.map { x.shape.dims[$0] }).elementCount() else { return nil }
      let total = site.builder.make(.logsumexp, [x], site.attributes(of: site[0]))
      return total - log(site.builder.size(count, site.type.dtype))
    },

    RewriteRule(
      "log_add_exp", "log(exp(a) + exp(b) + …) => max + softplus(min - max), pair by pair",
      .reassociating, on: [.log]
    ) { site in
      guard let pair = site.operands(of: site[0], .add) else { return nil }
      var exponents: [Value] = []
      var pending = Array(pair.reversed())
      while let term = pending.popLast() {
        if let x = site.operand(of: term, .exp) {
          exponents.append(x)
        } else if let inner = site.operands(of: term, .add), exponents.count + pending.count < 8 {
          pending += inner.reversed()
        } else {
          return nil
        }
      }
      return exponents.dropFirst().reduce(exponents[0]) { logAddExp($0, $1) }
    },

    RewriteRule(
      "log_reciprocal", "log(1 / x), log(reciprocal(x)) => -log(x)", .reassociating, on: [.log]
    ) { site in
      if let x = site.operand(of: site[0], .reciprocal) { return -log(x) }
      guard let x = site.operands(of: site[0], .div), site.coefficient(x[0]) == 1,
        x[1].type == site.type
      else { return nil }
      return -log(x[1])
    },

    RewriteRule(
      "log_square_root", "log(sqrt(x)) => 0.5 * log(x), log(rsqrt(x)) => -0.5 * log(x)",
      .reassociating, on: [.log]
    ) { site in
      if let x = site.operand(of: site[0], .sqrt) { return site.constant(0.5) * log(x) }
      return site.operand(of: site[0], .rsqrt).map { site.constant(-0.5) * log($0) }
    },

    RewriteRule(
      "log_square", "log(square(x)), log(x * x) => 2 * log(abs(x))", .reassociating, on: [.log]
    ) { site in
      site.squareRoot(of: site[0]).map { site.constant(2) * log(abs($0)) }
    },

    RewriteRule(
      "log_power", "log(x ** c) => c * log(x), of abs(x) for even c; c a number, not 0",
      .reassociating, on: [.log]
    ) { site in
      guard let x = site.operands(of: site[0], .pow), x[0].type == site.type,
        let exponent = site.coefficient(x[1]), exponent != 0, exponent.isFinite
      else { return nil }
      let isEven = exponent.remainder(dividingBy: 2) == 0
      return site.constant(exponent) * log(isEven ? abs(x[0]) : x[0])
    },
  ]
}
