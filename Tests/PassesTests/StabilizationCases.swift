import Passes

/// A rule, an expression it applies to or must leave alone, and what comes out.
///
/// Expressions may use `x`, `y`: f64[N]; `a`, `l`, `t`: f64[N, K] with K = 3; `n`, `k`: the sizes;
/// `one` is 1.
struct StabilizationCase: Sendable, CustomStringConvertible {
  var rule: String
  /// Statements before the expression.
  var given = ""
  var before: String
  /// nil: the rule must not fire.
  var after: String?
  var float = FloatMode.standard
  var range = -2.0...2.0

  var description: String { "\(rule): \(before)" }

  static func text(_ given: String, _ expression: String) -> String {
    """
    dim N
    dim K = 3
    const n: f64 = N
    const k: f64 = K
    const one: f64 = 1.0
    input x: f64[N]
    input y: f64[N]
    input a: f64[N, K]
    input l: f64[N, K]
    input t: f64[N, K]
    \(given)
    out = \(expression)
    output out
    """
  }

  static let positive = 0.1...3.0
  static let negative = -3.0 ... -0.1
}

extension StabilizationCase {
  static func fires(
    _ rule: String, given: String = "", _ before: String, _ after: String,
    float: FloatMode = .standard, range: ClosedRange<Double> = -2...2
  ) -> StabilizationCase {
    StabilizationCase(
      rule: rule, given: given, before: before, after: after, float: float, range: range)
  }

  static func dont(
    _ rule: String, given: String = "", _ before: String, float: FloatMode = .standard,
    range: ClosedRange<Double> = -2...2
  ) -> StabilizationCase {
    StabilizationCase(
      rule: rule, given: given, before: before, after: nil, float: float, range: range)
  }

  /// What `log(1 - exp(x))` becomes.
  static let logOneMinusExp = """
    select(x > -0.693147180559945309, \
    log(-expm1(select(x > -0.693147180559945309, x, -0.693147180559945309))), \
    log1p(-exp(select(x > -0.693147180559945309, -0.693147180559945309, x))))
    """

  /// What `log(exp(a) + exp(b))` becomes.
  static func logAddExp(_ a: String, _ b: String) -> String {
    let larger = "select(\(a) >= \(b), \(a), \(b))"
    return """
      \(larger) + softplus(select(\(a) >= \(b), \(b), \(a)) \
      - select(\(larger) - \(larger) == 0.0, \(larger), 0.0))
      """
  }

  static let all = logarithms + exponentials + sigmoids + normalizations + sums + losses + products

  static let logarithms: [StabilizationCase] = [
    .fires("log_exp", "log(exp(x))", "x"),
    .dont("log_exp", "log(expm1(x))", range: positive),
    .fires("log_sigmoid", "log(sigmoid(x))", "-softplus(-x)"),
    .fires("log_sigmoid", "log(sigmoid(-x))", "-softplus(x)"),
    .fires(
      "log_sigmoid", "log(reshape(transpose(sigmoid(a)), shape: [K * N]))",
      "-softplus(-reshape(transpose(a), shape: [K * N]))"),
    .dont("log_sigmoid", "log(broadcast_to(sigmoid(x), shape: [2, N]))"),
    .dont("log_sigmoid", "log(tanh(x))", range: positive),
    .fires("log1p_minus_sigmoid", "log1p(-sigmoid(x))", "-softplus(x)"),
    .dont("log1p_minus_sigmoid", "log1p(sigmoid(x))"),
    .fires("log1p_exp", "log1p(exp(x))", "softplus(x)"),
    .fires("log1p_exp", "log(exp(x) + 1)", "softplus(x)"),
    .dont("log1p_exp", "log1p(-exp(x))", range: negative),
    .fires("log1p_expm1", "log1p(expm1(x))", "x"),
    .dont("log1p_expm1", "log1p(-expm1(x))", range: negative),
    .fires("log_one_minus_exp", "log(1 - exp(x))", logOneMinusExp, range: negative),
    .fires("log_one_minus_exp", "log(-expm1(x))", logOneMinusExp, range: negative),
    .fires("log_one_minus_exp", "log1p(-exp(x))", logOneMinusExp, range: negative),
    // Its own result is left alone.
    .dont("log_one_minus_exp", logOneMinusExp, range: negative),
    .dont("log_one_minus_exp", "log(2 - exp(x))", range: negative),
    .fires("log_one_plus", "log(1 + x)", "log1p(x)", range: positive),
    .fires("log_one_plus", "log(x + 1)", "log1p(x)", range: positive),
    .fires("log_one_plus", "log(1 - x)", "log1p(-x)", range: negative),
    .dont("log_one_plus", "log(1.5 + x)", range: positive),
    .dont("log_one_plus", "log(x - 1)", range: 1.5...3),
    // log1p(x) would have one axis too few.
    .dont("log_one_plus", "log(broadcast_to(one, shape: [2, N]) + x)", range: positive),
    .fires("log_sum_exp", "log(sum(exp(a), axes: [1]))", "logsumexp(a, axes: [1])"),
    .fires(
      "log_sum_exp", "log(sum(exp(a), axes: [0], keepdims: true))",
      "logsumexp(a, axes: [0], keepdims: true)"),
    .fires("log_sum_exp", "log(sum(exp(a)))", "logsumexp(a)"),
    .dont("log_sum_exp", "log(sum(2 * exp(a)))"),
    .fires("log_mean_exp", "log(mean(exp(x)))", "logsumexp(x) - log(n)"),
    .fires(
      "log_mean_exp", "log(mean(exp(a), axes: [1], keepdims: true))",
      "logsumexp(a, axes: [1], keepdims: true) - log(k)"),
    .dont("log_mean_exp", "log(mean(square(a), axes: [1]))"),
    .fires("log_add_exp", "log(exp(x) + exp(y))", logAddExp("x", "y")),
    .fires("log_add_exp", "log(exp(x) + exp(x))", logAddExp("x", "x")),
    .dont("log_add_exp", "log(exp(x) + expm1(y))", range: positive),
    .dont("log_add_exp", "log(exp(x) + 2)"),
    .fires("log_reciprocal", "log(1 / x)", "-log(x)", range: positive),
    .fires("log_reciprocal", "log(reciprocal(x))", "-log(x)", range: positive),
    .dont("log_reciprocal", "log(2 / x)", range: positive),
    .fires("log_square_root", "log(sqrt(x))", "0.5 * log(x)", range: positive),
    .fires("log_square_root", "log(rsqrt(x))", "-0.5 * log(x)", range: positive),
    .dont("log_square_root", "log(2 * sqrt(x))", range: positive),
    .fires("log_square", "log(x * x)", "2 * log(abs(x))"),
    .fires("log_square", "log(square(x))", "2 * log(abs(x))"),
    .dont("log_square", "log(x * y)", range: positive),
    .fires("log_power", "log(x ** 3)", "3 * log(x)", range: positive),
    .fires("log_power", "log(x ** -4)", "-4 * log(abs(x))"),
    .fires("log_power", "log(x ** 0.5)", "0.5 * log(x)", range: positive),
    .dont("log_power", "log(x ** y)", range: positive),
    .dont("log_power", "log(x ** 0)", range: positive),
  ]

  static let exponentials: [StabilizationCase] = [
    .fires(
      "exp_log_nonnegative", "exp(log(sum(square(a), axes: [1])))", "sum(square(a), axes: [1])"),
    .dont("exp_log_nonnegative", "exp(log(x))", float: .fast, range: positive),
    .fires("exp_log", "exp(log(x))", "x", float: .fast, range: positive),
    // NaN for x < 0 stays NaN.
    .dont("exp_log", "exp(log(x))"),
    .fires("exp_log1p_nonnegative", "exp(log1p(abs(x)))", "1 + abs(x)", range: positive),
    .dont("exp_log1p_nonnegative", "exp(log1p(x))", float: .fast, range: positive),
    .fires("exp_log1p", "exp(log1p(x))", "1 + x", float: .fast, range: positive),
    .dont("exp_log1p", "exp(log1p(x))"),
    .fires("expm1_log1p_nonnegative", "expm1(log1p(relu(x)))", "relu(x)", range: positive),
    .dont("expm1_log1p_nonnegative", "expm1(log1p(x))", float: .fast, range: positive),
    .fires("expm1_log1p", "expm1(log1p(x))", "x", float: .fast, range: positive),
    .dont("expm1_log1p", "expm1(log1p(x))"),
    .fires("exp_minus_one", "exp(x) - 1", "expm1(x)"),
    .fires("exp_minus_one", "-1 + exp(x)", "expm1(x)"),
    .dont("exp_minus_one", "exp(x) - 2"),
    .dont("exp_minus_one", "exp(x) - broadcast_to(one, shape: [2, N])"),
    .fires("one_minus_exp", "1 - exp(x)", "-expm1(x)"),
    .fires("one_minus_exp", "-exp(x) + 1", "-expm1(x)"),
    .dont("one_minus_exp", "1 + exp(x)"),
    .fires("expm1_plus_one", "expm1(x) + 1", "exp(x)"),
    .dont("expm1_plus_one", "1 - expm1(x)"),
    .fires("exp_minus_softplus", "exp(-softplus(x))", "sigmoid(-x)"),
    .fires("exp_minus_softplus", "exp(log(sigmoid(x)))", "sigmoid(x)"),
    .dont("exp_minus_softplus", "exp(softplus(x))"),
    .fires("sqrt_square", "sqrt(square(x))", "abs(x)"),
    .fires("sqrt_square", "sqrt(x * x)", "abs(x)"),
    .fires("sqrt_square", "sqrt(x ** 2)", "abs(x)"),
    .dont("sqrt_square", "sqrt(x * y)", range: positive),
    .dont("sqrt_square", "sqrt(x ** 4)", range: positive),
    .fires("square_sqrt_nonnegative", "square(sqrt(exp(x)))", "exp(x)"),
    .dont("square_sqrt_nonnegative", "square(sqrt(x))", float: .fast, range: positive),
    .fires("square_sqrt", "square(sqrt(x))", "x", float: .fast, range: positive),
    .dont("square_sqrt", "square(sqrt(x))", range: positive),
  ]

  static let sigmoids: [StabilizationCase] = [
    .fires("one_minus_sigmoid", "1 - sigmoid(x)", "sigmoid(-x)"),
    .fires("one_minus_sigmoid", "1 - sigmoid(-x)", "sigmoid(x)"),
    .fires("one_minus_sigmoid", "-sigmoid(x) + 1", "sigmoid(-x)"),
    .dont("one_minus_sigmoid", "2 - sigmoid(x)"),
    .dont("one_minus_sigmoid", "1 + sigmoid(x)"),
    .fires("sigmoid_minus_one", "sigmoid(x) - 1", "-sigmoid(-x)"),
    .dont("sigmoid_minus_one", "sigmoid(x) - 0.5"),
    .fires("over_one_plus_exp", "1 / (1 + exp(-x))", "sigmoid(x)"),
    .fires("over_one_plus_exp", "reciprocal(1 + exp(x))", "sigmoid(-x)"),
    .fires("over_one_plus_exp", "x / (exp(y) + 1)", "x * sigmoid(-y)"),
    .fires("over_one_plus_exp", "a / (1 + exp(a))", "a * sigmoid(-a)"),
    .dont("over_one_plus_exp", "1 / (2 + exp(x))"),
    .dont("over_one_plus_exp", "1 / (1 - exp(x))", range: positive),
  ]

  static let products: [StabilizationCase] = [
    .fires("exp_times_sigmoid", "exp(x) / (1 + exp(x))", "sigmoid(x)"),
    .fires("exp_times_sigmoid", "exp(-x) * sigmoid(x)", "sigmoid(-x)"),
    .fires("exp_times_sigmoid", "sigmoid(-x) * (y * exp(x))", "y * sigmoid(x)"),
    .dont("exp_times_sigmoid", "exp(x) * sigmoid(x)"),
    .dont("exp_times_sigmoid", "exp(x) / sigmoid(-x)"),
    .fires("sigmoid_odds", "sigmoid(x) / (1 - sigmoid(x))", "exp(x)"),
    .fires("sigmoid_odds", "y * sigmoid(x) / sigmoid(-x)", "y * exp(x)"),
    .dont("sigmoid_odds", "sigmoid(x) * sigmoid(-x)"),
    .dont("sigmoid_odds", "sigmoid(x) / sigmoid(y)"),
    .fires(
      "cancel_positive", given: "w: f64[N] = mul(div(y, sigmoid(x)), sigmoid(x)) \(adjoint)",
      "w * sigmoid(-x)", "y * sigmoid(-x)"),
    .fires(
      "cancel_positive",
      given: """
        p = sigmoid(x)
        u: f64[N] = div(y, p) \(adjoint)
        v: f64[N] = mul(u, p) \(adjoint)
        w: f64[N] = mul(neg(v), sub(1.0, p)) \(adjoint)
        """, "w + 0.0", "-y * sigmoid(-x) + 0.0"),
    // Outside of derivatives a factor that cancels may be the only way to an input.
    .dont("cancel_positive", "x / exp(y) * exp(y)"),
    .dont(
      "cancel_positive", given: "w: f64[N] = mul(div(y, x), x) \(adjoint)", "w + 0.0",
      range: positive),
    .fires(
      "over_abs", given: "w: f64[N] = mul(div(y, abs(x)), x) \(adjoint)", "w + 0.0",
      "y * sign(x) + 0.0"),
    .dont("over_abs", "x / abs(x)"),
    .dont("over_abs", given: "w: f64[N] = div(y, abs(x)) \(adjoint)", "w + 0.0"),
  ]

  private static let adjoint = "@adjoint(of: x, root: out)"
}
