import Autodiff
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

private let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
private let passes: [Pass] = [.simplify, .foldConstants]

@Suite struct SimplifyTests {
  @Test func everyRuleHasAnExampleAndACounterexample() throws {
    let texts = try FileManager.default.contentsOfDirectory(
      at: here, includingPropertiesForKeys: nil
    )
    .filter { $0.pathExtension == "swift" }.map { try String(contentsOf: $0, encoding: .utf8) }
    let all = texts.joined()
    for rule in passes.flatMap(\.rules) {
      let name = NSRegularExpression.escapedPattern(for: rule.name)
      for call in [#"\.expect\(\s*"# + "\"\(name)\"", #"\.dont(Alone)?\(\s*"# + "\"\(name)\""] {
        #expect(all.range(of: call, options: .regularExpression) != nil, "\(rule.name): \(call)")
      }
    }
  }

  @Test func rulesHaveNamesOfTheirOwn() {
    let names = passes.flatMap(\.rules).map(\.name)
    #expect(Set(names).count == names.count)
    for rule in passes.flatMap(\.rules) {
      #expect(rule.name.allSatisfy { $0.isLowercase || $0 == "_" })
      #expect(rule.pattern.contains("=>"))
      #expect(!rule.ops.isEmpty)
    }
  }

  /// Every graph of the repository, with the derivatives of its first scalar output.
  private static let files = try? FileManager.default.contentsOfDirectory(
    at: here.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Graphs"), includingPropertiesForKeys: nil
  )
  .filter { $0.pathExtension == "aya" }.map(\.lastPathComponent).sorted()

  private func graph(_ file: String) throws -> Graph {
    let url = here.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Graphs").appendingPathComponent(file)
    let source = SourceFile(name: file, text: try String(contentsOf: url, encoding: .utf8))
    let full = try #require(parse(source, dialect: .standard).graph)
    // Small enough for the reference.
    let dims = ["D": 6, "H": 5, "Z": 2, "K": 3].filter { size in
      full.dimensions.contains { $0.name == size.key }
    }
    let forward = try #require(
      parse(source, dialect: .standard, overrides: Overrides(dims: dims)).graph)
    let lowered = try run([.lowerSampling], on: forward)
    guard
      let root = lowered.outputs.first(where: {
        lowered[$0.node].type.shape.rank == 0 && lowered[$0.node].type.dtype.isFloating
      })
    else { return lowered }
    let result = try ReverseMode.differentiate(
      lowered, root: .init(root.node), withRespectTo: lowered.parameters.map(\.id))
    let builder = GraphBuilder(continuing: result.graph)
    for parameter in lowered.parameters {
      if case .node(let id)? = result.derivatives[parameter.id] {
        builder.output("d_\(parameter.label)", Value(builder: builder, id: id))
      }
    }
    return builder.build()
  }

  @Test(arguments: files ?? [], FloatMode.allCases)
  func everyGraphReachesAFixpoint(file: String, float: FloatMode) throws {
    let old = try graph(file)
    var options = PassContext.Options()
    options.float = float
    let list: [Pass] = [
      .forwardContributions, .foldConstants, .simplify, .foldConstants, .simplify,
      .eliminateDeadNodes,
    ]
    let first = try PassManager(list, options: options).run(old)
    #expect(first.notes.isEmpty)
    #expect(first.graph.nodes.count <= old.nodes.count)
    let again = try PassManager([.simplify, .foldConstants], options: options).run(first.graph)
    #expect(again.replacements.isEmpty, "\(again.replacements.map(\.rule))")
    try expectSameValues(old, first.graph)
  }

  private func expectSameValues(_ old: Graph, _ new: Graph) throws {
    var random = SplitMix(state: 7)
    let sizes = Dictionary(
      uniqueKeysWithValues: old.dimensions.filter { $0.defaultSize == nil }.map { ($0.name, 3) })
    let bound = old.sizes(binding: sizes)
    var feeds: Feeds = [:]
    for node in old.inputs + old.persistent {
      let shape = try node.type.shape.evaluated(bound)
      feeds[node.label] = ReferenceArray(
        shape: shape,
        values: (0..<shape.reduce(1, *)).map { _ in
          node.type.dtype.isFloating
            ? .random(in: node.isInput ? 0.1...0.9 : -0.4...0.4, using: &random) : 1
        })
    }
    let before = try old.outputValues(feeds, sizes: sizes)
    let after = try new.outputValues(feeds, sizes: sizes)
    #expect(before.keys.sorted() == after.keys.sorted())
    for (name, values) in before {
      let isFinite = values.allSatisfy(\.isFinite)
      #expect(isFinite, "\(name), seed 7")
      #expect(near(values, after[name], 1e-11), "\(name), seed 7")
    }
  }

  @Test func longChainsAreNotWalkedTwice() throws {
    let builder = GraphBuilder("chain")
    var value = builder.input("x", .f64, [3])
    for step in 0..<2_000 { value = (value + Double(step % 7 + 1)) * 2 }
    builder.output("y", value)
    var options = PassContext.Options()
    options.float = .fast
    let run = try PassManager([.simplify], options: options).run(builder.build())
    #expect(run.notes.isEmpty)
    #expect(verify(run.graph).isEmpty)
  }
}
