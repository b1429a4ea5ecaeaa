import Ayatori
import Foundation
import Testing

@Suite struct BenchCompileTests {
  private static func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  private static let phases = ["parse", "verify", "lower", "gradient", "passes", "bind"]

  @Test func phasesOfGraphsAndOfRandomOnes() throws {
    let flags = [
      "bench", "--compile", Tool.graphs + "vae_pytorch.aya", Tool.graphs + "rsample.aya",
      "--nodes", "200,50", "--rounds", "3",
    ]
    let result = try Tool.run(flags + ["--json"])
    expectFine(result)
    let report = try Self.json(result.out)
    let graphs = try #require(report["graphs"] as? [[String: Any]])
    let random = try #require(report["random"] as? [[String: Any]])
    #expect(graphs.map { $0["graph"] as? String } == [flags[2], flags[3]])
    #expect(
      random.map { $0["graph"] as? String } == [
        "random_50 forward", "random_200 forward", "random_50", "random_200",
      ])
    let trains = (graphs + random).map { $0["trains"] as? Bool }
    #expect(trains == [true, false, false, false, true, true])
    for entry in graphs + random {
      let median = try #require(entry["median"] as? [String: Double])
      #expect(Set(median.keys) == Set(Self.phases + ["plan"]))
      for phase in Self.phases where phase != "gradient" || entry["trains"] as? Bool == true {
        #expect(median[phase] ?? 0 > 0, "\(phase)")
      }
      #expect(median["plan"] ?? 0 > 0 && entry["rounds"] as? Int == 3)
      #expect((entry["fastest"] as? Double) ?? 0 > 0)
      for key in ["sourceNodes", "gradientNodes", "optimizedNodes", "planSteps"] {
        #expect(entry[key] as? Int ?? 0 > 0, "\(key)")
      }
    }
    #expect(
      (report["growth"] as? [[String: Double]])?.map { Set($0.keys) } == [
        Set(Self.phases + ["plan", "total"]).subtracting(["gradient"]),
        Set(Self.phases + ["plan", "total"]),
      ])
    let table = try Tool.run(flags)
    expectFine(table)
    let rows = table.out.split(separator: "\n")
    #expect(rows.count == 2 + 6 + 2 && rows[1].hasPrefix("graph "))
    #expect(rows[8].hasPrefix("growth ") && rows[8].contains("forward"))
  }

  @Test func noRandomGraphsOnRequest() throws {
    let result = try Tool.run(
      ["bench", "--compile", Tool.graphs + "rsample.aya", "--nodes", "0", "--rounds", "1"])
    expectFine(result)
    #expect(result.out.split(separator: "\n").count == 3)
  }

  @Test(arguments: [
    ["bench"], ["bench", "a.aya", "b.aya"], ["bench", "--compile", "--nodes", "3"],
    ["bench", "--compile", "--nodes", "100,"], ["bench", "--compile", "--nodes", "-5"],
    ["bench", "--compile", "--dtype", "f64"],
  ])
  func usage(arguments: [String]) throws {
    let result = try Tool.run(arguments)
    expectRefusal(result, 64)
    #expect(result.err.contains("Usage: ayatori"))
  }

  @Test func refusals() throws {
    expectRefusal(try Tool.run(["bench", "--compile", "absent.aya"]), 1, ["file-not-found"])
    try Tool.withDirectory { directory in
      try Tool.write("graph g { y = nothing }", to: directory + "g.aya")
      expectRefusal(
        try Tool.run(["bench", "--compile", "g.aya"], in: directory), 1, ["unknown-name"])
      try Data([0xFF, 0xFE]).write(to: URL(filePath: directory + "bytes.aya"))
      expectRefusal(
        try Tool.run(["bench", "--compile", "bytes.aya"], in: directory), 1, ["not-utf8"])
    }
  }
}

/// The graphs that compiling is timed with.
@Suite struct RandomGraphTests {
  @Test(arguments: [16, 100, 1_500])
  func aboutAsManyNodesAndAllNeeded(count: Int) throws {
    let graph = RandomGraph.make(nodes: count, seed: 1)
    #expect(verify(graph).map(\.description) == [])
    #expect(abs(graph.nodes.count - count) <= 16 + count / 20, "\(graph.nodes.count)")
    let loss = try #require(graph.output(named: "loss"))
    let needed = graph.needed(by: [loss.node])
    #expect(graph.nodes.filter { !needed[$0.id.index] && !$0.isInput }.map(\.label) == [])
    // A real DAG: some values are used more than once.
    if count >= 100 { #expect(graph.users().contains { $0.count > 2 }) }
    let kinds = Set(graph.nodes.compactMap { $0.definition?.name })
    if count >= 1_000 { #expect(kinds.isSuperset(of: ["matmul", "mean", "sum", "transpose"])) }
  }

  @Test func theSeedDecides() {
    let text = RandomGraph.make(nodes: 300, seed: 7).text()
    #expect(RandomGraph.make(nodes: 300, seed: 7).text() == text)
    #expect(RandomGraph.make(nodes: 300, seed: 8).text() != text)
  }

  @Test func gradientsReachEveryParameter() throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let graph = RandomGraph.make(nodes: 400, seed: seed)
      let gradient = try Compiler().stage(.gradient, of: graph)
      #expect(gradient.outputs.count == 1 + graph.parameters.count, "seed \(seed)")
    }
  }

  /// Nothing recurses along the graph: on a stack with about 100 bytes a node, any function
  /// that did would crash.
  @Test func deepChainsDoNotOverflow() async throws {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: Result { try Self.takeAChainThrough() }) }
      thread.stackSize = 256 * 1024
      thread.start()
    }
  }

  private static func takeAChainThrough() throws {
    let graph = RandomGraph.chain(nodes: 2_500)
    let text = graph.text()
    let parsed = parse(SourceFile(name: "chain.aya", text: text), dialect: .standard)
    let again = try #require(parsed.graph)
    #expect(again.text() == text && verify(again).isEmpty)
    let optimized = try Compiler().stage(.optimized, of: again)
    #expect(optimized.outputs.count == 2)
    _ = try dot(optimized, style: .ayatori)
    _ = try dot(graph, style: .chainer)
    let bound = try BoundProgram(Program(optimized))
    #expect(bound.plan.arenaBytes > 0)
  }
}
