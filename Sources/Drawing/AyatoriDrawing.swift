import GraphIR

/// A graph as Ayatori draws it.
///
/// The forward part flows down and the gradient beside it flows up, so that an adjoint stands about
/// as high as what it belongs to: edges inside the gradient are written from user to value with the
/// arrow at their tail.
struct AyatoriDrawing {
  let graph: Graph
  let sizes: [String: Int]
  let annotations: DrawingAnnotations
  /// Which nodes are drawn or folded into what is drawn.
  let isWanted: [Bool]
  /// What stands for a node inside its users' formulas, when the node has no box.
  let folded: [Folded?]
  /// The part and scope in whose cluster a node's box stands.
  private(set) var places: [Place]
  /// The box in which a node is drawn: its own, or that of its parameter group.
  private(set) var boxes: [NodeID: Box] = [:]
  let hasParts: Bool
  let isOutput: [Bool]

  struct Folded {
    var text: String
    /// Named constants inside the text, which are drawn.
    var sources: [NodeID]
    /// Whether the text is an expression that needs parentheses inside another.
    var isCompound: Bool
  }

  struct Place: Hashable {
    var part: Part
    var scope: [String]
  }

  /// Something with an id in the drawing.
  struct Box {
    var id: String
    var members: [NodeID]
    var place: Place
  }

  init(
    _ graph: Graph, _ annotations: DrawingAnnotations, only roots: [NodeID]?
  ) throws(Diagnostic) {
    self.graph = graph
    self.annotations = annotations
    sizes = graph.sizes(binding: annotations.sizes)
    isWanted = roots.map { graph.needed(by: $0) } ?? graph.nodes.map { _ in true }
    var isOutput = [Bool](repeating: false, count: graph.nodes.count)
    for output in graph.outputs { isOutput[output.node.index] = true }
    self.isOutput = isOutput
    folded = AyatoriDrawing.fold(graph, annotations, isOutput)
    hasParts = graph.nodes.contains { $0.role != .forward }
    places = graph.nodes.map { Place(part: Part($0.role), scope: $0.scope) }
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
    makeBoxes()
  }

  // MARK: Folding

  /// The longest expression that is folded.
  private static let longestFold = 24

  /// Unnamed scalars that constants and sizes alone determine, as text.
  private static func fold(
    _ graph: Graph, _ annotations: DrawingAnnotations, _ isOutput: [Bool]
  ) -> [Folded?] {
    var pinned = isOutput
    for update in graph.updates {
      pinned[update.target.index] = true
      pinned[update.value.index] = true
    }
    var folded = [Folded?](repeating: nil, count: graph.nodes.count)
    for node in graph.nodes {
      guard node.name == nil, node.type.shape.rank == 0, !pinned[node.id.index] else { continue }
      switch node.body {
      case .leaf(.constant(let scalar)):
        folded[node.id.index] = Folded(text: number(scalar), sources: [], isCompound: false)
      case .leaf(.size(let dim)):
        let text = "\(dim)"
        folded[node.id.index] = Folded(
          text: text, sources: [], isCompound: !text.allSatisfy { $0.isLetter || $0.isNumber })
      case .leaf: break
      case .operation(let operation):
        let parts = node.operands.compactMap { id -> Folded? in
          if let folded = folded[id.index] { return folded }
          guard case .leaf(.constant) = graph[id].body, let name = graph[id].name else {
            return nil
          }
          return Folded(text: DOT.short(name, limit: 12), sources: [id], isCompound: false)
        }
        guard parts.count == node.operands.count else { continue }
        let drawing = operation.definition.drawing
        if parts.count == 1, drawing.family == .conversion {
          folded[node.id.index] = parts[0]
        } else if parts.count == 2, let sign = drawing.infix {
          let texts = parts.map { $0.isCompound ? "(\($0.text))" : $0.text }
          let text = texts[0] + (sign == "/" ? "/" : " \(pretty(sign)) ") + texts[1]
          guard text.count <= longestFold else { continue }
          folded[node.id.index] = Folded(
            text: text, sources: parts.flatMap(\.sources), isCompound: true)
        }
      }
    }
    return folded
  }

  /// A number as people write it: `1` for 1.0, `0.5`.
  static func number(_ scalar: Scalar) -> String {
    let text = scalar.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// The mathematical sign of an infix operator.
  static func pretty(_ sign: String) -> String {
    switch sign {
    case "*": "×"
    case "-": "−"
    case "/": "÷"
    case "<=": "≤"
    case ">=": "≥"
    case "!=": "≠"
    default: sign
    }
  }

  // MARK: Places

  /// Leaves that stand outside every scope move to their first user.
  private mutating func placeLeaves() {
    var users: [NodeID: [NodeID]] = [:]
    for node in graph.nodes where isDrawn(node.id) {
      for operand in node.operands {
        for source in folded[operand.index]?.sources ?? [operand] {
          users[source, default: []].append(node.id)
        }
      }
    }
    for node in graph.nodes {
      guard let leaf = node.leaf, node.scope.isEmpty, let users = users[node.id] else { continue }
      switch leaf {
      case .input: continue
      case .constant, .size:
        // A constant that several places use belongs to none of them.
        if Set(users.map { places[$0.index] }).count > 1 { continue }
      case .parameter, .state, .noise: break
      }
      let user = users.first { Part(graph[$0].role) == .forward } ?? users[0]
      places[node.id.index] = places[user.index]
    }
  }

  /// Makes a box for each node that has one; a layer's parameters share theirs.
  private mutating func makeBoxes() {
    var groups: [String: Box] = [:]
    var groupOf: [NodeID: String] = [:]
    for node in graph.nodes where isDrawn(node.id) {
      let place = places[node.id.index]
      if node.isParameter, let layer = AyatoriDrawing.layer(of: node) {
        let key =
          layer + "\u{0}" + String(place.part.rawValue) + place.scope.joined(separator: "\u{0}")
        groups[key, default: Box(id: "", members: [], place: place)].members.append(node.id)
        groupOf[node.id] = key
      } else {
        boxes[node.id] = Box(id: DOT.id(of: node), members: [node.id], place: place)
      }
    }
    for (id, key) in groupOf {
      guard var box = groups[key], let first = box.members.first else { continue }
      box.id = "layer " + DOT.id(of: graph[first])
      boxes[id] = box
    }
  }

  /// `fc1` of `fc1.W`.
  static func layer(of node: Node) -> String? {
    guard let name = node.name, let dot = name.lastIndex(of: "."), dot > name.startIndex,
      name.index(after: dot) < name.endIndex
    else { return nil }
    return String(name[..<dot])
  }

  func isDrawn(_ id: NodeID) -> Bool { isWanted[id.index] && folded[id.index] == nil }

  // MARK: Text

  func text() -> String {
    var writer = DOTWriter()
    writer.open("digraph", DOT.plain(graph.name) ?? "graph")
    writeDefaults(&writer)
    var looks = Legend()
    let drawn = graph.nodes.filter { isDrawn($0.id) && boxes[$0.id]?.members.first == $0.id }
    if hasParts {
      for part in Part.allCases {
        let members = drawn.filter { places[$0.id.index].part == part }
        if members.isEmpty { continue }
        writer.open("subgraph", "cluster \(part)")
        writer.set(partAttributes(part))
        writeScope([], members, part, &writer, &looks)
        writer.close()
      }
    } else {
      writeScope([], drawn, .forward, &writer, &looks)
    }
    let edges = dataEdges() + adjointEdges() + updateEdges()
    let order = verticalOrder(edges)
    for edge in edges { write(edge, order, &writer, &looks) }
    looks.write(to: &writer)
    writer.close()
    return writer.text
  }

  private func writeDefaults(_ writer: inout DOTWriter) {
    let title = DOT.short(annotations.title ?? graph.name, limit: 100)
    let bound = graph.dimensions.compactMap { dimension in
      sizes[dimension.name].map { "\(DOT.short(dimension.name, limit: 20)) = \($0)" }
    }
    var heading = "<B>\(DOT.html(title.isEmpty ? "graph" : title))</B>"
    if graph.nodes.isEmpty { heading += "<BR/>no nodes" }
    if !bound.isEmpty {
      heading +=
        "<BR/><FONT POINT-SIZE=\"11\" COLOR=\"\(Hue.muted)\">"
        + DOT.html(bound.prefix(12).joined(separator: ",  ")) + "</FONT>"
    }
    writer.set([
      ("rankdir", .text("TB")), ("charset", .text("UTF-8")),
      ("fontname", .text(AyatoriDrawing.font)),
      ("fontsize", .text("18")), ("label", .html(heading)), ("labelloc", .text("t")),
      ("tooltip", .text(title)), ("bgcolor", .text("white")), ("nodesep", .text("0.28")),
      ("ranksep", .text("0.42")), ("pad", .text("0.2")), ("newrank", .text("true")),
    ])
    writer.defaults(
      "node",
      [
        ("fontname", .text(AyatoriDrawing.font)), ("fontsize", .text("12")),
        ("fontcolor", .text(Hue.ink)),
        ("margin", .text("0.12,0.06")), ("height", .text("0.3")), ("penwidth", .text("1.3")),
      ])
    // Every edge attribute in use stands here, in alphabetical order: Graphviz 2.43 copies edges
    // between neighbours of one rank to a graph where attributes are numbered by name, and looks
    // arrows up there by their first number (dotsplines.c, cloneGraph). With the order kept the
    // two agree; without it an arrow is lost with a warning.
    writer.defaults(
      "edge",
      [
        ("arrowhead", .text("normal")), ("arrowsize", .text("0.75")),
        ("arrowtail", .text("normal")), ("color", .text("#404040")),
        ("dir", .text("forward")), ("fontcolor", .text(Hue.muted)),
        ("fontname", .text(AyatoriDrawing.font)), ("fontsize", .text("9")), ("headport", .text("")),
        ("label", .text("")), ("labeltooltip", .text("")), ("minlen", .text("1")),
        ("penwidth", .text("1")), ("style", .text("solid")), ("tailport", .text("")),
        ("tooltip", .text("")), ("weight", .text("1")),
      ])
  }

  private static let font = "Helvetica,Arial,sans-serif"

  private func partAttributes(_ part: Part) -> DOTWriter.Attributes {
    let label: String
    switch part {
    case .forward: label = "forward ↓"
    case .gradient:
      var roots: [String] = []
      for node in graph.nodes {
        if case .adjoint(_, let root, _) = node.role, !roots.contains(root) { roots.append(root) }
      }
      label = "gradient of " + DOT.short(roots.joined(separator: ", "), limit: 60) + " ↑"
    case .update: label = "update ↓"
    }
    return [
      ("label", .html("<B>\(DOT.html(label))</B>")), ("tooltip", .text(label)),
      ("fontsize", .text("15")), ("fontcolor", .text(part.line)), ("color", .text(part.line)),
      ("style", .text("rounded")), ("penwidth", .text("2")), ("margin", .text("14")),
      ("labeljust", .text("l")), ("bgcolor", .text("#FFFFFF")),
    ]
  }

  /// Writes the boxes of one scope, and clusters for the scopes inside it.
  private func writeScope(
    _ scope: [String], _ members: [Node], _ part: Part, _ writer: inout DOTWriter,
    _ looks: inout Legend
  ) {
    var inner: [String] = []
    for node in members {
      let path = places[node.id.index].scope
      if path.count == scope.count {
        write(node, &writer)
        looks.add(
          node: NodeLook(node), isOutput: isOutput[node.id.index], isLayer: isInGroup(node))
      } else if !inner.contains(path[scope.count]) {
        inner.append(path[scope.count])
      }
    }
    for name in inner {
      let path = scope + [name]
      let below = members.filter { places[$0.id.index].scope.starts(with: path) }
      guard let first = below.first else { continue }
      // The first member's id tells clusters apart whatever their scopes are called.
      writer.open("subgraph", "cluster \(part) \(path.count) \(DOT.id(of: graph[first.id]))")
      let shade = path.count % 2 == 1 ? "#FAFAFA" : "#F3F3F3"
      writer.set([
        ("label", .html("<I>\(DOT.html(DOT.short(name, limit: 30)))</I>")),
        ("tooltip", .text(DOT.short(path.joined(separator: " / "), limit: 200))),
        ("fontsize", .text("13")), ("fontcolor", .text(Hue.muted)), ("color", .text("#9A9A9A")),
        ("style", .text("rounded")), ("penwidth", .text("1")), ("margin", .text("10")),
        ("labeljust", .text("l")), ("bgcolor", .text(shade)),
      ])
      writeScope(path, below, part, &writer, &looks)
      writer.close()
    }
  }

  /// Whether the node is a cell of a layer's box.
  private func isInGroup(_ node: Node) -> Bool {
    guard let box = boxes[node.id] else { return false }
    return box.members.count > 1 || box.id != DOT.id(of: node)
  }

  private func write(_ node: Node, _ writer: inout DOTWriter) {
    guard let box = boxes[node.id] else { return }
    if isInGroup(node) {
      writer.node(
        box.id,
        [
          ("shape", .text("plain")), ("label", .html(groupLabel(box))),
          ("tooltip", .text(box.members.map { tooltip(graph[$0]) }.joined(separator: "\n"))),
        ])
      return
    }
    var attributes: DOTWriter.Attributes =
      [("label", .html(label(node)))] + NodeLook(node).attributes
      + [("tooltip", .text(tooltip(node)))]
    if isOutput[node.id.index] { attributes.append(("penwidth", .text("2.8"))) }
    writer.node(box.id, attributes)
  }
}
