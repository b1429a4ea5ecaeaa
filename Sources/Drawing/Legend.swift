import GraphIR

/// The signs that a drawing uses, and what they mean.
struct Legend {
  private var nodes: Set<NodeLook> = []
  private var edges: Set<EdgeLook> = []
  private var hasOutputs = false
  private var hasLayers = false
  private var hasScopes = false
  private var marks: Set<GraphDiff.Kind> = []

  mutating func add(node: NodeLook, isOutput: Bool) {
    nodes.insert(node)
    hasOutputs = hasOutputs || isOutput
  }

  /// A box with the parameters of a layer.
  mutating func addLayer(isOutput: Bool) {
    hasLayers = true
    hasOutputs = hasOutputs || isOutput
  }

  /// A collapsed scope.
  mutating func addScope(isOutput: Bool) {
    hasScopes = true
    hasOutputs = hasOutputs || isOutput
  }

  mutating func add(marks kinds: [GraphDiff.Kind]) { marks.formUnion(kinds) }

  mutating func add(edge: EdgeLook) { edges.insert(edge) }

  /// Roots whose gradient is drawn, by their places, and whether one is blocked anywhere.
  private var roots: [Int: String] = [:]
  private var hasStops = false

  mutating func add(flow: DrawingFlow, _ mark: AyatoriDrawing.FlowMark) {
    if mark.reason == nil { roots[mark.root] = flow.roots[mark.root] } else { hasStops = true }
  }

  private static let boxesPerRow = 3

  /// Writes the legend as a cluster of its own: rows of boxes, then a line a row.
  func write(to writer: inout DOTWriter) {
    guard !nodes.isEmpty || hasLayers || hasScopes else { return }
    writer.open("subgraph", "cluster legend")
    writer.set([
      ("label", .html("<B>legend</B>")), ("fontsize", .text("12")), ("color", .text("#BBBBBB")),
      ("fontcolor", .text(Hue.muted)), ("style", .text("rounded")), ("labeljust", .text("l")),
      ("margin", .text("8")), ("tooltip", .text("what shapes and lines mean")),
    ])
    var rows = writeBoxes(to: &writer)
    for look in EdgeLook.allCases where edges.contains(look) {
      rows.append(
        writeLine(look.rawValue, look.meaning, look.attributes(), to: &writer))
    }
    for (root, name) in roots.sorted(by: { $0.key < $1.key }) {
      let (style, color) = DrawingFlow.line(root)
      rows.append(
        writeLine(
          "root \(root)", "gradient of \(DOT.short(name))",
          [
            ("style", .text(style)), ("color", .text(color)), ("arrowtail", .text("normal")),
            ("dir", .text("back")), ("penwidth", .text("2.4")),
          ], to: &writer))
    }
    if hasStops {
      rows.append(
        writeLine(
          "stop", "gradient blocked",
          [
            ("color", .text(Hue.vermillion.line)), ("arrowtail", .text("tee")),
            ("dir", .text("back")), ("arrowsize", .text("1.3")), ("penwidth", .text("1.6")),
          ], to: &writer))
    }
    for (above, below) in zip(rows, rows.dropFirst()) {
      writer.edge(.init(id: above), .init(id: below), [("style", .text("invis"))])
    }
    writer.close()
  }

  /// Writes a box a look; gives the first of each row.
  private func writeBoxes(to writer: inout DOTWriter) -> [String] {
    var ids: [String] = []
    if hasLayers {
      let id = "legend layer"
      let cells = ["<TD><B>layer</B></TD>", "<TD>W</TD>", "<TD>b</TD>"]
      writer.node(
        id,
        [
          ("label", .html(AyatoriDrawing.groupTable(cells))), ("shape", .text("plain")),
          ("tooltip", .text("the parameters of a layer")),
        ])
      ids.append(id)
    }
    for look in NodeLook.allCases where nodes.contains(look) {
      let id = "legend \(look.rawValue)"
      writer.node(
        id,
        [("label", .text(look.meaning)), ("tooltip", .text(look.meaning))] + small
          + look.attributes)
      ids.append(id)
    }
    if hasScopes {
      let id = "legend scope"
      writer.node(
        id,
        [
          ("label", .text("collapsed scope")), ("shape", .text("box3d")),
          ("style", .text("filled")), ("color", .text(Hue.grey.line)),
          ("fillcolor", .text(Hue.grey.fill)), ("tooltip", .text("a scope drawn as one box")),
        ] + small)
      ids.append(id)
    }
    for kind in GraphDiff.Kind.allCases where marks.contains(kind) {
      let id = "legend \(kind.rawValue)"
      let attributes: DOTWriter.Attributes =
        [
          ("label", .html("<B>\(kind.sign)</B> \(kind.rawValue)")), ("shape", .text("box")),
          ("style", .text("solid")), ("color", .text(Hue.grey.line)),
          ("tooltip", .text("\(kind.rawValue), in the comparison")),
        ] + small
      writer.node(id, kind.applied(to: attributes))
      ids.append(id)
    }
    if hasOutputs {
      let id = "legend output"
      writer.node(
        id,
        [
          ("label", .html("<B>▸ output</B>")), ("shape", .text("box")), ("penwidth", .text("2.8")),
          ("tooltip", .text("a value that runs hand back: thick border")),
        ] + small)
      ids.append(id)
    }
    var firsts: [String] = []
    for start in stride(from: 0, to: ids.count, by: Legend.boxesPerRow) {
      let row = Array(ids[start..<min(start + Legend.boxesPerRow, ids.count)])
      firsts.append(row[0])
      guard row.count > 1 else { continue }
      writer.sameRank(row)
      for (left, right) in zip(row, row.dropFirst()) {
        writer.edge(.init(id: left), .init(id: right), [("style", .text("invis"))])
      }
    }
    return firsts
  }

  /// Writes a line with its meaning at the end; gives the id where it begins.
  private func writeLine(
    _ key: String, _ meaning: String, _ attributes: DOTWriter.Attributes,
    to writer: inout DOTWriter
  ) -> String {
    let (from, to) = ("legend \(key) from", "legend \(key) to")
    writer.node(
      from,
      [
        ("shape", .text("point")), ("width", .text("0.05")), ("height", .text("0.05")),
        ("label", .text("")), ("tooltip", .text(meaning)), ("color", .text(Hue.muted)),
      ])
    writer.node(
      to,
      [
        ("shape", .text("plaintext")), ("label", .text(meaning)),
        ("margin", .text("0.04,0.02")), ("tooltip", .text(meaning)),
      ] + small)
    writer.sameRank([from, to])
    writer.edge(.init(id: from), .init(id: to), attributes + [("minlen", .text("2"))])
    return from
  }

  private var small: DOTWriter.Attributes {
    [("fontsize", .text("10")), ("height", .text("0.25")), ("width", .text("0.3"))]
  }
}
