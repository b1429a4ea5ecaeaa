public import Ayatori
import Foundation

/// The gradient flow as one HTML page: the graph that was analysed, to be laid out by Graphviz, and
/// everything that is said about it.
public struct FlowPage: Sendable {
  /// The text for Graphviz.
  public let drawing: DrawnGraph
  private let title: String
  private let payload: String

  /// All that the page's script reads.
  private struct Payload: Encodable {
    struct Box: Encodable {
      let id: String
      let nodes: [Int]
    }

    struct Line: Encodable {
      let id: String
      /// Pairs of a value and its user.
      let edges: [[Int]]
      let isReversed: Bool
    }

    let report: GradientFlow.Report
    let roots: [FlowField.Root]
    let nodes: [FlowField.Node]
    let edges: [FlowField.Edge]
    let boxes: [Box]
    let lines: [Line]
    let course: [FlowRecord]?
  }

  /// `field` is of the same flow; `course` comes from the run that trained the parameters.
  ///
  /// Throws diagnostics for a graph that cannot be drawn.
  public init(_ flow: GradientFlow, _ field: FlowField, course: [FlowRecord]? = nil) throws {
    let graph = flow.site.graph
    // Dimensions have the sizes that the run gave them.
    var bound: [String: Int] = [:]
    for node in graph.inputs {
      let shape = field.nodes[node.id.index].value?.statistics.shape ?? []
      for (dim, size) in zip(node.type.shape.dims, shape)
      where dim.symbols.contains(dim.description) {
        bound[dim.description] = size
      }
    }
    let sizes = graph.sizes(binding: bound)
    drawing = try draw(
      graph, style: .ayatori,
      annotations: DrawingAnnotations(
        constants: graph.constantValues(sizes: sizes), sizes: sizes),
      options: DrawingOptions(mostBoxes: DrawingOptions.readableBoxes, isForPage: true))
    title = "Gradient flow at \(flow.split.node) — \(graph.name)"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let drawn = Set(drawing.boxes.flatMap(\.nodes).map(\.index))
    let payload = Payload(
      report: flow.report, roots: field.roots, nodes: field.nodes.filter { drawn.contains($0.id) },
      edges: field.edges,
      boxes: drawing.boxes.map { Payload.Box(id: $0.id, nodes: $0.nodes.map(\.index)) },
      lines: drawing.lines.map { line in
        Payload.Line(
          id: line.id, edges: line.edges.map { [$0.tail.index, $0.head.index] },
          isReversed: line.isReversed)
      }, course: course)
    self.payload = String(decoding: try encoder.encode(payload), as: UTF8.self)
  }

  /// The page round Graphviz's picture of `drawing`. Throws a diagnostic for what is no SVG.
  public func html(svg: String) throws(Diagnostic) -> String {
    try GradientPage(title: title, svg: svg, payload: payload).html()
  }
}
