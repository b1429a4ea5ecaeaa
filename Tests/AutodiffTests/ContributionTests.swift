import Autodiff
import GraphIR
import GraphOps
import Runtime
import Testing

private let vector = ValueType(.f64, [3])
private let feeds: Feeds = [
  "x": ReferenceArray(shape: [3], values: [0.3, -0.7, 1.1]),
  "y": ReferenceArray(shape: [3], values: [0.9, 0.2, -0.4]),
]

/// The nodes that hold a contribution to the adjoint of `id`, by their names.
private func contributions(_ graph: Graph, to id: NodeID, root: String = "loss") -> [Node] {
  graph.nodes.filter { node in
    guard case .adjoint(of: id, root, through: _?) = node.role else { return false }
    return ([node.name ?? ""] + node.aliases).contains { $0.contains(" through ") }
  }
}

@Suite struct ContributionTests {
  @Test func waysAreNamedAndSumToTheAdjoint() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    let z = tanh(x).named("z")
    (sum(sin(z).named("a")) + sum(exp(z).named("b"))).named("loss")
    let graph = builder.build()
    let (result, ids) = try graph.differentiated("loss", ["z", "x"])
    let names = result.graph.names
    #expect(names.contains("d_loss/d_z") && names.contains("d_loss/d_x"))
    #expect(names.contains("d_loss/d_z through a") && names.contains("d_loss/d_z through b"))
    #expect(ids[0] == result.graph.node(named: "d_loss/d_z")?.id)
    for (name, user) in [("d_loss/d_z through a", "a"), ("d_loss/d_z through b", "b")] {
      let node = try #require(result.graph.node(named: name))
      let through = try result.graph.id(user)
      #expect(node.role == .adjoint(of: z.id, root: "loss", through: through))
    }
    let total = try #require(result.graph.node(named: "d_loss/d_z"))
    #expect(total.role == .adjoint(of: z.id, root: "loss", through: nil))
    let whole = try result.graph.value("d_loss/d_z", feeds)
    let throughA = try result.graph.value("d_loss/d_z through a", feeds)
    let throughB = try result.graph.value("d_loss/d_z through b", feeds)
    #expect(near(whole, zip(throughA, throughB).map { $0 + $1 }, 0))
  }

  /// A node whose name ends in a number has an adjoint of its own name, also where it is the one of
  /// the node that is called the same without it.
  @Test func dont_takeANumberedNameForAnother() throws {
    let builder = GraphBuilder("g")
    let (x, twin) = (builder.input("x", vector), builder.input("x#2", vector))
    sum(x + twin).named("loss")
    let (result, ids) = try builder.build().differentiated("loss", ["x", "x#2"])
    #expect(ids[0] == ids[1])
    for name in ["d_loss/d_x", "d_loss/d_x#2"] {
      #expect(result.graph.node(named: name)?.id == ids[0], "\(result.graph.names)")
    }
  }

  /// However many contributions meet: each has a number of its own, in order, and keeps it when the
  /// graph is differentiated again.
  @Test func manyContributionsAreNumbered() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    let all = (1..<60).reduce(x) { total, _ in total + x }
    sum(all).named("loss")
    let (result, _) = try builder.build().differentiated("loss", ["x"])
    let names = contributions(result.graph, to: x.id).compactMap(\.name)
    let base = "d_loss/d_x through loss"
    #expect(Set(names) == Set([base] + (2...60).map { "\(base)#\($0)" }), "\(names)")
    let (again, _) = try result.graph.differentiated("loss", ["x"])
    #expect(again.graph.names == result.graph.names)
  }

  @Test func oneWayIsNotCalledAContribution() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    sum(tanh(x)).named("loss")
    let (result, _) = try builder.build().differentiated("loss", ["x"])
    #expect(!result.graph.names.contains { $0.contains("through") })
  }

  /// x·x: two contributions through one user, equal in value, each a node.
  @Test func theSameOperandTwice() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    sum((x * x).named("xx")).named("loss")
    let (result, ids) = try builder.build().differentiated("loss", ["x"])
    let parts = contributions(result.graph, to: x.id)
    #expect(parts.compactMap(\.name) == ["d_loss/d_x through xx", "d_loss/d_x through xx#2"])
    let values = try parts.map { try result.graph.value(of: $0.id, feeds) }
    #expect(values == [[0.3, -0.7, 1.1], [0.3, -0.7, 1.1]])
    #expect(near(try result.graph.value(of: ids[0], feeds), [0.6, -1.4, 2.2], 1e-15))
  }

  /// One cotangent flows unchanged into two leaves that each have another way too: hash-consing
  /// must not make the two contributions one node.
  @Test func equalContributionsToTwoNodesStayApart() throws {
    let builder = GraphBuilder("g")
    let (x, y) = (builder.input("x", vector), builder.input("y", vector))
    let both = (x + y).named("both")
    (sum(both) + sum(sin(x).named("sx")) + sum(cos(y).named("cy"))).named("loss")
    let (result, ids) = try builder.build().differentiated("loss", ["x", "y"])
    let px = contributions(result.graph, to: x.id)
    let py = contributions(result.graph, to: y.id)
    #expect(Set(px.compactMap(\.name)) == ["d_loss/d_x through both", "d_loss/d_x through sx"])
    #expect(Set(py.compactMap(\.name)) == ["d_loss/d_y through both", "d_loss/d_y through cy"])
    #expect(Set((px + py).map(\.id)).count == 4)
    #expect((px + py).allSatisfy { $0.aliases.isEmpty })
    #expect(verify(result.graph).isEmpty)
    for (parts, id) in zip([px, py], ids) {
      let values = try parts.map { try result.graph.value(of: $0.id, feeds) }
      let whole = try result.graph.value(of: id, feeds)
      #expect(near(whole, zip(values[0], values[1]).map { $0 + $1 }, 0))
    }
  }

  @Test func aDiamond() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    let top = exp(x).named("top")
    let (left, right) = (sin(top).named("left"), cos(top).named("right"))
    sum(left * right).named("loss")
    let (result, _) = try builder.build().differentiated("loss", ["x"])
    #expect(contributions(result.graph, to: top.id).count == 2)
    #expect(contributions(result.graph, to: x.id).isEmpty)
    // d/dx sin(t)cos(t) = cos(2t)·t with t = eˣ.
    let t = try result.graph.value("top", feeds)
    let (s, c) = (try result.graph.value("left", feeds), try result.graph.value("right", feeds))
    let closed = t.indices.map { (c[$0] * c[$0] - s[$0] * s[$0]) * t[$0] }
    #expect(near(try result.graph.value("d_loss/d_x", feeds), closed, 1e-14))
  }

  /// In random graphs every forward value with several uses has one contribution a use, and they
  /// sum to its adjoint.
  @Test(arguments: 0..<60) func oneContributionAUse(seed: Int) throws {
    let sample = SmoothGraph(seed: seed)
    let targets = sample.targets
    try #require(!targets.isEmpty)
    let (result, _) = try sample.graph.differentiated("loss", targets)
    let root = try sample.graph.id("loss")
    let needed = sample.graph.needed(by: [root])
    var depends = sample.graph.nodes.map { targets.contains($0.label) }
    for node in sample.graph.nodes where node.operands.contains(where: { depends[$0.index] }) {
      depends[node.id.index] = true
    }
    for node in sample.graph.nodes
    where needed[node.id.index] && depends[node.id.index] && node.id != root {
      guard let name = node.name else { continue }
      let uses = sample.graph.nodes.filter { needed[$0.id.index] }
        .flatMap { user in user.operands.filter { $0 == node.id } }.count
      let parts = contributions(result.graph, to: node.id)
      #expect(parts.count == (uses > 1 ? uses : 0), "seed \(seed): \(name)")
      guard uses > 1 else { continue }
      let total = try result.graph.value("d_loss/d_\(name)", sample.feeds)
      var sum = [Double](repeating: 0, count: total.count)
      for part in parts {
        sum = zip(sum, try result.graph.value(of: part.id, sample.feeds)).map { $0 + $1 }
      }
      #expect(near(sum, total, 1e-12), "seed \(seed): \(name)\n\(result.graph.text())")
    }
  }
}

@Suite struct AdjointGraphTests {
  @Test func forwardNodesStayAsTheyAre() throws {
    for seed in 0..<20 {
      let sample = SmoothGraph(seed: seed)
      let (result, _) = try sample.graph.differentiated("loss", sample.targets)
      for (old, new) in zip(sample.graph.nodes, result.graph.nodes) {
        #expect(old.id == new.id && old.body == new.body && old.operands == new.operands)
        #expect(old.role == new.role && old.scope == new.scope, "seed \(seed): \(old.label)")
        #expect(old.name == nil || old.name == new.name)
      }
      #expect(result.graph.outputs == sample.graph.outputs)
      #expect(
        result.graph.nodes.dropFirst(sample.graph.nodes.count).allSatisfy { $0.role != .forward })
    }
  }

  @Test func adjointsStandInTheScopeOfTheirNode() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    let z = builder.scope("enc") { builder.scope("deep") { tanh(x).named("z") } }
    sum(z * sin(z)).named("loss")
    let (result, _) = try builder.build().differentiated("loss", ["x"])
    #expect(result.graph.node(named: "d_loss/d_z")?.scope == ["enc", "deep"])
  }

  /// With parameters as the only targets, nothing is computed for the input: of the two layers'
  /// four products three are needed.
  @Test func theFirstLayersInputGetsNoAdjoint() throws {
    let builder = GraphBuilder("net")
    builder.dimension("N")
    let x = builder.input("x", ValueType(.f64, [.symbol("N"), 5]))
    let fc1 = builder.linear("fc1", from: 5, to: 4, dtype: .f64)
    let fc2 = builder.linear("fc2", from: 4, to: 3, dtype: .f64)
    sum(square(fc2(relu(fc1(x))))).named("loss")
    let graph = builder.build()
    let (result, _) = try graph.differentiated("loss", graph.parameters.map(\.label))
    let added = result.graph.nodes.dropFirst(graph.nodes.count)
    #expect(added.filter { $0.definition == .matmul }.count == 3)
    #expect(
      !added.contains { node in
        if case .adjoint(of: x.id, root: _, through: _) = node.role { true } else { false }
      })
    #expect(!result.graph.names.contains("d_loss/d_x"))
    let (full, _) = try graph.differentiated("loss", graph.parameters.map(\.label) + ["x"])
    #expect(full.graph.nodes.filter { $0.definition == .matmul }.count == 4)
  }

  @Test func namesOfHigherDerivatives() throws {
    #expect(derivativeName(of: "loss", withRespectTo: "mu") == "d_loss/d_mu")
    #expect(derivativeName(of: "d_loss/d_x", withRespectTo: "x") == "d_(d_loss/d_x)/d_x")
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64))
    (x * x * x).named("loss")
    let (first, _) = try builder.build().differentiated("loss", ["x"])
    let (second, ids) = try first.graph.differentiated("d_loss/d_x", ["x"])
    #expect(second.graph.node(named: "d_(d_loss/d_x)/d_x")?.id == ids[0])
    #expect(Set(second.graph.names).count == second.graph.names.count)
    #expect(verify(second.graph).isEmpty)
    #expect(try second.graph.value(of: ids[0], ["x": ReferenceArray(scalar: 2)]) == [12])
  }

  /// The same derivative asked for twice adds nothing and renames nothing.
  @Test func askingAgainChangesNothing() throws {
    let sample = SmoothGraph(seed: 3)
    let (once, ids) = try sample.graph.differentiated("loss", sample.targets)
    let (twice, again) = try once.graph.differentiated("loss", sample.targets)
    #expect(ids == again)
    #expect(twice.graph.text() == once.graph.text())
  }

  @Test func derivedGraphsPrintAndParseBack() throws {
    for seed in 0..<10 {
      let sample = SmoothGraph(seed: seed)
      let (result, _) = try sample.graph.differentiated("loss", sample.targets)
      let text = result.graph.text()
      let back = parse(SourceFile(name: "t", text: text), dialect: .standard)
      #expect(back.graph?.text() == text, "seed \(seed): \(back.diagnostics)")
    }
  }
}
