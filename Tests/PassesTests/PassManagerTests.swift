import GraphIR
import GraphOps
import Passes
import Testing

private func sample() -> Graph {
  let builder = GraphBuilder("g")
  let x = builder.input("x", ValueType(.f64, [3]))
  builder.output("y", exp(x).named("y"))
  return builder.build()
}

/// `graph` with its nodes changed behind the builder's back.
private func tampered(_ graph: Graph, _ change: (Node) -> Node) -> Graph {
  Graph(
    name: graph.name, dimensions: graph.dimensions, nodes: graph.nodes.map(change),
    outputs: graph.outputs, updates: graph.updates)
}

private func failure(_ passes: [Pass], on graph: Graph) -> PassFailure? {
  do throws(PassFailure) {
    _ = try run(passes, on: graph)
    return nil
  } catch {
    return error
  }
}

extension Pass {
  fileprivate static let lies = Pass("lies", "a wrong type") { graph in
    tampered(graph) { node in
      Node(
        id: node.id, body: node.body, operands: node.operands,
        type: node.isInput ? node.type : ValueType(.f32, [7]), name: node.name,
        aliases: node.aliases, scope: node.scope, location: node.location, role: node.role)
    }
  }

  /// Leaves references that lead nowhere, so that not even a text can be printed.
  fileprivate static let dangles = Pass("dangles", "a missing operand") { graph in
    tampered(graph) { node in
      Node(
        id: node.id, body: node.body, operands: node.operands.map { _ in NodeID(99) },
        type: node.type, name: node.name, aliases: node.aliases, scope: node.scope,
        location: node.location, role: .adjoint(of: NodeID(50), root: "y", through: nil))
    }
  }

  fileprivate static let forgets = Pass("forgets", "an output of no node") { graph in
    Graph(
      name: graph.name, dimensions: [], nodes: [], outputs: graph.outputs, updates: graph.updates)
  }
}

@Suite struct PassManagerTests {
  @Test func theGuiltyPassIsNamed() throws {
    let found = try #require(
      failure([.forwardContributions, .lies, .eliminateDeadNodes], on: sample()))
    #expect(found.pass == "lies")
    #expect(found.violations.map(\.id) == ["graph-v5"])
    #expect(found.graph.contains("y: f32[7] = exp(x)"))
    #expect(found.description.hasPrefix("the pass 'lies' broke the graph:\n"))
  }

  @Test func laterPassesDoNotRun() {
    let boom = Pass("boom", "must not run") { _ in
      Issue.record("a pass ran on a broken graph")
      return sample()
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

  @Test func goodPassesChain() throws {
    let graph = sample()
    #expect(try run([], on: graph).text() == graph.text())
    #expect(try run(Pass.all, on: graph).text() == graph.text())
  }

  @Test func passesHaveDistinctNamesAndSummaries() {
    #expect(Set(Pass.all.map(\.name)).count == Pass.all.count)
    #expect(Pass.all.map(\.name) == (Pass.lowering + Pass.optimizing).map(\.name))
    for pass in Pass.all {
      #expect(!pass.summary.isEmpty)
      #expect(pass.name.allSatisfy { $0.isLowercase || $0 == "_" })
    }
  }
}
