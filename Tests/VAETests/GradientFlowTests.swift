import Ayatori
import Foundation
import Testing
import VAE

/// The gradient-flow report as a whole: the golden instance, draws, and real models.
@Suite struct GradientFlowTests {
  // MARK: The golden instance

  @Test func goldenInstance() throws {
    let flow = try FlowAnswers.flow(Training.graph("linear_gaussian"))
    let text = flow.report.text
    for line in [
      "sampling node z ", "scale = log_variance, estimator = pathwise, KL = analytic",
      "loss 2.668939 = recon 2.543939 + 1 · kl 0.125000      log p(x) = -2.265512   gap 0.40342",
    ] { #expect(text.contains(line), "\(line)") }
    // Words and numbers of the published table, whatever the columns' widths.
    let published = """
      mu            -1.500000  +0.500000  -1.000000  -1.000   exact
      logvar        +0.500000  +0.000000  +0.500000    --     exact
      *pathwise + analytic KL       -1.0000   1.0000  1.000  +0.5000   1.0625  0.485      100    425
      pathwise + MC KL (total)     -1.0000   4.0000  0.500  +0.5000   2.2500  0.333      400     900
      STL                          -1.0000   1.0000  1.000  +0.5000   0.7500  0.577      100     300
      score, no baseline           -1.0000  18.5595  0.232  +0.5000  17.4487  0.120     1856    6980
      score, mean baseline         -1.0000   7.0000  0.378  +0.5000   9.1250  0.166      700    3650
      score, best baseline         -1.0000   6.0000  0.408  +0.5000   7.1250  0.187      600    2850
      """
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    for line in published.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      let found = lines.contains { $0.starts(with: words) }
      #expect(found, "\(line)")
    }
    let evidence = try #require(flow.evidence)
    #expect(FlowAnswers.near(evidence.logProbability, -1 - 0.5 * log(4 * Double.pi), 1e-12))
    #expect(FlowAnswers.near(evidence.gap, 0.40342640972002733, 1e-12))
    #expect(flow.births.isEmpty && flow.split.unreached.isEmpty)
    let winners = try #require(flow.comparison?.winners)
    #expect(winners == ["pathwise + analytic KL", "STL"])
  }

  // MARK: Draws

  @Test(arguments: [1, 2, 3]) func drawsMeetTheTruth(seed: UInt64) throws {
    let draws = 4000
    let graph = try Training.graph("linear_gaussian", dtype: .f64)
    let (exact, drawn) = (
      try FlowAnswers.flow(graph), try FlowAnswers.flow(graph, draws: draws, seed: seed)
    )
    for row in try #require(exact.comparison).rows {
      let found = try FlowAnswers.answers(drawn, row.estimator)
      for (truth, sample) in zip(row.targets, found) {
        let error = 5 * (truth.variance / Double(draws)).squareRoot()
        #expect(abs(sample.mean - truth.mean) < error, "seed \(seed), \(row.estimator)")
        #expect(sample.agrees, "seed \(seed), \(row.estimator): z \(sample.z ?? 0)")
      }
    }
  }

  /// O14: K draws divide the variance by K, and cost nothing in the mean.
  @Test func drawsDivideTheVariance() throws {
    func moments(_ draws: Int) throws -> (mean: Double, variance: Double) {
      let graph = try FlowAnswers.graph("square(z - 2)", mu: 0.5, s: 0.8)
        .choosing(estimator: "pathwise", draws: draws, of: "z")
      let compiled = try CompiledGraph(graph, gradientsOf: "loss", withRespectTo: ["mu"])
      let count = 2000
      let values = try (0..<count).map { step in
        try compiled.run(seed: 5, step: UInt64(step))["d_loss/d_mu"]?.doubles[0] ?? .nan
      }
      let mean = values.reduce(0, +) / Double(count)
      return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1))
    }
    let (one, four) = (try moments(1), try moments(4))
    // 4σ² and 4σ²/4; the sample variance of 2,000 normal draws is within 5·√(2/2000).
    #expect(abs(one.variance / 2.56 - 1) < 0.16 && abs(four.variance / 0.64 - 1) < 0.16)
    #expect(abs(four.mean + 3) < 5 * (0.64 / 2000).squareRoot())
  }

  // MARK: Real models

  @Test(arguments: ["vae_pytorch", "vae_chainer", "vae_naive"], [0, 7])
  func partsSumAndPassesAgree(name: String, seed: UInt64) throws {
    let (graph, feeds) = try FlowAnswers.model(name, seed: seed)
    var options = GradientFlow.Options()
    options.draws = 16
    let flow = try GradientFlow(graph, feeds: feeds, options: options)
    for row in flow.split.rows { #expect(row.partsErrorUlps <= 4, "\(row.name)") }
    let worst = try #require(flow.parity.worst)
    #expect(worst.ulps <= 64, "\(worst)")
    let unbiased = try #require(flow.comparison?.rows.filter { $0.estimator != "stopped" })
    for row in unbiased {
      let agrees = row.targets.allSatisfy(\.agrees)
      #expect(agrees, "\(row.title) \(row.targets.map(\.z))")
    }
    #expect(flow.latents.count == 5 && flow.variances.count == 2 && flow.births.isEmpty)
    // The same key gives the same bytes.
    let again = try GradientFlow(graph, feeds: feeds, options: options)
    #expect(again.report.text == flow.report.text)
  }

  /// O14: images in another order have their gradients in that order.
  @Test func permutingTheBatchPermutesGradients() throws {
    let (graph, feeds) = try FlowAnswers.model("vae_pytorch", seed: 3)
    let noise = (0..<(16 * 5)).map { Float(sin(Double($0) * 1.7)) }
    let images = try #require(feeds.inputs["x"]).floats
    let order = (0..<16).map { ($0 * 7 + 3) % 16 }
    func split(_ order: [Int]) throws -> GradientSplit {
      var fed = feeds
      fed.inputs["x"] = NDArray(
        order.flatMap { images[($0 * 64)..<(($0 + 1) * 64)] }, shape: [16, 64])
      fed.inputs["z.eps"] = NDArray(
        order.flatMap { noise[($0 * 5)..<(($0 + 1) * 5)] }, shape: [16, 5])
      return try GradientSplit(graph, feeds: fed)
    }
    let (plain, permuted) = (try split(Array(0..<16)), try split(order))
    for (a, b) in zip(plain.rows, permuted.rows) {
      let (x, y) = (try #require(a.gradient).doubles, try #require(b.gradient).doubles)
      for (place, row) in order.enumerated() {
        for column in 0..<5 {
          #expect(
            abs(x[row * 5 + column] - y[place * 5 + column]) <= 1e-5 * max(1, abs(x[row * 5])))
        }
      }
    }
  }
}
