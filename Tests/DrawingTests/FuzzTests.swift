import Drawing
import GraphIR
import Testing

/// Random graphs with nested scopes, adjoints and updates. Graphviz 2.43 fails on some uses of
/// ranks, clusters, ports and labels together; none of them may come out of the writer.
@Suite(.enabled(if: GraphvizRun.path != nil, "Graphviz is not installed"))
struct FuzzTests {
  /// Knuth's MMIX generator: the same graphs everywhere.
  struct Random {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  static let ops = [
    TestOp.add, TestOp.mul, TestOp.greater, TestOp.broadcastLike, TestOp.normal, TestOp.exp,
    TestOp.stopGradient, TestOp.identity, TestOp.cast,
  ]

  static func graph(_ seed: Int) -> Graph {
    var random = Random(state: UInt64(seed) &+ 1)
    let g = GraphBuilder("fuzz")
    let type = ValueType(.f32, [3])
    var values = [g.input("x", type), g.input("y", type)]
    var kept: [Value] = []
    for index in 0..<random.below(5) {
      kept.append(g.parameter("l\(index / 2).\(index % 2 == 0 ? "W" : "b")", type, .zeros))
    }
    for index in 0..<random.below(3) { kept.append(g.state("s\(index)", type, .zeros)) }
    values += kept
    for index in 0..<random.below(3) { values.append(g.noise("n\(index)", type, .normal)) }
    var forward: [Value] = []

    func operand() -> Value {
      let value = values[random.below(values.count)]
      guard random.below(12) == 0 else { return value }
      return g.float(Double(random.below(3)))(TestOp.broadcastLike, value)
    }
    func step(_ role: () -> Role) -> Value {
      let scope = (0..<random.below(4)).map { _ in "s\(random.below(3))" }
      let value = g.with(scope: scope, role: role()) {
        let op = ops[random.below(ops.count)]
        return g.make(op, op.operands.map { _ in operand() })
      }
      if value.name == nil, random.below(2) == 0 { value.named("v\(value.id.index)") }
      values.append(value)
      return value
    }
    for _ in 0..<(1 + random.below(40)) { forward.append(step { .forward }) }
    if random.below(4) > 0 {
      for _ in 0..<random.below(60) {
        _ = step {
          let of = forward[random.below(forward.count)].id
          let through = random.below(4) == 0 ? forward[random.below(forward.count)].id : nil
          return .adjoint(of: random.below(10) == 0 ? nil : of, root: "loss", through: through)
        }
      }
      for _ in 0..<random.below(30) { _ = step { .update } }
      for value in kept { g.update(value, to: values[random.below(values.count)]) }
    }
    for index in 0..<random.below(4) { g.output("o\(index)", values[random.below(values.count)]) }
    return g.build()
  }

  @Test(arguments: 0..<24)
  func takesRandomGraphs(_ seed: Int) throws {
    let graph = FuzzTests.graph(seed)
    for style in DrawingStyle.allCases {
      let run = try GraphvizRun.svg(of: try dot(graph, style: style))
      #expect(run.complaints == "")
      #expect(run.status == 0)
    }
  }

  /// Random parts of random graphs with fused groups, and comparisons of two.
  @Test(arguments: 0..<32)
  func takesRandomParts(_ seed: Int) throws {
    var random = Random(state: UInt64(seed) &* 77 &+ 5)
    let graph = FuzzTests.grouped(FuzzTests.graph(seed), &random)
    var options = DrawingOptions()
    let labels = graph.nodes.map(\.label)
    if random.below(2) == 0 {
      options.selection = .around([labels[random.below(labels.count)]], radius: random.below(4))
    }
    let scopes = Set(graph.nodes.flatMap(\.scope)).sorted()
    if !scopes.isEmpty, random.below(2) == 0 {
      options.collapsed = [scopes[random.below(scopes.count)]]
    }
    if random.below(2) == 0 { options.mostBoxes = 1 + random.below(graph.nodes.count) }
    var texts = [try dot(graph, style: .ayatori, options: options)]
    let union = GraphDiff(from: FuzzTests.graph(seed + 100), to: graph).union()
    options.selection = nil
    if random.below(2) == 0 { options.collapsed = [] }
    texts.append(
      try dot(
        union.graph, style: .ayatori, annotations: DrawingAnnotations(union: union),
        options: options))
    for text in texts {
      let run = try GraphvizRun.svg(of: text)
      #expect(run.complaints == "", "seed \(seed)")
      #expect(run.status == 0, "seed \(seed)")
    }
  }

  /// The graph with runs of operations put into groups.
  private static func grouped(_ graph: Graph, _ random: inout Random) -> Graph {
    var number = 0
    let rebuilder = GraphRebuilder(graph)
    var group: Int?
    for node in graph.nodes {
      if random.below(4) == 0 {
        number += 1
        group = random.below(3) == 0 ? nil : number
      }
      guard let operation = node.operation else {
        rebuilder.copy(node)
        continue
      }
      rebuilder.replace(node) {
        rebuilder.builder.with(group: .some(group)) {
          rebuilder.builder.make(
            operation.definition, rebuilder.operands(of: node), operation.attributes)
        }
      }
    }
    return rebuilder.finish()
  }
}
