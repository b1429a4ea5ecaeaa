import GraphIR
import GraphOps

/// A rule that widens the domain of its left side, `f(g(x)) => h(x)` with g defined for x ≥ 0 or
/// x ≥ −1 only: as it stands where x is known to be nonnegative, else for finite values alone.
private func inverse(
  _ name: String, _ pattern: String, on op: OpDefinition, of inner: OpDefinition,
  _ result: @escaping @Sendable (RewriteSite, Value) -> Value
) -> [RewriteRule] {
  [
    RewriteRule(
      "\(name)_nonnegative", "\(pattern), x nonnegative by its op", .reassociating, on: [op]
    ) { site in
      guard let x = site.operand(of: site[0], inner), site.isNonnegative(x) else { return nil }
      return result(site, x)
    },
    // Where x is negative the left side is NaN and the right side is not.
    RewriteRule(name, pattern, .finiteOnly, on: [op]) { site in
      site.operand(of: site[0], inner).map { result(site, $0) }
    },
  ]
}

extension Stabilization {
  static let exponentials: [RewriteRule] =
    inverse("exp_log", "exp(log(x)) => x", on: .exp, of: .log) { $1 }
    + inverse("exp_log1p", "exp(log1p(x)) => 1 + x", on: .exp, of: .log1p) { $0.constant(1) + $1 }
    + inverse("expm1_log1p", "expm1(log1p(x)) => x", on: .expm1, of: .log1p) { $1 }
    + [
      RewriteRule(
        "exp_minus_one", "exp(x) - 1 => expm1(x)", .reassociating, on: [.sub, .add]
      ) { site in
        guard let y = site.lessOne(site.value) else { return nil }
        return site.operand(of: y, .exp).map { expm1($0) }
      },

      RewriteRule(
        "one_minus_exp", "1 - exp(x) => -expm1(x)", .reassociating, on: [.sub, .add]
      ) { site in
        guard let y = site.oneMinus(site.value) else { return nil }
        return site.operand(of: y, .exp).map { -expm1($0) }
      },

      RewriteRule(
        "expm1_plus_one", "expm1(x) + 1 => exp(x)", .reassociating, on: [.add, .sub]
      ) { site in
        guard let y = site.onePlus(site.value) else { return nil }
        return site.operand(of: y, .expm1).map { exp($0) }
      },

      RewriteRule(
        "exp_minus_softplus", "exp(-softplus(x)) => sigmoid(-x)", .reassociating, on: [.exp]
      ) { site in
        guard let y = site.operand(of: site[0], .neg), let x = site.operand(of: y, .softplus) else {
          return nil
        }
        return sigmoid(site.negated(x))
      },
    ]

  static let roots: [RewriteRule] =
    [
      RewriteRule(
        "sqrt_square", "sqrt(square(x)), sqrt(x * x), sqrt(x ** 2) => abs(x)",
        .reassociating, on: [.sqrt]
      ) { site in
        site.squareRoot(of: site[0]).map { abs($0) }
      }
    ] + inverse("square_sqrt", "square(sqrt(x)) => x", on: .square, of: .sqrt) { $1 }
}
