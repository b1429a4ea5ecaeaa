import Ayatori
import Foundation
import Testing

/// The graphs that the repository ships.
@Suite("Graphs")
struct GraphFileTests {
  static let files = House.files("Graphs", ending: ".aya")

  @Test("Graphs/README.md lists every graph, and no other")
  func listed() throws {
    let readme = try House.text("Graphs/README.md")
    let rows = readme.matches(of: /\|\s*`([\w.\/]+\.aya)`\s*\|\s*\S/).map { String($0.output.1) }
    #expect(rows.sorted() == Self.files.map { String($0.dropFirst("Graphs/".count)) })
    #expect(rows.contains("vae_pytorch.aya") && rows.contains("vae_chainer.aya"))
  }

  @Test("Every stage verifies, prints and reads back byte for byte", arguments: files)
  func stages(_ path: String) throws {
    var warnings: [Diagnostic] = []
    let source = try Graph.load(House.root.appending(path: path).path) { warnings.append($0) }
    #expect(warnings.map { $0.rendered() } == [])
    // What has no parameters is differentiated by its inputs.
    let inputs = source.inputs.filter(\.type.dtype.isFloating).map(\.label)
    let targets = source.parameters.isEmpty ? inputs : nil
    // Without a loss there are no derivatives, nor of a parameter that it does not reach.
    let isReached = try !House.text(path).hasPrefix("// lint: unreached-parameter")
    let hasLoss = (try? Compiler.lossName(of: source)) != nil && isReached
    let stages: [Stage] = hasLoss ? Stage.allCases : [.source, .lowered]
    for stage in stages {
      let graph = try Compiler().stage(stage, of: source, withRespectTo: targets)
      #expect(
        (stage == .gradient || stage == .optimized) == (graph.outputs.count > source.outputs.count))
      #expect(verify(graph).map { $0.rendered() } == [], "\(stage)")
      let text = graph.text()
      let result = parse(SourceFile(name: "\(stage).aya", text: text), dialect: .standard)
      #expect(result.diagnostics.map { $0.rendered() } == [], "\(stage)")
      let again = try #require(result.graph, "\(stage)")
      #expect(again.text() == text, "\(stage)")
      #expect(verify(again).map { $0.rendered() } == [], "\(stage)")
      #expect(again.nodes.map(\.role) == graph.nodes.map(\.role), "\(stage)")
      #expect(again.nodes.map(\.type) == graph.nodes.map(\.type), "\(stage)")
      #expect(again.outputs == graph.outputs && again.updates == graph.updates, "\(stage)")
      #expect(again.dimensions == graph.dimensions, "\(stage)")
    }
  }
}
