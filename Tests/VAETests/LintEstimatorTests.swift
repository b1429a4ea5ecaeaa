import Foundation
import Testing
import VAE

/// What lint says of draws, by their estimators.
@Suite struct LintEstimatorTests {
  private static func graph(_ draw: String, loss: String) -> String {
    "dim N = 2, Z = 3 param q: f32[N, Z] init zeros \(draw) loss = \(loss) output loss"
  }

  private static let discrete = Estimator.discrete.filter { $0 != .stopped && $0 != .surrogate }
  private static let continuous = Estimator.continuous.filter { $0 != .stopped && $0 != .surrogate }

  static let open: [String] =
    discrete.flatMap { estimator in
      ["bernoulli", "categorical"].map {
        "b ~ \($0)(logits: q, draws: 2) estimator \(estimator.name)"
      }
    } + continuous.map { "b ~ normal(mean: q, stddev: 1.0, draws: 2) estimator \($0.name)" }

  /// The only gradient may be one that the costs carry.
  @Test(arguments: open) func dont_missWhatTheCostsCarry(draw: String) throws {
    let lint = try LintTests.lint(Self.graph(draw, loss: "sum(square(b - 2))"))
    #expect(LintTests.warnings(lint) == [])
  }

  @Test(arguments: [
    ("bernoulli(logits: q)", "'score', 'straight_through' or 'gumbel_softmax' would open", "score"),
    ("categorical(logits: q)", "'score', 'straight_through' or 'gumbel", "score"),
    ("normal(mean: q, stddev: 1.0)", "'pathwise' would open it (at 'b')", "pathwise"),
  ])
  func aStoppedDrawIsTheReason(draw: String, reason: String, estimator: String) throws {
    let lint = try LintTests.lint(
      Self.graph("b ~ \(draw) estimator stopped", loss: "sum(square(b - 2))"))
    #expect(LintTests.warnings(lint).sorted() == ["stopped-draw", "unreached-parameter"])
    let unreached = lint.findings.first { $0.diagnostic.id == "unreached-parameter" }?.diagnostic
    #expect(unreached?.message.contains(reason) == true, "\(unreached?.message ?? "")")
    #expect(unreached?.fix == "open the way there, or make it an input")
    let stopped = lint.findings.first { $0.diagnostic.id == "stopped-draw" }?.diagnostic
    #expect(stopped?.fix == "leave the estimator out, for '\(estimator)'")
  }

  private static func cut(_ loss: String) -> String {
    """
    param m: f32[3] init zeros
    param s: f32[3] init zeros
    z ~ normal(mean: m, log_variance: s)
    y = stop_gradient(z)
    loss = \(loss) + sum(kl_normal(mean: m, log_variance: s))
    output loss
    """
  }

  @Test func aDrawCutByHand() throws {
    let lint = try LintTests.lint(Self.cut("sum(square(y - 2))"))
    #expect(LintTests.warnings(lint) == ["stopped-draw"])
    let found = try #require(lint.findings.first?.diagnostic)
    #expect(found.message.contains("every way from it to the loss leads through a 'stop_gradient'"))
    #expect(found.location?.line == 3 && found.fix == "take the 'stop_gradient' away")
  }

  /// Another way is open; the cost meets the parameters as in a score function; nothing is learnt.
  @Test(arguments: [
    "sum(square(y - 2)) + sum(square(z))", "sum(square(y - z))",
    "sum(stop_gradient(square(y)) * normal_log_prob(y, mean: m, log_variance: s))",
  ])
  func dont_takeOtherCutsForThat(loss: String) throws {
    let lint = try LintTests.lint(Self.cut(loss))
    #expect(!LintTests.warnings(lint).contains("stopped-draw"), "\(LintTests.warnings(lint))")
  }

  /// A parameter on no way to the costs stays unreached beside a score function, and so does one
  /// behind a draw that says its costs carry the derivative when none does.
  @Test(arguments: [
    ("b ~ bernoulli(logits: q) param w: f32[] init zeros", "'w': 'loss' does not depend on 'w'"),
    ("b ~ bernoulli(logits: q) estimator surrogate", "'q': the estimator is a score function"),
  ])
  func whatNothingCarriesIsTold(draw: String, message: String) throws {
    let lint = try LintTests.lint(Self.graph(draw, loss: "sum(square(b - 2))"))
    #expect(LintTests.warnings(lint) == ["unreached-parameter"])
    #expect(lint.findings.first?.diagnostic.message.contains(message) == true)
  }

  /// A draw whose divergence cannot be sampled is the compiler's matter; lint still speaks.
  @Test func dont_failWithoutADivergence() throws {
    let lint = try LintTests.lint(
      Self.graph(
        "s = tanh(q) b ~ normal(mean: q, log_variance: s) estimator sticking_the_landing",
        loss: "sum(square(b)) + sum(kl_normal(mean: q, log_variance: 2 * s))"))
    #expect(LintTests.warnings(lint) == ["scale-mismatch"])
  }
}
