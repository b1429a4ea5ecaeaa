import GraphIR

/// A graph as Ayatori draws it.
///
/// The forward part flows down and the gradient beside it flows up, so that an adjoint stands about
/// as high as what it belongs to: edges inside the gradient are written from user to value with the
/// arrow at their tail.
///
/// Clusters nest as: part, scopes that all members of a fused group share, the group, further
/// scopes. A group with members in several parts stands beside the parts, its scopes inside.
struct AyatoriDrawing {
  let graph: Graph
  let sizes: [String: Int]
  let annotations: DrawingAnnotations
  let options: DrawingOptions
  /// Which nodes are drawn or folded into what is drawn.
  let isWanted: [Bool]
  /// What stands for a node inside its users' formulas, when the node has no box.
  let folded: [Folded?]
  /// The part and scope to which a node belongs, whatever is fused or collapsed.
  var homes: [Home]
  /// In the order of their first members.
  var boxes: [Box] = []
  /// The box in which a node is drawn, by its place in `boxes`.
  var boxOf: [Int?]
  let hasParts: Bool
  let isOutput: [Bool]
  let groups: [Int: Graph.Group]
  let traffic: [Int: Graph.Traffic]
  let outputNames: [NodeID: [String]]
  let updateTargets: [NodeID: [NodeID]]
  /// What stands below the title.
  var captions: [String] = []
  /// What is left out without having been asked for.
  var notes: [String] = []

  struct Folded {
    var text: String
    /// Named constants inside the text, which are drawn.
    var sources: [NodeID]
    /// Whether the text is an expression that needs parentheses inside another.
    var isCompound: Bool
  }

  struct Home: Hashable {
    var part: Part
    var scope: [String]
  }

  /// A cluster inside another.
  enum Frame: Hashable {
    case scope(String)
    case group(Int)
  }

  /// Where a box stands.
  struct Place: Hashable {
    var part: Part
    var frames: [Frame]
  }

  /// Something with an id in the drawing.
  struct Box {
    enum Kind: Hashable {
      case node
      /// The parameters of a layer, side by side.
      case layer
      /// A collapsed scope.
      case scope([String])
    }

    var kind: Kind
    var id: String
    var members: [NodeID]
    var place: Place
  }

  init(
    _ graph: Graph, _ annotations: DrawingAnnotations, only roots: [NodeID]?,
    _ options: DrawingOptions
  ) throws(Diagnostic) {
    self.graph = graph
    self.annotations = annotations
    self.options = options
    sizes = graph.sizes(binding: annotations.sizes)
    var isWanted = roots.map { graph.needed(by: $0) } ?? graph.nodes.map { _ in true }
    if let selection = options.selection {
      let selected = try AyatoriDrawing.select(selection, in: graph)
      for index in isWanted.indices where !selected[index] { isWanted[index] = false }
    }
    self.isWanted = isWanted
    var isOutput = [Bool](repeating: false, count: graph.nodes.count)
    var outputNames: [NodeID: [String]] = [:]
    for output in graph.outputs {
      isOutput[output.node.index] = true
      outputNames[output.node, default: []].append(output.name)
    }
    self.isOutput = isOutput
    self.outputNames = outputNames
    var updateTargets: [NodeID: [NodeID]] = [:]
    for update in graph.updates { updateTargets[update.value, default: []].append(update.target) }
    self.updateTargets = updateTargets
    groups = Dictionary(
      graph.groups.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
    traffic = groups.isEmpty ? [:] : graph.traffic(sizes: sizes)
    folded = AyatoriDrawing.fold(graph, annotations, isOutput)
    hasParts = graph.nodes.contains { $0.role != .forward }
    homes = graph.nodes.map { Home(part: Part($0.role), scope: $0.scope) }
    boxOf = Array(repeating: nil, count: graph.nodes.count)
    for node in graph.nodes where isWanted[node.id.index] {
      do {
        _ = try node.type.shape.evaluated(sizes)
      } catch .unbound {
        continue
      } catch {
        throw .badSize(node, error)
      }
    }
    placeLeaves()
    try makeBoxes()
    caption()
  }

  /// The nodes that a selection asks for, as a mark per node.
  private static func select(
    _ selection: DrawingOptions.Selection, in graph: Graph
  ) throws(Diagnostic) -> [Bool] {
    func node(_ name: String) throws(Diagnostic) -> Node {
      guard let node = graph.value(named: name) else {
        throw .unknownCenter(name, in: graph)
      }
      return node
    }
    switch selection {
    case .around(let names, let radius):
      var centers: [NodeID] = []
      for name in names { centers.append(try node(name).id) }
      return graph.neighbourhood(of: centers, radius: radius)
    case .paths(let from, let to):
      let (start, end) = (try node(from), try node(to))
      guard let marks = graph.paths(from: start.id, to: end.id) else {
        throw .noPath(from: start, to: end, in: graph)
      }
      return marks
    }
  }

  func isDrawn(_ id: NodeID) -> Bool { isWanted[id.index] && folded[id.index] == nil }

  func box(of id: NodeID) -> Box? { boxOf[id.index].map { boxes[$0] } }

  func part(of id: NodeID) -> Part { box(of: id)?.place.part ?? homes[id.index].part }

  func drawn() -> DrawnGraph {
    let edges = self.edges()
    var drawn = DrawnGraph(text: text(edges), notes: notes)
    if options.isForPage {
      drawn.boxes = boxes.indices.map {
        DrawnGraph.Box(id: AyatoriDrawing.elementID(box: $0), nodes: boxes[$0].members)
      }
      let order = verticalOrder(edges)
      drawn.lines = edges.enumerated().map { index, edge in
        DrawnGraph.Line(
          id: AyatoriDrawing.elementID(line: index), edges: edge.pairs,
          isReversed: isUpward(edge, order))
      }
    }
    return drawn
  }

  /// The ids of the SVG's elements.
  static func elementID(box: Int) -> String { "box\(box)" }
  static func elementID(line: Int) -> String { "line\(line)" }

  private func text(_ edges: [Edge]) -> String {
    var writer = DOTWriter()
    writer.open("digraph", DOT.plain(graph.name) ?? "graph")
    writeHeading(&writer)
    var looks = Legend()
    let stubs = self.stubs()
    writeClusters(stubs, &writer, &looks)
    let order = verticalOrder(edges)
    for (index, edge) in edges.enumerated() {
      let id = options.isForPage ? AyatoriDrawing.elementID(line: index) : nil
      write(edge, order, id: id, &writer, &looks)
    }
    for stub in stubs { writeEdge(of: stub, &writer, &looks) }
    if !options.isForPage { looks.write(to: &writer) }
    writer.close()
    return writer.text
  }
}
