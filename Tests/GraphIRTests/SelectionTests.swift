import GraphIR
import GraphOps
import Testing

@Suite struct SelectionTests {
  private func names(_ marks: [Bool], _ graph: Graph) -> Set<String> {
    Set(graph.nodes.filter { marks[$0.id.index] }.map { graph.expression($0.id) })
  }

  @Test func neighboursGoBothWays() throws {
    let g = try GraphDiffTests.graph(
      """
      input x: f32[4]
      a = exp(x)  b = tanh(a)  c = abs(b)  d = sqrt(c)
      e = sign(x)
      output d, e
      """)
    func around(_ name: String, _ radius: Int) throws -> Set<String> {
      names(g.neighbourhood(of: [try #require(g.node(named: name)).id], radius: radius), g)
    }
    #expect(try around("b", 0) == ["b"])
    #expect(try around("b", 1) == ["a", "b", "c"])
    #expect(try around("b", 2) == ["x", "a", "b", "c", "d"])
    // No way leads on through x, which a and e both read, unless it is the center.
    #expect(try around("b", 9) == ["x", "a", "b", "c", "d"])
    #expect(try around("x", 1) == ["x", "a", "e"])
  }

  @Test func dont_goThroughNumbers() throws {
    let g = try GraphDiffTests.graph(
      "input x: f32\ninput y: f32\na = x * 0.5\nb = y * 0.5\noutput a, b")
    let a = try #require(g.node(named: "a"))
    #expect(names(g.neighbourhood(of: [a.id], radius: 5), g) == ["x", "a", "0.5"])
  }

  /// Every path, by trying every way.
  private func nodesOnPaths(_ graph: Graph, _ start: NodeID, _ end: NodeID) -> Set<NodeID> {
    var found: Set<NodeID> = []
    let users = graph.users()
    func walk(_ path: [NodeID]) {
      guard let last = path.last else { return }
      if last == end { found.formUnion(path) }
      for user in users[last.index] { walk(path + [user]) }
    }
    walk([start])
    return found
  }

  @Test(arguments: 1...30)
  func pathsAreAllPaths(_ seed: Int) {
    var random = GraphDiffTests.Random(state: UInt64(seed))
    let graph = GraphDiffTests.random(&random, nodes: 14)
    for start in graph.nodes {
      for end in graph.nodes {
        let expected = nodesOnPaths(graph, start.id, end.id)
        let marks = graph.paths(from: start.id, to: end.id)
        let found = marks.map { marks in Set(graph.nodes.map(\.id).filter { marks[$0.index] }) }
        #expect((found ?? []) == expected, "seed \(seed)")
        #expect((found == nil) == expected.isEmpty, "seed \(seed)")
      }
    }
  }
}
