import Foundation
import Testing
import VAE

/// Hazards of densities, divergences and draws: what lint says, against what is computed.
@Suite struct LintHazardTests {
  private static func graph(_ loss: String, at p: Double = 0, _ dtype: String = "f32") -> String {
    "param p: \(dtype)[] init constant(\(p)) loss = \(loss) output loss"
  }

  /// Where a value overflows: lint names the limit, and a run on either side of it agrees.
  @Test(arguments: [
    ("exp(p)", 88.72, "below 88.7"), ("exp(-p)", -88.72, "above -88.7"),
    ("exp(0.5 * p)", 177.44, "below 177"), ("exp(p / -2)", -177.44, "above -177"),
    ("kl_normal(mean: 1.0, log_variance: p)", 88.72, "below 88.7"),
    ("normal_log_prob(2.0, mean: 1.0, log_variance: p)", -88.72, "above -88.7"),
    ("normal_log_prob(2.0, mean: 1.0, log_stddev: p)", -44.36, "above -44.4"),
    (
      "kl_normals(mean: 1.0, log_variance: p, prior_mean: 0.0, prior_log_variance: 0.0)", 88.72,
      "below 88.7"
    ),
    (
      "kl_normals(mean: 1.0, log_variance: p, prior_mean: 0.0, prior_log_variance: -20.0)", 68.72,
      "below 68.7"
    ),
    (
      "kl_normals(mean: 0.5, log_variance: 0.0, prior_mean: 0.0, prior_log_variance: p)", -88.72,
      "above -88.7"
    ),
  ])
  func limitsAreWhereValuesOverflow(loss: String, limit: Double, words: String) throws {
    let lint = try LintTests.lint(Self.graph(loss))
    let messages = lint.findings.map(\.diagnostic.message)
    let isNamed = messages.contains { $0.hasPrefix("nothing keeps 'p' \(words),") }
    #expect(isNamed && lint.findings.count == 1 && !lint.hasWarnings, "\(messages)")
    for (p, isFinite) in [(limit * 0.995, true), (limit * 1.005, false)] {
      let graph = try Training.graph(text: "graph g { \(Self.graph(loss, at: p)) }")
      let value = try #require(CompiledGraph(graph).run()["loss"]?.doubles.first)
      #expect(value.isFinite == isFinite, "\(loss) at \(p): \(value)")
    }
  }

  @Test(arguments: [
    // Bounded on the side that matters, or by the other operand.
    "kl_normal(mean: p, log_variance: 8 * tanh(p / 8))",
    "normal_log_prob(p, mean: 0.0, log_variance: softplus(p))",
    "normal_log_prob(p, mean: 0.0, log_stddev: maximum(p, -5))",
    "normal_log_prob(p, mean: 0.0, stddev: softplus(p) + 1e-6)",
    "normal_log_prob(p, mean: 0.0, stddev: 1.0)",
    "kl_normals(mean: p, log_variance: -softplus(p), prior_mean: p, prior_log_variance: 0.0)",
    "kl_normals(mean: p, log_variance: 60 * tanh(p), prior_mean: p, prior_log_variance: 0.0)",
    "bernoulli_nll(sigmoid(p), logits: p)", "kl_bernoulli(logits: p, prior_logits: p)",
    "log(bernoulli_nll(1.0, logits: tanh(p)) + 1e-6)",
    "exp(normal_log_prob(p, mean: 0.0, stddev: 1.0))",
    // Mended by a rewrite below, and bounded here.
    "log(1 + exp(-square(p)))",
  ])
  func dont_alarm(loss: String) throws {
    let lint = try LintTests.lint(Self.graph(loss))
    #expect(lint.findings.map(\.diagnostic.message) == [])
  }

  @Test(arguments: [
    ("normal_log_prob(p, mean: 0.0, stddev: p)", "unsafe-domain", "'p', can be 0 or negative"),
    ("normal_log_prob(p, mean: 0.0, stddev: relu(p))", "unsafe-domain", "can be 0"),
    (
      "normal_log_prob(p, mean: 0.0, log_variance: 100 * tanh(p))", "exp-overflow",
      "may reach -100, beyond -88.7"
    ),
    (
      "kl_normals(mean: p, log_variance: 60 * tanh(p), prior_mean: p, "
        + "prior_log_variance: 40 * tanh(p))", "exp-overflow", "may reach 60, beyond 48.7"
    ),
  ])
  func faults(loss: String, id: String, message: String) throws {
    let lint = try LintTests.lint(Self.graph(loss))
    #expect(LintTests.warnings(lint) == [id])
    let found = lint.findings.first { $0.isWarning }?.diagnostic.message ?? ""
    #expect(found.contains(message), "\(found)")
  }

  /// A σ that rounds to 0 is a risk, no fault; and it is no probability.
  @Test func aSigmaInTheUnitIntervalIsNoProbability() throws {
    let lint = try LintTests.lint(
      Self.graph("normal_log_prob(p, mean: 0.0, stddev: sigmoid(p))"))
    #expect(lint.findings.map(\.diagnostic.id) == ["unsafe-domain"] && !lint.hasWarnings)
  }

  /// A draw divides by its σ where its estimator puts ln q into the costs, and not else.
  @Test(arguments: [
    ("pathwise", false), ("stopped", false), ("score", true), ("pathwise_mc_kl", true),
    ("sticking_the_landing", true), ("score_leave_one_out", true),
  ])
  func densitiesOfDraws(estimator: String, isAsked: Bool) throws {
    for (scale, id) in [("stddev", "unsafe-domain"), ("log_variance", "exp-overflow")] {
      let lint = try LintTests.lint(
        "param p: f32[] init zeros param s: f32[] init zeros t = minimum(s, 1) "
          + "z ~ normal(mean: p, \(scale): t, draws: 2) estimator \(estimator) "
          + "loss = square(z) + square(p) + square(s) output loss")
      let found = lint.findings.map(\.diagnostic.id).filter { $0 == id }
      #expect(found.count == (isAsked ? 1 : 0), "\(scale): \(lint.findings.map(\.diagnostic))")
    }
  }

  /// Draws of coins and categories are bounded, and no logits harm them.
  @Test(arguments: ["bernoulli", "categorical"], ["score", "gumbel_softmax", "straight_through"])
  func dont_alarmAtDiscreteDraws(draw: String, estimator: String) throws {
    let lint = try LintTests.lint(
      "param p: f32[4] init zeros b ~ \(draw)(logits: p) estimator \(estimator) "
        + "loss = sum(exp(80 * b)) output loss")
    #expect(lint.findings.map(\.diagnostic.message) == [])
    let wide = try LintTests.lint(
      "param p: f32[4] init zeros b ~ \(draw)(logits: p) estimator \(estimator) "
        + "loss = sum(exp(90 * b)) output loss")
    #expect(LintTests.warnings(wide) == ["exp-overflow"])
  }

  /// What overflows as it is written and is rewritten before it runs.
  @Test func aMendedOverflowIsNamedSo() throws {
    let lint = try LintTests.lint(Self.graph("log(1 + exp(p))"))
    #expect(lint.findings.map(\.diagnostic.id) == ["exp-overflow"] && !lint.hasWarnings)
    #expect(lint.findings.first?.rewrites?.isEmpty == false)
    let bounded = try LintTests.lint(Self.graph("log(1 + exp(100 * tanh(p)))"))
    #expect(bounded.findings.map(\.diagnostic.id) == ["exp-overflow"] && !bounded.hasWarnings)
    // The divergence that the term becomes overflows just so.
    let kept = try LintTests.lint(Self.graph("exp(p) - p - 1 + square(p)"))
    #expect(kept.findings.count == 1 && kept.findings.first?.rewrites == nil)
  }
}
