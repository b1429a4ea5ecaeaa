import Ayatori
import Testing

/// The positive side of translation validation: what is right passes, at every point and seed.
@Suite struct ValidationTests {
  static let seeds: [UInt64] = [0, 1, 20_240_607]

  private func compiler(_ validator: Validator, _ float: FloatMode) -> Compiler {
    var options = CompilerOptions()
    options.float = float
    options.observers = [validator.observer]
    return Compiler(options)
  }

  /// Every pass over every graph of `Graphs/`, up to the gradient stage.
  @Test(arguments: CompilerTests.trainable, seeds)
  func noFalseAlarmInGradients(name: String, seed: UInt64) throws {
    for float in FloatMode.allCases {
      let validator = Validator(seed: seed)
      let compiler = compiler(validator, float)
      let source = try Oracle.graph(name)
      _ = try compiler.stage(.optimized, of: source)
      // Forward alone: what `run` does without gradients.
      _ = try compiler.optimize(compiler.lower(source))
      #expect(validator.summary.steps > 5)
    }
  }

  @Test(arguments: CompilerTests.trainable, seeds)
  func noFalseAlarmInTraining(name: String, seed: UInt64) throws {
    for float in FloatMode.allCases {
      let validator = Validator(seed: seed)
      let compiler = compiler(validator, float)
      let source = try Oracle.graph(name)
      let loss = try Compiler.lossName(of: compiler.lower(source))
      guard !source.parameters.isEmpty else { continue }
      _ = try compiler.trainingGraph(of: source, loss: loss, optimizer: .adam())
      #expect(validator.summary.steps > 5)
    }
  }

  /// A pass that changes something is compared at many elements, most of which are decided.
  @Test func muchIsCompared() throws {
    let validator = Validator()
    let forward = Mutant.rule("twice", "x * x => square(x)", .exact, on: [.square]) { site in
      site[0] * site[0]
    }
    _ = try PassManager.validated([forward.pass], by: validator).run(
      Oracle.graph(text: "graph g { input x: f32[4] y = square(x) output y }"))
    let summary = validator.summary
    #expect(summary.steps == 1 && summary.changedSteps == 1)
    // Ten profiles, four elements: the values and the derivatives.
    #expect(summary.elements == 80)
    #expect(summary.undecided == 0)
  }

  /// What a pass leaves alone needs no evaluation.
  @Test func unchangedGraphsCostNothing() throws {
    let validator = Validator()
    _ = try PassManager.validated([.eliminateDeadNodes], by: validator).run(
      Oracle.graph(text: "graph g { input x: f32[4] a = exp(x) y = square(x) output y }"))
    var expected = ValidationSummary()
    expected.steps = 1
    #expect(validator.summary == expected)
  }

  // MARK: What the classes allow

  /// Rewrites that are right but change digits, infinities or kinks: no alarm.
  @Test(arguments: [
    ("y = log(sigmoid(x))", "y = -softplus(-x)"), ("y = log(1 - sigmoid(x))", "y = -softplus(x)"),
    ("y = log(1 + exp(x))", "y = softplus(x)"), ("y = exp(x) - 1", "y = expm1(x)"),
    ("y = log(1 + x)", "y = log1p(x)"), ("y = exp(x) / (1 + exp(x))", "y = sigmoid(x)"),
    ("y = sqrt(square(x))", "y = abs(x)"), ("y = log(exp(x))", "y = x"),
    ("y = (x + w) + 1e4", "y = x + (w + 1e4)"), ("y = x * w + x * v", "y = x * (w + v)"),
    ("y = (x + 1) - 1", "y = x"), ("y = x * w / w", "y = x"),
    ("y = sum(sum(x * w, axes: [0]))", "y = sum(x * w)"),
    ("y = log(sum(exp(x), axes: [1]))", "y = logsumexp(x, axes: [1])"),
    ("y = sum(matmul(x, transpose(w)))", "y = sum(matmul(w, transpose(x)))"),
    ("y = relu(x) + softplus(-abs(x))", "y = softplus(x)"),
    ("y = maximum(maximum(x, w), w)", "y = maximum(x, w)"),
    ("y = x / (1 / exp(w))", "y = x / reciprocal(exp(w))"),
  ])
  func reassociatingIsAllowed(before: String, after: String) throws {
    for seed in Self.seeds {
      let found = try Validator(seed: seed).deviation(
        Self.graph(before), Self.graph(after), .reassociating)
      #expect(found == nil, "\(found?.description ?? "")")
    }
  }

  /// The same the other way round loses digits, or infinities come in.
  @Test(arguments: [
    ("y = -softplus(-x)", "y = log(sigmoid(x))"), ("y = -softplus(x)", "y = log(1 - sigmoid(x))"),
    ("y = softplus(x)", "y = log(1 + exp(x))"), ("y = expm1(x)", "y = exp(x) - 1"),
    ("y = log1p(x)", "y = log(1 + x)"), ("y = sigmoid(x)", "y = exp(x) / (1 + exp(x))"),
    ("y = abs(x)", "y = sqrt(square(x))"), ("y = x", "y = log(exp(x))"),
    ("y = x", "y = (x + 1) - 1"), ("y = x", "y = x * w / w"),
    ("y = logsumexp(x, axes: [1])", "y = log(sum(exp(x), axes: [1]))"),
  ])
  func losingDigitsIsNot(before: String, after: String) throws {
    for seed in Self.seeds {
      let found = try Validator(seed: seed).deviation(
        Self.graph(before), Self.graph(after), .reassociating)
      #expect(found != nil)
    }
  }

  /// Found by fuzzing: where the loss itself overflows, an infinite derivative may become ∞ − ∞.
  @Test func overflowIsNoFault() throws {
    var options = CompilerOptions()
    options.validator = Validator(seed: 1)
    let graph = try Oracle.graph(
      "traps/log_sigma_as_logvar", dims: ["D": 5, "H": 4, "Z": 2], dtype: .f64)
    let compiler = Compiler(options)
    _ = try compiler.stabilize(compiler.lower(graph), keeping: [])
    #expect((options.validator?.summary.changedSteps ?? 0) > 0)
  }

  /// Found by fuzzing: a density's reference rounded otherwise than what it is lowered to.
  @Test(arguments: ["log_variance", "stddev", "log_stddev"])
  func loweringADensityIsExact(scale: String) throws {
    for seed in Self.seeds {
      var options = CompilerOptions()
      options.validator = Validator(seed: seed)
      _ = try Compiler(options).lower(
        Self.graph("y = normal_log_prob(x, w, \(scale): exp(v))"))
      #expect(options.validator?.summary.changedSteps == 1)
    }
  }

  /// Found by fuzzing: so did that of a smooth draw of a category.
  @Test(arguments: ["categorical", "bernoulli"])
  func loweringASmoothDrawIsExact(distribution: String) throws {
    for seed in 0..<40 as Range<UInt64> {
      var options = CompilerOptions()
      options.validator = Validator(seed: seed)
      _ = try Compiler(options).lower(
        Self.graph("y ~ \(distribution)(logits: x, temperature: 0.7) estimator gumbel_softmax"))
      #expect(options.validator?.summary.changedSteps == 1)
    }
  }

  /// Found by fuzzing: a coin whose logits are NaN drew 0, and a category the first such.
  @Test(arguments: ["bernoulli", "categorical"], ["score", "straight_through", "gumbel_softmax"])
  func loweringADrawHidesNoNaN(distribution: String, estimator: String) throws {
    for logits in ["log(x)", "1 / x", "log(abs(x) - abs(x))"] {
      for seed in 0..<20 as Range<UInt64> {
        var options = CompilerOptions()
        options.validator = Validator(seed: seed)
        _ = try Compiler(options).lower(
          Self.graph("y ~ \(distribution)(logits: \(logits)) estimator \(estimator)"))
        #expect(options.validator?.summary.changedSteps == 1)
      }
    }
  }

  /// Found by fuzzing: lowered term by term, a divergence lost the derivative's digits where both
  /// scales are nearly the same.
  @Test(arguments: ["x, v, x, w", "w, v, x, x", "w, x, v, v", "w, w, w, x"])
  func loweringADivergenceIsExact(operands: String) throws {
    for seed in 0..<40 as Range<UInt64> {
      var options = CompilerOptions()
      options.validator = Validator(seed: seed)
      _ = try Compiler(options).lower(Self.graph("y = sum(kl_normals(\(operands)))"))
      #expect(options.validator?.summary.changedSteps == 1)
    }
  }

  /// Found by fuzzing: y(1 − y) of y = σ(−x) has no digits where x is far below 0, where the
  /// derivative of what was written has all of them.
  @Test(arguments: [
    "sigmoid(x) - 1", "1 - sigmoid(x)", "1 / (1 + exp(x))", "exp(-softplus(x))",
  ])
  func slopesOfSigmoidsKeepTheirDigits(expression: String) throws {
    for seed in 0..<60 as Range<UInt64> {
      var options = CompilerOptions()
      options.validator = Validator(seed: seed)
      _ = try Compiler(options).stabilize(Self.graph("y = \(expression)"), keeping: [])
      #expect(options.validator?.summary.changedSteps == 1)
    }
  }

  /// e^(−300) / ∞ is 0, and the share is more.
  @Test func whatOverflowsOnTheWaySaysLittle() throws {
    for seed in 0..<200 as Range<UInt64> {
      let found = try Validator(seed: seed).deviation(
        Self.graph("y = exp(x) / sum(exp(x), axes: [1], keepdims: true)"),
        Self.graph("y = exp(log_softmax(x))"), .reassociating)
      #expect(found == nil, "\(found?.description ?? "")")
    }
  }

  /// But it stays finite, and where nothing overflows it stays what it is.
  @Test(arguments: [
    "exp(abs(x)) / square(exp(abs(x)))", "1 / exp(abs(x)) + 0 * exp(abs(x))",
    "1.0000001 / exp(abs(x))",
  ])
  func dont_forgiveWhatOverflows(after: String) throws {
    for seed in Self.seeds {
      let found = try Validator(seed: seed).deviation(
        Self.graph("y = 1 / exp(abs(x))"), Self.graph("y = \(after)"), .reassociating)
      #expect(found != nil)
    }
  }

  /// A kink that stays has the derivative that the op has there: 0 of relu, ½ of maximum.
  @Test(arguments: [
    ("relu(x)", "maximum(x, 0)"), ("maximum(x, 0)", "relu(x)"),
    ("abs(x)", "maximum(x, -x) + 0.5 * (relu(x) - maximum(x, 0))"),
  ])
  func dont_moveTheSlopeOfAKink(before: String, after: String) throws {
    for seed in Self.seeds {
      let found = try Validator(seed: seed).deviation(
        Self.graph("y = \(before)"), Self.graph("y = \(after)"), .reassociating)
      #expect(found?.subject.contains("derivative") == true)
    }
  }

  /// Found by fuzzing: 0/σ² with a σ² that is 0 is NaN, whatever a derivative says of it.
  @Test func whatIsNoNumberHasNoDerivative() throws {
    for seed in Self.seeds {
      let found = try Validator(seed: seed).deviation(
        Self.graph("y = sum(normal_log_prob(x, x, log_variance: 1e3 * x))"),
        Self.graph(
          "y = sum(-0.5 * (square(x - x) * exp(-1e3 * x) + 1e3 * x) - 0.9189385332046727)"),
        .reassociating)
      #expect(found == nil, "\(found?.description ?? "")")
    }
  }

  /// Found by fuzzing: 1.23e−320 has three digits.
  @Test(arguments: [("1e-320", true), ("1e-300", false)])
  func underflowIsRounded(scale: String, isAllowed: Bool) throws {
    let found = try Validator(seed: 1).deviation(
      Self.graph("y = \(scale) * x"), Self.graph("y = \(scale) * (x * 1.001)"), .reassociating)
    #expect((found == nil) == isAllowed, "\(found?.description ?? "")")
  }

  /// An infinite derivative of a finite value is a pole, and must not become NaN.
  @Test func dont_forgivePoles() throws {
    let found = try Validator(seed: 1).deviation(
      Self.graph("y = sqrt(x)"), Self.graph("y = sqrt(x) + 0 * sqrt(1 * x)"), .reassociating)
    #expect(found?.subject.contains("derivative") == true)
  }

  @Test(arguments: [
    ("y = x - x", "y = 0 * w", FloatClass.finiteOnly, true),
    // Infinity times zero is NaN; only where all is finite it is zero.
    ("y = exp(x) * 0", "y = 0 * w", .finiteOnly, true), ("y = x + 0", "y = x", .exact, false),
    ("y = x - 0", "y = x", .exact, true), ("y = x * 1", "y = x", .exact, true),
    ("y = 0 - x", "y = -x", .exact, false), ("y = 0 - x", "y = -x", .reassociating, true),
    ("y = x + w", "y = w + x", .exact, true),
    ("y = (x + w) + v", "y = x + (w + v)", .exact, false),
    ("y = x / 3", "y = x * (1 / 3)", .exact, false),
    ("y = x / 4", "y = x * (1 / 4)", .exact, true),
    ("y = relu(x)", "y = maximum(x, 0)", .exact, false),
    // At x = 0 the one has a derivative by w, the other has none by x.
    ("y = sqrt(relu(x)) * sqrt(exp(w))", "y = sqrt(relu(x) * exp(w))", .finiteOnly, true),
    ("y = sqrt(relu(x)) * sqrt(exp(w))", "y = sqrt(relu(x) * exp(w))", .reassociating, false),
  ])
  func classes(before: String, after: String, float: FloatClass, isAllowed: Bool) throws {
    for seed in Self.seeds {
      let found = try Validator(seed: seed).deviation(
        Self.graph(before), Self.graph(after), float)
      #expect((found == nil) == isAllowed, "\(found?.description ?? "no deviation")")
    }
  }

  private static func graph(_ statements: String) throws -> Graph {
    try Oracle.graph(
      text: """
        graph g {
          dim N
          dim K = 100
          input x: f32[N, K]  param w: f32[N, K] init zeros  param v: f32[N, K] init zeros
          \(statements)
          output y
        }
        """)
  }

  // MARK: Sizes

  /// Halves need an even size; a matrix that is read both ways needs a square.
  @Test(arguments: [
    "input x: f32[2*K] y = slice(x, axis: 0, start: 0, stop: K) + 1",
    "dim M = 8  input x: f32[M] y = slice(x, axis: 0, start: M - 7, stop: M) + 1",
    "input i: i64[N]  input x: f32[K] y = gather(x, i) + 1",
  ])
  func sizesAreFound(body: String) throws {
    let graph = try Oracle.graph(text: "graph g { dim N  dim K = 100 \(body) output y }")
    let mutant = Mutant.rule("lose_one", "x + 1 => x", .exact, on: [.add]) { $0[0] }
    let failure = try #require(try Mutant.failure([mutant.pass], on: graph))
    #expect(failure.rule == "lose_one")
  }

  @Test func graphsThatCannotBeEvaluatedAreReported() throws {
    // No index is below 0.
    let graph = try Oracle.graph(
      text: "graph g { input x: f32[3] i = cast(x, to: i64) * 0 - 7 y = gather(x, i) + 1 output y }"
    )
    let mutant = Mutant.rule("lose_one", "x + 1 => x", .exact, on: [.add]) { $0[0] }
    let found = Oracle.diagnostics {
      _ = try PassManager.validated([mutant.pass], by: Validator()).run(graph)
    }
    #expect(found.map(\.id) == ["not-validated"])
  }
}
