import Passes
import Testing

private let strict = RuleTester(pass: .simplify, float: .strict)
private let tester = RuleTester(pass: .simplify)
private let fast = RuleTester(pass: .simplify, float: .fast)
private let floats = "x a b: f64[3]"
private let integers = "x a b: i32[3]"
/// x is stretched by the number.
private func stretched(_ c: String) -> String { "x: f64[1]; c: f64 = \(c)" }

@Suite struct IdentityRuleTests {
  @Test func sumsWithZero() throws {
    try strict.expect("add_nothing", floats, "x + (-0.0)", "x")
    try strict.expect("add_nothing", integers, "x + 0", "x")
    try strict.dont("add_nothing", floats, "x + 0.0")
    try strict.dontAlone("add_nothing", stretched("-0.0"), "x + broadcast_to(c, shape: [3])")
    try tester.expect("add_zero", floats, "x + 0.0", "x")
    try tester.expect("add_zero", floats, "x - (-0.0)", "x")
    try strict.dont("add_zero", floats, "x + 0.0")
    try tester.dont("add_zero", floats, "x + 1e-300")
    try tester.dont("add_zero", integers, "x + 0")
    try tester.dontAlone("add_zero", stretched("0"), "x + broadcast_to(c, shape: [3])")
  }

  @Test func differencesWithZero() throws {
    try strict.expect("sub_zero", floats, "x - 0.0", "x")
    try strict.expect("sub_zero", integers, "x - 0", "x")
    try strict.dont("sub_zero", floats, "x - (-0.0)")
    try strict.dont("sub_zero", floats, "x - 1")
    try strict.dontAlone("sub_zero", stretched("0"), "x - broadcast_to(c, shape: [3])")
    try strict.expect("nothing_minus", floats, "(-0.0) - x", "-x")
    try strict.expect("nothing_minus", integers, "0 - x", "-x")
    try strict.dont("nothing_minus", floats, "0.0 - x")
    try strict.dontAlone("nothing_minus", stretched("-0.0"), "broadcast_to(c, shape: [3]) - x")
    try tester.expect("zero_minus", floats, "0.0 - x", "-x")
    try strict.dont("zero_minus", floats, "0.0 - x")
    try tester.dont("zero_minus", integers, "0 - x")
    try tester.dontAlone("zero_minus", stretched("0"), "broadcast_to(c, shape: [3]) - x")
  }

  @Test func productsWithOne() throws {
    try strict.expect("mul_one", floats, "x * 1", "x")
    try strict.expect("mul_one", integers, "1 * x", "x")
    try strict.dont("mul_one", floats, "x * 1.5")
    try strict.dontAlone("mul_one", stretched("1"), "x * broadcast_to(c, shape: [3])")
    try strict.expect("div_one", floats, "x / 1", "x")
    try strict.expect("div_one", integers, "x / 1", "x")
    try strict.dont("div_one", floats, "1 / x")
    try strict.dontAlone("div_one", stretched("1"), "x / broadcast_to(c, shape: [3])")
    try strict.expect("mul_minus_one", floats, "x * -1", "-x")
    try strict.expect("mul_minus_one", floats, "x / -1", "-x")
    try strict.expect("mul_minus_one", integers, "x / -1", "-x")
    try strict.dont("mul_minus_one", floats, "-1 / x")
    try strict.dont("mul_minus_one", floats, "x * -2")
    try strict.dontAlone("mul_minus_one", stretched("-1"), "x * broadcast_to(c, shape: [3])")
  }

  @Test func productsWithZero() throws {
    let zero = "x: f64[3]; zero: f64 = 0"
    let integer = "x: i32[3]; zero: i32 = 0"
    try fast.expect("mul_zero", zero, "x * 0", "broadcast_to(zero, shape: [3])")
    try tester.dont("mul_zero", zero, "x * 0")
    try fast.dont("mul_zero", integer, "x * 0")
    try fast.dont("mul_zero", zero, "x * 0.5")
    try strict.expect("mul_integer_zero", integer, "x * 0", "broadcast_to(zero, shape: [3])")
    try strict.dont("mul_integer_zero", zero, "x * 0")
    try strict.dont("mul_integer_zero", integer, "x * 2")
    try fast.expect("zero_div", zero, "0 / x", "broadcast_to(zero, shape: [3])")
    try tester.dont("zero_div", zero, "0 / x")
    try fast.dont("zero_div", zero, "x / 0")
    try strict.expect("integer_zero_div", integer, "0 / x", "broadcast_to(zero, shape: [3])")
    try strict.dont("integer_zero_div", integer, "x / 0")
    try strict.dont("integer_zero_div", zero, "0 / x")
  }

  @Test func whatCancels() throws {
    let float = "x a: f64[3]; zero: f64 = 0; one: f64 = 1"
    let integer = "x a: i32[3]; zero: i32 = 0"
    try fast.expect("sub_self", float, "x - x", "broadcast_to(zero, shape: [3])")
    try tester.dont("sub_self", float, "x - x")
    try fast.dont("sub_self", float, "x - a")
    try strict.expect("sub_integer_self", integer, "x - x", "broadcast_to(zero, shape: [3])")
    try strict.dont("sub_integer_self", integer, "x - a")
    try strict.dont("sub_integer_self", float, "x - x")
    try fast.expect("div_self", float, "x / x", "broadcast_to(one, shape: [3])")
    try tester.dont("div_self", float, "x / x")
    // 0 / 0 is 0.
    try fast.dont("div_self", integer, "x / x")
    try fast.expect("cancel_addend", floats, "(a + b) - b", "a")
    try fast.expect("cancel_addend", floats, "(b + a) - b", "a")
    try fast.expect("cancel_addend", floats, "b + (a - b)", "a")
    try tester.dont("cancel_addend", floats, "(a + b) - b")
    try fast.dont("cancel_addend", floats, "(b - a) - b")
    // b stretches a.
    try fast.dont("cancel_addend", "a: f64[1]; b: f64[3]", "(a + b) - b")
  }

  @Test func factorsThatCancel() throws {
    try fast.expect("cancel_factor", floats, "(a * b) / b", "a")
    try fast.expect("cancel_factor", floats, "b * (a / b)", "a")
    try tester.dont("cancel_factor", floats, "(a * b) / b")
    try fast.dont("cancel_factor", integers, "(a * b) / b")
    try fast.dont("cancel_factor", floats, "(b / a) * b")
    try fast.dont("cancel_factor", "a: f64[1]; b: f64[3]", "(a * b) / b")
    try tester.expect("cancel_positive_factor", floats, "(a * exp(b)) / exp(b)", "a")
    try tester.expect("cancel_positive_factor", floats, "sigmoid(b) * (a / sigmoid(b))", "a")
    try tester.dont("cancel_positive_factor", floats, "(a * sin(b)) / sin(b)")
    try strict.dont("cancel_positive_factor", floats, "(a * exp(b)) / exp(b)")
    try tester.dont("cancel_positive_factor", "a: f64[1]; b: f64[3]", "(a * exp(b)) / exp(b)")
  }
}

@Suite struct NegationRuleTests {
  @Test func signsMeet() throws {
    try strict.expect("neg_neg", floats, "-(-x)", "x")
    try strict.expect("neg_neg", integers, "-(-x)", "x")
    try strict.dont("neg_neg", floats, "-abs(-x)")
    try strict.expect("add_neg", floats, "a + (-b)", "a - b")
    try strict.expect("add_neg", integers, "(-a) + b", "b - a")
    try strict.dont("add_neg", floats, "a + b")
    try strict.expect("sub_neg", floats, "a - (-b)", "a + b")
    try strict.dont("sub_neg", floats, "(-a) - b")
    try strict.expect("neg_times_neg", floats, "(-a) * (-b)", "a * b")
    try strict.expect("neg_times_neg", integers, "(-a) * (-b)", "a * b")
    try strict.expect("neg_times_neg", floats, "(-a) / (-b)", "a / b")
    try strict.dont("neg_times_neg", integers, "(-a) / (-b)")
    try strict.dont("neg_times_neg", floats, "(-a) * b")
  }

  @Test func signsIntoDifferences() throws {
    try tester.expect("neg_sub", floats, "-(a - b)", "b - a")
    try strict.dont("neg_sub", floats, "-(a - b)")
    try tester.dont("neg_sub", floats, "-(a - b)", also: "a - b")
    try tester.dont("neg_sub", floats, "-(a + b)")
    try tester.expect("neg_literal_sum", floats, "-(x + 2)", "-2 - x")
    try strict.dont("neg_literal_sum", floats, "-(x + 2)")
    try tester.dont("neg_literal_sum", floats, "-(x + 2)", also: "x + 2")
    try tester.dont("neg_literal_sum", floats, "-(x + a)")
    try tester.dontAlone("neg_literal_sum", stretched("2"), "-(x + broadcast_to(c, shape: [3]))")
  }

  @Test func signsIntoNumbers() throws {
    try strict.expect("neg_times_literal", floats, "(-x) * 3", "x * -3")
    try strict.expect("neg_times_literal", floats, "(-x) / 3", "x / -3")
    try strict.expect("neg_times_literal", floats, "3 / (-x)", "-3 / x")
    try strict.expect("neg_times_literal", integers, "(-x) * 3", "x * -3")
    try strict.dont("neg_times_literal", integers, "(-x) / 3")
    try strict.dont("neg_times_literal", floats, "(-x) * a")
    try strict.dontAlone("neg_times_literal", stretched("3"), "(-x) * broadcast_to(c, shape: [3])")
    try strict.expect("neg_literal_product", floats, "-(x * 3)", "x * -3")
    try strict.expect("neg_literal_product", floats, "-(x / 3)", "x / -3")
    try strict.expect("neg_literal_product", floats, "-(3 / x)", "-3 / x")
    try strict.expect("neg_literal_product", integers, "-(x * 3)", "x * -3")
    try strict.dont("neg_literal_product", integers, "-(x / 3)")
    try strict.dont("neg_literal_product", floats, "-(x * 3)", also: "x * 3")
    try strict.dont("neg_literal_product", floats, "-(x * a)")
    try strict.dontAlone(
      "neg_literal_product", stretched("3"), "-(x * broadcast_to(c, shape: [3]))")
  }

  @Test func signsOfAddends() throws {
    try strict.expect("add_negated_product", floats, "x + (-a) * b", "x - a * b")
    try strict.expect("add_negated_product", floats, "x - a / (-b)", "x + a / b")
    try strict.expect("add_negated_product", floats, "(-a) * b + x", "x - a * b")
    try strict.expect("add_negated_product", integers, "x - a * (-b)", "x + a * b")
    try strict.dont("add_negated_product", integers, "x - a / (-b)")
    try strict.dont("add_negated_product", floats, "(-a) * b - x")
    try strict.dont("add_negated_product", floats, "x + (-a) * b", also: "(-a) * b")
    try strict.dont("add_negated_product", floats, "x + a * b")
  }
}

@Suite struct LiteralRuleTests {
  @Test func addends() throws {
    try tester.expect("gather_addends", floats, "(x + 2) + 3", "x + 5")
    try tester.expect("gather_addends", floats, "(x - 2) - 3", "x - 5")
    try tester.expect("gather_addends", floats, "3 - (2 - x)", "x + 1")
    try tester.expect("gather_addends", floats, "(2 - x) + 3", "5 - x")
    try tester.expect("gather_addends", floats, "3 - (x + 2)", "1 - x")
    try strict.dont("gather_addends", floats, "(x + 2) + 3")
    try tester.dont("gather_addends", floats, "(x + 2) + 3", also: "x + 2")
    try tester.dont("gather_addends", floats, "(x + a) + 3")
    try tester.dont("gather_addends", floats, "(x + inf) - inf")
    try tester.dont("gather_addends", integers, "(x + 2) + 3")
    try tester.dontAlone("gather_addends", stretched("2"), "(x + broadcast_to(c, shape: [3])) + 3")
  }

  @Test func factors() throws {
    try tester.expect("gather_factors", floats, "(x * 2) * 3", "x * 6")
    try tester.expect("gather_factors", floats, "(2 / x) * 3", "6 / x")
    try tester.expect("gather_factors", floats, "3 / (x * 2)", "1.5 / x")
    try tester.expect("gather_factors", floats, "3 / (2 / x)", "x * 1.5")
    try strict.dont("gather_factors", floats, "(x * 2) * 3")
    try tester.dont("gather_factors", floats, "(x * 2) * 3", also: "x * 2")
    try tester.dont("gather_factors", floats, "(x * a) * 3")
    try tester.dont("gather_factors", integers, "(x * 2) * 3")
    // 1e-320 would lose digits, 1e400 is none, in f32 nor are 1e-50 and 1e50.
    try tester.dont("gather_factors", floats, "(x * 1e-160) * 1e-160")
    try tester.dont("gather_factors", floats, "(x * 1e200) * 1e200")
    try tester.dont("gather_factors", "x: f32[3]", "(x * 1e-25) * 1e-25")
    try tester.dont("gather_factors", "x: f32[3]", "(x * 1e25) * 1e25")
    try tester.dontAlone("gather_factors", stretched("2"), "(x * broadcast_to(c, shape: [3])) * 3")
  }

  @Test func factorsOfScalars() throws {
    try tester.expect(
      "gather_factors", "x: f64[3]; s: f64[]", "x * ((s * 2) * 3) + s * 2",
      "x * (s * 6) + s * 2")
  }

  @Test func commonFactors() throws {
    try tester.expect("common_factor", floats, "a * x - x * b", "(a - b) * x")
    try tester.expect("common_factor", "a b: f64[3]; s: f64[]", "s * a + s * b", "(a + b) * s")
    try strict.dont("common_factor", floats, "a * x - x * b")
    try tester.dont("common_factor", floats, "a * x - x * b", also: "a * x")
    try tester.dont("common_factor", floats, "a * x - b * a * x * b")
    try tester.dont("common_factor", integers, "a * x - x * b")
    try tester.expect("common_factor", "x: f64[3]; s t: f64[]", "s * x + t * x", "(s + t) * x")
    // More products: twelve instead of seven.
    try tester.dont("common_factor", "a: f64[3, 1]; b: f64[4]; s: f64[]", "a * s + b * s")
  }

  @Test func integerChains() throws {
    try strict.expect("gather_integers", integers, "(x + 2) + 3", "x + 5")
    try strict.expect("gather_integers", integers, "(x * 2) * 3", "x * 6")
    // 2·(2^31 − 1) wraps to −2.
    try strict.expect("gather_integers", integers, "(x * 2) * 2147483647", "x * -2")
    try strict.dont("gather_integers", integers, "(x + 2) * 3")
    try strict.dont("gather_integers", integers, "(x + 2) + 3", also: "x + 2")
    try strict.dont("gather_integers", floats, "(x + 2) + 3")
    try strict.dontAlone(
      "gather_integers", "x: i32[1]; c: i32 = 2", "(x + broadcast_to(c, shape: [3])) + 3")
  }

  @Test func scalars() throws {
    let leaves = "x: f64[3]; s t: f64[]"
    let near = RuleTester(pass: .simplify, range: 0.5...2)
    try near.expect("gather_scalars", leaves, "(x * s) * t", "x * (s * t)")
    try near.expect("gather_scalars", leaves, "(x * s) / t", "x * (s / t)")
    try near.expect("gather_scalars", leaves, "(x / s) * t", "x * (t / s)")
    try near.expect("gather_scalars", leaves, "(x / s) / t", "x / (s * t)")
    try near.expect("gather_scalars", leaves, "(x * 2) * t", "x * (t * 2)")
    try strict.dont("gather_scalars", leaves, "(x * s) * t")
    try near.dont("gather_scalars", leaves, "(x * s) * t", also: "x * s")
    try near.dont("gather_scalars", "x s t: f64[]", "(x * s) * t")
    try near.dont("gather_scalars", "x s: f64[3]; t: f64[]", "(x * s) + t")
    try near.dont("gather_scalars", "x s: f64[3]; t: f64[]", "(s * x) * t")
    try near.dont("gather_scalars", "x: i32[3]; s t: i32[]", "(x * s) * t")
  }
}
