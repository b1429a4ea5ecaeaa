import Ayatori

/// A wrong rule, and the statements of a small graph in which it fires at the node `node`.
struct PlantedRule: Sendable {
  var rule: RewriteRule
  var statements: String
  var node: String

  init(
    _ name: String, _ pattern: String, _ float: FloatClass, on ops: [OpDefinition],
    in statements: String, at node: String = "y",
    _ body: @escaping @Sendable (RewriteSite) -> Value?
  ) {
    rule = RewriteRule(name, pattern, float, on: ops, body)
    self.statements = statements
    self.node = node
  }
}

extension RewriteSite {
  /// An operand that could stand for the result.
  fileprivate func like(_ index: Int) -> Value? { self[index].type == type ? self[index] : nil }

  fileprivate var axes: [Int] { attributes.ints("axes") }

  fileprivate func constant(_ value: Double) -> Value {
    builder.constant(.float(value), type.dtype)
  }

  /// Whether the last two axes of both operands are equal, so that any order of them fits.
  fileprivate var isSquare: Bool {
    operands.allSatisfy { operand in
      operand.shape.rank == 2 && operand.shape.dims[0] == operand.shape.dims[1]
    }
  }
}

extension PlantedRule {
  static let all = terms + operands + axes + movement + functions + classes + derivatives

  // MARK: Terms

  static let terms = [
    PlantedRule(
      "dropped_term", "a + b => a", .reassociating, on: [.add], in: "y = x + w * 0.001"
    ) { $0.like(0) },
    PlantedRule(
      "dropped_bias", "linear(x, W, b) => x·Wᵀ", .reassociating, on: [.linear],
      in: "y = linear(x, m, v)"
    ) { matmul($0[0], $0[1], transposeB: true) },
    PlantedRule(
      "dropped_factor", "a * b => a", .exact, on: [.mul], in: "y = x * w"
    ) { $0.like(0) },
    PlantedRule(
      "dropped_subtrahend", "a - b => a", .exact, on: [.sub], in: "y = w - x"
    ) { $0.like(0) },
    PlantedRule(
      "dropped_batch_scale", "x · (1 / N) => x", .reassociating, on: [.div],
      in: "y = sum(x) / 3"
    ) { $0.like(0) },
    PlantedRule(
      "dropped_small_term", "sqrt(v) + ε => sqrt(v)", .reassociating, on: [.add],
      in: "y = sqrt(square(x)) + 1e-8"
    ) { site in site.op(of: site[0]) == .sqrt ? site[0] : nil },
    PlantedRule(
      "doubled_term", "a + b => a + a", .exact, on: [.add], in: "y = x + w"
    ) { $0.like(0).map { $0 * 2 } },
  ]

  // MARK: Operands and signs

  static let operands = [
    PlantedRule(
      "swapped_sub", "a - b => b - a", .reassociating, on: [.sub], in: "y = x - w"
    ) { $0[1] + -$0[0] },
    PlantedRule(
      "swapped_div", "a / b => b / a", .reassociating, on: [.div], in: "y = x / w"
    ) { $0[1] * reciprocal($0[0]) },
    PlantedRule(
      "wrong_sign", "a - b => a + b", .reassociating, on: [.sub], in: "y = x - w"
    ) { $0[0] + $0[1] },
    PlantedRule("lost_neg", "-x => x", .exact, on: [.neg], in: "y = -x") { $0[0] },
    PlantedRule(
      "swapped_select", "select(c, a, b) => select(c, b, a)", .exact, on: [.select],
      in: "y = select(x > w, x, 0 * w)"
    ) { site in
      site.op(of: site[0]) == .logicalNot
        ? nil : select(logicalNot(site[0]), site[1], site[2])
    },
    PlantedRule(
      "swapped_matmul", "A·B => B·A", .reassociating, on: [.matmul],
      in: "a = s + 1  y = matmul(s, a)"
    ) { site in
      site.isSquare && site[0].name == "s" ? matmul(site[1], site[0]) : nil
    },
    PlantedRule(
      "wrong_noise", "ε₂ => ε₁", .exact, on: [.mul],
      in: "noise e1: f32[3, 4] ~ normal  noise e2: f32[3, 4] ~ normal  y = x * e2 + w * e1",
      at: "mul %8"
    ) { site in
      guard site[1].name == "e2" || site[1].name == "z.eps",
        let other = site.builder.value(named: "e1") ?? site.builder.value(named: "x"),
        other.type == site[1].type
      else { return nil }
      return site[0] * other
    },
  ]

  // MARK: Axes and shapes

  static let axes = [
    PlantedRule(
      "wrong_sum_axis", "sum(x, axes: [0]) => sum(x, axes: [1])", .reassociating, on: [.sum],
      in: "y = sum(s, axes: [0])"
    ) { site in
      site.isSquare && site.axes == [0] ? sum(site[0], axes: [1]) : nil
    },
    PlantedRule(
      "wrong_logsumexp_axis", "logsumexp over the other axis", .reassociating, on: [.logsumexp],
      in: "y = logsumexp(s, axes: [1])"
    ) { site in site.axes == [1] ? logsumexp(site[0], axes: [0]) : nil },
    PlantedRule(
      "mean_for_sum", "sum(x) => mean(x)", .reassociating, on: [.sum], in: "y = sum(x, axes: [0])"
    ) { mean($0[0], axes: $0.axes, keepdims: $0.attributes.bool("keepdims")) },
    PlantedRule(
      "lost_keepdims", "sum(x, axes: [1], keepdims: true) => reshape(sum(x, axes: [0]))",
      .reassociating, on: [.sum], in: "y = s - sum(s, axes: [1], keepdims: true)", at: "sum %6"
    ) { site in
      guard site.isSquare, site.axes == [1], site.attributes.bool("keepdims") else { return nil }
      return reshape(sum(site[0], axes: [0]), site.shape)
    },
    PlantedRule(
      "wrong_broadcast_axis", "a column is spread as a row", .exact, on: [.broadcastTo],
      in: "y = broadcast_to(v, shape: [3, 3])"
    ) { site in
      site[0].shape == [3] && site.shape == [3, 3]
        ? broadcast(reshape(site[0], [3, 1]), to: site.shape) : nil
    },
    PlantedRule(
      "lost_transpose", "transpose(x) => x", .exact, on: [.transpose], in: "y = transpose(s)"
    ) { $0.like(0) },
    PlantedRule(
      "reshape_for_transpose", "transpose(x) => reshape(x)", .exact, on: [.transpose],
      in: "y = transpose(x)"
    ) { reshape($0[0], $0.shape) },
    PlantedRule(
      "lost_operand_transpose", "A·Bᵀ => A·B", .reassociating, on: [.matmul],
      in: "y = matmul(s, s, transpose_b: true)"
    ) { site in
      site.isSquare && site.attributes.bool("transpose_b") ? matmul(site[0], site[1]) : nil
    },
  ]

  // MARK: Movement

  static let movement = [
    PlantedRule(
      "off_by_one_slice", "x[0..<2] => x[1..<3]", .exact, on: [.slice],
      in: "y = slice(x, axis: 0, start: 0, stop: 2)"
    ) { site in
      site.attributes.dim("start") == 0 ? slice(site[0], axis: 0, from: 1, to: 3) : nil
    },
    PlantedRule(
      "concat_order", "concat(a, b) => concat(b, a)", .exact, on: [.concat],
      in: "y = concat(x, w, axis: 0)"
    ) { site in
      site[0].name == "x" ? concat([site[1], site[0]], axis: site.attributes.int("axis")) : nil
    },
    PlantedRule(
      "truncating_cast", "cast(x, to: f32) => through i32", .exact, on: [.cast],
      in: "y = cast(x, to: f64)"
    ) { site in
      guard site[0].dtype.isFloating else { return nil }
      return cast(cast(site[0], to: .i32), to: site.type.dtype)
    },
  ]

  // MARK: Functions

  static let functions = [
    PlantedRule("max_for_min", "min => max", .exact, on: [.minimum], in: "y = minimum(x, w)") {
      maximum($0[0], $0[1])
    },
    PlantedRule("min_for_max", "max => min", .exact, on: [.maximum], in: "y = maximum(x, w)") {
      minimum($0[0], $0[1])
    },
    PlantedRule(
      "wrong_constant", "0.5 => 0.50001", .reassociating, on: [.mul], in: "y = 0.5 * x"
    ) { site in
      guard let number = site.literal(site[0])?.doubleValue, number == 0.5 else { return nil }
      return site.constant(0.50001) * site[1]
    },
    PlantedRule(
      "softplus_sign", "softplus(x) => softplus(-x)", .reassociating, on: [.softplus],
      in: "y = softplus(x)"
    ) { site in site[0].name.map { _ in log1p(exp(-site[0])) } },
    PlantedRule("sigmoid_sign", "σ(x) => 1 - σ(x)", .exact, on: [.sigmoid], in: "y = sigmoid(x)") {
      reciprocal(1 + exp($0[0]))
    },
    PlantedRule(
      "naive_softplus", "softplus(x) => log(1 + exp(x))", .reassociating, on: [.softplus],
      in: "y = softplus(x)"
    ) { log(1 + exp($0[0])) },
    PlantedRule(
      "naive_sigmoid", "σ(x) => exp(x) / (1 + exp(x))", .reassociating, on: [.sigmoid],
      in: "y = sigmoid(x)"
    ) { exp($0[0]) / (1 + exp($0[0])) },
    PlantedRule(
      "naive_log1p", "log1p(x) => log(1 + x)", .reassociating, on: [.log1p], in: "y = log1p(x)"
    ) { log(1 + $0[0]) },
    PlantedRule("log_for_log1p", "log1p(x) => log(x)", .exact, on: [.log1p], in: "y = log1p(x)") {
      log($0[0])
    },
    PlantedRule(
      "naive_expm1", "expm1(x) => exp(x) - 1", .reassociating, on: [.expm1], in: "y = expm1(x)"
    ) { exp($0[0]) - 1 },
    PlantedRule(
      "halved_exponent", "exp(x/2) => exp(x)", .reassociating, on: [.exp], in: "y = exp(0.5 * x)"
    ) { site in
      guard let factors = site.operands(of: site[0], .mul), site.literal(factors[0]) != nil else {
        return nil
      }
      return exp(factors[1])
    },
    PlantedRule(
      "log_domain", "a · b => exp(log a + log b)", .reassociating, on: [.mul], in: "y = x * w"
    ) { site in
      site[0].type == site[1].type && site[0].dtype.isFloating
        ? exp(log(site[0]) + log(site[1])) : nil
    },
    PlantedRule(
      "step_at_zero", "a > b => a ≥ b", .exact, on: [.greater],
      in: "y = select(x > 0, w, 2 * w)", at: "greater %7"
    ) { greaterEqual($0[0], $0[1]) },
    PlantedRule(
      "relu_mask_at_zero", "a ≤ b => a < b", .exact, on: [.lessEqual],
      in: "y = select(x <= 0, w, 2 * w)", at: "less_equal %7"
    ) { less($0[0], $0[1]) },
    PlantedRule(
      "leaky_relu", "relu(x) => max(x, x/1000)", .reassociating, on: [.relu], in: "y = relu(x)"
    ) { maximum($0[0], $0[0] * 0.001) },
    PlantedRule("lost_sqrt", "sqrt(x) => x", .exact, on: [.sqrt], in: "y = sqrt(square(x))") {
      $0[0]
    },
    PlantedRule("square_for_abs", "|x| => x²", .exact, on: [.abs], in: "y = abs(x)") {
      square($0[0])
    },
    PlantedRule("cube", "x² => x²·|x|", .exact, on: [.square], in: "y = square(x)") {
      $0[0] * $0[0] * abs($0[0])
    },
    PlantedRule(
      "integer_off_by_one", "n + 1 => n", .exact, on: [.add],
      in: "state t: i64[] init zeros  y = t + 1"
    ) { site in site.type.dtype.isInteger ? site[0] : nil },
  ]

  // MARK: Wrong classes

  static let classes = [
    PlantedRule(
      "not_exact_sum", "(a + b) + c => a + (b + c), called exact", .exact, on: [.add],
      in: "y = x + w + u"
    ) { site in
      guard let inner = site.operands(of: site[0], .add), site[1].name == "u" else { return nil }
      return inner[0] + (inner[1] + site[1])
    },
    PlantedRule(
      "not_exact_reciprocal", "a / b => a · (1/b), called exact", .exact, on: [.div],
      in: "y = x / w"
    ) { $0[0] * reciprocal($0[1]) },
    PlantedRule(
      "not_exact_zero", "x + 0 => x, called exact for +0", .exact, on: [.add], in: "y = x + 0"
    ) { $0.isLiteral(1, 0) ? $0.like(0) : nil },
    PlantedRule(
      "not_exact_negation", "0 - x => -x, called exact", .exact, on: [.sub], in: "y = 0 - x"
    ) { $0.isLiteral(0, 0) ? -$0[1] : nil },
    PlantedRule(
      "not_exact_factoring", "a·b + a·c => a · (b + c), called exact", .exact, on: [.add],
      in: "y = x * w + x * u"
    ) { site in
      guard let first = site.operands(of: site[0], .mul),
        let second = site.operands(of: site[1], .mul), first[0].id == second[0].id,
        first[1].type == second[1].type
      else { return nil }
      return first[0] * (first[1] + second[1])
    },
  ]

  // MARK: Derivatives

  static let derivatives = [
    PlantedRule(
      "stopped", "tanh(x) => tanh(stop_gradient(x))", .exact, on: [.tanh], in: "y = tanh(x)"
    ) { site in
      site.op(of: site[0]) == .stopGradient ? nil : tanh(stopGradient(site[0]))
    },
    PlantedRule(
      "stopped_draw", "m + σ·ε => m + stop_gradient(σ·ε)", .exact, on: [.add],
      in: "y = x + w * u"
    ) { site in
      site.op(of: site[1]) == .mul && site.op(of: site[0]) != .stopGradient
        ? site[0] + stopGradient(site[1]) : nil
    },
    PlantedRule(
      "wrong_derivative", "exp(x) => stop_gradient(exp(x/2)²) + (x - x)", .reassociating,
      on: [.exp], in: "y = exp(x) + w", at: "exp %6"
    ) { site in
      guard site.op(of: site[0]) == nil else { return nil }
      return stopGradient(square(exp(site[0] * 0.5))) + (site[0] - site[0])
    },
  ]
}
