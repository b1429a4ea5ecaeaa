import GraphIR
import GraphOps

extension RewriteSite {
  /// Whether the value is max(x, 0), as people write it.
  fileprivate func isPositivePart(_ value: Value, of x: Value) -> Bool {
    if operand(of: value, .relu)?.id == x.id { return true }
    guard let pair = operands(of: value, .maximum) else { return false }
    return pair[0].id == x.id && coefficient(pair[1]) == 0
      || pair[1].id == x.id && coefficient(pair[0]) == 0
  }
}

extension Stabilization {
  /// Pairs of terms with softplus, also with others between them.
  static let sums: [RewriteRule] = [
    RewriteRule(
      "softplus_minus", "softplus(x) - x => softplus(-x), softplus(-x) + x => softplus(x)",
      .reassociating, on: [.add, .sub]
    ) { site in
      site.pairing(with: .softplus) { a, b in
        guard let x = site.operand(of: a.value, .softplus) else { return nil }
        let isMinus = b.value.id == x.id && b.factor == -a.factor
        let isPlus = site.operand(of: x, .neg)?.id == b.value.id && b.factor == a.factor
        guard isMinus || isPlus else { return nil }
        return .init(factor: a.factor, value: softplus(site.negated(x)))
      }
    },

    RewriteRule(
      "softplus_difference", "softplus(x) - softplus(-x) => x", .reassociating, on: [.add, .sub]
    ) { site in
      site.pairing(with: .softplus) { a, b in
        guard b.factor == -a.factor, let x = site.operand(of: a.value, .softplus),
          let y = site.operand(of: b.value, .softplus), site.operand(of: y, .neg)?.id == x.id
        else { return nil }
        return .init(factor: a.factor, value: x)
      }
    },

    RewriteRule(
      "softplus_parts", "max(x, 0) + softplus(-abs(x)) => softplus(x)", .reassociating,
      on: [.add, .sub]
    ) { site in
      site.pairing(with: .softplus) { a, b in
        guard b.factor == a.factor, let y = site.operand(of: a.value, .softplus),
          let size = site.operand(of: y, .neg), let x = site.operand(of: size, .abs),
          site.isPositivePart(b.value, of: x)
        else { return nil }
        return .init(factor: a.factor, value: softplus(x))
      }
    },

    // −½ (1 + s − m² − eˢ) arrives here as −½ · (−2 · kl_normal).
    RewriteRule(
      "inverse_scales", "c * sum(x * d) => sum(x), also of mean and without either; c * d = 1",
      .reassociating, on: [.mul, .neg, .div]
    ) { site in
      // A factor of 1 alone is not inverse to anything.
      guard !site.operands.contains(where: { site.coefficient($0) == 1 }) else { return nil }
      let (outer, y) = site.scaled(site.value)
      if outer == 1, y.id != site.value.id { return y }
      for reduction in [OpDefinition.sum, .mean] {
        guard let z = site.operand(of: y, reduction) else { continue }
        let (inner, x) = site.scaled(z)
        guard x.id != z.id, outer * inner == 1 else { return nil }
        return site.builder.make(reduction, [x], site.attributes(of: y))
      }
      return nil
    },
  ]
}
