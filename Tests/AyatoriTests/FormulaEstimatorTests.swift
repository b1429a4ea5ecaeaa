import Ayatori
import Testing

/// Formulas of gradients that come past a draw: right, and free of the trick that makes them.
@Suite struct FormulaEstimatorTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var graph: String
    var draw: String
    var estimator: String
    var draws = 1
    var dims: [String: Int] = [:]

    var testDescription: String { "\(graph) \(draw)=\(estimator):\(draws)" }

    func source() throws -> Graph {
      let graph =
        graph == "coins and dice"
        ? try Oracle.graph(text: FormulaEstimatorTests.dice)
        : try Oracle.graph(graph, dims: dims, dtype: .f64)
      return try graph.choosing(estimator: estimator, draws: draws, of: draw)
    }
  }

  /// A category as 0s and one 1, and a normal whose standard deviation is an operand.
  static let dice = """
    graph g {
      dim N
      input x: f64[N, 3]
      param w: f64[3, 3] init zeros
      param s: f64[3] init constant(1.0)
      l = matmul(x, w)
      c ~ categorical(logits: l)
      n ~ normal(mean: l, stddev: s)
      loss = sum(square(x - matmul(c, sin(w)))) + mean(square(n))
      output loss
    }
    """

  static let cases: [Case] = {
    let small = ["D": 4, "H": 3, "Z": 2]
    let draws: [(String, String, [String: Int])] = [
      ("linear_gaussian", "z", [:]), ("rsample", "z", [:]), ("vae_pytorch", "z", small),
      ("vae_chainer", "z", small), ("vae_naive", "z", small), ("vae_bernoulli", "b", small),
      ("coins and dice", "c", [:]), ("coins and dice", "n", [:]),
    ]
    let scores = ["score", "score_mean_baseline", "score_best_baseline", "score_leave_one_out"]
    return draws.flatMap { graph, draw, dims in
      let isNormal = draw == "z" || draw == "n"
      let others = isNormal ? ["pathwise", "stopped"] : ["straight_through", "gumbel_softmax"]
      return (scores + others).flatMap { estimator in
        [1, 3].filter { $0 > 1 || estimator != "score_leave_one_out" }.map {
          Case(graph: graph, draw: draw, estimator: estimator, draws: $0, dims: dims)
        }
      }
    }
  }()

  @Test(arguments: cases)
  func areRight(_ item: Case) throws {
    let source = try item.source()
    // Standard deviations are positive.
    let checked = try FormulaCheck.everyDerivative(
      of: source, seed: 17, positive: ["s", "sigma", "std"]
    ) { formulas in
      for trick in ["stop(", "reshape("] {
        #expect(!formulas.text.contains(trick), "\(formulas.text)")
      }
    }
    #expect(checked >= 1)
  }

  /// The derivative of a score function's gradient: DiCE's boxes count twice, and are 1.
  @Test(
    arguments:
      cases.filter { $0.graph == "linear_gaussian" && $0.estimator != "stopped" })
  func secondDerivativesAreRight(_ item: Case) throws {
    let first = try Compiler().stage(.gradient, of: try item.source(), withRespectTo: ["mu"])
    let formulas = try GradientFormulas(
      of: first, loss: "d_loss/d_mu", withRespectTo: ["mu", "logvar"], depth: nil)
    try FormulaCheck(formulas.graph, seed: 19).expectEqual(formulas)
    #expect(!formulas.text.contains("stop("), "\(formulas.text)")
  }

  /// recon = ½(x − z)² + c at one draw: ∂²/∂mu² of its mean is f·(((z − mu)/σ²)² − 1/σ²).
  @Test func secondDerivativeOfAScore() throws {
    let source = try Case(graph: "linear_gaussian", draw: "z", estimator: "score").source()
    let first = try Compiler().stage(.gradient, of: source, withRespectTo: ["mu"])
    let formulas = try GradientFormulas(
      of: first, loss: "d_loss/d_mu", withRespectTo: ["mu"], depth: nil)
    #expect(formulas.derivatives[0].formula.text == "recon·((z − mu)²/σ² − 1)/σ² + β")
  }

  // MARK: As people read them

  private static func ways(
    _ graph: String, _ draw: String, _ estimator: String, _ draws: Int, by target: String
  ) throws -> String {
    let item = Case(graph: graph, draw: draw, estimator: estimator, draws: draws)
    let formulas = try GradientFormulas(of: try item.source(), withRespectTo: [target])
    return try #require(formulas.derivatives[0].ways.first).formula.text
  }

  @Test(arguments: [
    ("score", 1, "recon·(z − mu)/σ²", "0.5·recon·((z − mu)²/σ² − 1)"),
    (
      "score_mean_baseline", 1, "(recon − z.baseline)·(z − mu)/σ²",
      "0.5·(recon − z.baseline)·((z − mu)²/σ² − 1)"
    ),
    (
      "score_best_baseline", 1, "(recon − z.mean.baseline)·(z − mu)/σ²",
      "0.5·(recon − z.log_variance.baseline)·((z − mu)²/σ² − 1)"
    ),
    (
      "score_leave_one_out", 2, "0.5·(recon#1 − recon#2)·(z − z#2)/σ²",
      "0.25·(recon#1 − recon#2)·((z − mu)² − (z#2 − mu)²)/σ²"
    ),
    (
      "score", 2, "0.5·(recon#1·(z − mu) + recon#2·(z#2 − mu))/σ²",
      "0.25·((recon#1·(z − mu)² + recon#2·(z#2 − mu)²)/σ² − recon#1 − recon#2)"
    ),
    ("pathwise_mc_kl", 1, "∂loss/∂z", "0.5·σ·ε·∂loss/∂z"),
  ])
  func linearGaussian(_ estimator: String, _ draws: Int, mean: String, scale: String) throws {
    #expect(try Self.ways("linear_gaussian", "z", estimator, draws, by: "mu") == mean)
    #expect(try Self.ways("linear_gaussian", "z", estimator, draws, by: "logvar") == scale)
  }

  @Test(arguments: [
    ("vae_pytorch", "z", "score_mean_baseline", 1, "mu", "(bce_N − z.baseline) ⊙ (z − mu)/σ²"),
    (
      "vae_chainer", "z", "score", 1, "z_mu",
      "\"reconstruction error\"_N ⊙ (z − z_mu)/(N·σ²)"
    ),
    // The stabilised cost is minus what is summed: that is no share of it.
    (
      "vae_naive", "z", "score", 1, "mu", "(Σ_D bernoulli_nll(x, logits)) ⊙ (z − mu)/σ²"
    ),
    (
      "vae_bernoulli", "b", "score_mean_baseline", 1, "q", "(bce_N − b.baseline) ⊙ (b − sigmoid(q))"
    ),
    (
      "vae_bernoulli", "b", "score_leave_one_out", 2, "q",
      "0.5·(bce_N#1 − bce_N#2) ⊙ (b − b#2)"
    ),
  ])
  func models(
    _ graph: String, _ draw: String, _ estimator: String, _ draws: Int, _ target: String,
    _ expected: String
  ) throws {
    #expect(try Self.ways(graph, draw, estimator, draws, by: target) == expected)
  }

  /// A category: c − softmax(l), times what the cost is above its baseline. Of two draws that are
  /// compared with each other the softmax goes away, since each adds up to 1.
  @Test(arguments: [
    ("score_mean_baseline", "", "(nll_N − c.baseline) ⊙ (c − softmax(l))"),
    ("score_leave_one_out", ", draws: 2", "0.5·(nll_N#1 − nll_N#2) ⊙ (c − c#2)"),
  ])
  func categories(estimator: String, draws: String, way: String) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim N
          input x: f64[N, 4]
          param w: f64[3, 4] init zeros
          l = matmul(x, transpose(w))
          c ~ categorical(logits: l\(draws)) estimator \(estimator)
          nll = sum(square(matmul(c, w) - x))
          loss = nll + sum(l)
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["l"])
    #expect(
      formulas.derivatives[0].ways.map(\.formula.text)
        == [way, "1"])
    let local = try LocalDerivatives(of: "c", in: graph)
    #expect(local.entries[0].score?.text == "c − softmax(l)")
  }

  @Test func whatTheSignsMean() throws {
    let item = Case(
      graph: "linear_gaussian", draw: "z", estimator: "score_best_baseline", draws: 2)
    let formulas = try GradientFormulas(of: try item.source(), withRespectTo: ["mu"])
    #expect(
      formulas.meanings.map(\.statement) == [
        "σ = exp(logvar/2)", "recon#1 = half_log_2pi + 0.5·(x − z)²",
        "z.mean.baseline = z.mean.cost/max(z.mean.square, 1e−30)",
        "recon#2 = half_log_2pi + 0.5·(x − z#2)²", "β = 1", "half_log_2pi = 0.918939", "x = 2",
      ])
    let symbols = formulas.meanings.map(\.symbol.latex)
    #expect(
      symbols.prefix(4) == [
        "\\sigma", "{\\mathit{recon}}_{\\#1}", "{\\mathit{baseline}}_{{\\mathit{mean}}_{z}}",
        "{\\mathit{recon}}_{\\#2}",
      ])
    let slices = try GradientFormulas(
      of: try Case(graph: "vae_pytorch", draw: "z", estimator: "score", draws: 2).source(),
      withRespectTo: ["mu"])
    #expect(slices.latex.contains("{\\mathit{bce}}_{N,\\,\\#2} = \\sum_{D}"))
  }

  /// A total over the batch of what all images have in common is N of it.
  @Test func aBaselineOfABatchIsAFactor() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim N
          input x: f64[N]
          param w: f64[] init constant(0.5)
          m = x * w
          z ~ normal(mean: m, stddev: w) estimator score_best_baseline
          loss = sum(square(z - 1.0))
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["w"])
    try FormulaCheck(formulas.graph, sizes: ["N": 3], seed: 29, positive: ["w"])
      .expectEqual(formulas)
    let text = formulas.derivatives[0].formula.text
    #expect(text.contains("N·z.stddev.baseline") && !text.contains("broadcast("), "\(text)")
  }

  /// A named sum of a cost for each image and one for each element of it.
  @Test(arguments: ["score", "score_mean_baseline", "score_best_baseline"])
  func costsOfSeveralKindsMeetInOneName(estimator: String) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim N, C = 3
          param l: f64[N, C] init normal(mean: 0, stddev: 1)
          input y: f64[N, C]
          c ~ bernoulli(logits: l) estimator \(estimator)
          f = square(sum(c, axes: [1])) + sum(c * y, axes: [1])
          loss = mean(f)
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["l"])
    try FormulaCheck(formulas.graph, sizes: ["N": 4], seed: 31).expectEqual(formulas)
    if estimator == "score" {
      #expect(
        formulas.derivatives[0].formula.text
          == "(y ⊙ c + (Σ_C c)²) ⊙ (c − sigmoid(l))/N")
    }
  }

  // MARK: What is left as it is

  private static func way(_ statements: String) throws -> String {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input a: f64[]
          input b: f64[]
          \(statements)
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["a"])
    try FormulaCheck(formulas.graph, seed: 23).expectEqual(formulas)
    return formulas.derivatives[0].formula.text
  }

  /// A person's own barrier is no more of a value than an estimator's, and no box of its own.
  @Test func dont_nameWhatIsNoCost() throws {
    #expect(try Self.way("loss = a * exp(a - stop_gradient(b))") == "exp(a − b)·(1 + a)")
    #expect(try Self.way("loss = sin(b) * exp(a - stop_gradient(a))") == "loss")
    // Half of it is another value than the loss.
    #expect(try Self.way("loss = 0.5 * (sin(b) * exp(a - stop_gradient(a)))") == "0.5·sin(b)")
    #expect(try Self.way("loss = sin(b) * exp(a - stop_gradient(a)) + b") == "sin(b)")
    // A constant 1 is no box.
    #expect(try Self.way("loss = 1.0 * sin(a) + b") == "cos(a)")
  }

  /// Of a scale that belongs to no draw exp stays.
  @Test func dont_writeAnotherScale() throws {
    #expect(
      try Self.way("z ~ normal(mean: a, log_variance: b)  loss = z * exp(0.0 - a)")
        == "∂loss/∂z − z·exp(−a)")
    // exp(−b/3) is no whole power of exp(b/2).
    #expect(
      try Self.way("z ~ normal(mean: b, log_variance: a)  loss = z * exp(a / (0.0 - 3.0))")
        == "0.5·σ·ε·∂loss/∂z − z·exp(−a/3)/3")
  }
}
