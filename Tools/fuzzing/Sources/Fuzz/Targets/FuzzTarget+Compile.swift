import Ayatori
@testable import GraphIR
import GraphOps

extension FuzzTarget {
  static let compile = FuzzTarget(
    name: "compile", summary: "a generated graph through all passes to numbers",
    describe: { GeneratedGraph($0).graph.text() }
  ) { bytes in
    CompileCheck(GeneratedGraph(bytes)).run()
  }

  /// A text, where it is a small graph, through all passes to numbers.
  static let stages = FuzzTarget(
    name: "stages", summary: "a text through all passes to numbers", words: language
  ) { bytes in
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let file = SourceFile(name: "f.aya", text: text)
    guard let graph = parse(file, dialect: .standard).graph, graph.nodes.count <= 20 else { return }
    // Dimensions small and different from one another, whatever the text says.
    let small = [3, 5, 4, 2, 7, 6]
    var sizes: [String: Int] = [:]
    for (index, dimension) in graph.dimensions.enumerated() {
      sizes[dimension.name] = small[index % small.count]
    }
    let declared = sizes.filter { size in
      graph.dimensions.contains { $0.name == size.key && $0.defaultSize != nil }
    }
    let result = parse(file, dialect: .standard, overrides: Overrides(dims: declared))
    guard let graph = result.graph, !graph.outputs.isEmpty else { return }
    let isSmall = graph.nodes.allSatisfy { node in
      guard let shape = try? node.type.shape.evaluated(sizes) else { return false }
      return shape.reduce(1, *) <= 600
    }
    if isSmall { CompileCheck(graph.retyped(from: .f32, to: .f64), sizes: sizes).run() }
  }
}
