import GraphIR
import GraphOps

// Chains of sums and products with numbers and scalars, gathered into one.

extension RewriteRule {
  static let literals: [RewriteRule] = [
    RewriteRule(
      "common_factor", "a·c + b·c => (a + b)·c, so −  (a, b of one type, no other uses)",
      .reassociating, on: [.add, .sub]
    ) { site in
      guard site.isFloating, site[0].id != site[1].id, site.useCount(site[0]) == 1,
        site.useCount(site[1]) == 1, let left = site.operands(of: site[0], .mul),
        let right = site.operands(of: site[1], .mul)
      else { return nil }
      for i in [0, 1] {
        for j in [0, 1] where left[i].id == right[j].id {
          let (a, b) = (left[1 - i], right[1 - j])
          guard a.type == b.type else { continue }
          return site.builder.make(site.operation.definition, [a, b]) * left[i]
        }
      }
      return nil
    },
    RewriteRule(
      "gather_addends", "(x + a) + b => x + (a + b); also with −  (no other use of x + a)",
      .reassociating, on: [.add, .sub]
    ) { site in
      guard site.isFloating, let outer = site.affine(site.value),
        site.useCount(outer.x) == 1, let inner = site.affine(outer.x)
      else { return nil }
      let c = (outer.isNegated ? -inner.c : inner.c) + outer.c
      guard c == 0 || c.isNormal(in: site.type.dtype) else { return nil }
      return site.fitting(inner.x) { x in
        if inner.isNegated != outer.isNegated { return site.constant(c) - x }
        return c < 0 ? x - site.constant(-c) : x + site.constant(c)
      }
    },
    RewriteRule(
      "gather_factors",
      "(x·a)·b => x·(a·b); also with /  (numbers stay normal, no other use of an array x·a)",
      .reassociating, on: [.mul, .div]
    ) { site in
      // Numbers that others use too are as good from where they come.
      guard site.isFloating, let outer = site.scaled(site.value),
        site.useCount(outer.x) == 1 || outer.x.shape.rank == 0,
        let inner = site.scaled(outer.x)
      else { return nil }
      let (n, d) =
        outer.isInverted
        ? (outer.numerator * inner.denominator, outer.denominator * inner.numerator)
        : (outer.numerator * inner.numerator, outer.denominator * inner.denominator)
      let c = n / d
      guard c.isNormal(in: site.type.dtype), d.isNormal(in: .f64) else { return nil }
      return site.fitting(inner.x) { x in
        inner.isInverted != outer.isInverted ? site.constant(c) / x : x * site.constant(c)
      }
    },
    RewriteRule(
      // Integers form a ring modulo 2^32 or 2^64.
      "gather_integers", "(x + a) + b => x + (a + b), (x·a)·b => x·(a·b) for integers", .exact,
      on: [.add, .mul]
    ) { site in
      let op = site.operation.definition
      guard site.isInteger, let outer = site.integer(site.value, op),
        site.useCount(outer.x) == 1, let inner = site.integer(outer.x, op)
      else { return nil }
      let c = op == .add ? inner.c &+ outer.c : inner.c &* outer.c
      return site.fitting(inner.x) { x in
        let number = site.builder.constant(.int(c.wrapped(to: site.type.dtype)), site.type.dtype)
        return site.builder.make(op, [x, number])
      }
    },
    RewriteRule(
      "gather_scalars",
      "(x·s)·t => x·(s·t) for scalars s and t; also with /  (no other use of x·s)",
      .reassociating, on: [.mul, .div]
    ) { site in
      guard site.isFloating, site.shape.rank > 0, let outer = site.scaledByScalar(site.value),
        site.useCount(outer.x) == 1, let inner = site.scaledByScalar(outer.x),
        site.number(outer.s) == nil || site.number(inner.s) == nil
      else { return nil }
      return switch (inner.isDivided, outer.isDivided) {
      case (false, false): inner.x * (inner.s * outer.s)
      case (false, true): inner.x * (inner.s / outer.s)
      case (true, false): inner.x * (outer.s / inner.s)
      case (true, true): inner.x / (inner.s * outer.s)
      }
    },
  ]
}

extension RewriteSite {
  /// The value as x + c or c − x.
  fileprivate func affine(_ value: Value) -> (x: Value, isNegated: Bool, c: Double)? {
    if let parts = operands(of: value, .add) {
      if let c = finite(parts[1]) { return (parts[0], false, c) }
      if let c = finite(parts[0]) { return (parts[1], false, c) }
    } else if let parts = operands(of: value, .sub) {
      if let c = finite(parts[1]) { return (parts[0], false, -c) }
      if let c = finite(parts[0]) { return (parts[1], true, c) }
    }
    return nil
  }

  /// The value as x·(n/d) or (n/d) / x.
  fileprivate func scaled(
    _ value: Value
  ) -> (x: Value, isInverted: Bool, numerator: Double, denominator: Double)? {
    if let parts = operands(of: value, .mul) {
      if let c = factor(parts[1]) { return (parts[0], false, c, 1) }
      if let c = factor(parts[0]) { return (parts[1], false, c, 1) }
    } else if let parts = operands(of: value, .div) {
      if let c = factor(parts[1]) { return (parts[0], false, 1, c) }
      if let c = factor(parts[0]) { return (parts[1], true, c, 1) }
    }
    return nil
  }

  /// The value as x + c or x·c in integers.
  fileprivate func integer(_ value: Value, _ op: OpDefinition) -> (x: Value, c: Int64)? {
    guard let parts = operands(of: value, op) else { return nil }
    for literal in [1, 0] {
      if case .int(let c)? = scalar(parts[literal]) { return (parts[1 - literal], c) }
    }
    return nil
  }

  /// The value, of some axes, as x·s or x/s with a scalar s.
  fileprivate func scaledByScalar(_ value: Value) -> (x: Value, s: Value, isDivided: Bool)? {
    if let parts = operands(of: value, .mul) {
      if parts[1].shape.rank == 0, parts[0].shape.rank > 0 { return (parts[0], parts[1], false) }
      if parts[0].shape.rank == 0, parts[1].shape.rank > 0 { return (parts[1], parts[0], false) }
    } else if let parts = operands(of: value, .div), parts[1].shape.rank == 0,
      parts[0].shape.rank > 0
    {
      return (parts[0], parts[1], true)
    }
    return nil
  }

  private func finite(_ value: Value) -> Double? {
    number(value).flatMap { $0.isFinite ? $0 : nil }
  }

  private func factor(_ value: Value) -> Double? {
    number(value).flatMap { $0.isNormal(in: type.dtype) ? $0 : nil }
  }
}
