public import GraphIR

/// A draw in its neighbourhood, drawn twice side by side: as a random node, through which no
/// gradient passes, and as a function of its parameters and of noise that stands aside (Kingma &
/// Welling 2013, section 2.4; the figure of Kingma 2017, section 2.4.4).
public struct ReparameterizationDrawing: Sendable {
  /// One of the two pictures.
  public struct Side: Sendable {
    /// Operands of the draw that its users' gradient reaches through it.
    public var reached: Set<NodeID>
    /// Operands that it does not reach, and why.
    public var blocked: [NodeID: String]

    public init(reached: Set<NodeID>, blocked: [NodeID: String]) {
      self.reached = reached
      self.blocked = blocked
    }
  }

  public let graph: Graph
  /// The sampling node.
  public let draw: NodeID
  /// The cost downstream: the function that is averaged over draws.
  public let cost: NodeID
  public let random: Side
  public let reparameterized: Side

  /// Misuse traps: `draw` is a sampling operation.
  public init(
    _ graph: Graph, draw: NodeID, cost: NodeID, random: Side, reparameterized: Side
  ) {
    precondition(
      graph[draw].definition?.sampling != nil, "\(graph[draw].label) draws nothing")
    self.graph = graph
    self.draw = draw
    self.cost = cost
    self.random = random
    self.reparameterized = reparameterized
  }

  /// The figure as Graphviz DOT.
  public func text() -> String {
    var writer = DOTWriter()
    writer.open("digraph", "reparameterization")
    let name = DOT.html(DOT.short(graph[draw].label))
    writer.set([
      ("rankdir", .text("BT")), ("charset", .text("UTF-8")), ("fontname", .text(font)),
      ("fontsize", .text("18")), ("labelloc", .text("t")), ("newrank", .text("true")),
      ("label", .html("<B>the gradient through \(name)</B>")), ("bgcolor", .text("white")),
      ("tooltip", .text(DOT.short(graph.name))), ("nodesep", .text("0.5")),
      ("ranksep", .text("0.75")), ("pad", .text("0.25")),
    ])
    writer.defaults(
      "node",
      [
        ("fontname", .text(font)), ("fontsize", .text("14")), ("fontcolor", .text(Hue.ink)),
        ("penwidth", .text("1.5")), ("margin", .text("0.14,0.08")),
      ])
    // In alphabetical order, as `AyatoriDrawing` says why.
    writer.defaults(
      "edge",
      [
        ("arrowhead", .text("normal")), ("arrowsize", .text("0.85")),
        ("arrowtail", .text("normal")), ("color", .text("#404040")), ("dir", .text("forward")),
        ("fontcolor", .text(Hue.muted)), ("fontname", .text(font)), ("fontsize", .text("11")),
        ("label", .text("")), ("labeltooltip", .text("")), ("penwidth", .text("1.2")),
        ("style", .text("solid")), ("tooltip", .text("")), ("weight", .text("1")),
      ])
    write(random, "random", "without the trick: \(name) is random", &writer)
    write(reparameterized, "function", "with the trick: \(name) is a function", &writer)
    writeLegend(&writer)
    writer.close()
    return writer.text
  }

  private let font = "Helvetica,Arial,sans-serif"

  private func write(_ side: Side, _ key: String, _ title: String, _ writer: inout DOTWriter) {
    let isRandom = key == "random"
    let node = graph[draw]
    writer.open("subgraph", "cluster \(key)")
    writer.set([
      ("label", .html("<B>\(title)</B>")), ("fontsize", .text("15")), ("labeljust", .text("c")),
      ("labelloc", .text("b")),
      ("style", .text("rounded")), ("color", .text("#9A9A9A")), ("bgcolor", .text("#FAFAFA")),
      ("margin", .text("18")), ("tooltip", .text("")),
    ])
    let cost = "\(key) cost"
    let draw = "\(key) draw"
    writer.node(
      cost,
      label(
        ["<B>f</B>", small(called(self.cost))], "the cost \(DOT.short(graph[self.cost].label))")
        + NodeLook.loss.attributes)
    let look = isRandom ? NodeLook.sampling : .elementwise
    writer.node(
      draw,
      label(
        ["<B>\(called(self.draw))</B>", small(DOT.html(isRandom ? distribution : formula))],
        isRandom ? "drawn: a random node" : "a function of its parameters and of noise")
        + look.attributes)
    edges(from: draw, to: cost, Flow.passes, isDirect: isDirect, &writer)
    let noise = noisePlace.map { node.operands[$0] }
    for (place, operand) in node.operands.enumerated() {
      let isNoise = operand == noise
      if isRandom, isNoise { continue }
      let id = "\(key) operand \(place)"
      let kind = isNoise ? NodeLook.noise : NodeLook(graph[operand])
      let about = isNoise ? "noise, aside" : role(place)
      writer.node(
        id,
        label(["<B>\(called(operand))</B>", small(DOT.html(about))], about) + kind.attributes)
      let flow: Flow =
        isNoise
        ? .none
        : side.blocked[operand].map { Flow.blocked($0) }
          ?? (side.reached.contains(operand) ? .passes : .none)
      edges(from: id, to: draw, flow, isDirect: true, &writer)
    }
    writer.close()
  }

  private enum Flow {
    case passes
    case blocked(String)
    case none
  }

  /// The forward edge, and the gradient beside it.
  private func edges(
    from: String, to: String, _ flow: Flow, isDirect: Bool, _ writer: inout DOTWriter
  ) {
    let ends = (DOTWriter.Endpoint(id: from), DOTWriter.Endpoint(id: to))
    var forward: DOTWriter.Attributes = [("tooltip", .text("forward"))]
    if !isDirect { forward.append(("label", .text(" … "))) }
    if case .none = flow {
      forward += [("style", .text("dashed")), ("color", .text(Hue.purple.line))]
    }
    writer.edge(ends.0, ends.1, forward)
    switch flow {
    case .passes:
      writer.edge(ends.0, ends.1, DrawingFlow.passing)
    case .blocked(let reason):
      writer.edge(
        ends.0, ends.1,
        DrawingFlow.stopping + [
          ("label", .text(" ✕ ")), ("labeltooltip", .text(DOT.short(reason, limit: 200))),
          ("tooltip", .text(DOT.short(reason, limit: 200))),
          ("fontcolor", .text(Hue.vermillion.line)),
        ])
    case .none: break
    }
  }

  private func writeLegend(_ writer: inout DOTWriter) {
    writer.open("subgraph", "cluster legend")
    writer.set([
      ("label", .html("<B>legend</B>")), ("fontsize", .text("12")), ("color", .text("#BBBBBB")),
      ("fontcolor", .text(Hue.muted)), ("style", .text("rounded")), ("labeljust", .text("l")),
      ("labelloc", .text("b")),
      ("margin", .text("8")), ("tooltip", .text("what lines mean")),
    ])
    for (key, meaning, attributes) in [
      ("forward", "forward", [(name: "tooltip", value: DOTWriter.Value.text("forward"))]),
      ("passes", "gradient", DrawingFlow.passing),
      ("stops", "gradient blocked", DrawingFlow.stopping),
    ] {
      let (from, to) = ("legend \(key) from", "legend \(key) to")
      for (id, text) in [(from, ""), (to, meaning)] {
        writer.node(
          id,
          [
            ("shape", .text("plaintext")), ("label", .text(text)), ("fontsize", .text("11")),
            ("margin", .text("0.02,0.02")), ("height", .text("0.1")), ("width", .text("0.1")),
            ("tooltip", .text(meaning)),
          ])
      }
      writer.edge(.init(id: from), .init(id: to), attributes)
    }
    writer.close()
  }

  // MARK: Words

  private func label(_ lines: [String], _ tooltip: String) -> DOTWriter.Attributes {
    [("label", .html(lines.joined(separator: "<BR/>"))), ("tooltip", .text(tooltip))]
  }

  private func small(_ markup: String) -> String {
    "<FONT POINT-SIZE=\"11\" COLOR=\"\(Hue.muted)\">\(markup)</FONT>"
  }

  private func called(_ id: NodeID) -> String {
    DOT.html(DOT.short(graph[id].name ?? graph.expression(id), limit: 30))
  }

  private var noisePlace: Int? { graph[draw].definition?.sampling?.noiseOperand }

  private func role(_ place: Int) -> String {
    guard let operation = graph[draw].operation else { return "" }
    let spec = operation.definition.operandSpec(at: place)
    if let choice = spec.choice, case .symbol(let chosen)? = operation.attributes[choice] {
      return chosen.replacing("_", with: " ")
    }
    return spec.name
  }

  /// `~ normal(mu, logvar)`.
  private var distribution: String {
    guard let operation = graph[draw].operation else { return "" }
    let operands = graph[draw].operands.enumerated().filter { $0.offset != noisePlace }
      .map { DOT.short(graph.expression($0.element), limit: 24) }
    return "~ \(operation.definition.name)(\(operands.joined(separator: ", ")))"
  }

  /// The op's own letters, or how it is called.
  private var formula: String {
    guard let operation = graph[draw].operation else { return "" }
    let operands = graph[draw].operands.map { DOT.short(graph.expression($0), limit: 24) }
    return "= "
      + (operation.definition.drawing.symbol
        ?? "g(\(operands.joined(separator: ", ")))")
  }

  /// Whether the cost reads the draw itself.
  private var isDirect: Bool { graph[cost].operands.contains(draw) }
}

extension DrawingFlow {
  fileprivate static let passing: DOTWriter.Attributes = [
    ("dir", .text("back")), ("arrowtail", .text("normal")), ("color", .text(Hue.blue.line)),
    ("penwidth", .text("2.6")), ("tooltip", .text("gradient")),
  ]

  fileprivate static let stopping: DOTWriter.Attributes = [
    ("dir", .text("back")), ("arrowtail", .text("tee")), ("color", .text(Hue.vermillion.line)),
    ("penwidth", .text("2.2")), ("arrowsize", .text("1.4")), ("style", .text("dashed")),
  ]
}
