import Ayatori
import Foundation
import Testing
import VAE

/// What a comparison of estimators says of means and variances, and what it may not say.
@Suite struct EstimatorComparisonTests {
  private static func flow(
    _ body: String, draws: Int? = nil, inputs: [String: NDArray] = [:], estimator: String? = nil
  ) throws -> GradientFlow {
    var options = GradientFlow.Options()
    options.isExact = draws == nil
    options.draws = draws ?? 2
    options.checksNumerically = false
    let graph = try Training.graph(text: "graph g {\n\(body)\noutput loss\n}")
    return try GradientFlow(
      estimator.map { try graph.choosing(estimator: $0) } ?? graph, feeds: Feeds(inputs: inputs),
      options: options)
  }

  private static func normal(_ loss: String, mu: Double = 0) -> String {
    """
    param mu: f64[] init constant(\(mu))
    param s: f64[] init constant(1)
    z ~ normal(mean: mu, stddev: s)
    loss = \(loss)
    """
  }

  private static func row(
    _ flow: GradientFlow, _ name: String, sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> EstimatorComparison.Row {
    try #require(
      flow.comparison?.rows.first { $0.estimator == name }, sourceLocation: sourceLocation)
  }

  /// The baseline b = E[f s²]/E[s²] of each logit makes its variance least: against enumeration.
  @Test func eachLogitHasItsBestBaseline() throws {
    let (logits, costs) = ([0.5, -0.25, 1.0], [1.0, 3, -2])
    let flow = try Self.flow(
      """
      input l: f64[3]
      input f: f64[3]
      c ~ categorical(logits: l)
      loss = square(sum(c * f))
      """,
      inputs: ["l": NDArray(logits, shape: [3]), "f": NDArray(costs, shape: [3])])
    let weights = logits.map { exp($0) }
    let p = weights.map { $0 / weights.reduce(0, +) }
    func variance(_ baseline: (Int) -> Double) -> Double {
      (0..<3).reduce(0) { total, logit in
        let samples = (0..<3).map { drawn in
          (costs[drawn] * costs[drawn] - baseline(logit)) * ((drawn == logit ? 1 : 0) - p[logit])
        }
        let mean = zip(p, samples).reduce(0) { $0 + $1.0 * $1.1 }
        return total + zip(p, samples).reduce(0) { $0 + $1.0 * ($1.1 - mean) * ($1.1 - mean) }
      }
    }
    let best = variance { logit in
      let squares = (0..<3).map { drawn in
        let score = (drawn == logit ? 1 : 0) - p[logit]
        return p[drawn] * score * score
      }
      return zip(squares, costs).reduce(0) { $0 + $1.0 * $1.1 * $1.1 } / squares.reduce(0, +)
    }
    let found = try Self.row(flow, "score_best_baseline").targets[0]
    #expect(abs(found.variance - best) < 1e-9 * best && found.agrees, "\(found.variance), \(best)")
    let plain = try Self.row(flow, "score").targets[0].variance
    #expect(abs(plain - variance { _ in 0 }) < 1e-9 * plain && best < plain)
  }

  /// What is the mean and the standard deviation at once has one score, and one best baseline.
  @Test func oneParameterHasOneBestBaseline() throws {
    let (m, x) = (0.7, 2.0)
    let flow = try Self.flow(
      """
      param m: f64[] init constant(\(m))
      z ~ normal(mean: m, stddev: m)
      loss = 0.5 * square(\(x) - z)
      """)
    // The trapezoidal rule, of the score (e + e² − 1)/m.
    func mean(_ f: (_ cost: Double, _ score: Double) -> Double) -> Double {
      let points = (-4000...4000).map { Double($0) * 0.003 }
      let total = points.reduce(0) { $0 + exp(-0.5 * $1 * $1) }
      return points.reduce(0) { sum, e in
        let cost = 0.5 * (x - m - m * e) * (x - m - m * e)
        return sum + exp(-0.5 * e * e) / total * f(cost, (e + e * e - 1) / m)
      }
    }
    let best = mean { $0 * $1 * $1 } / mean { $1 * $1 }
    let slope = mean { $0 * $1 }
    let variance = mean { ($0 - best) * ($0 - best) * $1 * $1 } - slope * slope
    let found = try Self.row(flow, "score_best_baseline").targets[0]
    #expect(abs(found.mean - slope) < 1e-9 * abs(slope), "\(found.mean), \(slope)")
    #expect(abs(found.variance - variance) < 1e-9 * variance, "\(found.variance), \(variance)")
  }

  /// A small bias hides in a score function's noise, not beside an estimator of little variance.
  @Test func biasIsSeenBesideTheQuietest() throws {
    // Straight-through is off by p(1 − p)·½(1 − 2p) here; at p = ½ it is right.
    func through(_ logit: Double) throws -> EstimatorComparison.Target {
      let flow = try Self.flow(
        """
        param l: f64[] init constant(\(logit))
        b ~ bernoulli(logits: l)
        loss = 40 * b + square(b)
        """, draws: 400)
      return try Self.row(flow, "straight_through").targets[0]
    }
    let biased = try through(1)
    #expect(biased.comparedWith == "score_best_baseline" && !biased.agrees, "\(biased)")
  }

  /// A path that is wrong has the least variance of all, and is not what others are judged by.
  @Test func dont_judgeByAWrongPath() throws {
    let flow = try Self.flow(
      Self.normal("cast(z > 0, to: f64) * 3 + 0.001 * z"), draws: 4000)
    let path = try Self.row(flow, "pathwise").targets[0]
    #expect(!path.agrees && path.comparedWith?.hasPrefix("score") == true)
    for name in ["score", "score_mean_baseline", "score_best_baseline"] {
      let agrees = try Self.row(flow, name).targets[0].agrees
      #expect(agrees, "\(name)")
    }
  }

  /// Means that are 0 but for rounding are one mean.
  @Test func dont_tellZerosApart() throws {
    let flow = try Self.flow(Self.normal("square(z)"))
    let rows = try #require(flow.comparison).rows
    for row in rows {
      let target = row.targets[0]
      #expect(target.agrees && abs(target.mean) < 1e-12, "\(row.title): \(target.mean)")
    }
    let text = flow.report.text
    #expect(!text.contains("a coarser grid") && !text.contains("another mean"), "\(text)")
    // A kink does move quadrature.
    let kinked = try Self.flow(Self.normal("abs(z)", mu: 0.3)).report.text
    #expect(kinked.contains("judged by a coarser grid, means are known within "), "\(kinked)")
  }

  /// A kink: E relu(z) = μΦ(μ/σ) + σφ(μ/σ), and its derivative by μ is Φ(μ/σ). Gauss–Hermite is off
  /// by percents there.
  @Test(arguments: [0.31, -0.8]) func kinksAreIntegrated(mu: Double) throws {
    let flow = try Self.flow(Self.normal("relu(z)", mu: mu))
    let chance = 0.5 * erfc(-mu / 2.0.squareRoot())
    let density = exp(-mu * mu / 2) / (2 * Double.pi).squareRoot()
    #expect(abs(flow.split.lossValue - (mu * chance + density)) < 1e-5)
    for name in ["pathwise", "score", "score_mean_baseline", "score_best_baseline"] {
      let target = try Self.row(flow, name).targets[0]
      #expect(abs(target.mean - chance) < 2e-3 && target.agrees, "\(name): \(target.mean)")
      let error = try #require(target.quadratureError)
      #expect(abs(target.mean - chance) < error + 1e-9, "\(name): ± \(error)")
    }
    #expect(flow.report.text.contains("equidistant quadrature"))
  }

  /// E exp(0.6 z²) is infinite for σ = 1: no number is its value.
  @Test func dont_callTheInfiniteANumber() throws {
    let text = try Self.flow(Self.normal("exp(0.6 * square(z))", mu: 0.5)).report.text
    #expect(text.contains("the integral may be infinite"), "\(text)")
  }

  /// d ln|z|/dμ = 1/z, whose square has no integral; that of |z|^−¼, the slope of |z|^¾, has one.
  @Test(arguments: [
    ("log(abs(z))", true), ("exp(0.75 * log(abs(z)))", false), ("abs(z)", false),
    ("exp(z)", false),
  ])
  func infiniteVariancesAreCalledThat(loss: String, isInfinite: Bool) throws {
    let text = try Self.flow(Self.normal(loss, mu: 0.5)).report.text
    #expect(text.contains("they may be infinite") == isInfinite, "\(text)")
  }

  /// Of P(z > 0) at N(0, 1): d/dμ is the density at 0, d/dσ is 0. Whichever estimator is in use,
  /// the table is taken at the same points.
  @Test func oneGridServesAll() throws {
    let texts = try ["pathwise", "score"].map { estimator in
      let graph = try Training.graph(
        text: """
          graph g {
            param mu: f64[] init zeros
            param s: f64[] init constant(1.0)
            z ~ normal(mean: mu, stddev: s) estimator \(estimator)
            loss = cast(z > 0, to: f64)
            output loss
          }
          """)
      var options = GradientFlow.Options()
      options.isExact = true
      options.checksNumerically = false
      let flow = try GradientFlow(graph, feeds: Feeds(), options: options)
      let comparison = try #require(flow.comparison)
      for row in comparison.rows where row.estimator.hasPrefix("score") {
        let means = row.targets.map(\.mean)
        #expect(abs(means[0] - 1 / (2 * Double.pi).squareRoot()) < 1e-5, "\(row.title): \(means)")
        #expect(abs(means[1]) < 1e-9, "\(row.title): \(means)")
      }
      return comparison.rows.map { "\($0.title): \($0.targets.map { [$0.mean, $0.variance] })" }
    }
    #expect(texts[0] == texts[1])
  }

  /// E exp(0.4 z²) is finite, however slowly a grid finds it; so is a gradient with steps.
  @Test(arguments: ["exp(0.4 * square(z))", "relu(sin(8 * z))"])
  func dont_callTheSteepInfinite(cost: String) throws {
    let text = try Self.flow(Self.normal(cost, mu: 0.5)).report.text
    #expect(!text.contains("integral may be infinite"), "\(text)")
    #expect(text.contains("judged by a coarser grid, means are known within "), "\(text)")
  }

  /// Var of z·exp(z²/10)/5 at σ² = e is infinite, its mean is not: E exp(a·z²) needs a < 1/(2σ²),
  /// and the square has twice the a. At σ² = 2.49 it is 393.6, which the grid does not see.
  @Test(arguments: [(1.0, "may be infinite"), (0.9122827, "variances are known within ")])
  func dont_trustHeavyTails(logVariance: Double, words: String) throws {
    let graph = try Training.graph(
      text: """
        graph g {
          param mu: f64[] init zeros
          param ls: f64[] init constant(\(logVariance / 2))
          z ~ normal(mean: mu, stddev: exp(ls))
          loss = exp(0.1 * square(z))
          output loss
        }
        """)
    var options = GradientFlow.Options()
    options.isExact = true
    options.checksNumerically = false
    let flow = try GradientFlow(graph, feeds: Feeds(), options: options)
    let text = flow.report.text
    #expect(text.contains(words), "\(text)")
    #expect(!text.contains("integral may be infinite"), "\(text)")
    if logVariance == 1 {
      let winners = try #require(flow.comparison).winners
      let named = winners.compactMap { $0 }
      #expect(named.isEmpty, "\(named)")
    }
  }

  /// What a stopped draw hides from the path is spread over all elements of the gradient, so that
  /// one direction may miss it.
  @Test(arguments: [UInt64](0..<4)) func biasInManyElementsIsSeen(seed: UInt64) throws {
    let graph = try Training.graph(
      text: """
        graph g {
          param mu: f64[256] init constant(0.3)
          z ~ normal(mean: mu, stddev: 1.0)
          loss = 0.02 * sum(square(stop_gradient(z))) + sum(kl_normal(mean: mu, log_variance: 0.0))
          output loss
        }
        """)
    var options = GradientFlow.Options()
    options.draws = 2000
    options.checksNumerically = false
    let flow = try GradientFlow(graph, feeds: Feeds(seed: seed), options: options)
    let row = try Self.row(flow, "pathwise")
    #expect(!row.targets[0].agrees, "seed \(seed): z = \(row.targets[0].z ?? 0)")
    let winners = try #require(flow.comparison).winners
    #expect(winners[0]?.hasPrefix("score") == true, "\(winners)")
  }

  /// A score function is right whatever the draws say, and few draws say nothing.
  @Test func dont_accuseByChance() throws {
    let graph = try Training.graph("linear_gaussian")
    for (draws, seeds) in [(3, 0..<20), (64, 40..<60)] as [(Int, Range<UInt64>)] {
      for seed in seeds {
        var options = GradientFlow.Options()
        options.draws = draws
        options.checksNumerically = false
        let flow = try GradientFlow(graph, feeds: Feeds(seed: seed), options: options)
        let accused = try #require(flow.comparison).rows.filter { row in
          row.targets.contains { !$0.agrees }
        }
        #expect(accused.isEmpty, "\(draws) draws, seed \(seed): \(accused.map(\.title))")
      }
    }
  }

  /// The row in use is measured as the graph uses it.
  @Test func ownDrawsAreTheGraphs() throws {
    let graph = try Training.graph(
      text: "graph g {\n\(Self.normal("square(z)"))\noutput loss\n}"
    ).choosing(estimator: "score_leave_one_out", draws: 2)
    var options = GradientFlow.Options()
    options.draws = 2
    let flow = try GradientFlow(graph, feeds: Feeds(), options: options)
    #expect(try Self.row(flow, "score_leave_one_out").draws == 2)
  }

  /// What is not a number has no variance, is nobody's reference and wins nothing.
  @Test func dont_compareWithWhatIsNoNumber() throws {
    let flow = try Self.flow(Self.normal("log(z)"), draws: 64)
    let comparison = try #require(flow.comparison)
    let score = try Self.row(flow, "score").targets[0]
    #expect(score.mean.isNaN && score.variance.isNaN && !score.agrees)
    // ∂ log z is 1/z even where log z is not a number.
    #expect(comparison.winners == ["pathwise", "pathwise"])
    #expect(flow.report.text.contains("no finite mean at mu"))
  }

  /// Whether the batch has a length by default says nothing of its baselines.
  @Test func aDefaultLengthChangesNoBaseline() throws {
    var options = GradientFlow.Options()
    options.draws = 32
    options.checksNumerically = false
    let targets = try ["N", "N = 5"].map { size in
      let graph = try BatchModel.graph(
        "loss = sum(square(z - 0.5))", "score_best_baseline", size: size)
      let flow = try GradientFlow(graph, feeds: BatchModel.feeds(), options: options)
      let rows = try #require(flow.comparison).rows
      return try #require(rows.first { $0.estimator == "score_best_baseline" }).targets
    }
    #expect(targets[0].map(\.variance) == targets[1].map(\.variance))
    #expect(targets[0].map(\.mean) == targets[1].map(\.mean))
  }

  // MARK: Terms

  /// A term keeps its name however often it is drawn, and one without a name is what it computes.
  @Test(arguments: [
    ("square(z)", ["loss"]), ("square(z) + mu * 2", ["square(z)", "mu"]),
  ])
  func termsStayWhole(loss: String, names: [String]) throws {
    for (estimator, draws) in [("score_leave_one_out", 3), ("pathwise", 3), ("score", 1)] {
      let graph = try Training.graph(
        text: "graph g {\n\(Self.normal(loss))\noutput loss\n}"
      ).choosing(estimator: estimator, draws: draws)
      let split = try GradientSplit(graph, feeds: Feeds())
      #expect(Set(split.terms.map(\.name)) == Set(names), "\(estimator): \(split.terms)")
      let sum = split.terms.reduce(0) { $0 + $1.value * $1.weight }
      #expect(abs(sum - split.lossValue) < 1e-12, "\(estimator)")
    }
  }

  /// Under a score function the draw's own row is the derivative of the loss where the draw fell.
  @Test func dont_countTheScoreAtTheDraw() throws {
    let flow = try Self.flow(Self.normal("square(z)", mu: 0.5), draws: 2, estimator: "score")
    let row = try #require(flow.split.rows.last)
    let (z, slope) = (row.array.doubles[0], row.gradient?.doubles[0] ?? .nan)
    #expect(abs(slope - 2 * z) < 1e-12, "\(slope) at \(z)")
  }

  @Test func dont_expectWhatNoDrawChanges() throws {
    let found = Training.diagnostics { _ = try Self.flow(Self.normal("square(mu) + s")) }
    #expect(found.map(\.id) == ["unused-draw"])
    #expect(found.first?.message == "'loss' does not depend on 'z'")
  }

  // MARK: Latents

  /// A latent that is far from the prior for every image is no collapsed one.
  @Test func constantIsNotCollapsed() throws {
    for (offset, state) in [(0.0, LatentStatistics.State.collapsed), (3, .constant)] {
      let graph = try Training.graph(
        text: """
          graph g {
            dim N
            input x: f64[N, 1]
            param b: f64[1] init zeros
            mu = 0 * x + b
            lv = 0 * x
            z ~ normal(mean: mu, log_variance: lv)
            loss = sum(square(x - z)) + sum(kl_normal(mean: mu, log_variance: lv))
            output loss
          }
          """)
      var feeds = Feeds(inputs: ["x": NDArray([-1.0, 0, 2, 5], shape: [4, 1])])
      var options = GradientFlow.Options()
      options.comparesEstimators = false
      // What initialisers make has not collapsed: nothing has been learnt.
      let untrained = try GradientFlow(graph, feeds: feeds, options: options)
      #expect(!untrained.isTrained && untrained.latents[0].state == nil)
      #expect(untrained.report.text.contains("parameters as initialised"))
      feeds.parameters["b"] = NDArray([offset], shape: [1])
      let flow = try GradientFlow(graph, feeds: feeds, options: options)
      #expect(flow.isTrained && flow.latents[0].state == state)
    }
  }
}
