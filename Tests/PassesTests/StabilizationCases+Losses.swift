import Passes

extension StabilizationCase {
  static let normalizations: [StabilizationCase] = [
    .fires(
      "softmax", "exp(a) / sum(exp(a), axes: [1], keepdims: true)", "exp(log_softmax(a))"),
    .fires("softmax", "exp(a) / sum(exp(a), axes: [0])", "exp(log_softmax(a, axis: 0))"),
    .fires(
      "softmax", "exp(a) / reshape(sum(exp(a), axes: [1]), shape: [N, 1])", "exp(log_softmax(a))"),
    .fires(
      "softmax", "exp(a) / sum(exp(a))",
      "exp(reshape(log_softmax(reshape(a, shape: [N * K])), shape: [N, K]))"),
    .fires(
      "softmax", given: "c = reshape(a, shape: [1, N, K])",
      "exp(c) / sum(exp(c), axes: [0, 2], keepdims: true)",
      "exp(c - logsumexp(c, axes: [0, 2], keepdims: true))"),
    // Each row by the sum of another.
    .dont(
      "softmax", given: "b = slice(a, axis: 0, start: 0, stop: K)",
      "exp(b) / sum(exp(b), axes: [1])"),
    .dont("softmax", "exp(a) / sum(exp(l), axes: [1], keepdims: true)"),
    .dont("softmax", "exp(a) / max(exp(a), axes: [1], keepdims: true)"),
    .fires(
      "log_softmax", "a - log(sum(exp(a), axes: [1], keepdims: true))", "log_softmax(a)"),
    .fires(
      "softmax", "log(exp(a) / sum(exp(a), axes: [1], keepdims: true))", "log_softmax(a)"),
    .dont("log_softmax", "l - logsumexp(a, axes: [1], keepdims: true)"),
    .dont("log_softmax", "a - logsumexp(a)"),
    .fires(
      "log_softmax_shift", given: "e = exp(a - max(a, axes: [1], keepdims: true))",
      "e / sum(e, axes: [1], keepdims: true)", "exp(log_softmax(a))"),
    .fires(
      "log_softmax_shift", "log_softmax(a - stop_gradient(max(a)))", "log_softmax(a)"),
    .dont("log_softmax_shift", "log_softmax(a - max(a, axes: [0], keepdims: true))"),
    .dont("log_softmax_shift", "log_softmax(a - max(l, axes: [1], keepdims: true))"),
    .fires(
      "logsumexp_shift", given: "m = max(a, axes: [1], keepdims: true)",
      "m + log(sum(exp(a - m), axes: [1], keepdims: true))",
      "logsumexp(a, axes: [1], keepdims: true)"),
    .fires(
      "logsumexp_shift", given: "m = stop_gradient(max(a, axes: [1]))",
      "log(sum(exp(a - stop_gradient(max(a, axes: [1], keepdims: true))), axes: [1])) + m",
      "logsumexp(a, axes: [1])"),
    // The derivative of one maximum would be left over.
    .dont(
      "logsumexp_shift", given: "m = max(a, axes: [1], keepdims: true)",
      "logsumexp(a - stop_gradient(m), axes: [1], keepdims: true) + m"),
    .dont(
      "logsumexp_shift",
      "logsumexp(a - max(a, axes: [1], keepdims: true), axes: [0], keepdims: true) + max(a)"),
    .dont(
      "logsumexp_shift", given: "m = max(a, axes: [1], keepdims: true)",
      "logsumexp(a - m, axes: [1], keepdims: true) + max(l, axes: [1], keepdims: true)"),
    .fires(
      "softmax_gradient", given: "c = y / sum(exp(a), axes: [1])",
      "broadcast_to(reshape(c, shape: [N, 1]), shape: [N, K]) * exp(a)",
      "broadcast_to(reshape(y, shape: [N, 1]), shape: [N, K]) * exp(log_softmax(a))"),
    .fires(
      "softmax_gradient", "exp(x) * broadcast_to(sum(y) / sum(exp(x)), shape: [N])",
      "broadcast_to(sum(y), shape: [N]) * exp(log_softmax(x))"),
    .dont(
      "softmax_gradient", given: "c = y / sum(exp(a), axes: [1])",
      "reshape(c, shape: [N, 1]) * exp(l)"),
    .dont("softmax_gradient", "exp(x) * (y / sum(exp(x)))"),
  ]

  static let sums: [StabilizationCase] = [
    .fires("softplus_minus", "x - log(1 + exp(x))", "-softplus(-x)"),
    .fires("softplus_minus", "softplus(-x) + x", "softplus(x)"),
    .fires("softplus_minus", "softplus(x) + y - x", "softplus(-x) + y"),
    .dont("softplus_minus", "softplus(x) - y"),
    .dont("softplus_minus", "softplus(x) - 2 * x"),
    .dont("softplus_minus", "softplus(x) + x"),
    .fires("softplus_difference", "log(sigmoid(x)) - log(1 - sigmoid(x))", "x"),
    .dont("softplus_difference", "softplus(x) + softplus(-x)"),
    .dont("softplus_difference", "softplus(x) - softplus(-y)"),
    .fires("softplus_parts", "maximum(x, 0) + log1p(exp(-abs(x)))", "softplus(x)"),
    .fires("softplus_parts", "relu(x) + softplus(-abs(x))", "softplus(x)"),
    .dont("softplus_parts", "maximum(x, 0.5) + softplus(-abs(x))"),
    .dont("softplus_parts", "relu(y) + softplus(-abs(x))"),
    .dont("softplus_parts", "relu(x) - softplus(-abs(x))"),
    .fires("inverse_scales", "-0.5 * sum(-2 * x)", "sum(x)"),
    .fires("inverse_scales", "-mean(-a, axes: [1])", "mean(a, axes: [1])"),
    .fires("inverse_scales", "0.5 * -(-2 * x)", "x"),
    .dont("inverse_scales", "-0.5 * sum(-3 * x)"),
    .dont("inverse_scales", "2 * sum(x)"),
    .dont("inverse_scales", "sum(x) * one"),
    .dont("inverse_scales", "-0.5 * max(-2 * x)"),
  ]

  private static let nll = "bernoulli_nll(t, logits: l)"

  static let losses: [StabilizationCase] = [
    .fires(
      "bernoulli_nll", given: "p = sigmoid(l)",
      "-sum(t * log(p) + (1 - t) * log(1 - p))", "sum(\(nll))"),
    .fires(
      "bernoulli_nll", given: "p = sigmoid(l)",
      "sum(-t * log(p) - (1 - t) * log(1 - p))", "sum(\(nll))"),
    .fires(
      "bernoulli_nll", given: "p = sigmoid(l)",
      "(t - 1) * log1p(-p) - log(p) * t", nll),
    .fires(
      "bernoulli_nll", given: "p = 1 / (1 + exp(-l))",
      "-(t * log(p) + (1 - t) * log(1 - p))", nll),
    .fires(
      "bernoulli_nll", given: "p = sigmoid(l)\nw = exp(a)",
      "w * (t * log(p)) + (1 - t) * w * log(1 - p)", "-(w * \(nll))"),
    .fires(
      "bernoulli_nll", given: "p = sigmoid(l)",
      "a - t * log(p) + l - (1 - t) * log(1 - p)", "a + \(nll) + l"),
    .fires(
      "bernoulli_nll",
      given: "p = reshape(sigmoid(l), shape: [N * K])\nu = reshape(t, shape: [N * K])",
      "-(u * log(p) + (1 - u) * log(1 - p))",
      "bernoulli_nll(reshape(t, shape: [N * K]), logits: reshape(l, shape: [N * K]))"),
    .dont("bernoulli_nll", "t * softplus(-l) + (1 - a) * softplus(l)"),
    .dont("bernoulli_nll", "t * softplus(-l) - (1 - t) * softplus(l)"),
    .dont("bernoulli_nll", "t * softplus(-l) + (2 - t) * softplus(l)"),
    .dont("bernoulli_nll", "t * softplus(-l) + (1 - t) * softplus(a)"),
    .dont("bernoulli_nll", "t * softplus(-l) + 2 * (1 - t) * softplus(l)"),
    .dont("bernoulli_nll", "t * softplus(l) + (1 - t) * softplus(l)"),
    .fires(
      "bernoulli_nll_of_sums", given: "p = sigmoid(l)",
      "-sum(t * log(p)) - sum((1 - t) * log(1 - p))", "sum(\(nll))"),
    .fires(
      "bernoulli_nll_of_sums", given: "p = sigmoid(l)",
      "-(mean((1 - t) * log(1 - p), axes: [1]) + mean(t * log(p), axes: [1]))",
      "mean(\(nll), axes: [1])"),
    .dont(
      "bernoulli_nll_of_sums",
      "sum(t * softplus(-l), axes: [0]) + sum((1 - t) * softplus(l))"),
    .dont(
      "bernoulli_nll_of_sums", "sum(t * softplus(-l)) + mean((1 - t) * softplus(l))"),
    .dont(
      "bernoulli_nll_of_sums", "sum(t * softplus(-l)) + 2 * sum((1 - t) * softplus(l))"),
    .fires("softplus_minus_product", "softplus(l) - l * t", nll),
    .fires("softplus_minus_product", "softplus(-l) + (1 - t) * l", nll),
    .fires("softplus_minus_product", "relu(l) - l * t + log1p(exp(-abs(l)))", nll),
    .dont("softplus_minus_product", "softplus(l) + l * t"),
    .dont("softplus_minus_product", "softplus(l) - a * t"),
    .dont("softplus_minus_product", "softplus(-l) + t * l"),
    .dont("softplus_minus_product", "softplus(l) - 2 * l * t"),
    .fires("bernoulli_gradient", "t * sigmoid(-l) - (1 - t) * sigmoid(l)", "t - sigmoid(l)"),
    .fires(
      "bernoulli_gradient", "a * t * sigmoid(-l) - (1 - t) * a * sigmoid(l)", "a * (t - sigmoid(l))"
    ),
    .dont("bernoulli_gradient", "t * sigmoid(-l) + (1 - t) * sigmoid(l)"),
    .dont("bernoulli_gradient", "t * sigmoid(l) - (1 - t) * sigmoid(l)"),
    .fires(
      "kl_normal", "-0.5 * sum(1 + l - a ** 2 - exp(l))",
      "sum(kl_normal(mean: a, log_variance: l))"),
    .fires(
      "kl_normal", "0.5 * sum(exp(l) + a * a - 1 - l)",
      "sum(kl_normal(mean: a, log_variance: l))"),
    .fires(
      "kl_normal", "0.5 * (square(a) + (exp(l) - 1) - l)", "kl_normal(mean: a, log_variance: l)"),
    .fires(
      "kl_normal", "(a * a + exp(l) - l - 1) * 0.5", "kl_normal(mean: a, log_variance: l)"),
    .fires(
      "kl_normal", given: "sigma = exp(0.5 * l)", "-0.5 * (1 + l - square(a) - square(sigma))",
      "kl_normal(mean: a, log_variance: l)"),
    .dont("kl_normal", "2 + l - a ** 2 - exp(l)"),
    .dont("kl_normal", "1 + l + a ** 2 - exp(l)"),
    .dont("kl_normal", "1 + t - a ** 2 - exp(l)"),
    .dont("kl_normal", "1 + l - a ** 3 - exp(l)"),
    .dont("kl_normal", "1 + 2 * l - a ** 2 - exp(l)"),
  ]
}
