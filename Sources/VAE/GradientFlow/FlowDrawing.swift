public import Ayatori

/// A graph at a stage with the gradient of each term of its loss, to be drawn.
public struct FlowDrawing: Sendable {
  /// The forward part.
  public let graph: Graph
  public let flow: DrawingFlow
  /// Whether there are norms; without feeds there is the structure alone.
  public let isMeasured: Bool

  /// Takes a source graph to a stage without a gradient of its own: `source`, `lowered`, or
  /// `optimized`, of whose graph the forward part is shown.
  ///
  /// `feeds` nil measures nothing. Throws diagnostics for a graph without such a draw, a loss that
  /// is not clear, and feeds that do not fit.
  public init(
    _ source: Graph, node: String?, loss: String? = nil, stage: Stage = .source, feeds: Feeds?
  ) throws {
    let found = try SamplingSite(cutting: source, at: feeds, node: node)
    let loss = try loss ?? Compiler.lossName(of: found.graph)
    let (site, terms) = found.namingTerms(of: loss)
    graph = try FlowDrawing.forward(site, loss, stage)
    let program = try FieldProgram(
      graph, targets: (site.parameters + [site.draw]).map(\.name), loss: loss, known: terms)
    var arrows: [DrawingFlow.Arrow] = []
    var stops: [DrawingFlow.Stop] = []
    // Passes keep terms in their graph's order; people know that of the source. The last pass is
    // that of the whole.
    let order = program.terms.indices.sorted { a, b in
      let places = [a, b].map { site.graph.value(named: program.terms[$0])?.id.index ?? .max }
      return (places[0], a) < (places[1], b)
    }
    for (root, place) in order.enumerated() {
      let pass = program.passes[place]
      let arrays = try feeds.map {
        try FieldProgram.run(pass.graph, .debug, $0, feeding: $0.inputs.keys)
      }
      for edge in program.edges {
        if let keys = pass.ways[edge] {
          let norm = arrays.map { arrays in FlowField.norm(keys.compactMap { arrays[$0] }) }
          arrows.append(DrawingFlow.Arrow(edge: edge, root: root, norm: norm))
        } else if let reason = pass.blocked[edge] {
          stops.append(DrawingFlow.Stop(edge: edge, root: root, reason: reason))
        }
      }
      guard let cost = graph.value(named: program.terms[place]) else { continue }
      for parameter in site.parameters {
        guard let node = graph.node(named: parameter.name), let keys = pass.besides[node.id],
          node.id != cost.id
        else { continue }
        arrows.append(
          DrawingFlow.Arrow(
            edge: GraphDiff.Edge(tail: node.id, head: cost.id), root: root,
            norm: arrays.map { arrays in FlowField.norm(keys.compactMap { arrays[$0] }) },
            way: "cost · ∂ln q"))
      }
    }
    flow = DrawingFlow(roots: order.map { program.terms[$0] }, arrows: arrows, stops: stops)
    isMeasured = feeds != nil
  }

  private static func forward(_ site: SamplingSite, _ loss: String, _ stage: Stage) throws -> Graph
  {
    switch stage {
    case .source, .gradient: return site.graph
    case .lowered: return try Compiler().lower(site.graph)
    case .optimized:
      let compiler = Compiler()
      let whole = try compiler.stage(.optimized, of: site.graph, loss: loss)
      // What stays of the forward pass, in the groups that training runs.
      let places = (site.parameters + [site.draw]).map(\.name)
      var names = whole.outputs.map(\.name).filter { site.graph.output(named: $0) != nil }
      names += (places + [loss]).filter { !names.contains($0) && whole.value(named: $0) != nil }
      return try compiler.run(
        [.eliminateDeadNodes], on: whole.with(outputs: names), isOptional: false)
    }
  }
}
