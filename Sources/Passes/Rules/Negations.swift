import GraphIR
import GraphOps

// Minus signs into sums, differences and numbers. Negation only flips the sign bit, so that most of
// these are exact.

extension RewriteRule {
  static let negations: [RewriteRule] = [
    RewriteRule("neg_neg", "−(−x) => x", .exact, on: [.neg]) { site in
      site.operand(of: site[0], .neg)
    },
    RewriteRule("add_neg", "a + (−b) => a − b, (−a) + b => b − a", .exact, on: [.add]) { site in
      if let b = site.operand(of: site[1], .neg) { return site[0] - b }
      return site.operand(of: site[0], .neg).map { site[1] - $0 }
    },
    RewriteRule("sub_neg", "a − (−b) => a + b", .exact, on: [.sub]) { site in
      site.operand(of: site[1], .neg).map { site[0] + $0 }
    },
    RewriteRule(
      // At a = b the one is −0, the other 0.
      "neg_sub", "−(a − b) => b − a  (no other use of a − b)", .reassociating, on: [.neg]
    ) { site in
      guard let parts = site.operands(of: site[0], .sub), site.useCount(site[0]) == 1 else {
        return nil
      }
      return parts[1] - parts[0]
    },
    RewriteRule(
      "neg_times_neg", "(−a)·(−b) => a·b; for floats (−a) / (−b) => a / b", .exact,
      on: [.mul, .div]
    ) { site in
      // The smallest integer wraps: −(−2³¹) / −(1) differs.
      guard site.isFloating || site.operation.definition == .mul,
        let a = site.operand(of: site[0], .neg), let b = site.operand(of: site[1], .neg)
      else { return nil }
      return site.builder.make(site.operation.definition, [a, b])
    },
    RewriteRule(
      "neg_times_literal",
      "(−x)·c => x·(−c); for floats (−x) / c => x / (−c), c / (−x) => (−c) / x",
      .exact, on: [.mul, .div]
    ) { site in
      guard site.isFloating || site.operation.definition == .mul else { return nil }
      for (negated, literal) in [(0, 1), (1, 0)] {
        guard let x = site.operand(of: site[negated], .neg), let c = site.scalar(site[literal])
        else { continue }
        return site.product(x, c.negated(site.type.dtype), literalAt: literal)
      }
      return nil
    },
    RewriteRule(
      "neg_literal_product",
      "−(x·c) => x·(−c); for floats −(x / c), −(c / x) too  (no other use of the product)",
      .exact, on: [.neg]
    ) { site in
      guard site.useCount(site[0]) == 1 else { return nil }
      for op in site.isFloating ? [OpDefinition.mul, .div] : [.mul] {
        guard let parts = site.operands(of: site[0], op) else { continue }
        for literal in [1, 0] {
          guard let c = site.scalar(parts[literal]) else { continue }
          return site.product(
            parts[1 - literal], c.negated(site.type.dtype), op, literalAt: literal)
        }
      }
      return nil
    },
    RewriteRule(
      "neg_literal_sum", "−(x + c) => (−c) − x  (no other use of x + c)", .reassociating,
      on: [.neg]
    ) { site in
      guard site.useCount(site[0]) == 1, let parts = site.operands(of: site[0], .add) else {
        return nil
      }
      for literal in [1, 0] {
        guard let c = site.scalar(parts[literal]) else { continue }
        return site.fitting(parts[1 - literal]) {
          site.builder.constant(c.negated(site.type.dtype), site.type.dtype) - $0
        }
      }
      return nil
    },
    RewriteRule(
      "add_negated_product",
      "a + (−b)·c => a − b·c, a − (−b)·c => a + b·c; also for quotients  (no other use of (−b)·c)",
      .exact, on: [.add, .sub]
    ) { site in
      let isSum = site.operation.definition == .add
      for term in isSum ? [1, 0] : [1] where site.useCount(site[term]) == 1 {
        guard let product = site.withoutNegation(site[term]) else { continue }
        return isSum ? site[1 - term] - product : site[0] + product
      }
      return nil
    },
  ]
}

extension RewriteSite {
  /// The product or quotient of x and a number, in the number's old place; the site's op when none
  /// is given.
  fileprivate func product(
    _ x: Value, _ c: Scalar, _ op: OpDefinition? = nil, literalAt index: Int
  ) -> Value? {
    fitting(x) { x in
      let number = builder.constant(c, type.dtype)
      return builder.make(op ?? operation.definition, index == 0 ? [number, x] : [x, number])
    }
  }

  /// b·c for a product (−b)·c or b·(−c), and so for quotients of floats.
  fileprivate func withoutNegation(_ value: Value) -> Value? {
    for op in isFloating ? [OpDefinition.mul, .div] : [.mul] {
      guard let parts = operands(of: value, op) else { continue }
      if let b = operand(of: parts[0], .neg) { return builder.make(op, [b, parts[1]]) }
      if let c = operand(of: parts[1], .neg) { return builder.make(op, [parts[0], c]) }
    }
    return nil
  }
}
