import GraphIR
import GraphOps
import Testing

private let vector = ValueType(.f32, [3])
private let scalar = ValueType(.f32)

private func node(
  _ id: Int, _ body: Node.Body, _ operands: [Int] = [], _ type: ValueType = vector,
  name: String? = nil, aliases: [String] = [], role: Role = .forward
) -> Node {
  Node(
    id: NodeID(id), body: body, operands: operands.map { NodeID($0) }, type: type, name: name,
    aliases: aliases, scope: [], location: nil, role: role)
}

private func input(_ id: Int, _ name: String?, _ type: ValueType = vector) -> Node {
  node(id, .leaf(.input), [], type, name: name)
}

private func op(
  _ id: Int, _ definition: OpDefinition, _ operands: [Int], _ type: ValueType = vector,
  _ attributes: Attributes = .none, name: String? = nil, role: Role = .forward
) -> Node {
  node(id, .operation(Operation(definition, attributes)), operands, type, name: name, role: role)
}

private func assembled(
  _ nodes: [Node], dimensions: [String] = [], outputs: [(String, Int)] = [],
  updates: [(Int, Int)] = []
) -> Graph {
  Graph(
    name: "bad", dimensions: dimensions.map { Graph.Dimension(name: $0) }, nodes: nodes,
    outputs: outputs.map { Graph.Output(name: $0.0, node: NodeID($0.1)) },
    updates: updates.map { Graph.Update(target: NodeID($0.0), value: NodeID($0.1)) })
}

/// One broken graph.
private struct Case: CustomTestStringConvertible {
  let invariant: Int
  let what: String
  let graph: Graph

  init(_ invariant: Int, _ what: String, _ graph: Graph) {
    self.invariant = invariant
    self.what = what
    self.graph = graph
  }

  var testDescription: String { "V\(invariant): \(what)" }
}

private let sumAttributes: Attributes = ["axes": .ints([]), "keepdims": .bool(false)]
private let weight = node(0, .leaf(.parameter(.zeros)), name: "w")
private let x = input(0, "x")

private let cases: [Case] = [
  Case(1, "an id that is not the place", assembled([x, op(5, .neg, [0])])),
  Case(1, "an id beyond the end with an operand in between", assembled([x, op(99, .neg, [0])])),
  Case(2, "an operand that comes later", assembled([x, op(1, .neg, [2]), op(2, .exp, [0])])),
  Case(2, "a node that uses itself", assembled([x, op(1, .neg, [1])])),
  Case(2, "an operand that does not exist", assembled([x, op(1, .neg, [7])])),
  Case(2, "a negative operand", assembled([x, op(1, .neg, [-1])])),
  Case(3, "too few operands", assembled([x, op(1, .add, [0])])),
  Case(3, "too many operands", assembled([x, op(1, .neg, [0, 0])])),
  Case(3, "a leaf with operands", assembled([x, node(1, .leaf(.input), [0], name: "y")])),
  Case(4, "no attributes", assembled([x, op(1, .sum, [0], scalar)])),
  Case(
    4, "an unknown attribute",
    assembled([x, op(1, .neg, [0], vector, ["axis": .int(0)])])),
  Case(
    4, "an attribute of another kind",
    assembled([x, op(1, .sum, [0], scalar, ["axes": .int(0), "keepdims": .bool(false)])])),
  Case(
    4, "attributes in another order",
    assembled([x, op(1, .sum, [0], scalar, ["keepdims": .bool(false), "axes": .ints([])])])),
  Case(5, "another type", assembled([x, op(1, .neg, [0], scalar)])),
  Case(5, "another dtype", assembled([x, op(1, .neg, [0], ValueType(.f64, [3]))])),
  Case(
    5, "operands that do not fit",
    assembled([x, input(1, "y", ValueType(.f32, [2])), op(2, .add, [0, 1])])),
  Case(6, "an empty name", assembled([x, op(1, .neg, [0], name: "")])),
  Case(6, "a name twice", assembled([x, op(1, .neg, [0], name: "x")])),
  Case(
    6, "an alias that is a name", assembled([node(0, .leaf(.input), name: "x", aliases: ["x"])])),
  Case(7, "an input without a name", assembled([input(0, nil)])),
  Case(7, "a parameter without a name", assembled([node(0, .leaf(.parameter(.zeros)))])),
  Case(8, "a constant with axes", assembled([node(0, .leaf(.constant(.float(1))))])),
  Case(
    8, "a size with axes", assembled([node(0, .leaf(.size(.symbol("N"))))], dimensions: ["N"])),
  Case(
    8, "noise of integers",
    assembled([node(0, .leaf(.noise(.normal)), [], ValueType(.i32, [3]), name: "e")])),
  Case(
    9, "a dimension nobody declared", assembled([input(0, "x", ValueType(.f32, [.symbol("N")]))])),
  Case(9, "a dimension declared twice", assembled([x], dimensions: ["N", "N"])),
  Case(9, "a size of no dimension", assembled([node(0, .leaf(.size(.symbol("N"))), [], scalar)])),
  Case(
    9, "an initialiser's dimension",
    assembled([node(0, .leaf(.parameter(.torchLinear(fanIn: .symbol("N")))), name: "w")])),
  Case(
    9, "an attribute's dimension",
    assembled([
      input(0, "i", ValueType(.i32)),
      op(
        1, .oneHot, [0], ValueType(.f32, [.symbol("K")]),
        ["depth": .dim(.symbol("K")), "dtype": .dtype(.f32)]),
    ])),
  Case(10, "an output twice", assembled([x], outputs: [("y", 0), ("y", 0)])),
  Case(10, "an output of no node", assembled([x], outputs: [("y", 1)])),
  Case(10, "an output of a negative node", assembled([x], outputs: [("y", -1)])),
  Case(11, "an update of an input", assembled([x], updates: [(0, 0)])),
  Case(
    11, "an update twice", assembled([weight, op(1, .neg, [0])], updates: [(0, 1), (0, 0)])),
  Case(
    11, "an update of another type",
    assembled([weight, op(1, .sum, [0], scalar, sumAttributes)], updates: [(0, 1)])),
  Case(11, "an update by no node", assembled([weight], updates: [(0, 3)])),
  Case(
    12, "the adjoint of no node",
    assembled([x, op(1, .neg, [0], role: .adjoint(of: NodeID(9), root: "l", through: nil))])),
  Case(
    12, "an adjoint through no node",
    assembled([
      x, op(1, .neg, [0], role: .adjoint(of: NodeID(0), root: "l", through: NodeID(-2))),
    ])),
  Case(13, "one operation twice", assembled([x, op(1, .neg, [0]), op(2, .neg, [0])])),
  Case(
    14, "nine axes",
    assembled([input(0, "x", ValueType(.f32, Shape(Array(repeating: 2, count: 9))))])
  ),
  Case(
    14, "elements that nobody can count",
    assembled([input(0, "x", ValueType(.f32, [Dim(1 << 40), Dim(1 << 40)]))])),
]

@Suite struct VerifierTests {
  @Test(arguments: cases) fileprivate func aBrokenInvariantIsReportedByItsNumber(_ broken: Case) {
    let found = verify(broken.graph)
    #expect(!found.isEmpty)
    // Each graph breaks one invariant, and no other is blamed.
    #expect(Set(found.map(\.id)) == ["graph-v\(broken.invariant)"], "\(found)")
    #expect(found.allSatisfy { $0.severity == .error && $0.place == "graph 'bad'" })
  }

  @Test func everyInvariantHasACase() {
    #expect(Set(cases.map(\.invariant)) == Set(1...14))
  }

  @Test func allErrorsComeAtOnce() {
    let broken = assembled(
      [
        input(0, nil), input(1, "x"), input(2, "x"),
        node(3, .leaf(.constant(.float(1)))), op(4, .neg, [9]), op(5, .add, [0]),
        op(6, .sum, [0], scalar), op(7, .neg, [0], scalar), op(8, .exp, [0]), op(9, .exp, [0]),
        input(10, "n", ValueType(.f32, [.symbol("N")])),
        op(11, .tanh, [1], role: .adjoint(of: NodeID(40), root: "l", through: nil)),
        op(0, .sin, [1]),
        input(13, "huge", ValueType(.f32, [Dim(.max), Dim(.max)])),
      ], outputs: [("y", 77)], updates: [(1, 2)])
    let found = verify(broken)
    #expect(Set(found.map(\.id)) == Set((1...14).map { "graph-v\($0)" }))
    #expect(found.filter { $0.id == "graph-v7" }.count == 1)
  }

  @Test func whatIsAbsorbedHasNoNode() {
    func absorbing(_ id: Int, _ names: [String], _ name: String) -> Node {
      Node(
        id: NodeID(id), body: .leaf(.input), operands: [], type: ValueType(.f32, [3]), name: name,
        aliases: [], absorbed: names, scope: [], location: nil, role: .forward)
    }
    #expect(verify(assembled([absorbing(0, ["s", "t"], "x"), absorbing(1, [], "y")])).isEmpty)
    let alive = verify(assembled([absorbing(0, ["y"], "x"), absorbing(1, [], "y")]))
    #expect(alive.map(\.id) == ["graph-v16"])
    #expect(alive.map(\.message) == ["node 'x' absorbs 'y', which %1 still computes"])
    let twice = verify(assembled([absorbing(0, ["s"], "x"), absorbing(1, ["s"], "y")]))
    #expect(twice.map(\.message) == ["node 'y' absorbs 's', as does %0"])
  }

  @Test func aGoodGraphHasNothingToReport() {
    let builder = GraphBuilder("good")
    builder.dimension("N")
    let x = builder.input("x", ValueType(.f32, [.symbol("N"), 4]))
    let fc = builder.linear("fc", from: 4, to: 2)
    let z = normal("z", mean: fc(x), scale: tanh(fc(x)))
    let loss = mean(klNormal(mean: z, logVariance: z)).named("loss")
    loss.named("objective")
    builder.output("loss", loss)
    builder.update(fc.parameters[1], to: fc.parameters[1] * 2)
    #expect(verify(builder.build()).isEmpty)
    #expect(verify(GraphBuilder("empty").build()).isEmpty)
  }

  @Test func messagesNameTheNode() {
    let found = verify(assembled([x, op(1, .neg, [0], scalar, name: "y")]))
    #expect(found.map(\.message) == ["node 'y' has a type that 'neg' does not give"])
    #expect(found.first?.expected == "f32[3]" && found.first?.got == "f32[]")
    let twin = verify(assembled([x, op(1, .neg, [0], name: "y"), op(2, .neg, [0])]))
    #expect(twin.map(\.message) == ["node '%2' is the same operation as y"])
  }
}
