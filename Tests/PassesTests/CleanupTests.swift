import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

@Suite struct ForwardContributionsTests {
  @Test func namesOfContributionsBecomeAliases() throws {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let mu = builder.input("mu", matrix)
    let t = tanh(mu).named("t")
    let marked = contribution(t, index: 3).named("marked")
    let part = contribution(exp(marked), index: 0).named("part")
    let same = contribution(part, index: 1).named("same")
    builder.output("y", same + marked)
    builder.output("marked", marked)
    let graph = builder.build()
    let forwarded = try run([.forwardContributions], on: graph)
    #expect(forwarded.count(.contribution) == 0)
    #expect(Set(forwarded.names) == Set(graph.names))
    let shown = try #require(forwarded.node(named: "t"))
    #expect(shown.aliases == ["marked"])
    #expect(forwarded.output(named: "marked")?.node == shown.id)
    // A node without a name takes over the first of its marks' names.
    #expect(forwarded.node(named: "part")?.aliases == ["same"])
    #expect(forwarded.node(named: "part")?.definition == .exp)
    let (before, after) = (try graph.outputValues(someFeeds), try forwarded.outputValues(someFeeds))
    #expect(near(before["y"], after["y"]) && near(before["marked"], after["marked"]))
  }

  @Test func operationsThatBecomeEqualBecomeOne() throws {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let mu = builder.input("mu", matrix)
    let a = exp(mu).named("a")
    let b = exp(contribution(mu, index: 0)).named("b")
    builder.output("y", a * b)
    let forwarded = try run([.forwardContributions], on: builder.build())
    #expect(forwarded.count(.exp) == 1)
    #expect(forwarded.node(named: "a")?.aliases == ["b"])
  }

  @Test func dont_touchOtherViews() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [2, 3]))
    builder.output("y", reshape(x, [6]))
    let graph = builder.build()
    #expect(try run([.forwardContributions], on: graph).text() == graph.text())
  }

  /// The optimised graph may be differentiated again: a cut must not be lost.
  @Test func dont_forwardStopGradient() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [2, 3]))
    builder.output("y", stopGradient(x))
    let graph = builder.build()
    #expect(try run([.forwardContributions], on: graph).count(.stopGradient) == 1)
  }
}

@Suite struct EliminateDeadNodesTests {
  private func sample() -> Graph {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let mu = builder.input("mu", matrix)
    _ = builder.input("unused", matrix)
    let p = builder.parameter("p", ValueType(.f64, [3]), .zeros)
    _ = builder.parameter("idle", ValueType(.f64, [3]), .zeros)
    let t = builder.state("t", ValueType(.f64, [3]), .zeros)
    let e = builder.noise("e", matrix, .normal)
    _ = builder.noise("deadNoise", matrix, .uniform)
    _ = (exp(mu) * e).named("dead")
    _ = builder.constant(.float(2), .f64, name: "deadConstant")
    builder.output("y", (mu + p).named("y"))
    builder.update(t, to: sum(mu * e, axes: [0]).named("onlyForAnUpdate"))
    return builder.build()
  }

  @Test func whatNothingNeedsGoes() throws {
    let left = try run([.eliminateDeadNodes], on: sample())
    #expect(
      left.names == ["mu", "unused", "p", "idle", "t", "e", "y", "onlyForAnUpdate"])
    #expect(left.count(.exp) == 0)
  }

  @Test func dont_changeTheSignature() throws {
    let graph = sample()
    let left = try run([.eliminateDeadNodes], on: graph)
    #expect(left.inputs.map(\.label) == graph.inputs.map(\.label))
    #expect(left.persistent.map(\.label) == graph.persistent.map(\.label))
    #expect(left.outputs.map(\.name) == graph.outputs.map(\.name))
    #expect(left.updates.map { left[$0.target].label } == ["t"])
    #expect(left.updates.map { left[$0.value].label } == ["onlyForAnUpdate"])
    #expect(left.dimensions == graph.dimensions)
  }

  @Test func twiceIsOnce() throws {
    let once = try run([.eliminateDeadNodes], on: sample())
    #expect(try run([.eliminateDeadNodes], on: once).text() == once.text())
  }
}
