import Passes
import Testing

private let strict = RuleTester(pass: .simplify, float: .strict)
private let tester = RuleTester(pass: .simplify)
private let fast = RuleTester(pass: .simplify, float: .fast, range: 0.5...2)
private let floats = "x a b: f64[3]"
private let uneven = "a: f64[3, 1]; b: f64[1, 2]"

@Suite struct PowerRuleTests {
  @Test func exponentials() throws {
    try tester.expect("exp_product", floats, "exp(a) * exp(b)", "exp(a + b)")
    try strict.dont("exp_product", floats, "exp(a) * exp(b)")
    try tester.dont("exp_product", floats, "exp(a) * exp(b)", also: "exp(b)")
    try tester.dont("exp_product", floats, "exp(a) * sin(b)")
    // Six exponentials instead of five.
    try tester.dont("exp_product", uneven, "exp(a) * exp(b)")
    try tester.dont("exp_product", "a: f64[2]; b: f64[3, 2]", "exp(a) * exp(b)")
    try tester.dont("exp_product", "a: f64[3, 2]; b: f64[2]", "exp(a) * exp(b)")
    try tester.expect("exp_quotient", floats, "exp(a) / exp(b)", "exp(a - b)")
    try strict.dont("exp_quotient", floats, "exp(a) / exp(b)")
    try tester.dont("exp_quotient", floats, "exp(a) / exp(b)", also: "exp(a)")
    try tester.dont("exp_quotient", uneven, "exp(a) / exp(b)")
  }

  @Test func roots() throws {
    try fast.expect("sqrt_product", floats, "sqrt(a) * sqrt(b)", "sqrt(a * b)")
    try tester.dont("sqrt_product", "a b: f64[3]", "sqrt(abs(a)) * sqrt(abs(b))")
    try fast.dont("sqrt_product", floats, "sqrt(a) * sqrt(b)", also: "sqrt(a)")
    try fast.dont("sqrt_product", uneven, "sqrt(a) * sqrt(b)")
    try fast.expect("square_of_sqrt", floats, "square(sqrt(x))", "x")
    try fast.expect("square_of_sqrt", floats, "sqrt(x) * sqrt(x)", "x")
    try tester.dont("square_of_sqrt", floats, "square(sqrt(abs(x)))")
    try fast.dont("square_of_sqrt", floats, "square(exp(x))")
  }

  @Test func reciprocals() throws {
    let near = RuleTester(pass: .simplify, range: 0.5...2)
    var exactly = near
    exactly.float = .strict
    try exactly.expect("reciprocal_of_sqrt", floats, "1 / sqrt(x)", "rsqrt(x)")
    try exactly.dont("reciprocal_of_sqrt", floats, "1 / sqrt(x)", also: "sqrt(x)")
    try exactly.dont("reciprocal_of_sqrt", floats, "1 / exp(x)")
    try near.expect("reciprocal_of_rsqrt", floats, "reciprocal(rsqrt(x))", "sqrt(x)")
    try exactly.dont("reciprocal_of_rsqrt", floats, "reciprocal(rsqrt(x))")
    try near.dont("reciprocal_of_rsqrt", floats, "rsqrt(rsqrt(x))")
    try near.expect("reciprocal_of_reciprocal", floats, "1 / (1 / x)", "x")
    try exactly.dont("reciprocal_of_reciprocal", floats, "1 / (1 / x)")
    try near.dont("reciprocal_of_reciprocal", floats, "2 - reciprocal(x)")
    try near.expect("reciprocal_of_quotient", floats, "1 / (a / b)", "b / a")
    try near.dont("reciprocal_of_quotient", floats, "1 / (a / b)", also: "a / b")
    try exactly.dont("reciprocal_of_quotient", floats, "1 / (a / b)")
    try near.dont("reciprocal_of_quotient", floats, "1 / (a * b)")
  }

  @Test func productsWithReciprocals() throws {
    let near = RuleTester(pass: .simplify, range: 0.5...2)
    try near.expect("mul_reciprocal", floats, "a * (1 / b)", "a / b")
    try near.expect("mul_reciprocal", floats, "reciprocal(b) * a", "a / b")
    try strict.dont("mul_reciprocal", floats, "a * (1 / exp(b))")
    try near.dont("mul_reciprocal", floats, "a * (1 / b)", also: "1 / b")
    // One division instead of three.
    try near.dont("mul_reciprocal", "a: f64[3]; b: f64[]", "a * (1 / b)")
    try near.dont("mul_reciprocal", floats, "a * b")
    try near.expect("div_reciprocal", floats, "a / (1 / b)", "a * b")
    try strict.dont("div_reciprocal", floats, "a / (1 / exp(b))")
    try near.dont("div_reciprocal", floats, "a / (2 / b)")
  }
}

@Suite struct IdempotenceRuleTests {
  private let integers = "x a b: i32[3]"

  @Test func twice() throws {
    try strict.expect("relu_relu", floats, "relu(relu(x))", "relu(x)")
    try strict.dont("relu_relu", floats, "relu(-relu(x))")
    try strict.expect("abs_abs", floats, "abs(abs(x))", "abs(x)")
    try strict.expect("abs_abs", "x: i32[3]", "abs(abs(x))", "abs(x)")
    try strict.dont("abs_abs", floats, "abs(sin(abs(x)))")
  }

  @Test func whatIsNeverNegative() throws {
    try strict.expect("abs_of_nonnegative", floats, "abs(exp(x))", "exp(x)")
    try strict.expect("abs_of_nonnegative", floats, "relu(sigmoid(x))", "sigmoid(x)")
    try strict.expect("abs_of_nonnegative", floats, "relu(softplus(x))", "softplus(x)")
    try strict.expect("abs_of_nonnegative", floats, "relu(square(x))", "square(x)")
    try strict.expect("abs_of_nonnegative", floats, "relu(abs(x))", "abs(x)")
    try strict.expect("abs_of_nonnegative", floats, "abs(relu(x))", "relu(x)")
    // √−0 is −0; squares of integers wrap.
    try strict.dont("abs_of_nonnegative", floats, "abs(sqrt(x * a))")
    try strict.dont("abs_of_nonnegative", integers, "abs(square(x))")
    try strict.dont("abs_of_nonnegative", integers, "relu(abs(x))")
  }

  @Test func signsThatAreNotSeen() throws {
    try strict.expect("even_of_neg", floats, "abs(-x)", "abs(x)")
    try strict.expect("even_of_neg", integers, "square(-x)", "square(x)")
    try strict.dont("even_of_neg", floats, "relu(-x)")
    try strict.expect("square_of_abs", floats, "square(abs(x))", "square(x)")
    try strict.expect("square_of_abs", integers, "square(abs(x))", "square(x)")
    try strict.dont("square_of_abs", floats, "square(relu(x))")
  }

  @Test func extremes() throws {
    try strict.expect("extreme_self", floats, "maximum(x, x)", "x")
    try strict.expect("extreme_self", integers, "minimum(x, x)", "x")
    try strict.dont("extreme_self", floats, "maximum(a, b)")
    try strict.expect("extreme_again", floats, "maximum(maximum(a, b), b)", "maximum(a, b)")
    try strict.expect("extreme_again", floats, "minimum(minimum(a, b), b)", "minimum(a, b)")
    try strict.dont("extreme_again", floats, "maximum(minimum(a, b), b)")
    // Of 0 and −0 the second wins.
    try strict.dont("extreme_again", floats, "maximum(maximum(a, b), a)")
  }
}
