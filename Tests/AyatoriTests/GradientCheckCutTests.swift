import Ayatori
import Foundation
import Testing

/// Gradients of graphs that cut them: checked with what is cut off held at its value.
@Suite struct GradientCheckCutTests {
  private static func check(
    _ body: String, wrt: [String]? = nil, seed: UInt64 = 0, inputs: [String: NDArray] = [:]
  ) throws -> GradientCheck {
    try GradientCheck(
      Oracle.graph(text: "graph g { \(body) output loss }"), withRespectTo: wrt, inputs: inputs,
      seed: seed)
  }

  private static func target(_ check: GradientCheck, _ name: String) throws -> GradientCheck.Target
  {
    try #require(check.targets.first { $0.name == name })
  }

  /// The derivative with respect to a scalar, by both ways.
  private static func expect(
    _ check: GradientCheck, _ name: String, _ truth: Double,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let found = try target(check, name)
    #expect(found.verdict == .agrees, "\(check.table())", sourceLocation: sourceLocation)
    let probe = try #require(found.probes.last, sourceLocation: sourceLocation)
    for value in [probe.symbolic, probe.numeric] {
      #expect(abs(value - truth) < 1e-7, "\(name): \(value)", sourceLocation: sourceLocation)
    }
  }

  // MARK: Closed forms

  /// loss = a·p + q·p with a = stop(p): ∂loss/∂p = a + q, not 2p + q.
  @Test func aStoppedFactorIsAConstant() throws {
    let check = try Self.check(
      """
      param p: f32[] init constant(2.0) param q: f32[] init constant(1.0)
      a = stop_gradient(p) loss = a * p + q * p
      """)
    try Self.expect(check, "p", 3)
    try Self.expect(check, "q", 2)
    #expect(check.held.map(\.node) == ["a"] && check.passes)
    let line = "held at their values, as the graph's gradient takes them: a"
    #expect(check.heldLine == line && check.table().contains("\n\(line)\n"))
  }

  /// A score function's gradient at one draw: f(b)·(b − σ(l)), for f = (b − 0.45)².
  @Test(arguments: [0.2, 0.9]) func aScoreFunction(noise: Double) throws {
    let check = try Self.check(
      """
      param l: f32[] init constant(0.4)
      b ~ bernoulli(logits: l) estimator score
      loss = square(b - 0.45)
      """, inputs: ["b.eps": NDArray([noise], shape: [])])
    let chance = 1 / (1 + exp(-0.4))
    let b = log(noise / (1 - noise)) + 0.4 > 0 ? 1.0 : 0
    try Self.expect(check, "l", (b - 0.45) * (b - 0.45) * (b - chance))
    #expect(check.held.contains { $0.node == "b" })
  }

  /// Straight through: f′(b)·σ(l)·(1 − σ(l)).
  @Test func straightThrough() throws {
    let check = try Self.check(
      """
      param l: f32[] init constant(0.4)
      b ~ bernoulli(logits: l) estimator straight_through
      loss = square(b - 0.45)
      """, inputs: ["b.eps": NDArray([0.9], shape: [])])
    let chance = 1 / (1 + exp(-0.4))
    try Self.expect(check, "l", 2 * 0.55 * chance * (1 - chance))
  }

  /// A score function of a normal draw: f(z)·(z − m)/σ² in m.
  @Test func aScoreFunctionOfANormal() throws {
    let eps = -0.7
    let check = try Self.check(
      """
      param m: f32[] init constant(0.5) param s: f32[] init constant(2.0)
      z ~ normal(mean: m, stddev: s) estimator score
      loss = square(z)
      """, inputs: ["z.eps": NDArray([eps], shape: [])])
    let z = 0.5 + 2 * eps
    try Self.expect(check, "m", z * z * eps / 2)
    try Self.expect(check, "s", z * z * (eps * eps - 1) / 2)
  }

  /// Behind a stopped draw only the divergence is left: ∂KL/∂m = m, ∂KL/∂s = (eˢ − 1)/2.
  @Test func aStoppedDraw() throws {
    let check = try Self.check(
      """
      param m: f32[] init constant(0.5) param s: f32[] init constant(0.3)
      param w: f32[] init zeros
      z ~ normal(mean: m, log_variance: s) estimator stopped
      loss = square(z - w) + kl_normal(mean: m, log_variance: s)
      """)
    try Self.expect(check, "m", 0.5)
    try Self.expect(check, "s", (exp(0.3) - 1) / 2)
    #expect(check.passes && check.held.map(\.node) == ["z"])
  }

  /// The cut itself is moved where it is the target, and held for the others.
  @Test func aCutAsTarget() throws {
    let check = try Self.check(
      "param p: f32[] init constant(2.0) a = stop_gradient(p) loss = square(a) * p",
      wrt: ["a", "p"])
    try Self.expect(check, "a", 8)
    try Self.expect(check, "p", 4)
  }

  // MARK: Models

  @Test(arguments: [
    ("vae_pytorch", "score", 1), ("vae_pytorch", "score_leave_one_out", 3),
    ("vae_pytorch", "sticking_the_landing", 1), ("vae_pytorch", "stopped", 2),
    ("vae_chainer", "score_mean_baseline", 1), ("vae_bernoulli", "score_leave_one_out", 4),
    ("vae_bernoulli", "straight_through", 1), ("vae_bernoulli", "score_best_baseline", 1),
    ("vae_bernoulli", "straight_through_gumbel_softmax", 1),
  ])
  func everyEstimatorIsChecked(name: String, estimator: String, draws: Int) throws {
    let graph = try Oracle.graph(name, dims: ["D": 12, "H": 7, "Z": 3])
      .choosing(estimator: estimator, draws: draws)
    let check = try GradientCheck(graph, seed: 1)
    #expect(check.targets.allSatisfy { $0.verdict == .agrees }, "\(check.table())")
    #expect(check.targets.allSatisfy { $0.decided.count > 3 }, "\(check.table())")
    #expect(!check.held.isEmpty)
    let again = try GradientCheck(graph, seed: 1)
    #expect(again.table() == check.table())
  }

  @Test func manyAreCounted() throws {
    let graph = try Oracle.graph("vae_bernoulli", dims: ["D": 12, "H": 7, "Z": 3])
    let check = try GradientCheck(graph, seed: 1)
    let line = try #require(check.heldLine)
    #expect(check.held.count > 4 && line.hasSuffix(" and \(check.held.count - 3) more"))
  }

  /// Nothing is said to be held where nothing is.
  @Test func dont_holdWhatFlows() throws {
    let check = try Self.check("param p: f32[] init constant(2.0) loss = square(p)")
    #expect(check.held.isEmpty && check.heldLine == nil && !check.table().contains("held"))
    // A cut that no target lies behind, and one that the loss does not need.
    let aside = try Self.check(
      """
      param p: f32[] init constant(2.0) param q: f32[] init constant(1.0)
      a = stop_gradient(q) c = stop_gradient(p) loss = square(p) * a
      """, wrt: ["p"])
    #expect(aside.held.isEmpty && aside.passes)
  }

  // MARK: What is wrong, and what is refused

  /// A tanh with a rule of its own.
  private static func op(_ rule: GradientRule) -> OpDefinition {
    let tanh = OpDefinition.tanh
    return OpDefinition(
      "planted", tanh.summary, operands: tanh.operands, attributes: tanh.attributes,
      type: tanh.type, gradient: rule, reference: tanh.reference, kernel: tanh.kernel,
      drawing: tanh.drawing)
  }

  private static func planted(_ rule: GradientRule) throws -> GradientCheck {
    let op = op(rule)
    let builder = GraphBuilder("planted")
    let p = builder.parameter(
      "p", ValueType(.f32, [3]), .normal(mean: 0.3, standardDeviation: 1))
    let q = builder.parameter("q", ValueType(.f32, [3]), .normal(mean: 0, standardDeviation: 1))
    let y = builder.make(op, [p])
    builder.output("loss", sum(stopGradient(square(y)) * y + y * q).named("loss"))
    return try GradientCheck(builder.build(), seed: 3)
  }

  @Test func aWrongRuleBesideACutIsFound() throws {
    let right = try Self.planted(.rule { [$0.cotangent * (1 - square($0.result))] })
    #expect(right.passes && right.held.count == 1, "\(right.table())")
    let wrong = try Self.planted(.rule { [$0.cotangent * (1 - 0.99 * square($0.result))] })
    #expect(try Self.target(wrong, "p").verdict == .differs, "\(wrong.table())")
    #expect(wrong.findings.map(\.id) == ["gradient-mismatch"])
  }

  /// A rule that says that nothing passes where the op's record does not is not believed.
  @Test func dont_holdWhatARuleAloneCuts() throws {
    let check = try Self.planted(.partial { _ in [.notConnected(because: "for no reason")] })
    let isBelieved = check.held.contains { $0.node.hasPrefix("planted") }
    #expect(!isBelieved)
    let builder = GraphBuilder("planted")
    let p = builder.parameter("p", ValueType(.f32, []), .constant(.float(0.5)))
    let op = Self.op(.partial { _ in [.notConnected(because: "for no reason")] })
    let (y, z) = (builder.make(op, [p]), builder.make(op, [p * 2]))
    builder.output("loss", (y * z + p).named("loss"))
    let mixed = try GradientCheck(builder.build())
    #expect(
      mixed.targets.map(\.verdict) == [
        .refused(
          "its value passes where its gradient does not: 'p' ⊣ 'planted %1': for no reason "
            + "(at 'planted %1'); and at 1 more")
      ], "\(mixed.table())")
  }

  /// Equal reasons are told once, with all targets; each is one line.
  @Test func refusalsAreToldOnce() throws {
    let check = try Self.check(
      """
      param p: f32[] init constant(2.0) param far: f32[] init zeros param q: f32[] init zeros
      h = p * q a = stop_gradient(h) loss = a * 2
      """)
    #expect(check.findings.map(\.id) == ["nothing-checked"])
    let lines = check.table().split(separator: "\n")
    let cut = lines.filter { $0.contains("stop_gradient cuts the path") }
    #expect(cut.count == 1 && cut.first?.hasPrefix("  p, q: ") == true, "\(check.table())")
    #expect(lines.contains("  far: no gradient reaches it: 'loss' does not depend on 'far'"))
    #expect(lines.allSatisfy { $0.count < 200 })
  }
}
