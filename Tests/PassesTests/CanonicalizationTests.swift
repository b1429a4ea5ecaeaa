import Passes
import Testing

private let strict = RuleTester(pass: .simplify, float: .strict)
private let tester = RuleTester(pass: .simplify)
private let fast = RuleTester(pass: .simplify, float: .fast, range: 0.5...2)
private let floats = "x a b: f64[3]"
private let integers = "x a b: i32[3]"

@Suite struct CanonicalizationTests {
  @Test func literalsStandOnTheRight() throws {
    try strict.expect("literal_to_right", floats, "3 * x", "x * 3")
    try strict.expect("literal_to_right", integers, "3 + x", "x + 3")
    try strict.dont("literal_to_right", floats, "x * 3")
    try strict.dont("literal_to_right", floats, "3 - x")
    // Numbers on both sides are for constant folding.
    try strict.dont("literal_to_right", "x: f64[]; a: f64 = 2; b: f64 = 3", "x + a * b")
  }

  @Test func commutedTwinsBecomeOne() throws {
    try strict.expect(
      "commuted_twin", floats, "sin(b * a) - exp(a * b)", "sin(b * a) - exp(b * a)")
    try strict.expect(
      "commuted_twin", floats, "select(a == b, x, select(b == a, a, x * a))",
      "select(a == b, x, x * a)")
    try strict.dont("commuted_twin", floats, "sin(a - b) + exp(b - a)")
    try strict.dont("commuted_twin", floats, "maximum(a, b) - maximum(b, a)")
    try strict.dont("commuted_twin", floats, "a * b")
  }

  @Test func sumsAndProductsWithThemselves() throws {
    try strict.expect("add_self", floats, "x + x", "x * 2")
    try strict.expect("add_self", integers, "x + x", "x * 2")
    try strict.dont("add_self", floats, "a + b")
    try strict.expect("mul_self", floats, "x * x", "square(x)")
    try strict.expect("mul_self", integers, "x * x", "square(x)")
    try strict.dont("mul_self", floats, "a * b")
  }

  @Test func oneOver() throws {
    try strict.expect("reciprocal_of_x", floats, "1 / x", "reciprocal(x)")
    try strict.dont("reciprocal_of_x", integers, "1 / x")
    try strict.dont("reciprocal_of_x", floats, "2 / x")
    // The shape comes from the 1.
    try strict.dontAlone(
      "reciprocal_of_x", "x: f64[1]; one: f64 = 1", "broadcast_to(one, shape: [3]) / x")
  }

  @Test func divisionsByPowersOfTwo() throws {
    try strict.expect("div_power_of_two", floats, "x / 4", "x * 0.25")
    try strict.expect("div_power_of_two", floats, "x / -0.5", "x * -2")
    try strict.dont("div_power_of_two", floats, "x / 3")
    try strict.dont("div_power_of_two", integers, "x / 4")
    // 1/2^-1070 is no number.
    try strict.dont("div_power_of_two", floats, "x / 7.905050333459945e-323")
    // In f32 the reciprocal of 2^127 is subnormal.
    try strict.dont("div_power_of_two", "x: f32[3]", "x / 1.7014118346046923e+38")
    try strict.dontAlone(
      "div_power_of_two", "x: f64[1]; c: f64 = 4", "x / broadcast_to(c, shape: [3])")
  }

  @Test func divisionsByNumbers() throws {
    try tester.expect("div_literal", floats, "x / 5", "x * 0.2")
    try strict.dont("div_literal", floats, "x / 5")
    try tester.dont("div_literal", integers, "x / 5")
    try tester.dont("div_literal", floats, "x / 4")
    try tester.dont("div_literal", floats, "x / 0")
    try tester.dont("div_literal", "x s: f64[]", "x / s")
    try tester.dontAlone("div_literal", "x: f64[1]; c: f64 = 5", "x / broadcast_to(c, shape: [3])")
  }

  @Test func powersWithNumbers() throws {
    try strict.expect(
      "pow_zero", "x: f64[3]; one: f64 = 1", "x ** 0", "broadcast_to(one, shape: [3])")
    try tester.expect("pow_one", floats, "x ** 1", "x")
    try tester.expect("pow_two", floats, "x ** 2", "square(x)")
    try tester.expect("pow_minus_one", floats, "x ** -1", "reciprocal(x)")
    try fast.expect("pow_half", floats, "x ** 0.5", "sqrt(x)")
    try fast.expect("pow_minus_half", floats, "x ** -0.5", "rsqrt(x)")
  }

  @Test func otherPowersStay() throws {
    try strict.dont("pow_zero", floats, "x ** 3")
    try strict.dont("pow_one", floats, "x ** 1")
    try fast.dontAlone("pow_one", "x: f64[1]; c: f64 = 1", "x ** broadcast_to(c, shape: [3])")
    try strict.dont("pow_two", floats, "x ** 2")
    try fast.dontAlone("pow_two", "x: f64[1]; c: f64 = 2", "x ** broadcast_to(c, shape: [3])")
    try strict.dont("pow_minus_one", floats, "x ** -1")
    try fast.dontAlone(
      "pow_minus_one", "x: f64[1]; c: f64 = -1", "x ** broadcast_to(c, shape: [3])")
    // At −∞ the roots are NaN.
    try tester.dont("pow_half", floats, "square(x) ** 0.5")
    try fast.dontAlone("pow_half", "x: f64[1]; c: f64 = 0.5", "x ** broadcast_to(c, shape: [3])")
    try tester.dont("pow_minus_half", floats, "square(x) ** -0.5")
    try fast.dontAlone(
      "pow_minus_half", "x: f64[1]; c: f64 = -0.5", "x ** broadcast_to(c, shape: [3])")
  }
}
