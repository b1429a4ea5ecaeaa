import GraphIR
import GraphOps

// Exponentials, roots and reciprocals of products and quotients.

extension RewriteRule {
  static let powers: [RewriteRule] = [
    RewriteRule(
      "exp_product", "exp(a)·exp(b) => exp(a + b)  (a, b of one type, no other uses)",
      .reassociating, on: [.mul]
    ) { site in
      site.both(.exp).map { exp($0 + $1) }
    },
    RewriteRule(
      "exp_quotient", "exp(a) / exp(b) => exp(a − b)  (a, b of one type, no other uses)",
      .reassociating, on: [.div]
    ) { site in
      site.both(.exp).map { exp($0 - $1) }
    },
    RewriteRule(
      // √a·√b is NaN where both are negative.
      "sqrt_product", "√a·√b => √(a·b)  (a, b of one type, no other uses)", .finiteOnly, on: [.mul]
    ) { site in
      site.both(.sqrt).map { sqrt($0 * $1) }
    },
    RewriteRule("square_of_sqrt", "(√x)² => x  (NaN below 0)", .finiteOnly, on: [.square]) { site in
      site.operand(of: site[0], .sqrt)
    },
    RewriteRule(
      // The kernel of rsqrt computes 1/√x.
      "reciprocal_of_sqrt", "1/√x => rsqrt(x)  (no other use of √x)", .exact, on: [.reciprocal]
    ) { site in
      site.useCount(site[0]) == 1 ? site.operand(of: site[0], .sqrt).map { rsqrt($0) } : nil
    },
    RewriteRule(
      "reciprocal_of_rsqrt", "1/rsqrt(x) => √x", .reassociating, on: [.reciprocal]
    ) { site in
      site.operand(of: site[0], .rsqrt).map { sqrt($0) }
    },
    RewriteRule(
      "reciprocal_of_reciprocal", "1/(1/x) => x", .reassociating, on: [.reciprocal]
    ) { site in
      site.operand(of: site[0], .reciprocal)
    },
    RewriteRule(
      "reciprocal_of_quotient", "1/(a/b) => b/a  (no other use of a/b)", .reassociating,
      on: [.reciprocal]
    ) { site in
      guard site.useCount(site[0]) == 1, let parts = site.operands(of: site[0], .div) else {
        return nil
      }
      return parts[1] / parts[0]
    },
    RewriteRule(
      "mul_reciprocal", "a·(1/b) => a/b  (no other use of 1/b)", .reassociating, on: [.mul]
    ) { site in
      for (inverse, other) in [(1, 0), (0, 1)] where site.useCount(site[inverse]) == 1 {
        if let b = site.operand(of: site[inverse], .reciprocal), b.type == site.type {
          return site[other] / b
        }
      }
      return nil
    },
    RewriteRule("div_reciprocal", "a / (1/b) => a·b", .reassociating, on: [.div]) { site in
      site.operand(of: site[1], .reciprocal).map { site[0] * $0 }
    },
  ]
}

extension RewriteSite {
  /// The operands of the two uses of `op` that are the site's operands, when all have the site's
  /// type and the uses no other user: else there would be more to compute.
  fileprivate func both(_ op: OpDefinition) -> (Value, Value)? {
    guard self[0].id != self[1].id, useCount(self[0]) == 1, useCount(self[1]) == 1,
      let a = operand(of: self[0], op), let b = operand(of: self[1], op), a.type == type,
      b.type == type
    else { return nil }
    return (a, b)
  }
}
