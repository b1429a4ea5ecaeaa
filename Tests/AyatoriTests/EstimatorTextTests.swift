import Ayatori
import Passes
import Testing

/// What the estimators make of a graph is a graph: it prints, reads back, and means the same.
@Suite struct EstimatorTextTests {
  static let choices: [(graph: String, estimator: String, draws: Int)] = [
    ("linear_gaussian", "pathwise", 1), ("linear_gaussian", "pathwise", 3),
    ("linear_gaussian", "pathwise_mc_kl", 1), ("linear_gaussian", "pathwise_mc_kl", 2),
    ("linear_gaussian", "sticking_the_landing", 1), ("linear_gaussian", "sticking_the_landing", 2),
    ("linear_gaussian", "score", 1), ("linear_gaussian", "score", 2),
    ("linear_gaussian", "score_mean_baseline", 1), ("linear_gaussian", "score_best_baseline", 1),
    ("linear_gaussian", "score_leave_one_out", 3), ("linear_gaussian", "stopped", 1),
    ("vae_bernoulli", "score", 1), ("vae_bernoulli", "score_best_baseline", 2),
    ("vae_bernoulli", "straight_through", 1), ("vae_bernoulli", "gumbel_softmax", 2),
    ("vae_bernoulli", "straight_through_gumbel_softmax", 1),
  ]

  @Test(arguments: choices)
  func whatIsPrintedRunsAgain(name: String, estimator: String, draws: Int) throws {
    let graph = try Oracle.graph(name, dims: name == "vae_bernoulli" ? ["D": 5, "H": 3] : [:])
      .choosing(estimator: estimator, draws: draws)
    let applied = try PassManager([.applyEstimators]).run(graph).graph
    let again = try Oracle.graph(text: applied.text())
    // Nothing is left to apply.
    #expect(try PassManager([.applyEstimators]).run(again).graph.text() == applied.text())
    let (ours, theirs) = try (Self.values(graph), Self.values(again))
    #expect(ours.keys.sorted() == theirs.keys.sorted() && ours.count > 3)
    for (output, value) in ours {
      let other = try #require(theirs[output])
      #expect(value.doubles == other.doubles, "\(output)")
    }
  }

  /// Outputs and the gradients of every parameter at one draw.
  private static func values(_ graph: Graph) throws -> [String: NDArray] {
    let parameters = graph.parameters.compactMap(\.name)
    let stream = NoiseStream(seed: 3, name: "values")
    var arrays: [String: NDArray] = [:]
    let state = try StateStore(graph, sizes: graph.sizes())
    try state.initialize(seed: 2)
    for name in state.names { arrays[name] = state.array(name) }
    let pixels = NDArray(
      converting: stream.values(.uniform, count: 10, step: 0), to: .f32, shape: [2, 5])
    return try Oracle.run(
      graph, keys: graph.outputs.map(\.name) + parameters.map { "d_loss/d_\($0)" },
      inputs: graph.inputs.isEmpty ? [:] : ["x": pixels],
      parameters: arrays)
  }
}
