import Ayatori
import Testing
import VAE

/// What the report does not integrate over, and whom it lets not win.
@Suite struct GradientFlowRefusalTests {
  @Test func dont_integrateOverMuch() throws {
    let graph = try Training.graph(
      text: """
        graph g {
          input m: f64[6]
          z ~ normal(mean: m, stddev: 1.0)
          loss = logsumexp(z)
          output loss
        }
        """)
    var options = GradientFlow.Options()
    options.isExact = true
    let found = Training.diagnostics {
      _ = try GradientFlow(
        graph, feeds: Feeds(inputs: ["m": NDArray([0.0, 1, 2, 3, 4, 5], shape: [6])]),
        options: options)
    }
    #expect(found.map(\.id) == ["latent-too-large"] && found.first?.fix == "estimate: --draws 64")
  }

  /// Noise that is left at one value makes no expectation.
  @Test(arguments: [
    ("z ~ normal(mean: m, stddev: 1.0) w ~ normal(mean: z, stddev: 1.0)", "square(w)", "z"),
    ("z ~ normal(mean: m, stddev: 1.0, draws: 2)", "square(z)", "z"),
    ("z ~ bernoulli(logits: m) estimator gumbel_softmax", "square(z)", "z"),
  ])
  func dont_callAPartExact(draw: String, loss: String, node: String) throws {
    let graph = try Training.graph(
      text: "graph g { param m: f64[] init zeros \(draw) loss = \(loss) output loss }")
    var options = GradientFlow.Options()
    options.isExact = true
    options.node = node
    let found = Training.diagnostics {
      _ = try GradientFlow(graph, feeds: Feeds(), options: options)
    }
    #expect(found.map(\.id) == ["not-exact"])
  }

  /// What is biased by nature never wins, however small its variance.
  @Test func dont_letABiasedEstimatorWin() throws {
    let graph = try FlowAnswers.graph("square(z - 2)", mu: 0.5, s: 0.8)
      .choosing(estimator: "stopped", of: "z")
    let flow = try FlowAnswers.flow(graph, draws: 50)
    let comparison = try #require(flow.comparison)
    let stopped = try #require(comparison.rows.first { $0.estimator == "stopped" })
    #expect(stopped.isBiased && stopped.targets[0].variance == 0)
    #expect(!comparison.winners.contains("stopped"))
  }

  @Test func dont_integrateOverNoiseThatIsFed() throws {
    var options = GradientFlow.Options()
    options.isExact = true
    let graph = try Training.graph(
      text: """
        graph g {
          input m: f64[]
          input e: f64[]
          z ~ normal(mean: m, stddev: 1.0, noise: e)
          loss = square(z)
          output loss
        }
        """)
    let one = NDArray([1.0], shape: [])
    let found = Training.diagnostics {
      _ = try GradientFlow(graph, feeds: Feeds(inputs: ["m": one, "e": one]), options: options)
    }
    #expect(found.map(\.id) == ["no-noise"])
  }
}
