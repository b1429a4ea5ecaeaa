import GraphIR
import GraphOps

// Equal values in one form, so that they become one node and other rules need to know one form.

extension RewriteRule {
  static let canonicalization: [RewriteRule] = [
    RewriteRule(
      // IEEE 754 sums and products do not depend on the order of two operands. `maximum` does: of
      // 0 and −0 it gives the second.
      "literal_to_right", "c + x => x + c, c·x => x·c for a number c", .exact, on: [.add, .mul]
    ) { site in
      guard site.number(site[0]) != nil, site.number(site[1]) == nil else { return nil }
      return site.builder.make(site.operation.definition, [site[1], site[0]])
    },
    RewriteRule(
      "commuted_twin", "a + b => b + a where that is computed already; also ·, =, ≠, ∧, ∨, ⊕",
      .exact, on: [.add, .mul, .equal, .notEqual, .logicalAnd, .logicalOr, .logicalXor]
    ) { site in
      guard site[0].id != site[1].id else { return nil }
      let rarer = site.useCount(site[0]) <= site.useCount(site[1]) ? site[0] : site[1]
      if site.useCount(rarer) == 1 { return nil }
      // The earlier of the two stays.
      return site.users(of: rarer).first { user in
        guard user.id < site.value.id,
          let operands = site.operands(of: user, site.operation.definition)
        else { return false }
        return operands[0].id == site[1].id && operands[1].id == site[0].id
      }
    },
    RewriteRule(
      // Doubling and adding x to itself overflow alike.
      "add_self", "x + x => x·2", .exact, on: [.add]
    ) { site in
      site[0].id == site[1].id ? site[0] * site.constant(2) : nil
    },
    RewriteRule("mul_self", "x·x => square(x)", .exact, on: [.mul]) { site in
      site[0].id == site[1].id ? square(site[0]) : nil
    },
    RewriteRule(
      "reciprocal_of_x", "1 / x => reciprocal(x)", .exact, on: [.div]
    ) { site in
      guard site.isFloating, site.number(site[0]) == 1 else { return nil }
      return site.fitting(site[1]) { reciprocal($0) }
    },
    RewriteRule(
      // Both are the correctly rounded x/c, as 1/c is exact.
      "div_power_of_two", "x / c => x·(1/c) for a power of two c", .exact, on: [.div]
    ) { site in
      guard site.isFloating, let c = site.number(site[1]), c != 1, c != -1,
        c.isPowerOfTwo(in: site.type.dtype)
      else { return nil }
      return site.fitting(site[0]) { $0 * site.constant(1 / c) }
    },
    RewriteRule(
      // 1/c is rounded once more.
      "div_literal", "x / c => x·(1/c) for a number c", .reassociating, on: [.div]
    ) { site in
      guard site.isFloating, let c = site.number(site[1]), site.number(site[0]) == nil,
        c.magnitude != 1, !c.isPowerOfTwo(in: site.type.dtype),
        c.isNormal(in: site.type.dtype), (1 / c).isNormal(in: site.type.dtype)
      else { return nil }
      return site.fitting(site[0]) { $0 * site.constant(1 / c) }
    },
    RewriteRule(
      // C's pow gives 1 even for NaN (C17 F.10.4.4).
      "pow_zero", "x ** 0 => 1", .exact, on: [.pow]
    ) { site in site.number(site[1]) == 0 ? site.filled(with: 1) : nil },
    RewriteRule(
      // A C library may round pow(x, 1) otherwise.
      "pow_one", "x ** 1 => x", .reassociating, on: [.pow]
    ) { site in site.number(site[1]) == 1 ? site.fitting(site[0]) : nil },
    RewriteRule(
      // pow need not be correctly rounded, x·x is.
      "pow_two", "x ** 2 => square(x)", .reassociating, on: [.pow]
    ) { site in site.number(site[1]) == 2 ? site.fitting(site[0]) { square($0) } : nil },
    RewriteRule(
      "pow_minus_one", "x ** −1 => reciprocal(x)", .reassociating, on: [.pow]
    ) { site in site.number(site[1]) == -1 ? site.fitting(site[0]) { reciprocal($0) } : nil },
    RewriteRule(
      // pow(−∞, ½) is ∞, √−∞ is NaN.
      "pow_half", "x ** 0.5 => sqrt(x)", .finiteOnly, on: [.pow]
    ) { site in site.number(site[1]) == 0.5 ? site.fitting(site[0]) { sqrt($0) } : nil },
    RewriteRule(
      // At −∞ the one is 0, the other NaN.
      "pow_minus_half", "x ** −0.5 => rsqrt(x)", .finiteOnly, on: [.pow]
    ) { site in site.number(site[1]) == -0.5 ? site.fitting(site[0]) { rsqrt($0) } : nil },
  ]
}
