import Ayatori
import Foundation
import Testing
import VAE

/// What the head of the report says of the batch, the draws and the cost, and what it says of
/// points at which there is no distribution.
@Suite struct GradientFlowHeadTests {
  private static func flow(
    _ graph: Graph, _ feeds: Feeds = Feeds(), draws: Int = 4, exact: Bool = false
  ) throws -> GradientFlow {
    var options = GradientFlow.Options()
    options.draws = draws
    options.isExact = exact
    return try GradientFlow(graph, feeds: feeds, options: options)
  }

  private static func lines(_ flow: GradientFlow) -> [String] {
    flow.report.text.split(separator: "\n").map(String.init)
  }

  // MARK: Batch and draws

  private static func batch(_ loss: String) throws -> GradientFlow {
    let graph = try BatchModel.graph(
      """
      cost = \(loss)
        kl = sum(kl_normal(mean: m, log_variance: lv))
        loss = cost + kl
      """)
    return try flow(graph, BatchModel.feeds(seed: 0))
  }

  @Test(arguments: [
    ("sum(square(z))", "loss summed over a batch of 5", "sum", []),
    ("mean(square(z))", "cost averaged, kl summed over a batch of 5", nil, ["mean", "sum"]),
    (
      "square(sum(square(z)))",
      "cost neither summed nor averaged, kl summed over a batch of 5", nil, [nil, "sum"]
    ),
  ])
  func theReductionIsSaid(
    cost: String, words: String, reduction: String?, terms: [String?]
  ) throws {
    let flow = try Self.batch(cost)
    let text = Self.lines(flow)
    #expect(text[1] == "seed 0, 4 draws, values and paths at the first, \(words)")
    // Said once.
    #expect(text.filter { $0.contains("batch") }.count == 1)
    #expect(flow.reduction?.loss.reduction == reduction)
    #expect(flow.reduction?.terms.map(\.reduction) == terms)
  }

  /// A size that the graph gives is as good as one that the run gives.
  @Test func aBatchMayHaveADefault() throws {
    let graph = try BatchModel.graph("loss = mean(square(z))", size: "N = 5")
    let text = Self.lines(try Self.flow(graph, BatchModel.feeds()))
    #expect(text[1].hasSuffix(", loss averaged over a batch of 5"), "\(text[1])")
  }

  /// A sum that hides in the weight of a mean.
  @Test(arguments: [
    (
      "mean(e + 0.7 * k) + 0.1 * sum(k)",
      "e averaged, k averaged (but weighed by how many there are)"
    ),
    (
      "mean(k) + N * mean(e)",
      "mean(k) averaged, mean(e) averaged (but weighed by how many there are)"
    ),
    ("mean(k) + 5 * mean(e)", "loss averaged"),
  ])
  func aWeightMayBeTheBatch(loss: String, words: String) throws {
    let graph = try BatchModel.graph(
      """
      e = sum(square(z), axes: [1])
        k = sum(kl_normal(mean: m, log_variance: lv), axes: [1])
        loss = \(loss)
      """)
    let text = Self.lines(try Self.flow(graph, BatchModel.feeds(seed: 0)))
    #expect(text[1].hasSuffix(", \(words) over a batch of 5"), "\(text[1])")
  }

  /// Of two axes that the run binds the batch is the one that the loss averages over.
  @Test(arguments: [("[T, N, 3]", "[0, 2]"), ("[N, T, 3]", "[1, 2]")])
  func theBatchIsWhatIsAveragedOver(shape: String, axes: String) throws {
    let graph = try Training.graph(
      text: """
        graph g {
          dim T, N
          input x: f64\(shape)
          param w: f64[3, 2] init normal(mean: 0, stddev: 1)
          z ~ normal(mean: matmul(x, w), log_variance: 0.1 * matmul(x, w))
          rec = sum(square(matmul(z, transpose(w)) - x), axes: \(axes))
          loss = mean(rec)
          output loss
        }
        """)
    let sizes = shape.hasPrefix("[T") ? [3, 5, 3] : [5, 3, 3]
    let x = NDArray((0..<45).map { Double($0 % 7) / 7 - 0.4 }, shape: sizes)
    let text = Self.lines(try Self.flow(graph, Feeds(inputs: ["x": x])))
    #expect(text[1].hasSuffix(", batch 5"), "\(text[1])")
  }

  /// Along a random direction stands the direction; of a single number, its gradient.
  @Test func theCheckSaysWhereItIs() throws {
    let flow = try Self.flow(FlowAnswers.graph("square(z)", mu: 1, s: 1))
    for (check, row) in zip(try #require(flow.report.check), flow.report.rows) {
      let (symbolic, gradient) = (check.symbolic ?? .nan, row.total?.mean ?? .nan)
      #expect(abs(symbolic - gradient) < 1e-9 && check.place == check.name, "\(check.name)")
    }
    let batch = try Self.batch("sum(square(z))").report
    let places = try #require(batch.check).compactMap(\.place)
    #expect(places.count == 3)
    for (place, name) in zip(places, batch.rows.map(\.name)) {
      #expect(place.hasPrefix("\(name)[") || place.hasPrefix("\(name) along random direction "))
      #expect(batch.text.contains(", \(place)"), "\(place)")
    }
  }

  /// A penalty on parameters is of no batch.
  @Test(arguments: [
    ("sum(square(z)) + sum(square(w))", "cost neither summed nor averaged, kl summed over"),
    ("sum(square(w))", "kl summed over"), ("sum(square(w)) / N", "kl summed over"),
  ])
  func dont_averageParametersOverABatch(cost: String, words: String) throws {
    let flow = try Self.batch(cost)
    #expect(Self.lines(flow)[1].hasSuffix(", \(words) a batch of 5"), "\(Self.lines(flow)[1])")
  }

  @Test func dont_averageALossOfParameters() throws {
    let graph = try BatchModel.graph("loss = sum(square(w))")
    var options = GradientFlow.Options()
    options.comparesEstimators = false
    let flow = try GradientFlow(graph, feeds: BatchModel.feeds(), options: options)
    #expect(flow.reduction == nil && Self.lines(flow)[1].hasSuffix(", batch 5"))
  }

  @Test func dont_speakOfABatchWhereThereIsNone() throws {
    let flow = try Self.flow(FlowAnswers.graph("square(z)", mu: 1, s: 1))
    #expect(flow.reduction == nil && Self.lines(flow)[1].hasSuffix("at the first"))
  }

  @Test func theNodesOwnDrawsAreSaid() throws {
    let graph = try FlowAnswers.graph("square(z)", mu: 1, s: 1)
    let four = try Self.flow(graph.choosing(estimator: "score", draws: 4, of: "z"))
    #expect(Self.lines(four)[0].hasSuffix("estimator = score, draws = 4"))
    #expect(four.report.nodeDraws == 4)
    #expect(!Self.lines(try Self.flow(graph))[0].contains("draws"))
  }

  /// One step of the difference quotients for all stands in the head of the section.
  @Test func theStepIsSaidOnce() throws {
    let text = Self.lines(try Self.flow(FlowAnswers.graph("square(z)", mu: 1, s: 1)))
    #expect(text.filter { $0.contains("(h = ") }.count == 1)
    #expect(text.contains { $0.hasPrefix("against difference quotients") && $0.contains("(h = ") })
  }

  @Test func whatIsHeldIsSaid() throws {
    let graph = try FlowAnswers.graph("square(z)", mu: 1, s: 1)
      .choosing(estimator: "score", of: "z")
    let flow = try Self.flow(graph)
    let agrees = flow.check?.targets.allSatisfy { $0.verdict == .agrees }
    #expect(agrees == true, "\(flow.check?.table() ?? "")")
    #expect(
      flow.report.text.contains("  held at their values, as the graph's gradient takes them: z"))
  }

  // MARK: The cost

  /// `log p(x)` where the cost is a likelihood, else what the number is.
  @Test(arguments: [
    ("0.5 * square(2.0 - z) + 0.9189385332046727", "x", "log E exp(−cost)"),
    ("0.5 * square(x - z) + 0.9189385332046727", "x", "log p(x) = "),
    ("2 * square(x - z) + 0.2257913526447274", "x", "log p(x) = "),
    ("0.5 * square(x - z)", "x", "log E exp(−cost) at z ~ N(0, 1) = "),
    ("square(x - z) + 0.9189385332046727", "x", "log E exp(−cost)"),
    ("bernoulli_nll(x, logits: z)", "x", "log p(x) = "),
    ("-normal_log_prob(x, mean: z, stddev: 0.5)", "x", "log p(x) = "),
    ("sum(bernoulli_nll(x, logits: z))", "x", "log p(x) = "),
    ("softplus(z) - x * z", "x", "log p(x) = "),
    ("normal_log_prob(x, mean: z, stddev: 0.5)", "x", "log E exp(−cost)"),
    ("square(z - x) * exp(0.1 * z)", "x", "log E exp(−cost)"),
  ])
  func theCostGoesByWhatItIs(cost: String, given: String, title: String) throws {
    let graph = try Training.graph(
      text: """
        graph g {
          const x = 1.0
          param mu: f32[] init constant(0.5)
          param s: f32[] init zeros
          z ~ normal(mean: mu, log_variance: s)
          cost = \(cost)
          kl = kl_normal(mean: mu, log_variance: s)
          loss = cost + kl
          output loss
        }
        """)
    let flow = try Self.flow(graph, exact: true)
    #expect(Self.lines(flow)[2].contains("      \(title)"), "\(Self.lines(flow)[2])")
    #expect(flow.evidence?.isLikelihood == title.hasPrefix("log p"))
    #expect(flow.evidence?.cost == "cost")
  }

  /// Where derivatives are told by what they do to a cost's gradient, the cost is named.
  @Test func theCostOfMixingDerivativesIsNamed() throws {
    let graph = try Training.graph(
      text: """
        graph g {
          param l: f32[3] init normal(mean: 0, stddev: 1)
          c ~ categorical(logits: l) estimator straight_through
          loss = square(sum(c) - 0.3)
          output loss
        }
        """)
    let flow = try Self.flow(graph)
    let text = flow.report.text
    #expect(text.contains("∂f/∂c") && text.contains(" f is the cost downstream of the draw\n"))
    #expect(flow.costSymbol == "f")
    let plain = try Self.flow(FlowAnswers.graph("square(z)", mu: 1, s: 1))
    #expect(plain.costSymbol == nil && !plain.report.text.contains("downstream of the draw"))
  }

  // MARK: Terms under estimators

  /// Terms that are one number each keep names, weights and gradients, whatever is done to their
  /// costs and however often is drawn, and whether they are handed back or not.
  @Test(arguments: [
    ("pathwise", 1), ("pathwise", 2), ("sticking_the_landing", 2), ("score", 1), ("score", 3),
    ("score_mean_baseline", 1), ("score_leave_one_out", 2),
  ])
  func termsKeepTheirWeights(estimator: String, draws: Int) throws {
    let graph = try Training.graph(
      text: """
        graph g {
          param mu: f64[] init constant(0.5)
          param s: f64[] init constant(0.3)
          z ~ normal(mean: mu, log_variance: s, draws: \(draws)) estimator \(estimator)
          recon = square(z - 2)
          far = abs(z - 1)
          kl = kl_normal(mean: mu, log_variance: s)
          loss = 0.5 * recon - (far / 4 - kl)
          output loss
        }
        """)
    let flow = try Self.flow(graph)
    #expect(flow.split.terms.map(\.name) == ["recon", "far", "kl"])
    #expect(flow.split.terms.map(\.weight) == [0.5, -0.25, 1])
    let sum = flow.split.terms.reduce(0) { $0 + $1.weight * $1.value }
    #expect(abs(sum - flow.split.lossValue) < 1e-12, "\(sum), not \(flow.split.lossValue)")
    for row in flow.split.rows {
      let ulps = row.partsErrorUlps
      #expect(ulps <= 4, "\(row.name): \(ulps)")
      for part in row.parts where part.term != "kl" || row.role != "draw" {
        #expect(part.refusal == nil, "\(row.name) ← \(part.term): \(part.refusal ?? "")")
      }
    }
  }

  /// What is mean and standard deviation at once stands in each table once.
  @Test func aParameterOfTwoRolesIsOneRow() throws {
    let graph = try Training.graph(
      text: """
        graph g {
          param m: f64[] init constant(0.5)
          z ~ normal(mean: m, stddev: m)
          loss = square(z - 1.0)
          output loss
        }
        """)
    let report = try Self.flow(graph).report
    #expect(report.rows.map(\.name) == ["m", "z"])
    #expect(report.rows.map(\.role) == ["mean and stddev", "draw"])
    for row in try #require(report.estimators).rows {
      #expect(row.targets.map(\.parameter) == ["m"])
    }
    #expect(report.estimators?.winners.count == 1)
    let places = report.text.split(separator: "\n").filter { $0.hasPrefix("  m ") }
    // Path split, values, difference quotients.
    #expect(places.count == 3, "\(report.text)")
  }

  /// Of three terms two reach the draw; the cosine is of the first two that come, and says so.
  @Test func theCosineSaysOfWhat() throws {
    let graph = try BatchModel.graph(
      """
      kl = sum(kl_normal(mean: m, log_variance: lv))
        near = sum(square(z))
        far = sum(abs(z - 3))
        loss = kl + near + 0.5 * far
      """)
    let report = try Self.flow(graph, BatchModel.feeds()).report
    #expect(report.rows.map(\.cosineOf) == [["kl", "near"], ["kl", "near"], ["near", "far"]])
    let own = try GradientSplit(graph, feeds: BatchModel.feeds()).rows[2]
    let (a, b) = (own.parts[1].gradient?.doubles ?? [], own.parts[2].gradient?.doubles ?? [])
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let exact = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    #expect(abs((report.rows[2].cosine ?? .nan) - exact) < 1e-12)
    #expect(report.text.contains("cos at z: between the gradients from near and far"))
    // Of two terms there is nothing to say.
    let two = try Self.batch("sum(square(z))").report.text
    #expect(!two.contains("cos at"))
  }

  // MARK: No distribution

  @Test(arguments: [-0.7, 0.0]) func aScaleThatIsNotPositive(scale: Double) throws {
    let flow = try Self.flow(FlowAnswers.graph("square(z - 1)", mu: 0.5, s: scale), draws: 16)
    let fault = try #require(flow.scaleFault)
    #expect(fault.node == "s" && fault.count == 1 && fault.of == 1 && fault.least == scale)
    #expect(fault.diagnostic.id == "scale-not-positive" && fault.place == "test.aya:3")
    let text = flow.report.text
    #expect(text.contains("\na scale that is not positive\n  's', the standard deviation of 'z'"))
    #expect(!text.contains("nan"), "\(text)")
    let rows = try #require(flow.comparison?.rows)
    for row in rows {
      #expect((row.undefined != nil) == (row.estimator != "pathwise"), "\(row.title)")
    }
    #expect(text.contains("ln q is undefined: 's' is not positive"))
  }

  @Test func elementsAreCounted() throws {
    let graph = try Training.graph(
      text: """
        graph g {
          input s: f32[2, 3]
          param m: f32[2, 3] init zeros
          z ~ normal(mean: m, stddev: s)
          loss = sum(square(z))
          output loss
        }
        """)
    let s = NDArray([1, -2, 3, 0, -5, 6] as [Float], shape: [2, 3])
    let flow = try Self.flow(graph, Feeds(inputs: ["s": s]))
    let fault = try #require(flow.scaleFault)
    #expect((fault.count, fault.of, fault.least) == (3, 6, -5) && fault.index == [1, 1])
    #expect(
      fault.sentence == "3 of 6 elements of 's', the standard deviation of 'z', are not positive")
    // Of the latents one has a distribution in both lines.
    let found = flow.latents.map(\.divergence)
    #expect(found[0] == nil && found[1] == nil)
    let exact = [3.0, 6].reduce(0) { $0 + 0.25 * ($1 * $1 - 1) - 0.5 * log($1) }
    #expect(abs(try #require(found[2]) - exact) < 1e-6)
  }

  @Test(arguments: ["log_variance", "log_stddev", "stddev"])
  func dont_faultAScaleThatIs(kind: String) throws {
    let s = kind == "stddev" ? 0.1 : -3
    let flow = try Self.flow(FlowAnswers.graph("square(z)", mu: 0, s: s, scale: kind))
    #expect(flow.scaleFault == nil)
    let undefined = flow.comparison?.rows.compactMap(\.undefined)
    #expect(undefined == [])
  }

  @Test func dont_reportADrawWithoutElements() throws {
    let (graph, feeds) = try FlowAnswers.model("vae_pytorch", seed: 0)
    let empty = try Training.graph("vae_pytorch", dims: ["D": 64, "H": 24, "Z": 0])
    let found = Training.diagnostics { _ = try Self.flow(empty, feeds) }
    #expect(found.map(\.id) == ["empty-draw"] && found.first?.got == "the shape [16, 0]")
    #expect(try Self.flow(graph, feeds).latents.count == 5)
  }

  // MARK: Told once

  @Test func aBirthIsToldOnce() throws {
    let graph = try Training.graph(
      text: """
        graph g {
          param m: f32[] init constant(0.5)
          z ~ normal(mean: m, stddev: 1.0)
          cost = square(z)
          odd = sum(sqrt(0 * m))
          loss = cost + odd
          output loss
        }
        """)
    let flow = try Self.flow(graph)
    #expect(flow.births.count == 1 && flow.births.first?.gradientOf != nil, "\(flow.births)")
    // Two places of one text are two.
    let two = try Training.graph(
      text: """
        graph g {
          param m: f32[] init constant(0.5)
          z ~ normal(mean: m, stddev: 1.0)
          cost = square(z)
          odd = sum(sqrt(0 * m)) + sum(sqrt(0 * square(m)))
          loss = cost + odd
          output loss
        }
        """)
    #expect(try Self.flow(two).births.count == 2)
  }

  @Test func copiesOfACutAreToldOnce() throws {
    let (graph, feeds) = try FlowAnswers.model("vae_pytorch", seed: 0)
    let stopped = try graph.choosing(estimator: "stopped", draws: 4, of: "z")
    let flow = try Self.flow(stopped, feeds)
    let cuts = flow.report.blocked.filter { $0.reason.contains("'stopped' cuts the path") }
    #expect(cuts.count == 1 && cuts.first?.alike == ["z#2", "z#3", "z#4"])
    #expect(Self.lines(flow).filter { $0.contains(" ⊣ z") }.count == 1)
  }
}
