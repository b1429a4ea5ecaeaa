import Ayatori
import Foundation
import Testing

/// The ways of a gradient, each by the first name that it meets.
@Suite struct FormulaWayTests {
  private func ways(
    _ graph: Graph, by target: String
  ) throws -> [(through: String, text: String)] {
    let formulas = try GradientFormulas(of: graph, withRespectTo: [target])
    return try #require(formulas.derivatives.first).ways.map { ($0.through, $0.formula.text) }
  }

  /// sigmoid(q) serves the draw and the divergence, which is written out: the ways of both stand
  /// apart.
  @Test func aSharedValueWithoutAName() throws {
    let file = Oracle.root + "Graphs/vae_bernoulli.aya"
    let written = try String(contentsOfFile: file, encoding: .utf8).replacing(
      "kl_bernoulli(logits: q, prior_logits: 0.0)",
      with: "sigmoid(q) * q - softplus(q) + 0.6931471805599453")
    let source = try Oracle.graph(text: written).retyped(from: .f32, to: .f64)
      .choosing(estimator: "straight_through", draws: 1, of: "b")
    let found = try ways(source, by: "q")
    #expect(found.map(\.through) == ["kld", "b"])
    #expect(
      found.map(\.text) == [
        "β·q ⊙ sigmoid(q) ⊙ (1 − sigmoid(q))", "sigmoid(q) ⊙ (1 − sigmoid(q)) ⊙ ∂loss/∂b",
      ])
  }

  /// The divergence as an op shares nothing with the draw but q.
  @Test func aDrawAndItsDivergence() throws {
    let source = try Oracle.graph("vae_bernoulli", dtype: .f64)
      .choosing(estimator: "straight_through", draws: 1, of: "b")
    let found = try ways(source, by: "q")
    #expect(found.map(\.through) == ["b", "kld"])
    #expect(
      found.map(\.text) == [
        "sigmoid(q) ⊙ (1 − sigmoid(q)) ⊙ ∂loss/∂b", "β·q ⊙ sigmoid(q) ⊙ (1 − sigmoid(q))",
      ])
  }

  /// Terms of several draws go by the term's name and the draw's number, the first too.
  @Test func termsOfSeveralDraws() throws {
    let source = try Oracle.graph("linear_gaussian", dtype: .f64)
      .choosing(estimator: "pathwise_mc_kl", draws: 2, of: "z")
    let found = try ways(source, by: "mu")
    #expect(found.map(\.through) == ["z", "z#2", "kl#1", "kl#2"])
    #expect(found.last?.text == "0.5·β·(z#2 − mu)/σ²")
  }

  /// One way is none to be told.
  @Test func dont_tellOneWay() throws {
    #expect(try ways(Oracle.graph("autoencoder", dtype: .f64), by: "z").isEmpty)
  }
}
