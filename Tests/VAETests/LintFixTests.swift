import Foundation
import Testing
import VAE

/// A fix that stands in a finding as an expression parses in its place, and mends it.
@Suite struct LintFixTests {
  private static func check(
    _ text: String, _ id: String, replacing old: String, with new: String, as whole: String? = nil,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    #expect(text.contains(old), "nothing is replaced", sourceLocation: sourceLocation)
    let before = try LintTests.lint(text).findings.filter { $0.diagnostic.id == id }
    let fixes = before.compactMap(\.diagnostic.fix)
    let isSuggested = fixes.contains { $0.contains(new) }
    #expect(isSuggested, "\(fixes)", sourceLocation: sourceLocation)
    let after = try LintTests.lint(text.replacing(old, with: whole ?? new)).findings
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

  /// Whatever parentheses an operand has, begins or ends with: the fix is of the same value, parses
  /// in the operand's place, and silences the rule.
  @Test(arguments: [
    ("log", "unsafe-domain"), ("sqrt", "unsafe-domain"), ("1 / ", "division-by-zero"),
    ("exp", "exp-overflow"),
  ])
  func parentheses(op: String, id: String) throws {
    let seed = 11
    var generator = ExpressionGenerator(seed: seed)
    let leaves = "dim N = 4 param p: f32[N] init zeros param \"q)(\": f32[N] init zeros "
    var checked = 0
    for _ in 0..<150 {
      let operand = generator.expression(depth: 3)
      // Longer ones are not quoted.
      guard operand.utf8.count <= 48, operand.contains(/[pq]/) else { continue }
      let text = leaves + "loss = sum(\(op)(\(operand))) output loss"
      let found = try LintTests.lint(text).findings.filter { $0.diagnostic.id == id }
      // What is at fault may be a part of it that has a name, or nothing.
      guard let finding = found.first, finding.nodes.last?.contains(" %") == true,
        let whole = finding.diagnostic.fix, let colon = whole.firstRange(of: ": ")
      else { continue }
      let fix = String(whole[colon.upperBound...])
      let mended = leaves + "loss = sum(\(op)(\(fix))) output loss"
      let after = try LintTests.lint(mended).findings.filter { $0.diagnostic.id == id }
      #expect(after.isEmpty, "seed \(seed): \(operand) => \(fix)")
      #expect(
        try Self.value(leaves, fix) == Self.value(leaves, Self.bounded(operand, by: fix)),
        "seed \(seed): \(operand) => \(fix)")
      checked += 1
    }
    #expect(checked >= 20, "\(checked) were checked")
  }

  /// What the fix must be worth, by the function that it bounds with.
  private static func bounded(_ operand: String, by fix: String) -> String {
    if fix.contains("8 *") { return "8 * tanh((\(operand)) / 8)" }
    return fix.contains("softplus") ? "softplus(\(operand)) + 1e-6" : "(\(operand)) + 1e-6"
  }

  /// An expression's value at numbers that are no multiples of each other.
  private static func value(_ leaves: String, _ expression: String) throws -> [Double] {
    let result = parse(
      SourceFile(name: "test.aya", text: "graph g { \(leaves) y = \(expression) output y }"),
      dialect: .standard)
    let graph = try #require(
      result.graph, "\(expression): \(result.diagnostics.map(\.description))")
    let feeds = [
      "p": ReferenceArray(shape: [4], values: [0.3, -0.7, 1.1, 2.3]),
      "q)(": ReferenceArray(shape: [4], values: [-0.9, 0.2, 1.7, -1.3]),
    ]
    let y = try #require(graph.node(named: "y")?.id)
    let values = try ReferenceInterpreter(graph).evaluate(
      graph.nodes.map(\.id), feeds: feeds, sizes: graph.sizes(binding: [:]))
    return try #require(values[y]).values
  }

  @Test func whatIsNeverNegativeIsMoved() throws {
    let text = "dim N = 4 param p: f32[N] init zeros n = sqrt(sum(square(p))) "
    try Self.check(
      text + "loss = sum(p / n) output loss", "division-by-zero", replacing: "/ n",
      with: "(n + 1e-6)", as: "/ (n + 1e-6)")
  }

  /// What is too long to be quoted is no name that might be another's.
  @Test func longOperandsAreLeftOut() throws {
    let long = (1...12).map { "p * \($0)" }.joined(separator: " + ")
    let fixes = try LintTests.lint(
      "param p: f32[3] init zeros loss = sum(log(\(long))) output loss"
    ).findings.compactMap(\.diagnostic.fix)
    #expect(fixes.contains("make it positive: softplus(…) + 1e-6"), "\(fixes)")
  }
}

/// Random sums, products and calls with parentheses round anything.
private struct ExpressionGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed) }

  /// Knuth's generator (MMIX), its high bits.
  private mutating func next(_ count: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(count))
  }

  mutating func expression(depth: Int) -> String {
    if depth == 0 || next(6) == 0 { return ["p", "\"q)(\"", "3", "(p)"][next(4)] }
    let inner = expression(depth: depth - 1)
    switch next(8) {
    case 0: return "(\(inner))"
    case 1: return "tanh(\(inner))"
    case 2: return "-(\(inner))"
    default:
      let op = [" + ", " - ", " * "][next(3)]
      let other = expression(depth: depth - 1)
      let isWrapped = (next(2) == 0, next(2) == 0)
      return (isWrapped.0 ? "(\(inner))" : inner) + op + (isWrapped.1 ? "(\(other))" : other)
    }
  }
}
