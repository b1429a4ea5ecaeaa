import Ayatori
import Foundation
import Testing
import VAE

/// What the report says where more than one draw, or more than one way, is in play.
@Suite struct HeldDrawTests {
  private static func flow(
    _ body: String, node: String? = nil, inputs: [String: NDArray] = [:], draws: Int = 500,
    isExact: Bool = false
  ) throws -> GradientFlow {
    var options = GradientFlow.Options()
    options.node = node
    options.draws = draws
    options.isExact = isExact
    options.checksNumerically = false
    let graph = try Training.graph(text: "graph g {\n  \(body)\n  output loss\n}\n")
    return try GradientFlow(graph, feeds: Feeds(inputs: inputs, seed: 2), options: options)
  }

  /// z2 ~ N(z1 + a, 1) and a loss of ½(z2 − z1)²: the gradient at the mean is a + ε whatever z1 is,
  /// of mean ½ and variance 1.
  @Test func drawsBeforeAreHeld() throws {
    let body = """
      param m: f64[] init constant(3.0)
        param a: f64[] init constant(0.5)
        param s: f64[] init zeros
        z1 ~ normal(mean: m, log_stddev: 1.0)
        mean2 = z1 + a
        z2 ~ normal(mean: mean2, log_stddev: s)
        loss = 0.5 * square(z2 - z1) + 0.01 * square(z1)
      """
    let flow = try Self.flow(body, node: "z2")
    for row in try #require(flow.comparison).rows where row.estimator == "pathwise" {
      let target = row.targets[0]
      #expect(abs(target.mean - 0.5) < 0.2 && abs(target.variance - 1) < 0.3, "\(target)")
    }
    #expect(flow.report.notes == ["estimators are compared with 'z1' held as first drawn"])
    // Before the first there is none.
    #expect(try Self.flow(body, node: "z1").report.notes == [])
  }

  /// Of several draws that are repeated, the table compares as many as they have.
  @Test func repeatedDrawsBeforeAreHeldAtTheFirst() throws {
    let body = """
      param q: f64[] init constant(0.2)
        b ~ bernoulli(logits: q, draws: 3) estimator score_leave_one_out
        r = q + b
        d ~ bernoulli(logits: r) estimator score
        loss = square(b + d - 1.2)
      """
    let rows = try #require(try Self.flow(body, node: "d", draws: 8).comparison).rows
    #expect(rows.first { $0.estimator == "score_leave_one_out" }?.draws == 3)
  }

  /// The noise of a draw that is held may be given.
  @Test func noiseBeforeMayBeGiven() throws {
    let flow = try Self.flow(
      """
      param m: f64[] init constant(3.0)
        z1 ~ normal(mean: m, stddev: 1.0)
        z2 ~ normal(mean: z1, stddev: 1.0)
        loss = square(z2)
      """, node: "z2", inputs: ["z1.eps": NDArray([0.5], shape: [])], draws: 4)
    #expect(flow.split.rows[0].value.mean == 3.5 && flow.comparison != nil)
  }

  /// A cost that carries an axis of a later draw: the earlier has one baseline for all of it. By
  /// enumeration of b the gradient of E Σ z² at each logit is 3·p(1 − p)·((1 + m)² − m²).
  @Test(arguments: ["score_best_baseline", "score_mean_baseline", "score"])
  func costsOfTwoDrawsHaveBaselines(estimator: String) throws {
    let flow = try Self.flow(
      """
      param q: f64[2, 1] init constant(0.4)
        param m: f64[3] init constant(0.25)
        b ~ bernoulli(logits: q) estimator \(estimator)
        z ~ normal(mean: b + m, stddev: 0.5) estimator score
        loss = sum(square(z))
      """, node: "b", draws: 3000)
    let chance = 1 / (1 + exp(-0.4))
    let exact = 2.0.squareRoot() * 3 * chance * (1 - chance) * 1.5
    for row in try #require(flow.comparison).rows where row.estimator.hasPrefix("score") {
      let target = row.targets[0]
      let error = 5 * (target.variance / 3000).squareRoot()
      #expect(abs(target.mean - exact) < error, "\(row.title): \(target.mean), \(exact)")
    }
  }

  @Test func dont_averageOverDrawsThatDiffer() throws {
    let found = Training.diagnostics {
      _ = try Self.flow(
        """
        param q: f64[] init constant(0.2)
          b ~ bernoulli(logits: q, draws: 3) estimator score_leave_one_out
          d ~ bernoulli(logits: q, draws: 2) estimator score
          loss = square(b + d - 1.2)
        """, node: "d")
    }
    #expect(found.map(\.id) == ["draws-differ"] && found.first?.got == "draws: 2")
  }

  /// Noise that is given is one draw, which tells nothing of variances.
  @Test func givenNoiseIsOneDraw() throws {
    let body = """
      param m: f64[] init constant(0.5)
        z ~ normal(mean: m, stddev: 1.0)
        loss = square(z)
      """
    let noise = ["z.eps": NDArray([0.25], shape: [])]
    let flow = try Self.flow(body, inputs: noise)
    #expect(flow.comparison == nil && flow.variances.isEmpty)
    #expect(flow.split.lossValue == 0.5625)
    #expect(flow.report.text.contains("note: 'z.eps' is given: all draws are this one"))
    let exact = try Self.flow(body, inputs: noise, isExact: true)
    #expect(abs(exact.split.lossValue - 1.25) < 1e-12 && exact.comparison != nil)
    #expect(exact.report.text.contains("note: 'z.eps' is given, and not used"))
    #expect(try Self.flow(body).report.notes == [])
  }

  private static func twoDraws(_ draws: String = "") -> String {
    """
    param m: f64[] init constant(0.5)
      z ~ normal(mean: m, stddev: 1.0\(draws))
      mean2 = z + 0.3
      z2 ~ normal(mean: mean2, stddev: 0.8)
      loss = square(z2 - 1.0)
    """
  }

  /// Noise that is given of a later draw is held in every draw that an estimator takes. With
  /// ε₂ = 1.7 the gradient of E (m + ε + 0.3 + 0.8·1.7 − 1)² is 2·(m − 0.7 + 1.36).
  @Test func laterNoiseIsHeldInEveryDraw() throws {
    let flow = try Self.flow(
      Self.twoDraws(), node: "z", inputs: ["z2.eps": NDArray([1.7], shape: [])], draws: 2000)
    for row in try #require(flow.comparison).rows {
      let target = row.targets[0]
      let error = 6 * (target.variance / Double(row.draws) / 2000).squareRoot()
      #expect(abs(target.mean - 2.32) < error && target.agrees, "\(row.title): \(target.mean)")
    }
    #expect(flow.report.notes == ["estimators are compared with 'z2.eps' as given in every draw"])
  }

  /// What is given is the noise of one draw of three; the others have their own.
  @Test func dont_callFurtherDrawsGiven() throws {
    let one = NDArray([0.25], shape: [])
    let note = try Self.flow(
      Self.twoDraws(", draws: 3"), node: "z", inputs: ["z.eps": one], draws: 4
    ).report.notes.joined(separator: "\n")
    #expect(note.contains("the first of 3 draws is this one, the others have noise"), "\(note)")
    #expect(!note.contains("all draws are this one"))
  }

  /// The text has one noise for all draws; that of the draws written out has them all.
  @Test func dont_giveTheNoiseOfFurtherDraws() throws {
    let source = try Training.graph(
      text: "graph g {\n  \(Self.twoDraws(", draws: 2"))\n  output loss\n}\n")
    let noise = ["z.eps#2": NDArray([0.25], shape: [])]
    let found = Training.diagnostics {
      _ = try GradientSplit(source, node: "z", feeds: Feeds(inputs: noise))
    }
    #expect(found.map(\.id) == ["further-draw"] && found.first?.notes.count == 1, "\(found)")
    // The mend: of z = 0.5 + ε with the noises 0.5 and 0.25 and ε₂ = 0, each z + 0.3 − 1 squared.
    let drawn = try Training.graph(
      text: Compiler().run([.applyEstimators], on: source, isOptional: false).text())
    let given = [
      "z.eps": NDArray([0.5], shape: []), "z.eps#2": NDArray([0.25], shape: []),
      "z2.eps": NDArray([0.0], shape: []), "z2.eps#2": NDArray([0.0], shape: []),
    ]
    let split = try GradientSplit(drawn, node: "z#2", feeds: Feeds(inputs: given))
    #expect(abs(split.lossValue - (0.09 + 0.0025) / 2) < 1e-15, "\(split.lossValue)")
  }

  /// A name that merely looks so is unknown as any other.
  @Test(arguments: [("", "z.eps#2"), (", draws: 2", "z.eps#3"), (", draws: 2", "w#2")])
  func dont_takeEveryMarkForADraw(draws: String, name: String) throws {
    let found = Training.diagnostics {
      _ = try Self.flow(
        Self.twoDraws(draws), node: "z", inputs: [name: NDArray([0.25], shape: [])])
    }
    #expect(found.map(\.id) == ["unknown-node"])
  }

  /// Text whose costs carry the derivative already has nothing to be compared with.
  @Test func dont_compareWhatIsAppliedAlready() throws {
    let graph = try FlowAnswers.graph("square(z)", mu: 0.5, s: 0.8)
      .choosing(estimator: "score", of: "z")
    let applied = try Training.graph(
      text: Compiler().run([.applyEstimators], on: graph, isOptional: false).text())
    for isExact in [false, true] {
      var options = GradientFlow.Options()
      (options.draws, options.isExact) = (4, isExact)
      let (flow, own) = (
        try GradientFlow(applied, feeds: Feeds(), options: options),
        try GradientFlow(graph, feeds: Feeds(), options: options)
      )
      #expect(flow.comparison == nil && flow.report.notes.count == 1)
      #expect(flow.report.notes[0].hasPrefix("the estimator of 'z' is part of the graph already"))
      #expect(flow.split.rows[0].total?.mean == own.split.rows[0].total?.mean)
    }
    let found = Training.diagnostics { _ = try applied.choosing(estimator: "score", of: "z") }
    let fixes = found.compactMap(\.fix)
    #expect(found.map(\.id) == ["estimator-applied"] && fixes.isEmpty)
  }

  /// The table holds the scale while the mean moves; the split does not.
  @Test func aScaleOfTheMeanIsSaid() throws {
    let text = try Self.flow(
      """
      param a: f64[] init constant(0.5)
        mu = 1.0 * a
        ls = 0.8 * mu
        z ~ normal(mean: mu, log_stddev: ls)
        loss = square(z)
      """, isExact: true
    ).report.text
    #expect(text.contains("note: estimators are compared with 'ls' held while 'mu'"), "\(text)")
  }

  @Test func whatIsGivenIsNotDrawn() throws {
    let body = """
      param m: f64[] init constant(0.5)
        z ~ normal(mean: m, stddev: 1.0)
        y ~ normal(mean: z, stddev: 1.0)
        loss = square(y)
      """
    let one = NDArray([0.25], shape: [])
    for given in [["z": one, "y": one], ["z": one]] {
      let found = Training.diagnostics { _ = try Self.flow(body, node: "z", inputs: given) }
      #expect(found.map(\.id) == ["draw-given"], "\(found)")
    }
    // The other is the only one then.
    #expect(try Self.flow(body, inputs: ["z": one]).site.name == "y")
  }

  @Test func theFirstOfSeveralDrawsIsCalledThat() throws {
    let body = """
      param m: f64[] init constant(0.5)
        z ~ normal(mean: m, stddev: 1.0, draws: 3)
        loss = square(z)
      """
    #expect(
      try Self.flow(body, draws: 4).report.notes.first?.contains("all 3 draws together") == true)
  }

  /// Of |KL − C| the mean over draws is not that of the closed form.
  @Test(arguments: [
    ("abs(kl - 1.0)", "sticking_the_landing", true), ("abs(kl - 1.0)", "pathwise", false),
    ("b * kl / 2.0 - 1.0", "sticking_the_landing", false),
    ("square(kl)", "pathwise_mc_kl", true),
  ])
  func aBentDivergenceIsSaid(term: String, estimator: String, isSaid: Bool) throws {
    let notes = try Self.flow(
      """
      param mu: f64[] init constant(0.5)
        param b: f64[] init constant(0.5)
        z ~ normal(mean: mu, log_variance: -0.4) estimator \(estimator)
        kl = kl_normal(mean: mu, log_variance: -0.4)
        loss = square(z - 2.0) + \(term)
      """, draws: 4
    ).report.notes
    #expect(notes.contains { $0.contains("another loss") } == isSaid, "\(notes)")
  }

  // MARK: Likelihoods

  /// −x ln p − (1 − x) ln(1 − p) is a likelihood of 0 and 1, not of grey levels.
  @Test(arguments: [(0.0, true), (1, true), (0.3, false)])
  func greyLevelsHaveNoLikelihood(x: Double, isLikelihood: Bool) throws {
    for isInput in [false, true] {
      let flow = try Self.flow(
        """
        \(isInput ? "input x: f64[]" : "const x: f64 = \(x)")
          param mu: f64[] init constant(0.5)
          param s: f64[] init zeros
          z ~ normal(mean: mu, log_variance: s)
          nll = bernoulli_nll(x, logits: z)
          kl = kl_normal(mean: mu, log_variance: s)
          loss = nll + kl
        """, inputs: isInput ? ["x": NDArray([x], shape: [])] : [:], isExact: true)
      #expect(flow.evidence?.isLikelihood == isLikelihood)
    }
  }

  // MARK: Constants

  /// ln p(x) of the golden instance is −2.265512, and its gap is told of the whole loss.
  @Test(arguments: [("0.0 * x", nil), ("1.0", 1.0), ("x - 0.5", 1.5)])
  func constantsAreTerms(addend: String, constant: Double?) throws {
    let flow = try Self.flow(
      """
      const x: f64 = 2.0
        param mu: f64[] init constant(0.5)
        param s: f64[] init zeros
        z ~ normal(mean: mu, log_variance: s)
        recon = 0.9189385332046727 + 0.5 * square(x - z)
        kl = kl_normal(mean: mu, log_variance: s)
        loss = recon + kl + (\(addend))
      """, isExact: true)
    #expect((flow.split.constant ?? 0) == (constant ?? 0))
    let sum = flow.split.terms.reduce(flow.split.constant ?? 0) { $0 + $1.weight * $1.value }
    #expect(abs(sum - flow.split.lossValue) < 1e-12)
    let evidence = try #require(flow.evidence)
    #expect(abs(evidence.logProbability + 2.2655121 + (constant ?? 0)) < 1e-6)
    #expect(abs(evidence.gap - 0.4034264) < 1e-6)
    #expect(evidence.isLikelihood == (constant == nil))
  }

  // MARK: Draws as terms

  /// The draw's own place keeps its gradient where the loss adds the draw up.
  @Test(arguments: ["pathwise", "score", "score_mean_baseline"], ["z", "0.5 * z"])
  func aDrawMayBeATerm(estimator: String, addend: String) throws {
    let split = try Self.flow(
      """
      param mu: f64[] init constant(0.5)
        z ~ normal(mean: mu, stddev: 1.5) estimator \(estimator)
        cost = square(z - 2.0)
        loss = cost + \(addend)
      """, draws: 2
    ).split
    let z = split.rows[2].value.mean
    let slope = addend == "z" ? 1 : 0.5
    #expect(abs((split.rows[2].total?.mean ?? .nan) - (2 * (z - 2) + slope)) < 1e-12)
    #expect(split.rows.allSatisfy { $0.partsErrorUlps <= 8 })
    // The score of the mean times the costs, or the path.
    let cost = (z - 2) * (z - 2) + slope * z
    let expected =
      estimator == "pathwise" ? 2 * (z - 2) + slope : cost * (z - 0.5) / (1.5 * 1.5)
    #expect(abs((split.rows[0].total?.mean ?? .nan) - expected) < 1e-12)
  }

  // MARK: Batches

  /// Fed at the draw's parameters a graph still knows which axes are the model's: one baseline for
  /// each latent, for all images.
  @Test func aCutGraphKeepsItsBatch() throws {
    let graph = try Training.graph(
      text: """
        graph g {
          dim N, Z = 2
          input x: f64[N, 3]
          param w: f64[3, Z] init normal(mean: 0, stddev: 1)
          m = matmul(x, w)
          z ~ normal(mean: m, stddev: 1.0) estimator score_best_baseline
          loss = mean(sum(square(z), axes: [1]))
          output loss
        }
        """)
    for source in [graph, try graph.cut(at: ["m"])] {
      let lowered = try Compiler().lower(source)
      let state = try #require(lowered.node(named: "z.mean.cost"))
      #expect(state.type.shape.description == "[1, Z]", "\(state.type)")
    }
  }

  private static func batch(_ dims: String, _ x: String = "f64[N, 2]") throws -> GradientFlow {
    try flow(
      """
      \(dims)
        input x: \(x)
        param w: f64[2] init constant(0.3)
        mu = broadcast_to(reshape(x * w, shape: [1, N, 2]), shape: [K, N, 2])
        z ~ normal(mean: mu, stddev: 1.0)
        w_k = sum(square(z), axes: [2])
        loss = -mean(logsumexp(-w_k, axes: [0]))
      """, inputs: ["x": NDArray((0..<8).map { Double($0) * 0.1 }, shape: [4, 2])], draws: 4)
  }

  /// Importance samples before the images: the batch is what the run binds or the data has.
  @Test(arguments: [
    ("dim N, K = 5", "f64[N, 2]"), ("dim N = 4, K = 5", "f64[N, 2]"),
    ("dim N = 4, K = 4", "f64[N, 2]"),
  ])
  func theBatchIsNotTheSamples(dims: String, x: String) throws {
    let flow = try Self.batch(dims, x)
    #expect(flow.report.batch == 4 && flow.variances.isEmpty)
  }

  /// Where the data say nothing the first axis is the batch.
  @Test func dont_lookForABatchBehindTheFirstAxis() throws {
    let flow = try Self.flow(
      """
      dim K = 3, N = 4
        param mu: f64[K, N] init zeros
        z ~ normal(mean: mu, stddev: 1.0)
        loss = sum(square(z))
      """, draws: 4)
    #expect(flow.report.batch == 3 && flow.variances.map(\.images) == [3])
  }
}
