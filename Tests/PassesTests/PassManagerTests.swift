import GraphIR
import GraphOps
import Passes
import Synchronization
import Testing

private func sample() -> Graph {
  let builder = GraphBuilder("g")
  let x = builder.input("x", ValueType(.f64, [3]))
  builder.output("y", exp(x).named("y"))
  return builder.build()
}

/// exp(tanh³ x): three uses of one op in a row.
private func chain() -> Graph {
  let builder = GraphBuilder("g")
  let x = builder.input("x", ValueType(.f64, [3]))
  builder.output("y", exp(tanh(tanh(tanh(x)))).named("y"))
  return builder.build()
}

/// `graph` with its nodes changed behind the builder's back.
private func tampered(_ graph: Graph, _ change: (Node) -> Node) -> PassResult {
  PassResult(
    graph: Graph(
      name: graph.name, dimensions: graph.dimensions, nodes: graph.nodes.map(change),
      outputs: graph.outputs, updates: graph.updates),
    places: graph.nodes.map(\.id))
}

/// `node` under another type.
private func retyped(_ node: Node, _ type: ValueType) -> Node {
  Node(
    id: node.id, body: node.body, operands: node.operands, type: type, name: node.name,
    aliases: node.aliases, scope: node.scope, location: node.location, role: node.role)
}

private func failure(_ passes: [Pass], on graph: Graph) -> PassFailure? {
  do {
    _ = try run(passes, on: graph)
    return nil
  } catch {
    return error as? PassFailure
  }
}

extension Pass {
  fileprivate static let lies = Pass("lies", "a wrong type") { graph, _ in
    tampered(graph) { $0.isInput ? $0 : retyped($0, ValueType(.f32, [7])) }
  }

  /// Leaves references that lead nowhere, so that not even a text can be printed.
  fileprivate static let dangles = Pass("dangles", "a missing operand") { graph, _ in
    tampered(graph) { node in
      Node(
        id: node.id, body: node.body, operands: node.operands.map { _ in NodeID(99) },
        type: node.type, name: node.name, aliases: node.aliases, scope: node.scope,
        location: node.location, role: .adjoint(of: NodeID(50), root: "y", through: nil))
    }
  }

  fileprivate static let forgets = Pass("forgets", "an output of no node") { graph, _ in
    PassResult(
      graph: Graph(
        name: graph.name, dimensions: [], nodes: [], outputs: graph.outputs,
        updates: graph.updates),
      places: graph.nodes.map { _ in nil })
  }

  /// Does what its context permits, and breaks the graph with its last change but one.
  fileprivate static let slips = Pass("slips", "records much, breaks the graph once") {
    graph, context in
    var isBroken = false
    for rule in ["good", "good", "bad", "late"] where context.permitsMore {
      context.record(
        rule: rule, pattern: "x => x", float: .exact, nodes: ["y"], result: "y", location: nil)
      isBroken = isBroken || rule == "bad"
    }
    return tampered(graph) { isBroken && !$0.isInput ? retyped($0, ValueType(.f32, [7])) : $0 }
  }

  /// tanh x => x, counted one by one.
  fileprivate static let peel = Pass(
    "peel", "tanh(x) => x",
    rules: [RewriteRule("peel_tanh", "tanh(x) => x", .exact, on: [.tanh]) { $0[0] }])

  fileprivate static let round = Pass(
    "round", "one rule of each class, on as many ops",
    rules: [
      RewriteRule("keep_bits", "tanh(x) => x", .exact, on: [.tanh]) { $0[0] },
      RewriteRule("round_anew", "exp(x) => x", .reassociating, on: [.exp]) { $0[0] },
      RewriteRule("no_nan", "sigmoid(x) => x", .finiteOnly, on: [.sigmoid]) { $0[0] },
    ])

  /// A rule that is never done: −x => −(−(−x)).
  fileprivate static let runsOn = Pass(
    "runs_on", "never comes to an end",
    rules: [RewriteRule("more", "-x => -(x + 0)", .exact, on: [.neg]) { -($0[0] + 0.0) }])
}

@Suite struct PassManagerTests {
  // MARK: Failures

  @Test func theGuiltyPassIsNamed() throws {
    let found = try #require(
      failure([.forwardContributions, .lies, .eliminateDeadNodes], on: sample()))
    #expect(found.pass == "lies" && found.rule == nil)
    #expect(found.violations.map(\.id) == ["graph-v5"])
    #expect(found.graph.contains("y: f32[7] = exp(x)"))
    #expect(found.description.hasPrefix("the pass 'lies' broke the graph:\n"))
  }

  /// Found by making ever more of the pass's changes, not by taking the last.
  @Test func theGuiltyRuleIsNamed() throws {
    let found = try #require(failure([.slips], on: sample()))
    #expect(found.rule == "bad")
    #expect(found.description.hasPrefix("the pass 'slips' broke the graph by the rule 'bad':\n"))
  }

  @Test func laterPassesDoNotRun() {
    let boom = Pass("boom", "must not run") { graph, _ in
      Issue.record("a pass ran on a broken graph")
      return PassResult(graph: graph, places: graph.nodes.map(\.id))
    }
    #expect(failure([.lies, boom], on: sample())?.pass == "lies")
  }

  @Test func allThatIsBrokenIsReported() throws {
    let found = try #require(failure([.dangles], on: sample()))
    #expect(found.pass == "dangles")
    #expect(Set(found.violations.map(\.id)) == ["graph-v2", "graph-v12"])
    #expect(found.graph.contains("%1 'y': f64[3] exp(%99)"))
    let lost = try #require(failure([.forgets], on: sample()))
    #expect(Set(lost.violations.map(\.id)) == ["graph-v10"])
  }

  // MARK: Runs

  @Test func goodPassesChain() throws {
    let graph = sample()
    #expect(try run([], on: graph).text() == graph.text())
    #expect(
      try run([.forwardContributions, .eliminateDeadNodes], on: graph).text() == graph.text())
  }

  @Test func everyChangeIsCounted() throws {
    let run = try PassManager([.peel, .peel]).run(chain())
    #expect(run.graph.count(.tanh) == 0)
    #expect(run.steps.map { $0.replacements.count } == [3, 0])
    #expect(run.steps.map(\.changed) == [true, false])
    #expect(run.steps.map { $0.before.nodes.count - $0.after.nodes.count } == [3, 0])
    #expect(run.steps[0].counts.map(\.rule) == ["peel_tanh"])
    #expect(run.steps[0].counts.map(\.count) == [3])
    let first = try #require(run.replacements.first)
    #expect(first.pass == "peel" && first.pattern == "tanh(x) => x" && first.float == .exact)
    #expect(first.nodes == ["tanh %1"] && first.result == "x")
  }

  @Test(arguments: 0...4)
  func aLimitStopsAfterAsManyChanges(limit: Int) throws {
    var options = PassContext.Options()
    options.limit = limit
    let run = try PassManager([.peel], options: options).run(chain())
    #expect(run.replacements.count == min(limit, 3))
    #expect(run.graph.count(.tanh) == 3 - min(limit, 3))
  }

  @Test func stopAfterIsTheLastPass() throws {
    var manager = PassManager([.eliminateDeadNodes, .peel, .forwardContributions])
    manager.stopAfter = "peel"
    #expect(try manager.run(chain()).steps.map(\.pass.name) == ["eliminate_dead_nodes", "peel"])
    manager.stopAfter = "eliminate_dead_nodes"
    #expect(try manager.run(chain()).graph.count(.tanh) == 3)
  }

  @Test(arguments: [
    (FloatMode.strict, ["keep_bits"]), (.standard, ["keep_bits", "round_anew"]),
    (.fast, ["keep_bits", "no_nan", "round_anew"]),
  ])
  func theModeSelectsRules(mode: FloatMode, rules: [String]) throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [3]))
    builder.output("y", exp(sigmoid(tanh(x))))
    var options = PassContext.Options()
    options.float = mode
    let run = try PassManager([.round], options: options).run(builder.build())
    #expect(run.replacements.map(\.rule).sorted() == rules)
  }

  @Test func aGuiltyPassIsNamedAlsoWhenOnlyTheEndIsVerified() throws {
    var manager = PassManager([.forwardContributions, .lies, .eliminateDeadNodes])
    manager.verifiesEach = false
    do {
      _ = try manager.run(sample())
      Issue.record("a broken graph came through")
    } catch let found as PassFailure {
      #expect(found.pass == "lies")
      #expect(found.violations.map(\.id) == ["graph-v5"])
    }
  }

  @Test func aBudgetThatRunsOutIsTold() throws {
    let builder = GraphBuilder("g")
    builder.output("y", -builder.input("x", ValueType(.f64, [3])))
    let run = try PassManager([.runsOn]).run(builder.build())
    let note = "the rewriting budget ran out in 'runs_on': some nodes are not simplified"
    #expect(run.notes == [note] && run.steps.map(\.notes) == [[note]])
  }

  // MARK: Looking on

  @Test func observersHearOfEverythingInOrder() throws {
    let log = Mutex<[String]>([])
    @Sendable func note(_ text: String) { log.withLock { $0.append(text) } }
    var manager = PassManager([.peel, .slips])
    manager.firstStep = 7
    manager.observers = [
      PassManager.Observer(
        willRun: { step, pass, graph in note("\(step) \(pass.name) \(graph.nodes.count)") },
        willReplace: { pass, rule in note("\(pass): \(rule)") },
        willTry: { note("\($0.name)?") },
        didFail: { step, failure in note("\(step) failed by \(failure.rule ?? "–")") },
        didRun: { note("\($0.index) done \($0.after.nodes.count)") })
    ]
    #expect(throws: PassFailure.self) { try manager.run(chain()) }
    #expect(
      log.withLock { $0 } == [
        "7 peel 5", "peel_tanh?", "peel: peel_tanh", "peel_tanh?", "peel: peel_tanh",
        "peel_tanh?", "peel: peel_tanh", "7 done 2", "8 slips 2", "slips: good",
        "slips: good", "slips: bad", "slips: late", "8 failed by bad",
      ])
  }

  @Test func whatAnObserverThrowsEndsTheRun() {
    struct Enough: Error {}
    var manager = PassManager([.peel])
    manager.observers = [PassManager.Observer(willRun: { _, _, _ in throw Enough() })]
    #expect(throws: Enough.self) { try manager.run(chain()) }
    manager.observers = [PassManager.Observer(didRun: { _ in throw Enough() })]
    #expect(throws: Enough.self) { try manager.run(chain()) }
  }

  /// Where nodes went and what made them, over several passes.
  @Test func originsFollowNodes() throws {
    let graph = chain()
    let run = try PassManager([.peel, .eliminateDeadNodes]).run(graph)
    let x = try #require(run.graph.node(named: "x")).id
    let y = try #require(run.graph.node(named: "y")).id
    #expect(run.origins[x] == [NodeID(0), NodeID(1), NodeID(2), NodeID(3)])
    #expect(run.origins[y] == [NodeID(4)])
    #expect(run.makers[x] == [0, 1, 2] && run.makers[y] == nil)
  }
}
