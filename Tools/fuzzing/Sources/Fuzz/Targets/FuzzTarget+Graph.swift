import GraphIR
import GraphOps

extension FuzzTarget {
  /// A text is a graph that verifies and prints as text of the same graph, or has diagnostics.
  static let graph = FuzzTarget(
    name: "graph", summary: "text to graph and back", words: language
  ) { bytes in
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let result = parse(SourceFile(name: "f.aya", text: text), dialect: .standard)
    let hasErrors = result.diagnostics.contains { $0.severity == .error }
    expect((result.graph == nil) == hasErrors, "a graph and errors, or neither")
    if !result.diagnostics.isEmpty { expectTold(result.diagnostics) }
    if let graph = result.graph { expectRoundTrip(graph) }
  }

  static func expectRoundTrip(_ graph: Graph) {
    let broken = verify(graph)
    expect(broken.isEmpty, "not verified: \(broken.map { $0.rendered() })")
    let text = graph.text()
    let again = parse(SourceFile(name: "again.aya", text: text), dialect: .standard)
    guard let other = again.graph else {
      finding("the text does not read back: \(again.diagnostics.map { $0.rendered() })\n\(text)")
    }
    expect(other.text() == text, "another text\n\(text)\n\(other.text())")
    expect(other.nodes.map(\.type) == graph.nodes.map(\.type), "other types\n\(text)")
    expect(
      other.outputs == graph.outputs && other.updates == graph.updates
        && other.dimensions == graph.dimensions, "another signature\n\(text)")
  }
}
