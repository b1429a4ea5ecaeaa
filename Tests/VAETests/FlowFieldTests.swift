import Ayatori
import Foundation
import Testing
import VAE

/// Values, gradients and what flows along edges, against closed forms.
@Suite struct FlowFieldTests {
  private static func field(
    _ text: String, _ inputs: [String: Double] = [:]
  ) throws -> (FlowField, Graph) {
    var options = GradientFlow.Options()
    options.comparesEstimators = false
    let feeds = Feeds(inputs: inputs.mapValues { NDArray([$0], shape: []) })
    let flow = try GradientFlow(Training.graph(text: text), feeds: feeds, options: options)
    return (try FlowField(flow, feeds: feeds), flow.site.graph)
  }

  private static func node(_ field: FlowField, _ name: String) throws -> FlowField.Node {
    try #require(field.nodes.first { $0.name == name })
  }

  private static func edge(
    _ field: FlowField, _ from: String, _ to: String
  ) throws -> FlowField.Edge {
    let ends = try (node(field, from).id, node(field, to).id)
    return try #require(field.edges.first { $0.from == ends.0 && $0.to == ends.1 })
  }

  private static func gaussian(_ estimator: String = "", cost: String = "square(z)") -> String {
    """
    graph g {
      param mu: f64[] init constant(0.5)
      param lv: f64[] init zeros
      z ~ normal(mean: mu, log_variance: lv) \(estimator)
      recon = \(cost)
      kl = kl_normal(mean: mu, log_variance: lv)
      loss = recon + 3.0 * kl
      output loss
    }
    """
  }

  /// z = 0.5 + ε at ε = 0.25, recon = z²: ∂z 1.5, ∂mu 1.5, ∂lv 1.5·ε/2; 3·KL: ∂mu 1.5, ∂lv 0.
  @Test func theDraw() throws {
    let (field, _) = try Self.field(Self.gaussian(), ["z.eps": 0.25])
    #expect(field.roots.map(\.name) == ["recon", "kl", "loss"])
    #expect(field.roots.map(\.isLoss) == [false, false, true])
    for (name, slopes) in [
      ("z", [1.5, nil, 1.5]), ("mu", [1.5, 1.5, 3]), ("lv", [0.1875, 0, 0.1875]),
      ("recon", [1, nil, 1]), ("kl", [nil, 3, 3]), ("z.eps", [nil, nil, nil]),
    ] as [(String, [Double?])] {
      let node = try Self.node(field, name)
      #expect(node.gradients.map { $0.spread?.statistics.mean } == slopes, "\(name)")
      for gradient in node.gradients {
        #expect((gradient.spread == nil) != (gradient.refusal == nil), "\(name)")
        #expect(gradient.besides == nil)
      }
      let compiled = node.compiled?.spread.statistics.mean
      #expect(compiled == slopes[2] && (node.compiled?.ulps ?? 0) <= 4, "\(name)")
    }
    #expect(try Self.node(field, "z").value?.statistics.mean == 0.75)
    #expect(try Self.edge(field, "mu", "z").norms == [1.5, nil, 1.5])
    #expect(try Self.edge(field, "lv", "z").norms == [0.1875, nil, 0.1875])
    #expect(try Self.edge(field, "z", "recon").norms == [1.5, nil, 1.5])
    let noise = try Self.edge(field, "z.eps", "z")
    #expect(noise.norms == [nil, nil, nil])
    #expect(noise.blocked[0]?.hasPrefix("noise: ") == true && noise.blocked[1] == nil)
    #expect(try Self.node(field, "z.eps").isNoise)
  }

  /// a = x², cost = a·x + x at x = z = 3: 2x·x through a, a through the product, 1 through the sum.
  @Test func waysThatMeet() throws {
    let text = """
      graph g {
        param mu: f64[] init constant(3.0)
        param s: f64[] init zeros
        z ~ normal(mean: mu, stddev: s)
        a = z * z
        b = a * z
        loss = b + z
        output loss
      }
      """
    let (field, _) = try Self.field(text, ["z.eps": 0.5])
    #expect(try Self.node(field, "z").gradients.last?.spread?.statistics.mean == 28)
    for (from, to, norm) in [("z", "a", 18.0), ("z", "b", 9), ("z", "loss", 1), ("a", "b", 3)] {
      #expect(try Self.edge(field, from, to).norms.last == norm, "\(from) → \(to)")
    }
  }

  @Test func aStoppedDrawBlocksBoth() throws {
    let (field, _) = try Self.field(Self.gaussian("estimator stopped"), ["z.eps": 0.25])
    for name in ["mu", "lv"] {
      let edge = try Self.edge(field, name, "z")
      #expect(edge.norms == [nil, nil, nil] && edge.blocked[0] != nil, "\(name)")
    }
    #expect(try Self.edge(field, "z", "recon").norms[0] == 1.5)
    #expect(try Self.node(field, "mu").gradients[0].refusal != nil)
    #expect(try Self.node(field, "mu").gradients[2].spread?.statistics.mean == 1.5)
  }

  /// The score brings f·ε/σ to mu by a way that the source does not draw.
  @Test func theScoreGoesBesides() throws {
    let (field, _) = try Self.field(Self.gaussian("estimator score"), ["z.eps": 0.25])
    let mu = try Self.node(field, "mu")
    let expected = 0.75 * 0.75 * 0.25
    #expect(abs((mu.gradients[0].spread?.statistics.mean ?? 0) - expected) < 1e-12)
    #expect(abs((mu.gradients[0].besides ?? 0) - expected) < 1e-12)
    #expect(mu.gradients[1].besides == nil)
    #expect(try Self.edge(field, "mu", "z").norms[0] == nil)
  }

  /// What the page shows of nodes: a draw as its estimator passes it, gradients by what is named.
  @Test func nodesAreWrittenAsMathematics() throws {
    let (field, _) = try Self.field(
      Self.gaussian("estimator score_mean_baseline"), ["z.eps": 0.25])
    let z = try Self.node(field, "z")
    #expect(z.formula.text == "mu + σ·ε")
    #expect(z.formula.meanings == ["σ = exp(lv/2)", "ε ~ N(0, 1)"])
    let mu = try Self.node(field, "mu")
    #expect(mu.formula.text == "param init constant(0.5)")
    #expect(mu.gradientFormula?.text == "(recon − z.baseline)·(z − mu)/σ² + 3·mu")
    #expect(mu.gradientFormula?.meanings == ["σ = exp(lv/2)"])
    let recon = try Self.node(field, "recon")
    #expect(recon.formula.text == "z²" && recon.formula.meanings == [])
    #expect(recon.gradientFormula?.text == "1")
    // Nothing flows into noise.
    #expect(try Self.node(field, "z.eps").gradientFormula == nil)
  }

  /// The roots are the report's terms under every estimator, however the loss is written: names
  /// that tell nodes apart here are nobody's.
  @Test(
    arguments: [
      "-mean(-bce - beta * kld)", "-mean(elbo)", "-mean(elbo) + 0.01 * sum(square(w))",
      "mean(bce / 3 + beta * kld / 2 + 0.1 * sum(z, axes: [1]))",
    ],
    ["pathwise", "score", "score_mean_baseline", "score_best_baseline", "score_leave_one_out"])
  func theRootsAreTheReportsTerms(loss: String, estimator: String) throws {
    let graph = try BatchModel.graph(
      """
      bce = sum(square(z - 1.0), axes: [1])
      kld = sum(kl_normal(mean: m, log_variance: lv), axes: [1])
      elbo = -bce - beta * kld
      loss = \(loss)
      """, estimator)
    var options = GradientFlow.Options()
    options.comparesEstimators = false
    let flow = try GradientFlow(graph, feeds: BatchModel.feeds(), options: options)
    let field = try FlowField(flow, feeds: BatchModel.feeds())
    let terms = flow.split.terms.map(\.name)
    #expect(terms.starts(with: ["bce", "kld"]), "\(terms)")
    #expect(field.roots.map(\.name) == terms + ["loss"])
    let drawing = try FlowDrawing(graph, node: "z", feeds: BatchModel.feeds())
    let drawn = Set(drawing.flow.arrows.map { drawing.flow.roots[$0.root] })
    #expect(!drawn.isEmpty && drawn.isSubset(of: terms), "\(drawn)")
  }

  /// At each node, what comes along the edges and besides is no less than the gradient.
  @Test(arguments: ["vae_pytorch", "vae_chainer", "vae_naive"])
  func nothingIsLost(name: String) throws {
    let graph = try Training.graph(name, dims: ["D": 9, "H": 6, "Z": 2])
    var options = GradientFlow.Options()
    options.comparesEstimators = false
    let x = NDArray((0..<36).map { Double($0 % 5) / 5 }, shape: [4, 9]).converted(to: .f32)
    let feeds = Feeds(inputs: ["x": x], seed: 3)
    let flow = try GradientFlow(graph, feeds: feeds, options: options)
    let field = try FlowField(flow, feeds: feeds)
    #expect(field.roots.map(\.name) == flow.split.terms.map(\.name) + ["loss"])
    for node in field.nodes {
      for (root, gradient) in node.gradients.enumerated() where node.name != field.roots[root].name
      {
        guard let norm = gradient.spread?.statistics.norm, norm.isFinite else { continue }
        let ways = field.edges.filter { $0.from == node.id }.compactMap { $0.norms[root] }
        let sum = ways.reduce(gradient.besides ?? 0, +)
        #expect(sum >= norm * (1 - 1e-5), "\(node.name) of \(field.roots[root].name)")
        if ways.count == 1 { #expect(abs(ways[0] - norm) <= norm * 1e-6, "\(node.name)") }
      }
    }
    // The split and the field agree where both speak.
    for row in flow.split.rows {
      let node = try Self.node(field, row.name)
      for (part, gradient) in zip(row.parts, node.gradients) {
        guard let a = part.statistics?.norm, let b = gradient.spread?.statistics.norm else {
          #expect(part.statistics == nil && gradient.spread == nil)
          continue
        }
        if name != "vae_naive" { #expect(abs(a - b) <= 1e-4 * a, "\(row.name)") }
      }
    }
    let groups = Set(field.nodes.compactMap(\.group))
    #expect(!groups.isEmpty)
  }

  // MARK: Histograms

  @Test(
    arguments: [
      ([0, 1, 2, 3], 4, [1, 1, 1, 1]), ([5, 5, 5], 4, [3]), ([-1, 0, 0, 1], 2, [1, 3]),
      ([.nan, .infinity, 2, 4, -.infinity], 2, [1, 1]),
      ([-Double.greatestFiniteMagnitude, .greatestFiniteMagnitude], 2, [1, 1]),
    ] as [([Double], Int, [Int])])
  func bins(values: [Double], count: Int, expected: [Int]) throws {
    let histogram = try #require(Histogram(values, bins: count))
    #expect(histogram.counts == expected)
    let finite = values.filter(\.isFinite)
    #expect(histogram.counts.reduce(0, +) == finite.count)
    #expect(histogram.low == finite.min() && histogram.high == finite.max())
    let zeros = values.filter { $0 == 0 }.count
    #expect(histogram.zeros == zeros)
  }

  @Test(arguments: [[], [.nan], [.infinity, -.infinity]] as [[Double]])
  func dont_binWhatIsNotFinite(values: [Double]) {
    #expect(Histogram(values) == nil)
  }
}
