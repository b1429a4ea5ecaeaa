import Foundation
import Testing
import VAE

@Suite struct LintTests {
  static let graphs =
    URL(filePath: #filePath).deletingLastPathComponent().path() + "../../Graphs/"

  private static func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: graphs + folder)
      .filter { $0.hasSuffix(".aya") }.sorted()
  }

  /// The findings in a text with one graph.
  static func lint(_ body: String, name: String = "g") throws -> Lint {
    let result = parse(
      SourceFile(name: "test.aya", text: "graph \(name) { \(body) }"), dialect: .standard)
    return try Lint(
      try #require(result.graph, "\(result.diagnostics.map(\.description))"))
  }

  static func warnings(_ lint: Lint) -> [String] {
    lint.findings.filter(\.isWarning).map(\.diagnostic.id)
  }

  // MARK: Traps

  static let traps = (try? names("traps/")) ?? []

  /// What the first line of a trap announces.
  private static func announced(_ name: String) throws -> String {
    let text = try String(contentsOfFile: graphs + "traps/" + name, encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first)
    #expect(line.hasPrefix("// lint: "))
    return String(line.dropFirst("// lint: ".count))
  }

  @Test(arguments: traps) func eachTrapIsFound(name: String) throws {
    let expected = try Self.announced(name)
    let graph = try Graph.load(Self.graphs + "traps/" + name)
    let lint = try Lint(graph)
    #expect(Set(Self.warnings(lint)) == (expected == "none" ? [] : [expected]), "\(lint.summary)")
    for finding in lint.findings {
      // A place in the file, a fix, and the reason.
      #expect(finding.diagnostic.location != nil && finding.diagnostic.fix != nil)
      #expect(finding.diagnostic.notes.first?.message.hasPrefix("why: ") == true)
      #expect(!finding.nodes.isEmpty)
    }
  }

  @Test func eachRuleHasATrap() throws {
    #expect(Self.traps.count == 18)
    let announced = try Set(Self.traps.map(Self.announced))
    #expect(announced.subtracting(["none"]) == Set(LintRule.all.map(\.id)))
    #expect(LintRule.all.allSatisfy { !$0.why.isEmpty })
  }

  /// What is true of the graphs that people are shown, and nothing else.
  static let notes: [String: [String]] = [
    "linear_gaussian.aya": ["exp-overflow"], "vae_2d.aya": ["exp-overflow"],
    "vae_pytorch.aya": ["exp-overflow"], "vae_chainer.aya": ["exp-overflow"],
    "vae_naive.aya": ["log-of-probability", "log-of-probability", "exp-overflow"],
  ]

  @Test func dont_alarmAtGoodGraphs() throws {
    for name in try Self.names("") {
      let lint = try Lint(try Graph.load(Self.graphs + name))
      #expect(Self.warnings(lint) == [], "\(name)")
      #expect(lint.findings.map(\.diagnostic.id) == Self.notes[name] ?? [], "\(name)")
    }
  }

  // MARK: Numbers

  @Test(arguments: [
    ("loss = sum(exp(100 * tanh(p)))", ["exp-overflow"]),
    ("loss = sum(expm1(90 * sigmoid(p)))", ["exp-overflow"]),
    ("loss = sum(exp(cast(100 * tanh(p), to: f64)))", []),
    ("loss = sum(exp(80 * tanh(p)))", []),
    ("loss = sum(exp(minimum(p, 88)))", []),
    ("loss = sum(exp(-square(p)))", []),
    ("loss = sum(log(0.5 * sigmoid(p)))", ["log-of-probability"]),
    ("loss = sum(log1p(-0.5 * sigmoid(p)))", []),
    ("loss = sum(log(0.5 * sigmoid(p) + 1e-6))", []),
    ("loss = sum(log(1 + exp(p)))", []), ("loss = sum(log(square(p) + 1))", []),
    ("loss = sum(log(square(p) - 1))", ["unsafe-domain"]),
    ("loss = sum(log1p(tanh(p) * 2))", ["unsafe-domain"]),
    ("loss = sum(sqrt(p))", ["unsafe-domain"]), ("loss = sum(sqrt(square(p) + 1))", []),
    ("loss = sum(1 / p)", ["division-by-zero"]),
    ("loss = sum(reciprocal(p))", ["division-by-zero"]),
    ("loss = sum(rsqrt(p))", ["unsafe-domain", "division-by-zero"]),
    ("loss = sum(rsqrt(softplus(p)))", []), ("loss = sum(1 / (1 + exp(-p)))", []),
    ("loss = sum(p / sum(exp(p)))", []), ("loss = sum(p) / N", []),
    ("loss = sum(p / (abs(p) - 1))", ["division-by-zero"]),
    ("loss = sum(p) dead = log(p)", []),
  ])
  func numbers(body: String, ids: [String]) throws {
    let lint = try Self.lint("dim N = 4 param p: f32[N] init zeros \(body) output loss")
    #expect(Self.warnings(lint) == ids)
  }

  @Test func limitsAreThoseOfTheDType() throws {
    let f32 = try Self.lint("param p: f32[] init zeros loss = exp(100 * tanh(p)) output loss")
    #expect(f32.findings[0].diagnostic.message.contains("may reach 100, beyond 88.7"))
    let f64 = try Self.lint("param p: f64[] init zeros loss = exp(800 * tanh(p)) output loss")
    #expect(f64.findings[0].diagnostic.message.contains("may reach 800, beyond 710"))
  }

  /// The same hazard, seen by a rewrite or not.
  @Test func rewritesAreNamed() throws {
    let head = "param p: f32[] init zeros "
    let mended = try Self.lint(head + "s = sigmoid(p) loss = -log(s) output loss").findings
    #expect(mended.map(\.rewrites) == [["log_sigmoid"]] && !mended[0].isWarning)
    #expect(mended[0].diagnostic.notes.contains { $0.message.contains("mended by log_sigmoid") })
    let open = try Self.lint(head + "s = 0.9 * sigmoid(p) loss = -log(s) output loss").findings
    #expect(open.map(\.rewrites) == [[]] && open[0].isWarning)
    #expect(open[0].diagnostic.notes.contains { $0.message == "no rewrite mends it" })
  }

  // MARK: Noise, losses, scales

  static let model = """
    dim N dim D = 6, Z = 2
    input x: f32[N, D]
    layer a = linear(D, Z) init torch
    layer b = linear(D, Z) init torch
    layer c = linear(Z, D) init torch
    mu = a(x)
    s = 8 * tanh(b(x) / 8)

    """

  static let draw = "z ~ normal(mean: mu, log_variance: s) "
  static let bce = "bce = sum(bernoulli_nll(x, logits: c(z))) "
  static let kld = "kld = sum(kl_normal(mean: mu, log_variance: s)) "

  @Test(arguments: [
    // β by name, alike reductions of every kind, a penalty on weights, a term without examples.
    draw + bce + kld + "const beta = 4.0 loss = bce + beta * kld",
    draw + bce + kld + "loss = (bce + kld) / N",
    draw + bce + kld + "loss = bce / N + 3 * kld / N + 0.1 * sum(square(c.W))",
    draw + "bce = mean(sum(bernoulli_nll(x, logits: c(z)), axes: [1])) "
      + "kld = mean(sum(kl_normal(mean: mu, log_variance: s), axes: [1])) loss = bce + kld",
    // A mean made up for.
    draw + "bce = mean(bernoulli_nll(x, logits: c(z))) * D " + kld + "loss = bce + kld / N",
    // Divergences by hand and by the draw.
    draw + bce + "kld = -0.5 * sum(1 + s - mu ** 2 - exp(s)) loss = bce + kld",
    draw + bce + "lq = -0.5 * (square(z - mu) * exp(-s) + s) lp = -0.5 * square(z) "
      + "loss = bce + sum(lq - lp)",
    // Other parameters of the same distribution.
    "sigma = exp(0.5 * s) z ~ normal(mean: mu, stddev: sigma) " + bce + kld + "loss = bce + kld",
    "h = 0.5 * s z ~ normal(mean: mu, log_stddev: h) " + bce + kld + "loss = bce + kld",
    "noise e: f32[N, Z] ~ normal sigma = exp(0.5 * s) z = mu + sigma * e " + bce + kld
      + "loss = bce + kld",
    "z ~ normal(mean: mu, log_variance: s) " + bce
      + "kld = sum(kl_normal(mean: mu, log_variance: 2 * (0.5 * s))) loss = bce + kld",
    // Noise of a fixed scale is a choice.
    "z ~ normal(mean: mu, stddev: 0.1) loss = sum(bernoulli_nll(x, logits: c(z))) + sum(square(s))",
    // Two draws, each with its own noise.
    draw + "w ~ normal(mean: mu, log_variance: s) "
      + "loss = sum(square(c(z) - c(w))) + sum(kl_normal(mean: mu, log_variance: s))",
    // An average over all pixels, and a divergence that is scaled alike.
    draw + "loss = mean(bernoulli_nll(x, logits: c(z))) "
      + "+ sum(kl_normal(mean: mu, log_variance: s)) / (N * D)",
    // Terms of an image each, averaged over the batch.
    draw + "a = sum(bernoulli_nll(x, logits: c(z)), axes: [1]) "
      + "k = sum(kl_normal(mean: mu, log_variance: s), axes: [1]) loss = mean(a + k)",
    // A kink that is no clamp.
    "t = abs(s) z ~ normal(mean: mu, log_variance: t) " + bce
      + "kld = sum(kl_normal(mean: mu, log_variance: t)) loss = bce + kld",
  ])
  func dont_alarm(body: String) throws {
    let lint = try Self.lint(Self.model + body + " output loss")
    #expect(lint.findings.map(\.diagnostic.message) == [])
  }

  @Test(arguments: [
    (draw + bce + kld + "loss = bce / N + kld", "mean-loss-sum-kl", "1/N in 'bce', 1 in 'kld'"),
    (
      draw + "bce = mean(bernoulli_nll(x, logits: c(z))) " + kld + "loss = bce + kld / N",
      "hidden-beta", "'bce' is averaged over D: an element counts 1/(D·N), 1/N in 'kld'"
    ),
    (
      draw + bce + "loss = bce / N + sum(kl_normal(mean: mu, log_variance: s)) / (N * D)",
      "hidden-beta", "is averaged over D: an element counts 1/(D·N), 1/N in 'bce'"
    ),
    (
      draw + "a = mean(bernoulli_nll(x, logits: c(z)), axes: [1]) "
        + "k = sum(kl_normal(mean: mu, log_variance: s), axes: [1]) loss = mean(a + k)",
      "hidden-beta", "'a' is averaged over D: an element counts 1/(D·N), 1/N in 'k'"
    ),
    (
      draw + "a = sum(bernoulli_nll(x, logits: c(z)), axes: [1]) "
        + "k = sum(kl_normal(mean: mu, log_variance: s)) loss = mean(a + k)",
      "mean-loss-sum-kl", "1/N in 'a', 1 in 'k'"
    ),
    (
      "h = 0.5 * s z ~ normal(mean: mu, log_variance: h) " + bce + kld + "loss = bce + kld",
      "scale-mismatch", "is 0.5 times what"
    ),
    (
      "v = softplus(s) z ~ normal(mean: mu, stddev: v) " + bce + kld + "loss = bce + kld",
      "scale-mismatch", "is another function than"
    ),
    (
      "t = relu(s) z ~ normal(mean: mu, log_variance: t) " + bce
        + "kld = sum(kl_normal(mean: mu, log_variance: t)) loss = bce + kld",
      "clamped-scale", "the scale of 'z' is clamped at 0"
    ),
    (
      "t = 0.5 * maximum(s, -3.0) z ~ normal(mean: mu, log_stddev: t) " + bce
        + "kld = sum(kl_normal(mean: mu, log_variance: 2 * t)) loss = bce + kld",
      "clamped-scale", "clamped at -3"
    ),
    (
      draw + bce + "loss = bce + sum(square(mu))", "unaccounted-noise", "'s' reaches it"
    ),
    (
      "input e: f32[N, Z] z ~ normal(mean: mu, log_variance: s, noise: e) " + bce + kld
        + "loss = bce + kld",
      "fixed-noise", "the noise of 'z' is 'e'"
    ),
    (
      draw + bce + kld + "layer d = linear(D, D) init torch loss = bce + kld + 0 * sum(s) "
        + "other = d(x) output other",
      "unreached-parameter", "'d.W'"
    ),
  ])
  func faults(body: String, id: String, message: String) throws {
    let lint = try Self.lint(Self.model + body + " output loss")
    #expect(Set(Self.warnings(lint)) == [id], "\(lint.findings.map(\.diagnostic.message))")
    let found = lint.findings.first { $0.isWarning }
    #expect(found?.diagnostic.message.contains(message) == true, "\(String(describing: found))")
  }

  /// A draw that is the loss has nothing to account for; without a loss nothing is said of losses.
  @Test func dont_lookForALossThatIsNone() throws {
    let lone = try Self.lint("param m: f32[] init zeros z ~ normal(mean: m, stddev: 1.0) output z")
    #expect(lone.findings.isEmpty)
    let none = try Self.lint(Self.model + Self.draw + "y = c(z) output y")
    #expect(none.findings.isEmpty)
  }

  @Test func namesAreChecked() throws {
    let graph = try Graph.load(Self.graphs + "vae_pytorch.aya")
    #expect(throws: Diagnostic.self) { try Lint(graph, loss: "lss") }
    #expect(
      try Lint(graph, loss: "bce").findings.contains { $0.diagnostic.id == "unaccounted-noise" })
  }
}
