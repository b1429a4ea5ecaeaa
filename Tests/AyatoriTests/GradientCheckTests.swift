import Ayatori
import Foundation
import Testing

@Suite struct GradientCheckTests {
  private static func check(
    _ body: String, wrt: [String]? = nil, seed: UInt64 = 0,
    inputs: [String: NDArray] = [:], options: GradientCheck.Options = GradientCheck.Options()
  ) throws -> GradientCheck {
    try GradientCheck(
      Oracle.graph(text: "graph g { \(body) }"), withRespectTo: wrt, inputs: inputs, seed: seed,
      options: options)
  }

  /// Why the target was refused: as a whole, or at its last entry.
  private static func reason(_ check: GradientCheck, _ name: String) throws -> String {
    let target = try #require(check.targets.first { $0.name == name })
    guard case .refused = target.verdict else { return "\(target.verdict)" }
    if case .refused(let reason)? = target.probes.last?.verdict { return reason }
    return try #require(target.refusal)
  }

  // MARK: What is right

  static let files = (CompilerTests.trainable + CompilerTests.forwardOnly)

  @Test(arguments: files, Pipeline.allCases)
  func everyGraphAgrees(name: String, pipeline: Pipeline) throws {
    let whole = try Oracle.graph(name)
    let small = ["D": 12, "H": 7, "Z": 3].filter { size in
      whole.dimensions.contains { $0.name == size.key }
    }
    var options = CompilerOptions()
    options.pipeline = pipeline
    let graph = try Oracle.graph(name, dims: small)
    let check = try GradientCheck(graph, seed: 1, compiler: Compiler(options))
    #expect(check.passes && check.findings.isEmpty, "\(check.table())")
    #expect(check.targets.allSatisfy { $0.verdict == .agrees }, "\(check.table())")
    #expect(check.targets.allSatisfy { $0.decided.count > 3 }, "\(check.table())")
    #expect(check.chosenSizes == whole.dimensions.filter { $0.defaultSize == nil }.map(\.name))
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let graph = try Oracle.graph("vae_pytorch", dims: ["D": 9, "H": 5, "Z": 2])
    let tables = try [3, 3, 4].map { try GradientCheck(graph, seed: UInt64($0)).table() }
    #expect(tables[0] == tables[1] && tables[0] != tables[2])
  }

  /// By the chain rule through `z` and through the divergence; the graph is cut at each by itself.
  @Test func nodesInside() throws {
    let graph = try Oracle.graph("vae_pytorch", dims: ["D": 9, "H": 5, "Z": 2])
    let check = try GradientCheck(graph, withRespectTo: ["z", "mu", "logvar", "h1", "loss"])
    #expect(check.targets.map(\.name) == ["z", "mu", "logvar", "h1", "loss"])
    #expect(check.targets.allSatisfy { $0.verdict == .agrees }, "\(check.table())")
    let mu = try #require(check.targets.first { $0.name == "mu" })
    #expect(mu.shape == [3, 2] && mu.probes.count == 3 + 6)
  }

  /// Closed form: loss = (p·ε + 2)² has the derivative 2·(p·ε + 2)·ε, at the noise that is fed.
  @Test func noiseIsFrozen() throws {
    let body = """
      param p: f32[] init constant(3.0)
      z ~ normal(mean: 2, stddev: p)
      loss = square(z)
      output loss
      """
    let eps = -0.75
    let check = try Self.check(body, inputs: ["z.eps": NDArray([eps], shape: [])])
    let probe = try #require(check.targets.first?.probes.last)
    #expect(check.lossValue == (3 * eps + 2) * (3 * eps + 2))
    #expect(abs(probe.numeric - 2 * (3 * eps + 2) * eps) < 1e-8)
    #expect(probe.symbolic == 2 * (3 * eps + 2) * eps && check.passes)
    // Drawn noise stays as well: else no quotient would come near.
    #expect(try Self.check(body, seed: 5).passes)
  }

  @Test func arraysAreProjected() throws {
    let check = try Self.check(
      "param p: f32[3] init normal(0.0, 1.0) y = tanh(p) w = y * y output y, w")
    #expect(check.loss == "random projection of y, w")
    #expect(check.passes && check.drawnInputs.isEmpty && check.targets.map(\.name) == ["p"])
  }

  @Test func entriesAreLimited() throws {
    let body = "param p: f32[40] init normal(0.0, 1.0) loss = sum(exp(p) * p) output loss"
    var options = GradientCheck.Options()
    options.directions = 2
    options.entries = 5
    let few = try Self.check(body, options: options)
    #expect(few.targets[0].probes.count == 7)
    let places = few.targets[0].probes.compactMap { probe -> Int? in
      if case .entry(let index) = probe.place { index[0] } else { nil }
    }
    #expect(Set(places).count == 5)
    options.entries = nil
    let all = try Self.check(body, options: options)
    #expect(all.targets[0].probes.count == 42 && all.passes && few.passes)
    let largest = all.targets[0].probes.dropFirst(2).max { abs($0.symbolic) < abs($1.symbolic) }
    #expect(few.targets[0].probes.contains { $0.place == largest?.place })
  }

  // MARK: What is wrong

  /// An op whose value is right and whose derivative is not.
  struct WrongRule: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var op: OpDefinition
    var rule: @Sendable (GradientRule.Context) -> [Value]

    init(
      _ name: String, _ op: OpDefinition,
      _ rule: @escaping @Sendable (GradientRule.Context) -> [Value]
    ) {
      testDescription = name
      self.op = op
      self.rule = rule
    }

    /// The op with the wrong rule, or as it is.
    func definition(isWrong: Bool) -> OpDefinition {
      OpDefinition(
        "planted", op.summary, operands: op.operands, attributes: op.attributes, type: op.type,
        gradient: isWrong ? .rule(rule) : op.gradient, reference: op.reference, kernel: op.kernel,
        drawing: op.drawing)
    }
  }

  static let wrongRules = [
    WrongRule("sigmoid without 1 − y", .sigmoid) { [$0.cotangent * $0.result] },
    WrongRule("tanh with 1 + y²", .tanh) { [$0.cotangent * (1 + square($0.result))] },
    WrongRule("lost sign", .cos) { [$0.cotangent * sin($0[0])] },
    WrongRule("off by 1e-4", .exp) { [$0.cotangent * $0.result * 1.0001] },
    WrongRule("half a square", .square) { [$0.cotangent * $0[0]] },
    WrongRule("lost factor of the chain", .softplus) { [sigmoid($0[0]) + $0.cotangent * 0] },
    WrongRule("not a number", .softplus) { [$0.cotangent * log($0[0] * 0 - 1)] },
    WrongRule("zero", .tanh) { [$0.cotangent * 0] },
    WrongRule("transposed", .tanh) { [transpose($0.cotangent * (1 - square($0.result)))] },
    WrongRule("one entry of nine", .exp) { g in
      // 1 at the entry of the largest operand alone.
      let isLargest = cast(equal(g[0], max(g[0])), to: g[0].dtype)
      return [g.cotangent * g.result * (1 + isLargest * 0.01)]
    },
  ]

  private static func planted(_ rule: WrongRule, isWrong: Bool) throws -> GradientCheck {
    let builder = GraphBuilder("planted")
    let p = builder.parameter(
      "p", ValueType(.f32, [3, 3]), .normal(mean: 0.3, standardDeviation: 1))
    let q = builder.parameter("q", ValueType(.f32, [3, 3]), .normal(mean: 0, standardDeviation: 1))
    let y = builder.make(rule.definition(isWrong: isWrong), [p * 0.7])
    builder.output("loss", sum(square(y - q)).named("loss"))
    return try GradientCheck(builder.build(), seed: 3)
  }

  @Test(arguments: wrongRules) func wrongRulesAreFound(rule: WrongRule) throws {
    let check = try Self.planted(rule, isWrong: true)
    #expect(!check.passes)
    let found = check.targets.filter { $0.verdict == .differs }
    #expect(found.map(\.name) == ["p"], "\(check.table())")
    #expect(check.worst?.target.name == "p")
    let findings = check.findings
    #expect(findings.map(\.id) == ["gradient-mismatch"])
    #expect(findings[0].got?.contains(" at p") == true)
    #expect(check.table().contains("DIFFERS"))
  }

  @Test(arguments: wrongRules) func dont_condemnTheRightRule(rule: WrongRule) throws {
    let check = try Self.planted(rule, isWrong: false)
    #expect(check.passes && check.findings.isEmpty, "\(check.table())")
  }

  /// By a projection alone, and by entries alone.
  @Test(arguments: [(3, 0), (0, 9)]) func eitherWayFinds(directions: Int, entries: Int) throws {
    var options = GradientCheck.Options()
    (options.directions, options.entries) = (directions, entries)
    let builder = GraphBuilder("planted")
    let p = builder.parameter(
      "p", ValueType(.f32, [3, 3]), .normal(mean: 0.3, standardDeviation: 1))
    let y = builder.make(Self.wrongRules[9].definition(isWrong: true), [p])
    builder.output("loss", sum(y).named("loss"))
    let check = try GradientCheck(builder.build(), options: options)
    #expect(check.targets[0].verdict == .differs, "\(check.table())")
  }

  // MARK: What is refused

  @Test(arguments: [
    ("loss = relu(p)", "kink between x and x + h at 'loss'"),
    ("loss = abs(p)", "kink between x and x + h at 'loss'"),
    ("a = maximum(p, 0) loss = a * 2", "kink between x and x + h at 'a'"),
    ("a = minimum(p, 0) loss = a * 2", "kink between x and x + h at 'a'"),
    ("loss = max(v)", "kink between x and x + h at 'loss'[0]"),
    ("loss = min(v)", "kink between x and x + h at 'loss'[1]"),
    ("c = p < 0 loss = select(c, p, 2 * p)", "kink between x and x − h at 'c'"),
    ("n = cast(p + 3, to: i32) loss = p * cast(n, to: f32)", "kink between x and x − h at 'n'"),
    ("s = sign(p) loss = s * square(p - 1)", "kink between x and x + h at 's'"),
    ("k = argmax(v) loss = sum(v) * cast(k, to: f32)", "kink between x and"),
    ("loss = sqrt(square(square(p) + p))", "kink: the slope is -1 on the left, 1 on the right"),
    ("loss = 1 / (p + 1e-9)", "kink between x and x − h at 'loss'"),
    ("loss = log(p - 1)", "the loss is not finite: nan"),
    ("loss = sqrt(p)", "the loss is not finite at x − h"),
    ("loss = 1e12 + 1e-5 * sin(p)", "rounding and curvature hide the derivative at every step"),
  ])
  func refusals(body: String, reason: String) throws {
    let name = body.contains("(v)") ? "v" : "p"
    let check = try Self.check(
      "param p: f32[] init zeros param v: f32[2] init constant(1.0) \(body) output loss",
      wrt: [name])
    let given = try Self.reason(check, name)
    #expect(given.hasPrefix(reason), "\(check.table())")
    #expect(!check.passes && check.findings.map(\.id) == ["nothing-checked"])
    #expect(check.table().contains("0 agree, 0 differ, 1 refused"))
  }

  @Test(arguments: [
    // 1e-7 from the kink: a smaller step keeps clear of it.
    "loss = relu(p + 1e-7) + p", "loss = abs(p - 1e-7)",
    "loss = p ** 2 + p ** 3 + p", "loss = maximum(p, p) + maximum(p, p - 1)",
    "loss = select(p < 1, p, 2 * p)", "loss = 1 / (p + 2)", "loss = sum(v) * p + max(v) - p",
    // Nothing that the loss needs.
    "accuracy = cast(p < 0, to: f32) loss = exp(p) output accuracy",
    // A derivative of 0 is one.
    "loss = cos(p)", "loss = p ** 3", "loss = 1e6 * cos(p)",
  ])
  func dont_refuse(body: String) throws {
    let check = try Self.check(
      "param p: f32[] init zeros param v: f32[2] init constant(1.0) \(body) output loss",
      wrt: ["p"])
    #expect(check.passes, "\(check.table())")
    let probes = check.targets.flatMap(\.probes)
    #expect(probes.count == 4 && probes.allSatisfy { $0.verdict == .agrees }, "\(check.table())")
  }

  /// Of a target with many entries only those at a kink are refused.
  @Test func onlyTheEntryAtTheKink() throws {
    let check = try Self.check(
      "input x: f32[4] loss = sum(relu(x)) output loss",
      inputs: ["x": NDArray([1.0, 0, -1, 2], shape: [4])])
    let refused = check.targets[0].probes.filter { $0.verdict != .agrees }
    #expect(check.passes && check.targets[0].verdict == .agrees)
    #expect(refused.map(\.place) == [0, 1, 2].map { .direction($0) } + [.entry([1])])
    #expect(check.table().contains("and 3 more"))
  }

  // MARK: Steps, and nothing at all

  /// The derivative through a condition is zero where there is one: no cut.
  @Test func dont_refuseConditions() throws {
    let check = try Self.check(
      "param p: f32[] init constant(0.5) loss = select(p > 0, square(p), p) output loss")
    #expect(check.passes && check.targets[0].verdict == .agrees)
  }

  @Test func stepsHaveNoGradient() throws {
    let check = try Self.check(
      "param p: f32[] init constant(0.5) loss = cast(p > 0, to: f32) output loss")
    #expect(try Self.reason(check, "p").contains("a comparison is a step function"))
    #expect(check.findings.map(\.id) == ["nothing-checked"])
  }

  @Test func nothingToCheck() throws {
    let check = try Self.check("z ~ normal(mean: 0.0, stddev: 1.0) loss = z + 1 output loss")
    #expect(check.targets.isEmpty && !check.passes)
    #expect(check.findings.first?.fix == "name one: --wrt")
    let empty = try Self.check("param p: f32[0] init zeros loss = sum(p) output loss")
    #expect(try Self.reason(empty, "p") == "it has no elements")
  }

  // MARK: Wrong input

  @Test func namesAndTypesAreChecked() throws {
    let body = "input x: f32[2] input k: i64[2] loss = sum(x) output loss"
    #expect(
      Oracle.diagnostics { _ = try Self.check(body, wrt: ["y", "z"]) }.map(\.id)
        == ["unknown-node", "unknown-node"])
    #expect(
      Oracle.diagnostics { _ = try Self.check(body, wrt: ["k"]) }.map(\.id)
        == ["target-not-floating"])
    #expect(
      Oracle.diagnostics {
        _ = try Self.check(body, inputs: ["x": NDArray([1.0], shape: [1])])
      }.map(\.id) == ["fed-shape"])
    #expect(
      Oracle.diagnostics {
        _ = try Self.check(body, inputs: ["q": NDArray([1.0], shape: [1])])
      }.map(\.id) == ["unknown-node"])
    let check = try Self.check(body)
    #expect(check.drawnInputs == ["x", "k"] && check.targets.map(\.name) == ["x"])
  }
}
