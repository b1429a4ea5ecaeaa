public import GraphIR

/// How a graph is drawn.
public enum DrawingStyle: String, CaseIterable, Sendable {
  /// One box a node, clusters for scopes, the gradient beside the forward part, a legend.
  case ayatori
  /// As Chainer's `computational_graph` draws: octagons for variables, boxes for functions.
  case chainer
}

/// Facts that a drawing shows and cannot know from the graph; handed in as data.
public struct DrawingAnnotations: Sendable {
  /// Values of scalar nodes that are computed from constants and sizes alone: 1/N at N = 100 is
  /// 0.01. A constant leaf that is missing here has the value it bears.
  public var constants: [NodeID: Scalar]
  /// Bound dimensions; the graph's defaults hold for the rest.
  public var sizes: [String: Int]
  /// Stands above the drawing; the graph's name when nil.
  public var title: String?
  /// What a comparison found, shown as `+ − ~` before names.
  public var marks: [NodeID: DrawingMark] = [:]
  /// Edges of a comparison that the graph no longer has.
  public var removedEdges: [GraphDiff.Edge] = []
  /// Edges that a comparison found to be new, between nodes that are not.
  public var addedEdges: Set<GraphDiff.Edge> = []
  /// A gradient to draw over the edges, which then stand back.
  public var flow: DrawingFlow?

  public init(
    constants: [NodeID: Scalar] = [:], sizes: [String: Int] = [:], title: String? = nil
  ) {
    self.constants = constants
    self.sizes = sizes
    self.title = title
  }
}

/// A drawing, and what should be said about it.
public struct DrawnGraph: Sendable {
  /// The graph as Graphviz DOT.
  public var text: String
  /// What the drawing leaves out without having been asked to, in words.
  public var notes: [String]
  /// What stands under the ids of a drawing for a page; empty for others.
  public var boxes: [Box] = []
  public var lines: [Line] = []

  public init(text: String, notes: [String] = []) {
    self.text = text
    self.notes = notes
  }

  /// A box and the nodes that it stands for.
  public struct Box: Sendable {
    public var id: String
    public var nodes: [NodeID]
  }

  /// A line and the edges that it stands for.
  public struct Line: Sendable {
    public var id: String
    public var edges: [GraphDiff.Edge]
    /// Whether its path in the picture leads from the user to the value.
    public var isReversed: Bool
  }
}

/// The graph as Graphviz DOT, the same bytes for the same graph on every run.
///
/// `roots` are the names of the outputs to draw, with all that they need. Left out, the style
/// `ayatori` draws the whole graph and `chainer` what the output `loss` needs, or all outputs when
/// there is no `loss`. Throws for an unknown root, node or scope, for ends without a path, for a
/// size that does not fit, and in the style `chainer` for dimensions without a value and for any
/// options.
public func draw(
  _ graph: Graph, style: DrawingStyle, annotations: DrawingAnnotations = DrawingAnnotations(),
  roots: [String]? = nil, options: DrawingOptions = DrawingOptions()
) throws(Diagnostic) -> DrawnGraph {
  switch style {
  case .ayatori:
    let drawing = try AyatoriDrawing(
      graph, annotations,
      only: roots.map { names throws(Diagnostic) in
        try outputs(names, of: graph)
      }, options)
    return drawing.drawn()
  case .chainer:
    guard options.isWhole else { throw .wholeGraphsOnly(graph) }
    let names = roots ?? (graph.output(named: "loss") != nil ? ["loss"] : graph.outputs.map(\.name))
    let drawing = try ChainerDrawing(graph, annotations, roots: outputs(names, of: graph))
    return DrawnGraph(text: try drawing.text(), notes: [])
  }
}

/// The text of `draw`.
public func dot(
  _ graph: Graph, style: DrawingStyle, annotations: DrawingAnnotations = DrawingAnnotations(),
  roots: [String]? = nil, options: DrawingOptions = DrawingOptions()
) throws(Diagnostic) -> String {
  try draw(graph, style: style, annotations: annotations, roots: roots, options: options).text
}

/// The nodes of the outputs called `names`.
private func outputs(_ names: [String], of graph: Graph) throws(Diagnostic) -> [NodeID] {
  var nodes: [NodeID] = []
  for name in names {
    guard let output = graph.output(named: name) else {
      throw .unknownRoot(name, in: graph)
    }
    nodes.append(output.node)
  }
  return nodes
}
