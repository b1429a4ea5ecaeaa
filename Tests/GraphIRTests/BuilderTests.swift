import GraphIR
import GraphOps
import Testing

private func typeError(_ body: () throws(TypeError) -> Value) -> TypeError? {
  do throws(TypeError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

private let matrix = ValueType(.f32, [.symbol("N"), 3])

@Suite struct BuilderTests {
  @Test func equalPureOperationsAreOneNode() {
    let graph = GraphBuilder("g")
    let (x, y) = (graph.input("x", matrix), graph.input("y", matrix))
    #expect((x + y).id == (x + y).id)
    #expect((x + y).id != (y + x).id)
    #expect(sum(x, axes: [0]).id == sum(x, axes: [0]).id)
    #expect(sum(x, axes: [0]).id != sum(x, axes: [1]).id)
    // A default spelled out is the default.
    #expect(graph.make(.sum, [x]).id == sum(x, axes: [], keepdims: false).id)
    let count = graph.nodeCount
    _ = tanh(x + y) * 2
    _ = tanh(x + y) * 2
    #expect(graph.nodeCount == count + 3)
  }

  @Test func constantsAreSharedUnlessNamed() {
    let graph = GraphBuilder("g")
    graph.dimension("N")
    let one = graph.constant(.float(1), .f32)
    #expect(graph.constant(.float(1), .f32).id == one.id)
    #expect(graph.constant(.float(1), .f64).id != one.id)
    #expect(graph.constant(.int(1), .f32).id != one.id)
    #expect(graph.constant(.float(-0.0), .f32).id != graph.constant(.float(0), .f32).id)
    let beta = graph.constant(.float(1), .f32, name: "beta")
    let gamma = graph.constant(.float(1), .f32, name: "gamma")
    #expect(Set([one.id, beta.id, gamma.id]).count == 3)
    #expect(graph.constant(.float(1), .f32).id == one.id)
    #expect(graph.size(.symbol("N"), .f32).id == graph.size(.symbol("N"), .f32).id)
    #expect(graph.size(3, .i64).id == graph.constant(.int(3), .i64).id)
  }

  @Test func leavesStayApart() {
    let graph = GraphBuilder("g")
    let leaves = [
      graph.input("a", matrix), graph.input("b", matrix), graph.parameter("p", matrix, .zeros),
      graph.parameter("q", matrix, .zeros), graph.state("s", matrix, .zeros),
      graph.noise("e", matrix, .normal), graph.noise("f", matrix, .normal),
    ]
    #expect(Set(leaves.map(\.id)).count == 7)
    let done = graph.build()
    #expect(done.inputs.map(\.label) == ["a", "b"])
    #expect(done.parameters.map(\.label) == ["p", "q"])
    #expect(done.persistent.map(\.label) == ["p", "q", "s"])
    #expect(done.noises.map(\.label) == ["e", "f"])
  }

  @Test func namesAndAliases() throws {
    let graph = GraphBuilder("g")
    let x = graph.input("x", matrix)
    let y = tanh(x).named("y")
    try graph.setName("y2", of: tanh(x))
    try graph.setName("y", of: y)
    #expect(throws: GraphBuilder.NameTaken.self) { try graph.setName("x", of: y) }
    #expect(graph.freeName("z") == "z")
    #expect(graph.freeName("y2") == "y2#2")
    exp(x).named("y2#2")
    #expect(graph.freeName("y2") == "y2#3")
    let done = graph.build()
    #expect(done.node(named: "y")?.id == y.id && done.node(named: "y2")?.id == y.id)
    #expect(done[y.id].aliases == ["y2"])
    #expect(done.names == ["x", "y", "y2", "y2#2"])
    #expect(done.node(named: "%1")?.id == y.id)
    for wrong in ["%9", "%-1", "%", "%1x", "nothing", ""] {
      #expect(done.node(named: wrong) == nil, "\(wrong)")
    }
  }

  @Test func scopesAndRolesNest() throws {
    let graph = GraphBuilder("g")
    let x = graph.input("x", matrix)
    let inner = graph.scope("a") { graph.scope("b") { tanh(x) } }
    let role = Role.adjoint(of: x.id, root: "loss", through: nil)
    let adjoint = graph.with(scope: ["c"], role: role) { exp(x) }
    let after = sin(x)
    struct Stop: Error {}
    _ = try? graph.scope("thrown") { throw Stop() }
    let last = cos(x)
    let done = graph.build()
    #expect(done[inner.id].scope == ["a", "b"] && done[inner.id].role == .forward)
    #expect(done[adjoint.id].scope == ["c"] && done[adjoint.id].role == role)
    #expect(done[after.id].scope == [] && done[after.id].role == .forward)
    #expect(done[last.id].scope == [])
    // A shared node stays where it was first made.
    _ = graph.scope("d") { tanh(x) }
    #expect(graph.build()[inner.id].scope == ["a", "b"])
  }

  @Test func outputsAndUpdates() {
    let graph = GraphBuilder("g")
    let x = graph.input("x", matrix)
    let p = graph.parameter("p", matrix, .zeros)
    graph.output("a", x)
    graph.output("b", p)
    graph.output("a", p)
    graph.update(p, to: p + x)
    let done = graph.build()
    #expect(done.outputs.map(\.name) == ["b", "a"] && done.output(named: "a")?.node == p.id)
    #expect(done.updates.map(\.target) == [p.id])
    #expect(done.needed(by: [p.id]) == [false, true, false])
    #expect(done.needed(by: done.updates.map(\.value)) == [true, true, true])
    #expect(done.users() == [[NodeID(2)], [NodeID(2)], []])
  }

  @Test func sizesComeFromDefaultsAndBindings() {
    let graph = GraphBuilder("g")
    graph.dimension("N")
    graph.dimension("H", default: 128)
    #expect(graph.build().sizes(binding: ["N": 4]) == ["N": 4, "H": 128])
    #expect(graph.build().sizes(binding: ["H": 2]) == ["H": 2])
    graph.dimension("H", default: 64)
    #expect(graph.dimensionNames == ["N", "H"])
    #expect(graph.dimension(named: "H")?.defaultSize == 64)
  }

  @Test func typeErrorsSayWhatWasExpected() throws {
    let graph = GraphBuilder("g")
    let x = graph.input("x", matrix)
    let unknown = typeError { () throws(TypeError) in
      try graph.apply(.sum, [x], ["axis": .ints([0])])
    }
    #expect(unknown?.message == "'sum' has no attribute 'axis'")
    let missing = typeError { () throws(TypeError) in try graph.apply(.reshape, [x]) }
    #expect(missing?.message == "'reshape' needs the attribute 'shape'")
    #expect(missing?.expected == "shape: dims")
    let kind = typeError { () throws(TypeError) in
      try graph.apply(.sum, [x], ["axes": .int(0)])
    }
    #expect(kind?.message == "the attribute 'axes' of 'sum' is of the wrong kind")
    #expect(kind?.expected == "ints" && kind?.got == "int 0")
    let symbol = typeError { () throws(TypeError) in
      try graph.apply(.normal, [x, x, x], ["estimator": .symbol("pathwize")])
    }
    #expect(symbol?.fix == "did you mean 'pathwise'?")
    let few = typeError { () throws(TypeError) in try graph.apply(.add, [x]) }
    #expect(few?.message == "'add' takes 2 operands" && few?.got == "1 operand")
    #expect(typeError { () throws(TypeError) in try graph.apply(.add, [x, x, x]) } != nil)
    let none = typeError { () throws(TypeError) in try graph.apply(.concat, []) }
    #expect(none?.message == "'concat' takes at least 1 operand")
    #expect(typeError { () throws(TypeError) in try graph.apply(.concat, [x, x, x]) } == nil)
    let shapes = typeError { () throws(TypeError) in
      try graph.apply(.add, [x, graph.input("w", ValueType(.f32, [4]))])
    }
    #expect(shapes?.operand == 1)
    // Nothing of what was refused is left behind.
    #expect(graph.build().nodes.map(\.label) == ["x", "%1", "w"])
  }

  @Test func resultsHaveAtMostEightAxes() throws {
    let graph = GraphBuilder("g")
    let x = graph.input("x", ValueType(.f32, Shape(Array(repeating: 1, count: 8))))
    #expect(x.shape.rank == Shape.maximumRank)
    let nine = AttributeValue.dims(Array(repeating: 1, count: 9))
    let refused = typeError { () throws(TypeError) in
      try graph.apply(.reshape, [x], ["shape": nine])
    }
    #expect(refused?.expected == "at most 8")
  }

  @Test func continuingKeepsIdsAndSharing() {
    let graph = GraphBuilder("g")
    graph.dimension("N", default: 2)
    let x = graph.input("x", matrix)
    let y = graph.scope("s") { tanh(x).named("y") }
    graph.output("y", y)
    let p = graph.parameter("p", matrix, .zeros)
    graph.update(p, to: p * 2)
    let first = graph.build()
    let more = GraphBuilder(continuing: first)
    let again = Value(builder: more, id: x.id)
    #expect(tanh(again).id == y.id)
    #expect(more.freeName("y") == "y#2")
    #expect(more.nodeCount == first.nodes.count)
    more.output("z", exp(again))
    let second = more.build()
    #expect(second.nodes.count == first.nodes.count + 1)
    #expect(second.outputs.map(\.name) == ["y", "z"])
    #expect(second.updates == first.updates && second.dimensions == first.dimensions)
    #expect(second.text().hasPrefix("graph g {\n  dim N = 2\n  input x: f32[N, 3]\n"))
    #expect(verify(second).isEmpty)
  }
}

@Suite struct GraphRebuilderTests {
  /// A graph with everything that a rebuild must carry over.
  private func sample() -> Graph {
    let graph = GraphBuilder("g")
    graph.dimension("N", default: 4)
    let x = graph.input("x", matrix)
    let p = graph.parameter("p", ValueType(.f32, [3]), .uniform(low: 0, high: 1))
    let dead = graph.scope("dead") { sin(x) }
    let y = graph.scope("enc") { tanh(x * p).named("y") }
    y.named("why")
    let size = graph.size(.symbol("N"), .f32)
    let loss = (sum(y) / size).named("loss")
    let role = Role.adjoint(of: y.id, root: "loss", through: loss.id)
    let g = graph.with(role: role) { cast(cast(exp(y), to: .f64), to: .f32) }.named("g")
    graph.output("loss", loss)
    graph.update(p, to: graph.with(role: .update) { p - sum(g, axes: [0]) })
    _ = dead
    return graph.build()
  }

  @Test func aCopyIsTheSameGraph() {
    let graph = sample()
    let copy = graph.filtered { _ in true }
    #expect(copy.text() == graph.text())
    for (a, b) in zip(graph.nodes, copy.nodes) {
      #expect(a.body == b.body && a.operands == b.operands && a.type == b.type)
      #expect(a.name == b.name && a.aliases == b.aliases && a.scope == b.scope && a.role == b.role)
    }
    #expect(copy.updates == graph.updates && copy.outputs == graph.outputs)
  }

  @Test func filteringRenumbersEverything() throws {
    let graph = sample()
    let dead = try #require(graph.nodes.first { $0.scope == ["dead"] })
    let left = graph.filtered { $0.id != dead.id }
    #expect(left.nodes.count == graph.nodes.count - 1)
    #expect(verify(left).isEmpty)
    #expect(left.names == graph.names)
    let g = try #require(left.node(named: "g"))
    let (y, loss) = (left.node(named: "y")?.id, left.node(named: "loss")?.id)
    #expect(y != nil && y == left.node(named: "why")?.id)
    let inner = left[g.operands[0]]
    #expect(inner.role == .adjoint(of: y, root: "loss", through: loss))
    #expect(y != graph.node(named: "y")?.id)
  }

  @Test func aRoleWhoseNodeIsGoneSaysSo() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", matrix)
    let y = tanh(x)
    let g = builder.with(role: .adjoint(of: y.id, root: "r", through: nil)) { exp(x).named("g") }
    builder.output("g", g)
    let left = builder.build().filtered { $0.id != y.id }
    #expect(left.node(named: "g")?.role == .adjoint(of: nil, root: "r", through: nil))
  }

  @Test func retypingTurnsEveryValue() throws {
    let double = sample().retyped(from: .f32, to: .f64)
    #expect(verify(double).isEmpty)
    #expect(double.nodes.allSatisfy { $0.type.dtype == .f64 })
    #expect(double.names == sample().names)
    for node in double.nodes {
      if case .dtype(let dtype)? = node.operation?.attributes["to"] { #expect(dtype == .f64) }
    }
    let untouched = sample().retyped(from: .i32, to: .i64)
    #expect(untouched.text() == sample().text())
  }

  @Test func retypingLeavesOtherDTypesAlone() throws {
    let graph = GraphBuilder("g")
    let index = graph.input("i", ValueType(.i32, [3]))
    let hot = oneHot(index, depth: 4)
    graph.output("h", hot)
    let double = graph.build().retyped(from: .f32, to: .f64)
    #expect(double.nodes.map(\.type.dtype) == [.i32, .f64])
    #expect(verify(double).isEmpty)
  }

  @Test func namesOfLaterNodesAreNotTaken() {
    let old = sample()
    let rebuilder = GraphRebuilder(old)
    #expect(rebuilder.builder.freeName("loss") == "loss#2")
    #expect(rebuilder.builder.freeName("other") == "other")
  }
}
