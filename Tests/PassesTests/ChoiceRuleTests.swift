import Passes
import Testing

private let strict = RuleTester(pass: .simplify, float: .strict)
private let floats = "x a b: f64[3]"
private let truths = "p q: bool[3]"
private let choice = "p: bool[3]; a b x: f64[3]"

@Suite struct ChoiceRuleTests {
  @Test func selections() throws {
    try strict.expect("select_same", choice, "select(p, a, a)", "a")
    try strict.dont("select_same", choice, "select(p, a, b)")
    try strict.dont("select_same", "p: bool[3]; a: f64[]", "select(p, a, a)")
    try strict.expect("select_literal", choice, "select(true, a, b)", "a")
    try strict.expect("select_literal", choice, "select(false, a, b)", "b")
    try strict.dont("select_literal", choice, "select(p, a, b)")
    try strict.dont("select_literal", "a: f64[]; b: f64[3]", "select(true, a, b)")
    try strict.expect("select_not", choice, "select(logical_not(p), a, b)", "select(p, b, a)")
    try strict.dont("select_not", choice, "select(logical_and(p, p == p), a, b)")
    try strict.expect(
      "select_in_select", choice, "select(p, select(p, a, b), x)", "select(p, a, x)")
    try strict.expect(
      "select_in_select", choice, "select(p, x, select(p, a, b))", "select(p, x, b)")
    try strict.dont(
      "select_in_select", "p q: bool[3]; a b x: f64[3]", "select(p, select(q, a, b), x)")
    // The branch that is never taken stretches the other.
    try strict.dont(
      "select_in_select", "p: bool[]; a x: f64[]; b: f64[3]", "select(p, select(p, a, b), x)")
  }

  @Test func negations() throws {
    try strict.expect("not_not", truths, "logical_not(logical_not(p))", "p")
    try strict.dont("not_not", truths, "logical_not(logical_and(p, q))")
    try strict.expect("not_comparison", floats, "logical_not(a == b)", "a != b")
    try strict.expect("not_comparison", floats, "logical_not(a != b)", "a == b")
    let integers = "a b: i32[3]"
    try strict.expect("not_comparison", integers, "logical_not(a < b)", "a >= b")
    try strict.expect("not_comparison", integers, "logical_not(a <= b)", "a > b")
    try strict.expect("not_comparison", integers, "logical_not(a > b)", "a <= b")
    try strict.expect("not_comparison", integers, "logical_not(a >= b)", "a < b")
    // NaN is neither less nor not less.
    try strict.dont("not_comparison", floats, "logical_not(a < b)")
    try strict.dont("not_comparison", floats, "logical_not(a == b)", also: "a == b")
    try strict.dont("not_comparison", truths, "logical_not(logical_or(p, q))")
  }

  @Test func conjunctions() throws {
    let no = "p q: bool[3]; no: bool = false; yes: bool = true"
    try strict.expect("logic_self", truths, "logical_and(p, p)", "p")
    try strict.expect("logic_self", truths, "logical_or(p, p)", "p")
    try strict.expect("logic_self", no, "logical_xor(p, p)", "broadcast_to(no, shape: [3])")
    try strict.dont("logic_self", truths, "logical_xor(p, q)")
    try strict.expect("logic_neutral", truths, "logical_and(p, true)", "p")
    try strict.expect("logic_neutral", truths, "logical_or(false, p)", "p")
    try strict.expect("logic_neutral", truths, "logical_xor(p, false)", "p")
    try strict.dont("logic_neutral", truths, "logical_or(p, true)")
    try strict.dontAlone(
      "logic_neutral", "p: bool[1]; c: bool = true",
      "logical_and(p, broadcast_to(c, shape: [3]))")
    try strict.expect(
      "logic_absorbing", no, "logical_and(p, false)", "broadcast_to(no, shape: [3])")
    try strict.expect(
      "logic_absorbing", no, "logical_or(p, true)", "broadcast_to(yes, shape: [3])")
    try strict.dont("logic_absorbing", truths, "logical_and(p, true)")
    try strict.expect("xor_true", truths, "logical_xor(p, true)", "logical_not(p)")
    try strict.dont("xor_true", truths, "logical_xor(p, false)")
    try strict.dontAlone(
      "xor_true", "p: bool[1]; c: bool = true", "logical_xor(p, broadcast_to(c, shape: [3]))")
  }

  @Test func comparisonsWithThemselves() throws {
    let no = "x y: f64[3]; no: bool = false"
    try strict.expect("less_self", no, "x < x", "broadcast_to(no, shape: [3])")
    try strict.expect("less_self", no, "x > x", "broadcast_to(no, shape: [3])")
    try strict.dont("less_self", no, "x < y")
    let integer = "x y: i32[3]; no: bool = false; yes: bool = true"
    try strict.expect("equal_self", integer, "x == x", "broadcast_to(yes, shape: [3])")
    try strict.expect("equal_self", integer, "x <= x", "broadcast_to(yes, shape: [3])")
    try strict.expect("equal_self", integer, "x >= x", "broadcast_to(yes, shape: [3])")
    try strict.expect("equal_self", integer, "x != x", "broadcast_to(no, shape: [3])")
    // NaN.
    try strict.dont("equal_self", no, "x == x")
    try strict.dont("equal_self", integer, "x == y")
  }

  @Test func casts() throws {
    try strict.expect("cast_to_same", "x: f64[3]", "cast(x, to: f64)", "x")
    try strict.dont("cast_to_same", "x: f64[3]", "cast(x, to: f32)")
    try strict.expect(
      "cast_of_widening", "x: f32[3]", "cast(cast(x, to: f64), to: i32)", "cast(x, to: i32)")
    try strict.expect("cast_of_widening", "x: f32[3]", "cast(cast(x, to: f64), to: f32)", "x")
    try strict.expect(
      "cast_of_widening", "x: bool[3]", "cast(cast(x, to: i32), to: f64)", "cast(x, to: f64)")
    try strict.expect("cast_of_widening", "x: i32[3]", "cast(cast(x, to: i64), to: i32)", "x")
    try strict.dont("cast_of_widening", "x: f64[3]", "cast(cast(x, to: f32), to: f64)")
    // f32 holds no i32 above 2^24 that is odd.
    try strict.dont("cast_of_widening", "x: i32[3]", "cast(cast(x, to: f32), to: i32)")
    try strict.dont("cast_of_widening", "x: i64[3]", "cast(cast(x, to: f64), to: i64)")
  }
}
