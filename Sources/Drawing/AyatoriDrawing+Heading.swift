import GraphIR

extension AyatoriDrawing {
  /// The title and the defaults of boxes and edges.
  func writeHeading(_ writer: inout DOTWriter) {
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
    for caption in captions {
      heading +=
        "<BR/><FONT POINT-SIZE=\"11\" COLOR=\"\(Hue.muted)\">"
        + DOT.html(DOT.short(caption, limit: 200)) + "</FONT>"
    }
    writer.set([
      ("rankdir", .text("TB")), ("charset", .text("UTF-8")),
      ("fontname", .text(AyatoriDrawing.font)),
      ("fontsize", .text("18")), ("label", options.isForPage ? .text("") : .html(heading)),
      ("labelloc", .text("t")), ("tooltip", .text(title)), ("bgcolor", .text("white")),
      ("nodesep", .text("0.28")),
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
    let ids: DOTWriter.Attributes = options.isForPage ? [("id", .text(""))] : []
    writer.defaults(
      "edge",
      [
        ("arrowhead", .text("normal")), ("arrowsize", .text("0.75")),
        ("arrowtail", .text("normal")), ("color", .text("#404040")),
        ("dir", .text("forward")), ("fontcolor", .text(Hue.muted)),
        ("fontname", .text(AyatoriDrawing.font)), ("fontsize", .text("9")), ("headport", .text("")),
      ] + ids + [
        ("label", .text("")), ("labeltooltip", .text("")), ("minlen", .text("1")),
        ("penwidth", .text("1")), ("style", .text("solid")), ("tailport", .text("")),
        ("tooltip", .text("")), ("weight", .text("1")),
      ])
  }

  private static let font = "Helvetica,Arial,sans-serif"

  func partAttributes(_ part: Part) -> DOTWriter.Attributes {
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
    case .mixed: label = "in several parts"
    }
    return [
      ("label", .html("<B>\(DOT.html(label))</B>")), ("tooltip", .text(label)),
      ("fontsize", .text("15")), ("fontcolor", .text(part.line)), ("color", .text(part.line)),
      ("style", .text("rounded")), ("penwidth", .text("2")), ("margin", .text("14")),
      ("labeljust", .text("l")), ("bgcolor", .text("#FFFFFF")),
    ]
  }
}
