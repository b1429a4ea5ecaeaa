import Testing
import VAE

/// Draws whose standard deviation nothing keeps positive, and fixes that concern two terms.
@Suite struct LintScaleTests {
  // MARK: Standard deviations

  private static let scaled = "param p: f32[] init zeros z ~ normal(mean: p, stddev: "

  @Test(arguments: ["p", "p + 2", "tanh(p)", "-exp(p)", "square(p)", "relu(p)"])
  func aScaleThatMayNotBePositive(scale: String) throws {
    let lint = try LintTests.lint(
      Self.scaled + scale + ") loss = square(z) + square(p) output loss")
    let found = lint.findings.filter { $0.diagnostic.id == "scale-not-positive" }
    #expect(found.count == 1 && found.first?.isWarning == true, "\(lint.findings)")
    let fix = try #require(found.first?.diagnostic.fix)
    #expect(fix.contains("stddev: ") && !fix.contains("log_variance: "), "\(fix)")
    // What is mended so is clean.
    let mended = try LintTests.lint(
      Self.scaled + "softplus(\(scale)) + 1e-6) loss = square(z) + square(p) output loss")
    #expect(!mended.findings.contains { $0.diagnostic.id == "scale-not-positive" })
  }

  @Test(arguments: [
    "exp(p)", "softplus(p)", "sigmoid(p)", "softplus(p) + 1e-6", "1.5", "exp(0.5 * p)",
    "0.1 + square(p)", "maximum(p, 0.1)", "2 * sigmoid(p) + 0.1",
  ])
  func dont_alarmAtAPositiveScale(scale: String) throws {
    let lint = try LintTests.lint(
      Self.scaled + scale + ") loss = square(z) + square(p) output loss")
    #expect(!lint.findings.contains { $0.diagnostic.id == "scale-not-positive" }, "\(scale)")
  }

  /// A draw that is what is asked for trains nothing; one by its logarithm is positive.
  @Test func dont_alarmWhereNothingIsTrained() throws {
    for text in [
      "param s: f32[] init constant(1.0) z ~ normal(mean: 0.0, stddev: s) output z",
      "param s: f32[] init zeros z ~ normal(mean: s, log_stddev: s) loss = z * z output loss",
      // Told of as a function outside its domain.
      Self.scaled + "p) estimator score loss = square(z) + square(p) output loss",
    ] {
      let lint = try LintTests.lint(text)
      #expect(!lint.findings.contains { $0.diagnostic.id == "scale-not-positive" }, "\(text)")
    }
  }

  // MARK: Two terms

  @Test func bothTermsAreNamedInTheFix() throws {
    let lint = try LintTests.lint(
      """
      dim N dim D = 4, Z = 2 input x: f32[N, D]
      layer m = linear(D, Z) layer d = linear(Z, D)
      mu = m(x) lv = 6 * tanh(mu / 6)
      z ~ normal(mean: mu, log_variance: lv)
      rec = mean(square(x - d(z))) kl = mean(kl_normal(mean: mu, log_variance: lv))
      loss = rec + 0.5 * kl output loss
      """)
    let found = lint.findings.filter { $0.diagnostic.id == "hidden-beta" }
    #expect(found.count == 1)
    #expect(
      found.first?.diagnostic.fix
        == "sum over D in 'rec' and over Z in 'kl'; a weight that is meant goes by a name: "
        + "const beta = 1.0")
  }
}
