import Autodiff
import GraphIR
import GraphOps
import Runtime
import Testing

/// Ways that end at some nodes alone.
@Suite struct WayTests {
  /// x reaches the loss through a and b, both computed from tanh(x), which ends no way.
  @Test func aSharedValueIsParted() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [3]))
    let shared = tanh(x)
    let a = sum(sin(shared).named("a"))
    (a + sum((shared * shared).named("b")) + sum(shared)).named("loss")
    let graph = builder.build()
    let (root, target) = (try graph.id("loss"), try graph.id("x"))
    let result = try ReverseMode.differentiate(
      graph, root: .init(root), withRespectTo: [target]
    ) { graph[$0].name != nil }
    let ways = try #require(result.adjoints[target]).ways
    let origins = ways.map { graph[$0.origin].label }
    #expect(Set(origins) == ["a", "b", "loss"], "\(origins)")
    #expect(ways.allSatisfy { $0.user == shared.id })
    #expect(result.adjoints[shared.id] == nil && verify(result.graph).isEmpty)
    let feeds: Feeds = ["x": ReferenceArray(shape: [3], values: [0.3, -0.7, 1.1])]
    let t = try graph.value(of: shared.id, feeds)
    let sine = try graph.value("a", feeds)
    let inner = t.map { 1 - $0 * $0 }
    for way in ways {
      let closed: [Double] =
        switch graph[way.origin].label {
        case "a": zip(t, sine).map { (1 - $1 * $1).squareRoot() * (1 - $0 * $0) }
        case "b": zip(t, inner).map { 2 * $0 * $1 }
        default: inner
        }
      #expect(near(try result.graph.value(of: way.node, feeds), closed, 1e-14))
    }
  }

  /// In random graphs the parts sum to the derivative, and each is that of the graph in which the
  /// origin alone depends on the target: the origins as inputs, weighed by their adjoints.
  @Test(arguments: 0..<60) func partsAreThoseOfTheirOrigins(seed: Int) throws {
    let sample = SmoothGraph(seed: seed)
    var generator = SeededGenerator(seed: seed ^ 0x5eed)
    let graph = sample.graph
    let root = try graph.id("loss")
    let targets = try sample.targets.map { try graph.id($0) }
    let ends = Set(
      graph.nodes.map(\.id).filter { _ in Int.random(in: 0..<3, using: &generator) == 0 }
    )
    .union(targets + [root])
    let result = try ReverseMode.differentiate(
      graph, root: .init(root), withRespectTo: targets, waysEnd: ends.contains)
    let plain = try ReverseMode.differentiate(graph, root: .init(root), withRespectTo: targets)
    #expect(verify(result.graph).isEmpty, "seed \(seed)")
    for target in targets {
      guard case .node(let whole)? = plain.derivatives[target],
        case .node(let parted)? = result.derivatives[target]
      else { throw Missing(description: "seed \(seed): no derivative") }
      let expected = try plain.graph.value(of: whole, sample.feeds)
      let got = try result.graph.value(of: parted, sample.feeds)
      #expect(near(got, expected, 1e-12), "seed \(seed): \(graph[target].label)")
      let ways = try #require(result.adjoints[target]).ways
      let origins = Set(ways.map(\.origin))
      #expect(origins.isSubset(of: ends), "seed \(seed)")
      for origin in origins {
        var part = [Double](repeating: 0, count: expected.count)
        for way in ways where way.origin == origin {
          part = zip(part, try result.graph.value(of: way.node, sample.feeds)).map { $0 + $1 }
        }
        let alone = try Self.part(of: target, through: origin, ends, plain, graph, sample.feeds)
        #expect(near(part, alone, 1e-11), "seed \(seed): \(graph[target].label) of \(origin)")
      }
    }
  }

  /// Σ (∂loss/∂origin ⊙ ∂origin/∂target) with every other end held, by the ordinary derivative of
  /// that graph.
  private static func part(
    of target: NodeID, through origin: NodeID, _ ends: Set<NodeID>, _ plain: ReverseMode.Result,
    _ graph: Graph, _ feeds: Feeds
  ) throws -> [Double] {
    let base = try ReferenceInterpreter(graph).evaluate(graph.nodes.map(\.id), feeds: feeds)
    let weights: [Double]
    if origin == plain.adjoints.keys.max() {
      weights = [1]
    } else {
      weights = try plain.graph.value(
        of: try #require(plain.adjoints[origin]).node, feeds)
    }
    // The graph up to the origin, where other ends are inputs.
    let builder = GraphBuilder("part")
    var values: [NodeID: Value] = [:]
    var held: Feeds = [:]
    for node in graph.nodes where node.id <= origin {
      if ends.contains(node.id) && node.id != origin || node.operation == nil {
        let name = "held \(node.id)"
        values[node.id] = builder.input(name, node.type)
        held[name] = try #require(base[node.id])
      } else if let operation = node.operation {
        values[node.id] = builder.make(
          operation.definition, node.operands.compactMap { values[$0] },
          operation.attributes)
      }
    }
    let result = try #require(values[origin])
    sum(result * builder.input("weights", result.type)).named("objective")
    held["weights"] = ReferenceArray(
      shape: try #require(base[origin]).shape, values: weights)
    let program = builder.build()
    let (reverse, ids) = try program.differentiated("objective", ["held \(target)"])
    return try reverse.graph.value(of: ids[0], held)
  }
}
