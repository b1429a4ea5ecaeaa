import GraphIR
import GraphOps

// Sums with 0, products with 1 and 0, what cancels.
//
// With signed zeros, x + 0 is not x at x = −0, but x + (−0) and x − 0 are. A NaN or an infinity
// makes x·0 and x − x NaN. Integers have neither, so their rules are exact; they wrap, and x / 0
// is 0.

extension RewriteRule {
  static let identities: [RewriteRule] = sums + products + cancellations

  private static let sums: [RewriteRule] = [
    RewriteRule(
      "add_nothing", "x + (−0) => x; for integers x + 0", .exact, on: [.add]
    ) { site in site.operand { $0 == 0 && (site.isInteger || $0.sign == .minus) } },
    RewriteRule(
      "add_zero", "x + 0 => x, x − (−0) => x  (−0 + 0 is 0)", .reassociating, on: [.add, .sub]
    ) { site in
      guard site.isFloating else { return nil }
      if site.operation.definition == .add { return site.operand { $0 == 0 } }
      return site.number(site[1]) == 0 ? site.fitting(site[0]) : nil
    },
    RewriteRule("sub_zero", "x − 0 => x", .exact, on: [.sub]) { site in
      guard let c = site.number(site[1]), c == 0, site.isInteger || c.sign == .plus else {
        return nil
      }
      return site.fitting(site[0])
    },
    RewriteRule(
      "nothing_minus", "(−0) − x => −x; for integers 0 − x", .exact, on: [.sub]
    ) { site in
      guard let c = site.number(site[0]), c == 0, site.isInteger || c.sign == .minus else {
        return nil
      }
      return site.fitting(site[1]) { -$0 }
    },
    RewriteRule("zero_minus", "0 − x => −x  (0 − 0 is 0)", .reassociating, on: [.sub]) { site in
      site.isFloating && site.number(site[0]) == 0 ? site.fitting(site[1]) { -$0 } : nil
    },
  ]

  private static let products: [RewriteRule] = [
    RewriteRule("mul_one", "x·1 => x", .exact, on: [.mul]) { site in
      site.operand { $0 == 1 }
    },
    RewriteRule("div_one", "x / 1 => x", .exact, on: [.div]) { site in
      site.number(site[1]) == 1 ? site.fitting(site[0]) : nil
    },
    RewriteRule(
      // For integers too: the smallest number wraps to itself in all three.
      "mul_minus_one", "x·(−1) => −x, x / (−1) => −x", .exact, on: [.mul, .div]
    ) { site in
      if site.operation.definition == .mul { return site.operand { $0 == -1 }.map { -$0 } }
      return site.number(site[1]) == -1 ? site.fitting(site[0]) { -$0 } : nil
    },
    RewriteRule("mul_zero", "x·0 => 0", .finiteOnly, on: [.mul]) { site in
      guard site.isFloating, site.operands.contains(where: { site.number($0) == 0 }) else {
        return nil
      }
      return site.filled(with: 0)
    },
    RewriteRule("mul_integer_zero", "x·0 => 0 for integers", .exact, on: [.mul]) { site in
      guard site.isInteger, site.operands.contains(where: { site.number($0) == 0 }) else {
        return nil
      }
      return site.filled(with: 0)
    },
    RewriteRule("zero_div", "0 / x => 0  (0/0 is NaN)", .finiteOnly, on: [.div]) { site in
      site.isFloating && site.number(site[0]) == 0 ? site.filled(with: 0) : nil
    },
    RewriteRule("integer_zero_div", "0 / x => 0 for integers", .exact, on: [.div]) { site in
      site.isInteger && site.number(site[0]) == 0 ? site.filled(with: 0) : nil
    },
  ]

  private static let cancellations: [RewriteRule] = [
    RewriteRule("sub_self", "x − x => 0", .finiteOnly, on: [.sub]) { site in
      site.isFloating && site[0].id == site[1].id ? site.filled(with: 0) : nil
    },
    RewriteRule("sub_integer_self", "x − x => 0 for integers", .exact, on: [.sub]) { site in
      site.isInteger && site[0].id == site[1].id ? site.filled(with: 0) : nil
    },
    RewriteRule("div_self", "x / x => 1  (0/0 is NaN)", .finiteOnly, on: [.div]) { site in
      site.isFloating && site[0].id == site[1].id ? site.filled(with: 1) : nil
    },
    RewriteRule(
      "cancel_addend", "(a + b) − b => a, (a − b) + b => a", .finiteOnly, on: [.add, .sub]
    ) { site in
      if site.operation.definition == .sub {
        guard let sum = site.operands(of: site[0], .add) else { return nil }
        if sum[1].id == site[1].id { return site.fitting(sum[0]) }
        return sum[0].id == site[1].id ? site.fitting(sum[1]) : nil
      }
      for (difference, other) in [(0, 1), (1, 0)] {
        if let parts = site.operands(of: site[difference], .sub), parts[1].id == site[other].id {
          return site.fitting(parts[0])
        }
      }
      return nil
    },
    RewriteRule(
      // b may be 0.
      "cancel_factor", "(a·b) / b => a, (a/b)·b => a", .finiteOnly, on: [.mul, .div]
    ) { site in cancelled(site) { _ in true } },
    RewriteRule(
      // Over the real numbers b is never 0; where it underflowed, a is the better answer.
      "cancel_positive_factor",
      "(a·b) / b => a, (a/b)·b => a where b is an exp, sigmoid or softplus",
      .reassociating, on: [.mul, .div]
    ) { site in
      cancelled(site) { b in
        [.exp, .sigmoid, .softplus].contains { site.operands(of: b, $0) != nil }
      }
    },
  ]

  /// The a of (a·b) / b or (a/b)·b for a factor b that `isWanted`.
  private static func cancelled(_ site: RewriteSite, _ isWanted: (Value) -> Bool) -> Value? {
    guard site.isFloating else { return nil }
    if site.operation.definition == .div {
      guard let product = site.operands(of: site[0], .mul), isWanted(site[1]) else { return nil }
      if product[1].id == site[1].id { return site.fitting(product[0]) }
      return product[0].id == site[1].id ? site.fitting(product[1]) : nil
    }
    for (quotient, other) in [(0, 1), (1, 0)] where isWanted(site[other]) {
      if let parts = site.operands(of: site[quotient], .div), parts[1].id == site[other].id {
        return site.fitting(parts[0])
      }
    }
    return nil
  }
}
