import GraphIR
import GraphOps

// Truth values, comparisons, selections and casts.

extension RewriteRule {
  static let choices: [RewriteRule] = selections + logic + casts

  private static let selections: [RewriteRule] = [
    RewriteRule("select_same", "select(c, a, a) => a", .exact, on: [.select]) { site in
      site[1].id == site[2].id ? site.fitting(site[1]) : nil
    },
    RewriteRule(
      "select_literal", "select(true, a, b) => a, select(false, a, b) => b", .exact,
      on: [.select]
    ) { site in
      site.number(site[0]).flatMap { site.fitting(site[$0 != 0 ? 1 : 2]) }
    },
    RewriteRule("select_not", "select(¬c, a, b) => select(c, b, a)", .exact, on: [.select]) {
      site in
      site.operand(of: site[0], .logicalNot).map { select($0, site[2], site[1]) }
    },
    RewriteRule(
      "select_in_select",
      "select(c, select(c, a, _), b) => select(c, a, b), select(c, a, select(c, _, b)) likewise",
      .exact, on: [.select]
    ) { site in
      var operands = site.operands
      for branch in [1, 2] {
        guard let inner = site.operands(of: operands[branch], .select),
          inner[0].id == site[0].id
        else { continue }
        operands[branch] = inner[branch]
      }
      guard operands.map(\.id) != site.operands.map(\.id),
        site.type(of: .select, operands, .none) == site.type
      else { return nil }
      return select(operands[0], operands[1], operands[2])
    },
  ]

  private static let logic: [RewriteRule] = [
    RewriteRule("not_not", "¬¬x => x", .exact, on: [.logicalNot]) { site in
      site.operand(of: site[0], .logicalNot)
    },
    RewriteRule(
      // The order of floats cannot be turned round: NaN is in none.
      "not_comparison",
      "¬(a = b) => a ≠ b, ¬(a ≠ b) => a = b; for integers ¬(a < b) => a ≥ b and so on  "
        + "(no other use)", .exact, on: [.logicalNot]
    ) { site in
      guard site.useCount(site[0]) == 1, let op = site.op(of: site[0]),
        let parts = site.operands(of: site[0], op)
      else { return nil }
      switch op {
      case .equal: return notEqual(parts[0], parts[1])
      case .notEqual: return equal(parts[0], parts[1])
      case _ where !parts[0].dtype.isInteger: return nil
      case .less: return greaterEqual(parts[0], parts[1])
      case .lessEqual: return greater(parts[0], parts[1])
      case .greater: return lessEqual(parts[0], parts[1])
      case .greaterEqual: return less(parts[0], parts[1])
      default: return nil
      }
    },
    RewriteRule(
      "logic_self", "x ∧ x => x, x ∨ x => x, x ⊕ x => false", .exact,
      on: [.logicalAnd, .logicalOr, .logicalXor]
    ) { site in
      guard site[0].id == site[1].id else { return nil }
      return site.operation.definition == .logicalXor ? site.filled(with: 0) : site[0]
    },
    RewriteRule(
      "logic_neutral", "x ∧ true => x, x ∨ false => x, x ⊕ false => x", .exact,
      on: [.logicalAnd, .logicalOr, .logicalXor]
    ) { site in
      let neutral: Double = site.operation.definition == .logicalAnd ? 1 : 0
      return site.operand { $0 == neutral }
    },
    RewriteRule(
      "logic_absorbing", "x ∧ false => false, x ∨ true => true", .exact,
      on: [.logicalAnd, .logicalOr]
    ) { site in
      let absorbing: Double = site.operation.definition == .logicalAnd ? 0 : 1
      return site.operands.contains { site.number($0) == absorbing }
        ? site.filled(with: absorbing) : nil
    },
    RewriteRule("xor_true", "x ⊕ true => ¬x", .exact, on: [.logicalXor]) { site in
      site.operand { $0 == 1 }.map { logicalNot($0) }
    },
    RewriteRule("less_self", "x < x => false, x > x => false", .exact, on: [.less, .greater]) {
      site in
      site[0].id == site[1].id ? site.filled(with: 0) : nil
    },
    RewriteRule(
      // NaN is not equal to itself.
      "equal_self", "x = x, x ≤ x, x ≥ x => true, x ≠ x => false for integers and truth values",
      .exact, on: [.equal, .lessEqual, .greaterEqual, .notEqual]
    ) { site in
      guard site[0].id == site[1].id, !site[0].dtype.isFloating else { return nil }
      return site.filled(with: site.operation.definition == .notEqual ? 0 : 1)
    },
  ]

  private static let casts: [RewriteRule] = [
    RewriteRule("cast_to_same", "cast(x, to: dtype of x) => x", .exact, on: [.cast]) { site in
      site.fitting(site[0])
    },
    RewriteRule(
      "cast_of_widening",
      "cast(cast(x, to: t), to: u) => cast(x, to: u) where t holds all of x's numbers", .exact,
      on: [.cast]
    ) { site in
      guard let x = site.operand(of: site[0], .cast), x.dtype.widens(to: site[0].dtype) else {
        return nil
      }
      return cast(x, to: site.type.dtype)
    },
  ]
}

extension DType {
  /// Whether `wider` holds each number of this dtype exactly.
  fileprivate func widens(to wider: DType) -> Bool {
    switch (self, wider) {
    case (.bool, _), (.i32, .i64), (.i32, .f64), (.f32, .f64): true
    default: self == wider
    }
  }
}
