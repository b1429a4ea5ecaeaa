import Foundation
import Testing
import VAE

/// A fix that stands in a finding as an expression parses in its place, and mends it.
@Suite struct LintFixTests {
  private static func check(
    _ text: String, _ id: String, replacing old: String, with new: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    #expect(text.contains(old), "nothing is replaced", sourceLocation: sourceLocation)
    let before = try LintTests.lint(text).findings.filter { $0.diagnostic.id == id }
    let fixes = before.compactMap(\.diagnostic.fix)
    let isSuggested = fixes.contains { $0.contains(new) }
    #expect(isSuggested, "\(fixes)", sourceLocation: sourceLocation)
    let after = try LintTests.lint(text.replacing(old, with: new)).findings
    let left = after.filter { $0.diagnostic.id == id || $0.isWarning }.map(\.diagnostic)
    #expect(left.isEmpty, "\(left)", sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    ("exp(p)", "exp(p)", "8 * tanh(p / 8)", "exp-overflow"),
    ("exp(100 * tanh(p))", "100 * tanh(p)", "8 * tanh((100 * tanh(p)) / 8)", "exp-overflow"),
    (
      "exp(sum(square(p), axes: []))", "sum(square(p), axes: [])",
      "8 * tanh(sum(square(p), axes: []) / 8)", "exp-overflow"
    ),
    ("1 / (p - 2)", "(p - 2)", "softplus(p - 2) + 1e-6", "division-by-zero"),
    ("log(\"the σ\")", "\"the σ\"", "softplus(\"the σ\") + 1e-6", "unsafe-domain"),
    ("sqrt(p)", "sqrt(p)", "softplus(p) + 1e-6", "unsafe-domain"),
  ])
  func numbers(loss: String, old: String, new: String, id: String) throws {
    let call = old.firstIndex(of: "(").map { String(old[..<$0]) } ?? ""
    let whole = ["exp", "sqrt"].contains(call) ? "\(call)(\(new))" : new
    let text =
      "dim N = 4 param p: f32[N] init zeros \"the σ\" = p - 1 loss = sum(\(loss)) output loss"
    let before = try LintTests.lint(text).findings.filter { $0.diagnostic.id == id }
    let isSuggested = before.contains { $0.diagnostic.fix?.contains(new) == true }
    #expect(isSuggested, "\(before.compactMap(\.diagnostic.fix))")
    let inner = "sum(\(loss))"
    let mended = "sum(\(loss.replacing(old, with: old.hasPrefix("(") ? "(\(whole))" : whole)))"
    let after = try LintTests.lint(text.replacing(inner, with: mended)).findings
    #expect(after.filter { $0.diagnostic.id == id || $0.isWarning }.map(\.diagnostic.message) == [])
  }

  @Test(arguments: [
    ("minimum(maximum(s, -5), 5)", "5 * tanh(s / 5)"),
    ("minimum(maximum(b(x), -1), 3)", "1 + 2 * tanh((b(x) - 1) / 2)"),
    ("maximum(s, -3)", "-3 + softplus(s + 3)"), ("minimum(s, 4)", "4 - softplus(4 - s)"),
    ("relu(s + 1)", "softplus(s + 1)"),
  ])
  func clamps(old: String, new: String) throws {
    try Self.check(
      LintTests.model + "t = \(old) z ~ normal(mean: mu, log_variance: t) " + LintTests.bce
        + "kld = sum(kl_normal(mean: mu, log_variance: t)) loss = bce + kld output loss",
      "clamped-scale", replacing: old, with: new)
  }

  @Test(arguments: [
    ("log_variance: s", "log_variance: s"), ("log_stddev: s", "log_variance: 2 * s"),
    ("log_stddev: s + 1", "log_variance: 2 * (s + 1)"),
    ("stddev: exp(s)", "log_variance: 2 * log(exp(s))"),
  ])
  func divergences(scale: String, fix: String) throws {
    let draw = LintTests.model + "z ~ normal(mean: mu, \(scale)) " + LintTests.bce
    let missing = "sum(kl_normal(mean: mu, \(fix)))"
    try Self.check(
      draw + "kld = sum(square(mu)) loss = bce + kld output loss", "unaccounted-noise",
      replacing: "sum(square(mu))", with: missing)
    let other = "kl_normal(mean: mu, log_variance: 3 * s)"
    let weighed = draw + "kld = sum(\(other)) loss = bce + kld output loss"
    try Self.check(
      weighed, "scale-mismatch", replacing: other, with: "kl_normal(mean: mu, \(fix))")
    try Self.check(
      weighed, "scale-mismatch", replacing: "normal(mean: mu, \(scale))",
      with: "normal(mean: mu, log_variance: 3 * s)")
  }

  @Test func noiseOfTheWholeShape() throws {
    let old = "noise e: f32[Z] ~ normal"
    try Self.check(
      LintTests.model + old + " sigma = exp(0.5 * s) z = mu + sigma * e " + LintTests.bce
        + LintTests.kld + "loss = bce + kld output loss",
      "reused-noise", replacing: old, with: "noise e: f32[N, Z] ~ normal")
  }
}
