import Ayatori
import Testing

/// Wrong rules are planted, and validation must catch every one and name it.
@Suite struct MutationTests {
  static let small = PlantedRule.all

  @Test func thereAreManyRules() {
    #expect(Set(Self.small.map(\.rule.name)).count == Self.small.count)
    #expect(Self.small.count >= 40)
  }

  /// In a graph of its own, the rule is named with the node at which it fires.
  @Test(arguments: small.indices)
  func caughtInASmallGraph(index: Int) throws {
    let planted = Self.small[index]
    let graph = try Self.graph(planted.statements)
    let pass = Pass("planted", "wrong", rules: [planted.rule])
    for seed in ValidationTests.seeds {
      let failure = try Mutant.failure([pass], on: graph, seed: seed)
      #expect(failure?.pass == "planted", "\(planted.rule.name), seed \(seed)")
      #expect(failure?.rule == planted.rule.name)
      #expect(failure?.pattern == planted.rule.pattern)
      #expect(failure?.node == planted.node)
      #expect(failure?.location?.line == 4)
    }
  }

  private static func graph(_ statements: String) throws -> Graph {
    try Oracle.graph(
      text: """
        graph g {
          input x: f32[3, 4]  param w: f32[3, 4] init zeros  param u: f32[3, 4] init zeros
          param s: f32[3, 3] init zeros  param m: f32[3, 4] init zeros  param v: f32[3] init zeros
          \(statements)
          output y
        }
        """)
  }

  // MARK: In the models

  static let models = ["vae_pytorch", "vae_chainer"]

  /// Wherever a wrong rule applies in a model's training step, among many right replacements, it is
  /// caught.
  @Test(arguments: models)
  func caughtInTrainingSteps(model: String) throws {
    var options = CompilerOptions()
    options.pipeline = .debug
    let source = try Oracle.graph(model)
    let training = try Compiler(options).trainingGraph(
      of: source, loss: "loss", optimizer: .adam())
    try Self.expectCaught(training, atLeast: 20)
  }

  @Test(arguments: models)
  func caughtInGradients(model: String) throws {
    let gradient = try Compiler().stage(.gradient, of: Oracle.graph(model))
    try Self.expectCaught(gradient, atLeast: 12)
  }

  /// Rules that do no harm in a model, whatever they do elsewhere.
  private static let harmless: [String: [String: String]] = [
    "naive_expm1": [
      "vae_pytorch": "the digits it loses lie below the rounding of what they are added to",
      "vae_chainer": "the same",
    ],
    "not_exact_reciprocal": ["vae_chainer": "1 / N is 1 · (1/N) to the bit"],
    "not_exact_factoring": ["vae_chainer": "μ·g + μ·g is μ · (g + g) to the bit"],
  ]

  private static func expectCaught(_ graph: Graph, atLeast count: Int) throws {
    var fired = 0
    for planted in small {
      let pass = Pass("planted", "wrong", rules: rightRules + [planted.rule])
      let run = try PassManager([pass]).run(graph)
      guard run.replacements.contains(where: { $0.rule == planted.rule.name }) else { continue }
      guard harmless[planted.rule.name]?[graph.name] == nil else { continue }
      fired += 1
      let failure = try Mutant.failure(
        [.forwardContributions, pass, .eliminateDeadNodes], on: graph)
      #expect(failure?.pass == "planted", "\(planted.rule.name)")
      #expect(failure?.rule == planted.rule.name)
    }
    #expect(fired >= count, "\(fired) rules fired")
  }

  /// Replacements that are right, for the wrong ones to hide among.
  private static let rightRules = [
    RewriteRule("square_as_product", "x² => x·x", .exact, on: [.square]) { $0[0] * $0[0] },
    RewriteRule("commuted", "a · c => c · a", .exact, on: [.mul]) { site in
      site.literal(site[1]) != nil && site.literal(site[0]) == nil ? site[1] * site[0] : nil
    },
    RewriteRule("negated_sub", "a - b => a + -b", .exact, on: [.sub]) { site in
      site[0].name != nil ? site[0] + -site[1] : nil
    },
  ]

  // MARK: Passes in one piece

  /// Passes that make no use of rules, over a training step: what they did is seen, and named as
  /// far as they say it.
  @Test(arguments: [
    ("dead_update", "update of 'fc1.W' is gone"),
    ("swapped_updates", "update of 'fc_mu.b' at"), ("lost_output", "output 'kld' is gone"),
    ("renamed_output", "output 'kld' is gone"), ("new_output", "output 'more' was not there"),
    ("swapped_outputs", "output 'bce' was"), ("other_type", "output 'bce' was a f32[]"),
    ("shared_parameters", "at 'logvar'"),
  ])
  func passesInOnePiece(name: String, complaint: String) throws {
    var options = CompilerOptions()
    options.pipeline = .debug
    let graph = try Compiler(options).trainingGraph(
      of: Oracle.graph("vae_pytorch"), loss: "loss", optimizer: .adam())
    let pass = Pass(name, "wrong") { graph, _ in
      PassResult(graph: Self.damaged(graph, name), places: graph.nodes.map(\.id))
    }
    let failure = try #require(try Mutant.failure([pass], on: graph))
    #expect(failure.pass == name && failure.rule == nil)
    #expect(failure.description.contains(complaint), "\(failure)")
  }

  private static func damaged(_ graph: Graph, _ how: String) -> Graph {
    var outputs = graph.outputs
    var updates = graph.updates
    var nodes = graph.nodes
    func id(_ name: String) -> NodeID { graph.node(named: name)?.id ?? NodeID(0) }
    func update(of name: String) -> Int {
      updates.firstIndex { graph[$0.target].label == name } ?? 0
    }
    func output(_ name: String) -> Int { outputs.firstIndex { $0.name == name } ?? 0 }
    switch how {
    case "dead_update": updates.remove(at: update(of: "fc1.W"))
    case "swapped_updates":
      let (a, b) = (update(of: "fc_mu.b"), update(of: "fc_logvar.b"))
      (updates[a].value, updates[b].value) = (updates[b].value, updates[a].value)
    case "lost_output": outputs.remove(at: output("kld"))
    case "renamed_output": outputs[output("kld")].name = "kl"
    case "new_output": outputs.append(Graph.Output(name: "more", node: outputs[0].node))
    case "swapped_outputs":
      let (a, b) = (output("bce"), output("kld"))
      (outputs[a].node, outputs[b].node) = (outputs[b].node, outputs[a].node)
    case "other_type": outputs[output("bce")].node = id("x")
    default:
      // Every use of one head's weight reads the other's.
      let (a, b) = (id("fc_mu.W"), id("fc_logvar.W"))
      nodes = nodes.map { node in
        Node(
          id: node.id, body: node.body, operands: node.operands.map { $0 == b ? a : $0 },
          type: node.type, name: node.name, aliases: node.aliases, scope: node.scope,
          location: node.location, role: node.role, group: node.group)
      }
    }
    return Graph(
      name: graph.name, dimensions: graph.dimensions, nodes: nodes, outputs: outputs,
      updates: updates)
  }

  /// A pass that records what it does but does all or nothing: the one rule is named, and the node
  /// is the first whose value differs.
  @Test func theFirstDeviatingNodeIsNamed() throws {
    let graph = try Self.graph("a = x + 1  b = exp(a)  c = tanh(a)  y = b * c")
    let pass = Pass("planted", "wrong") { graph, context in
      let rebuilder = GraphRebuilder(graph)
      for node in graph.nodes {
        if node.definition == .tanh {
          let operands = rebuilder.operands(of: node)
          rebuilder.replace(node) { sigmoid(operands[0]) }
        } else {
          rebuilder.copy(node)
        }
      }
      context.record(
        rule: "all_at_once", pattern: "tanh(x) => σ(x)", float: .reassociating, nodes: ["c"],
        result: "σ(a)", location: nil)
      return PassResult(graph: rebuilder.finish(), places: rebuilder.places)
    }
    let failure = try #require(try Mutant.failure([pass], on: graph))
    #expect(failure.rule == "all_at_once" && failure.node == "c")
    #expect(failure.location?.line == 4)
  }

  // MARK: Words

  @Test func failuresReadWell() throws {
    let graph = try Self.graph("y = x - w")
    let planted = try #require(Self.small.first { $0.rule.name == "wrong_sign" })
    let failure = try #require(
      try Mutant.failure([Pass("planted", "wrong", rules: [planted.rule])], on: graph))
    let lines = failure.description.split(separator: "\n")
    #expect(
      lines.first == """
        the pass 'planted' changed what the graph computes, by the rule 'wrong_sign' \
        (a - b => a + b), at 'y'
        """)
    #expect(lines.dropFirst().first == "  written at test.aya:4:7")
    #expect(lines.dropFirst(2).first?.hasPrefix("  output 'y' at [0, 0] was ") == true)
    #expect(lines.last == "  inputs: profile 'normal', seed 0")
    #expect(failure.deviation.index == [0, 0] && failure.deviation.subject == "output 'y'")
    #expect(abs(failure.deviation.before - failure.deviation.after) > 0.01)
  }
}
