import Autodiff
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// The rewrites that estimators are: structure, values, and derivatives of both orders by
/// quadrature.
@Suite struct EstimatorTests {
  private func parsed(_ text: String) throws -> Graph {
    let result = parse(SourceFile(name: "test.aya", text: text), dialect: .standard)
    return try #require(result.graph, "\(result.diagnostics.map(\.message))")
  }

  private func applied(_ text: String) throws -> Graph {
    try run([.applyEstimators], on: try parsed(text))
  }

  private func scalar(_ loss: String, _ estimator: String, more: String = "") -> String {
    """
    graph g {
      param mu: f64[] init constant(0.4)
      param s: f64[] init constant(0.7)
      z ~ normal(mean: mu, stddev: s) estimator \(estimator)
      \(more)
      loss = \(loss)
      output loss
    }
    """
  }

  // MARK: Structure

  @Test func dont_touchWhatIsPathwise() throws {
    let graph = try parsed(scalar("square(z)", "pathwise"))
    let same = try run([.applyEstimators], on: graph)
    #expect(same.text() == graph.text())
  }

  @Test func scoresMultiplyOnlyCostsDownstream() throws {
    let graph = try applied(
      scalar("recon + kl", "score", more: "kl = square(mu) recon = square(z - 2)"))
    let kl = try #require(graph.node(named: "kl"))
    #expect(kl.definition == .square)
    let recon = try #require(graph.node(named: "recon"))
    #expect(recon.definition == .mul)
    #expect(graph.count(.exp) == 1 && graph.count(.normalLogProb) == 1)
    #expect(graph.node(named: "z")?.operation?.estimator == .surrogate)
    // Nothing is left to do.
    let again = try run([.applyEstimators], on: graph)
    #expect(again.text() == graph.text())
    #expect(verify(graph).isEmpty)
  }

  /// A draw that feeds no cost keeps what it is drawn from.
  @Test func dont_dropWhatAnIdleDrawReads() throws {
    let graph = try applied(
      """
      graph g {
        input mu: f32[]
        z ~ normal(mean: mu * 2, stddev: 1.0) estimator score
        y = mu + 1
        output y
      }
      """)
    #expect(graph.node(named: "z") != nil && verify(graph).isEmpty)
  }

  @Test func eachImageHasItsOwnCost() throws {
    let graph = try applied(
      """
      graph g {
        dim N
        input x: f64[N, 4]
        param W: f64[4, 2] init zeros
        param b: f64[4] init zeros
        input mu: f64[N, 2]
        input lv: f64[N, 2]
        z ~ normal(mean: mu, log_variance: lv) estimator score
        logits = linear(z, W, b)
        bce = sum(bernoulli_nll(x, logits: logits))
        kl = sum(kl_normal(mean: mu, log_variance: lv))
        loss = bce + kl
        output loss
      }
      """)
    let boxes = graph.nodes.filter { $0.definition == .exp }
    #expect(boxes.map { "\($0.type.shape)" } == ["[N, 1]"])
    #expect(graph.node(named: "bce")?.definition == .sum)
  }

  /// Where the batch is mixed, the cost is one for all.
  @Test func dont_tellImagesApartThatMix() throws {
    let graph = try applied(
      """
      graph g {
        dim N
        input mu: f64[N, 2]
        z ~ normal(mean: mu, stddev: 1.0) estimator score
        loss = square(sum(z))
        output loss
      }
      """)
    let boxes = graph.nodes.filter { $0.definition == .exp }
    #expect(boxes.map { "\($0.type.shape)" } == ["[]"])
  }

  @Test func drawsAreAveraged() throws {
    let graph = try applied(scalar("square(z)", "pathwise").replacing("s)", with: "s, draws: 3)"))
    #expect(graph.noises.map(\.label) == ["z.eps", "z.eps#2", "z.eps#3"])
    #expect(graph.count(.square) == 3 && graph.node(named: "loss")?.definition == .div)
    let noise: Feeds = [
      "z.eps": ReferenceArray(scalar: 0.5), "z.eps#2": ReferenceArray(scalar: -1),
      "z.eps#3": ReferenceArray(scalar: 2),
    ]
    let lowered = try run([.lowerSampling], on: graph)
    let parameters: Feeds = [
      "mu": ReferenceArray(scalar: 0.4), "s": ReferenceArray(scalar: 0.7),
    ]
    let loss = try lowered.outputValues(noise.merging(parameters) { a, _ in a })["loss"]
    let draws = [0.5, -1, 2].map { (eps: Double) in 0.4 + 0.7 * eps }
    let wanted = draws.reduce(0) { $0 + $1 * $1 } / 3
    #expect(near(loss, [wanted]))
  }

  @Test func baselinesAreStateThatMovesOn() throws {
    let graph = try applied(scalar("square(z)", "score_mean_baseline"))
    #expect(graph.persistent.map(\.label) == ["mu", "s", "z.baseline", "baseline.steps"])
    #expect(graph.updates.count == 2 && verify(graph).isEmpty)
    let best = try applied(scalar("square(z)", "score_best_baseline"))
    #expect(
      Set(best.persistent.map(\.label)) == [
        "mu", "s", "z.mean.cost", "z.mean.square", "z.stddev.cost", "z.stddev.square",
        "baseline.steps",
      ])
    #expect(verify(best).isEmpty)
  }

  // MARK: Derivatives by quadrature

  /// Points and weights of an eight-point Gauss–Hermite rule for N(0, 1): exact to degree 15.
  private static let rule: [(Double, Double)] = [
    (0.5390798113513751, 0.3730122576790775), (1.636519042435108, 0.11723990766175902),
    (2.802485861287542, 0.009635220120788262), (4.144547186125894, 0.00011261453837536752),
  ].flatMap { [($0.0, $0.1), (-$0.0, $0.1)] }

  /// E of the first and second derivatives of the loss by mu and s.
  private func expected(_ graph: Graph, _ feeds: Feeds) throws -> [Double] {
    let lowered = try run([.lowerSampling], on: graph)
    let root = try #require(lowered.output(named: "loss")).node
    let targets = try ["mu", "s"].map { try #require(lowered.node(named: $0)).id }
    let first = try ReverseMode.differentiate(
      lowered, root: .init(root), withRespectTo: targets)
    var current = first.graph
    var ids: [NodeID] = []
    var gradients: [String] = []
    let builder = GraphBuilder(continuing: current)
    for (index, target) in targets.enumerated() {
      guard case .node(let id)? = first.derivatives[target] else {
        Issue.record("no gradient for target \(index)")
        return []
      }
      let name = "first \(index)"
      Value(builder: builder, id: id).named(name)
      gradients.append(name)
    }
    current = builder.build()
    for name in gradients {
      let node = try #require(current.node(named: name)).id
      let second = try ReverseMode.differentiate(
        current, root: .init(node), withRespectTo: targets)
      current = second.graph
      for target in targets {
        if case .node(let id)? = second.derivatives[target] {
          ids.append(id)
        } else {
          ids.append(NodeID(-1))
        }
      }
    }
    let names = gradients.compactMap { current.node(named: $0)?.id }
    let wanted = (names + ids).filter { $0.index >= 0 }
    let noises = lowered.noises.map(\.label)
    var sums = [Double](repeating: 0, count: names.count + ids.count)
    var points: [([Double], Double)] = [([], 1)]
    for _ in noises {
      points = points.flatMap { point in
        Self.rule.map { (point.0 + [$0.0], point.1 * $0.1) }
      }
    }
    for (point, weight) in points {
      var fed = feeds
      for (noise, value) in zip(noises, point) { fed[noise] = ReferenceArray(scalar: value) }
      let values = try ReferenceInterpreter(current).evaluate(wanted, feeds: fed)
      for (place, id) in (names + ids).enumerated() where id.index >= 0 {
        sums[place] += weight * (values[id]?.values[0] ?? .nan)
      }
    }
    return sums
  }

  private static let parameters: Feeds = [
    "mu": ReferenceArray(scalar: 0.4), "s": ReferenceArray(scalar: 0.7),
  ]

  /// E z³ = m³ + 3ms²: gradient (3m² + 3s², 6ms), second derivatives (6m, 6s; 6s, 6m). The cost may
  /// have another dtype than the draw, and than another cost.
  @Test(
    arguments: [
      "pathwise", "score", "score_mean_baseline", "score_best_baseline", "score_leave_one_out",
    ], [("z * z * z", 1e-9), ("cast(z * z * z, to: f32)", 1e-5)])
  func bothOrdersAreUnbiased(estimator: String, loss: (text: String, tolerance: Double)) throws {
    let draws = estimator == "score_leave_one_out" ? ", draws: 2" : ""
    let graph = try applied(
      scalar(loss.text, estimator, more: "other = square(z) output other")
        .replacing("stddev: s)", with: "stddev: s\(draws))"))
    #expect(verify(graph).isEmpty)
    var feeds = Self.parameters
    // Any baseline will do: none changes the mean.
    for node in graph.persistent where feeds[node.label] == nil {
      feeds[node.label] = ReferenceArray(scalar: 1.25)
    }
    let (m, s) = (0.4, 0.7)
    let wanted = [3 * m * m + 3 * s * s, 6 * m * s, 6 * m, 6 * s, 6 * s, 6 * m]
    let found = try expected(graph, feeds)
    #expect(near(found, wanted, loss.tolerance), "\(found)")
  }

  /// A weighted sum on the way to the loss, which the loss takes squared as well:
  /// E (x + x²) = 4m + 16m² + 4s² of x = 2·(z + m).
  @Test(arguments: ["score", "score_mean_baseline", "score_leave_one_out"])
  func sumsOnTheWayAreUsedAsTheyAre(estimator: String) throws {
    let draws = estimator == "score_leave_one_out" ? ", draws: 2" : ""
    let graph = try applied(
      scalar("x + square(x)", estimator, more: "x = 2 * (z + mu)")
        .replacing("stddev: s)", with: "stddev: s\(draws))"))
    var feeds = Self.parameters
    for node in graph.persistent where feeds[node.label] == nil {
      feeds[node.label] = ReferenceArray(scalar: 1.25)
    }
    let found = try expected(graph, feeds)
    #expect(near(found, [4 + 32 * 0.4, 8 * 0.7, 32, 0, 0, 8], 1e-9), "\(found)")
  }

  /// One cost of each slice in two sums has one baseline, which moves once; slices of other sizes
  /// have their own.
  @Test(
    arguments: [
      ("loss = sum(c) output loss, each = mean(c)", 1),
      ("t = mean(z) loss = t + sum(z) output loss", 1),
      ("y = matmul(z, w) t = mean(y) loss = t + sum(y) output loss", 2),
    ], ["score_mean_baseline", "score_best_baseline"])
  func costsInTwoSumsHaveTheirBaselines(sums: (text: String, count: Int), estimator: String) throws
  {
    let graph = try applied(
      """
      graph g {
        dim N
        input mu: f64[N, 3]
        input w: f64[3, 4]
      z ~ normal(mean: mu, stddev: 1.0) estimator \(estimator)
        c = sum(square(z), axes: [1])
        \(sums.text)
      }
      """)
    #expect(verify(graph).isEmpty)
    let targets = graph.updates.map { graph[$0.target].label }
    #expect(Set(targets).count == targets.count, "\(targets)")
    let own = targets.count { $0.hasPrefix("z.baseline") || $0.hasPrefix("z.mean.cost") }
    #expect(own == sums.count, "\(targets)")
  }

  /// Baselines are as long as the model, whether the batch has a length by default or not.
  @Test(arguments: ["N", "N = 3"], ["score_best_baseline", "score_mean_baseline"])
  func baselinesAreOfNoImage(size: String, estimator: String) throws {
    func shapes(_ operand: String, _ draw: String) throws -> Set<String> {
      let graph = try applied(
        """
        graph g {
          dim \(size), K = 4, Z = 2
          input x: f64[N, 3]
          param w: f64[3, Z] init constant(0.3)
          m = \(operand)
          \(draw) ~ normal(mean: m, stddev: 1.0) estimator \(estimator)
          loss = sum(square(\(draw)))
          output loss
        }
        """)
      let states = graph.persistent.filter { $0.label.hasPrefix("z.") }
      return Set(states.map { $0.type.shape.description })
    }
    // The mean baseline is one number.
    func wanted(_ shape: String) -> Set<String> {
      [estimator == "score_mean_baseline" ? "[]" : shape]
    }
    let latents = try shapes("matmul(x, w)", "z")
    #expect(latents == wanted("[1, Z]"))
    let images = try shapes("sum(matmul(x, w), axes: [1])", "z")
    #expect(images == wanted("[1]"))
    let samples = try shapes(
      "broadcast_to(reshape(matmul(x, w), shape: [1, N, Z]), shape: [K, N, Z])", "z")
    #expect(samples == wanted("[1, 1, Z]"))
  }

  /// Two draws, the second round the first: E (w + z)² with w ~ N(z, 1), both by their scores.
  @Test func scoresOfDrawsInARow() throws {
    let graph = try applied(
      scalar(
        "square(w + z)", "score", more: "w ~ normal(mean: z, stddev: 0.5) estimator score"))
    // w + z = 2m + 2sε + ½η: E = 4m² + 4s² + ¼.
    let (m, s) = (0.4, 0.7)
    let found = try expected(graph, Self.parameters)
    #expect(near(found, [8 * m, 8 * s, 8, 0, 0, 8], 1e-9), "\(found)")
  }

  // MARK: Divergences

  private func divergences(_ scale: String, _ kl: String) throws -> [ClosedDivergence] {
    let graph = try parsed(
      """
      graph g {
        dim N
        input m: f64[N, 3]
        input s: f64[N, 3]
        z ~ normal(mean: m, \(scale): s)
        kl = sum(\(kl))
        loss = kl + sum(z)
        output loss
      }
      """)
    return graph.closedDivergences(of: try #require(graph.node(named: "z")).id)
  }

  @Test(arguments: [
    ("log_variance", "kl_normal(mean: m, log_variance: s)", 1.0),
    ("log_variance", "-0.5 * (1 + s - square(m) - exp(s))", 1),
    ("log_variance", "1 + s - m ** 2 - exp(s)", -2),
    ("log_variance", "(m * m + exp(s) - s - 1) * 0.5", 1),
    ("log_variance", "0.5 * (m * m + expm1(s) - s)", 1),
    ("log_variance", "(exp(0.5 * s) * exp(0.5 * s) + m * m - 1 - s) / 4", 0.5),
    ("stddev", "0.5 * (m * m + s * s - 1) - log(s)", 1),
    ("stddev", "m * m + s * s - log(s * s) - 1", 2),
    ("log_stddev", "0.5 * (m * m + exp(2 * s) - 1 - 2 * s)", 1),
    ("log_stddev", "kl_normal(mean: m, log_variance: 2 * s)", 1),
    ("stddev", "kl_normal(mean: m, log_variance: 2 * log(s))", 1),
  ])
  func divergencesAreFoundHoweverWritten(scale: String, kl: String, factor: Double) throws {
    let found = try divergences(scale, kl)
    #expect(found.count == 1 && found.first?.prior == .standard)
    #expect(abs((found.first?.factor ?? .nan) - factor) < 1e-12)
  }

  @Test(arguments: [
    ("log_variance", "-0.5 * (1 + s - square(m) + exp(s))"),
    ("log_variance", "1 + s - m - exp(s)"), ("log_variance", "square(m) + exp(s) - s"),
    ("log_variance", "kl_normal(mean: m, log_variance: 2 * s)"),
    ("stddev", "kl_normal(mean: m, log_variance: s)"),
    ("log_stddev", "0.5 * (m * m + exp(s) - 1 - s)"),
    ("log_variance", "kl_normal(mean: s, log_variance: m)"),
    ("log_variance", "square(m) + square(s)"),
  ])
  func dont_takeOtherTermsForADivergence(scale: String, kl: String) throws {
    let found = try divergences(scale, kl)
    #expect(found.isEmpty)
  }

  /// With the mean alone given, the scale is found as well, and how it is meant.
  @Test(arguments: [
    ("kl_normal(mean: m, log_variance: s)", "s", NormalScale.logVariance),
    ("kl_normal(mean: m, log_variance: h)", "h", .logVariance),
    ("kl_normal(mean: m, log_variance: softplus(s))", "softplus %", .logVariance),
    ("-0.5 * (1 + s - square(m) - exp(s))", "s", .logVariance),
    ("0.5 * (m * m + s * s - 1) - log(s)", "s", .standardDeviation),
    ("0.5 * (m * m + exp(2 * s) - 1 - 2 * s)", "s", .logStandardDeviation),
    (
      "kl_normals(mean: m, log_variance: s, prior_mean: 1.0, prior_log_variance: 0.5)", "s",
      .logVariance
    ),
  ])
  func theScaleOfADivergenceIsFound(kl: String, scale: String, kind: NormalScale) throws {
    let graph = try parsed(
      """
      graph g {
        dim N
        input m: f64[N, 3]
        input s: f64[N, 3]
        h = tanh(s)
        loss = sum(\(kl)) + sum(h)
        output loss
      }
      """)
    let found = graph.closedDivergences(withMean: try #require(graph.node(named: "m")).id)
    #expect(found.count == 1, "\(found)")
    let only = try #require(found.first)
    #expect(graph[only.scale].mention.hasPrefix(scale) && only.kind == kind)
    #expect(graph.closedDivergences(mean: only.scale, scale: only.scale, as: kind).isEmpty)
  }

  @Test(arguments: [
    "square(m) + exp(s) - s", "kl_normal(mean: s, log_variance: m)", "exp(s) - s - 1",
    "kl_normal(mean: tanh(m), log_variance: s)",
  ])
  func dont_findAScaleWhereNoDivergenceIs(term: String) throws {
    let graph = try parsed(
      """
      graph g { input m: f64[3] input s: f64[3] loss = sum(\(term)) + sum(m) output loss }
      """)
    let found = graph.closedDivergences(withMean: try #require(graph.node(named: "m")).id)
    #expect(found.isEmpty)
  }

  @Test func anotherPriorIsFound() throws {
    let found = try divergences(
      "log_variance",
      "kl_normals(mean: m, log_variance: s, prior_mean: 1.0, prior_log_variance: 0.5)")
    #expect(found.count == 1)
    if case .standard? = found.first?.prior { Issue.record("the prior is written out") }
  }

  /// The mean of the sampled divergence is the closed one, with its derivatives.
  @Test(arguments: ["pathwise_mc_kl", "sticking_the_landing"])
  func sampledDivergencesHaveTheSameMean(estimator: String) throws {
    let text = scalar(
      "kl + 0 * z", estimator, more: "kl = 0.5 * (mu * mu + s * s - 1) - log(s)")
    let graph = try applied(text)
    #expect(graph.count(.normalLogProb) == 2)
    let found = try expected(graph, Self.parameters)
    #expect(near(Array(found.prefix(2)), [0.4, 0.7 - 1 / 0.7], 1e-9), "\(found)")
  }

  @Test func dont_sampleADivergenceThatIsNotThere() throws {
    let graph = try parsed(scalar("square(z)", "sticking_the_landing"))
    let result = try PassManager([.applyEstimators]).run(graph)
    #expect(result.graph.text() == graph.text())
    let notes = result.steps.flatMap(\.notes)
    #expect(notes.count == 1 && notes[0].contains("has none in closed form"))
  }

  // MARK: Choosing

  /// Many draws take as many nodes more, not their square.
  @Test func drawsGrowTheGraphLinearly() throws {
    let counts = try [32, 64, 128].map { draws in
      let text = scalar("square(z)", "score_leave_one_out")
      return try applied(text.replacing("stddev: s)", with: "stddev: s, draws: \(draws))"))
        .nodes.count
    }
    #expect(counts[2] - counts[1] == 2 * (counts[1] - counts[0]), "\(counts)")
  }

  /// A word that passes leave behind is read back, and no choice of a person.
  @Test func dont_chooseWhatPassesLeave() throws {
    let graph = try applied(scalar("square(z)", "score"))
    let read = try parsed(graph.text())
    #expect(read.node(named: "z")?.operation?.estimator == .surrogate)
    do throws(Diagnostics) {
      _ = try graph.choosing(estimator: "surrogate")
      Issue.record("'surrogate' was taken")
    } catch {
      #expect(error.all.map(\.id) == ["estimator-choice"])
      #expect(error.all.first?.expected?.contains("surrogate") == false)
      // What became it would weigh the costs twice.
      let fixes = error.all.compactMap(\.fix)
      #expect(fixes.isEmpty)
    }
  }

  @Test func choosingAnEstimator() throws {
    let graph = try parsed(scalar("square(z)", "pathwise"))
    let scored = try graph.choosing(estimator: "score_leave_one_out", draws: 3, of: "z")
    #expect(scored.text().contains("draws: 3) estimator score_leave_one_out"))
    #expect(throws: Diagnostics.self) { try graph.choosing(estimator: "score", of: "mu") }
    for (name, draws) in [("straight_through", 1), ("score_leave_one_out", 1), ("score", 0)] {
      #expect(throws: Diagnostics.self) {
        try graph.choosing(estimator: name, draws: draws, of: nil)
      }
      do throws(Diagnostics) {
        _ = try graph.choosing(estimator: name, draws: draws)
      } catch {
        #expect(error.all.map(\.id) == ["estimator-choice"])
      }
    }
  }
}
