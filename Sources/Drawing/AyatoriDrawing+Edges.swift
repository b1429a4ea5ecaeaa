import GraphIR

extension AyatoriDrawing {
  struct Edge {
    var tail: NodeID
    var head: NodeID
    var look: EdgeLook
    var label: String?
    var tooltip: String
    var tailPort: Bool
    var headPort: Bool
    /// Whether a comparison found it to be new.
    var isNew = false
    /// Further edges that the line stands for.
    var merged: [GraphDiff.Edge] = []
    /// Set for a line of the gradient's flow.
    var flow: FlowMark?

    /// All edges that the line stands for.
    var pairs: [GraphDiff.Edge] { [GraphDiff.Edge(tail: tail, head: head)] + merged }
  }

  /// Every edge to draw. One that begins and ends in a box is none; those between the same boxes of
  /// which one is a collapsed scope are one edge a look.
  func edges() -> [Edge] {
    /// What edges have in common that are drawn as one.
    struct Key: Hashable {
      var tail: Int
      var head: Int
      var look: EdgeLook
    }
    var edges: [Edge] = []
    var merged: [Key: Int] = [:]
    var counts: [Int: Int] = [:]
    for edge in dataEdges() + adjointEdges() + updateEdges() + removedEdges() {
      guard let tail = boxOf[edge.tail.index], let head = boxOf[edge.head.index] else { continue }
      guard isScope(tail) || isScope(head) else {
        edges.append(edge)
        continue
      }
      if tail == head { continue }
      let key = Key(tail: tail, head: head, look: edge.look)
      if let index = merged[key] {
        let count = counts[index, default: 1]
        counts[index] = count + 1
        edges[index].merged += edge.pairs
        if count < AyatoriDrawing.longestTooltip { edges[index].tooltip += "\n" + edge.tooltip }
      } else {
        merged[key] = edges.count
        var edge = edge
        if edge.look != .stopped, edge.look != .removed { edge.label = nil }
        edge.tailPort = edge.tailPort && !isScope(tail)
        edge.headPort = edge.headPort && !isScope(head)
        edges.append(edge)
      }
    }
    for (index, count) in counts where count > AyatoriDrawing.longestTooltip {
      edges[index].tooltip += "\n… \(count - AyatoriDrawing.longestTooltip) more"
    }
    return edges + flowEdges()
  }

  /// The most edges that the tooltip of a merged one lists.
  private static let longestTooltip = 8

  private func isScope(_ box: Int) -> Bool {
    if case .scope = boxes[box].kind { true } else { false }
  }

  /// One edge per (value, user) pair and kind; a layer's parameters that go together are one edge.
  private func dataEdges() -> [Edge] {
    /// An operand, and how it is used.
    struct Use: Hashable {
      var source: NodeID
      var look: EdgeLook
    }
    var edges: [Edge] = []
    for node in graph.nodes where isDrawn(node.id) {
      guard let operation = node.operation else { continue }
      let first = edges.count
      var seen: Set<Use> = []
      for (place, operand) in node.operands.enumerated() {
        let (look, reason) = edgeLook(node, operation, place)
        let keyword = keyword(operation, place)
        for source in folded[operand.index]?.sources ?? [operand] where isDrawn(source) {
          guard seen.insert(Use(source: source, look: look)).inserted else { continue }
          var label = operation.definition.sampling == nil || look == .noise ? look.label : keyword
          if look == .stopped { label = "stopped" }
          let edge = GraphDiff.Edge(tail: source, head: node.id)
          let isNew = annotations.addedEdges.contains(edge)
          if isNew { label = GraphDiff.Kind.added.sign + (label.map { " " + $0 } ?? "") }
          edges.append(
            Edge(
              tail: source, head: node.id, look: look, label: label,
              tooltip: "\(DOT.short(graph[source].label)) → \(DOT.short(node.label)) "
                + "as \(keyword) — \(reason)",
              tailPort: true, headPort: false, isNew: isNew))
        }
      }
      edges.replaceSubrange(first..., with: mergingLayers(Array(edges[first...])))
    }
    return edges
  }

  /// Draws one edge from a layer's box when all its parameters go to one user in one way.
  private func mergingLayers(_ edges: [Edge]) -> [Edge] {
    /// A layer's box, and how it is used.
    struct Use: Hashable {
      var box: Int
      var look: EdgeLook
    }
    func use(_ edge: Edge) -> Use? {
      guard let box = boxOf[edge.tail.index], boxes[box].kind == .layer,
        boxes[box].members.count > 1
      else { return nil }
      return Use(box: box, look: edge.look)
    }
    var siblings: [Use: [Edge]] = [:]
    for edge in edges {
      if let use = use(edge) { siblings[use, default: []].append(edge) }
    }
    return edges.compactMap { edge in
      guard let use = use(edge), let all = siblings[use],
        all.count == boxes[use.box].members.count
      else { return edge }
      guard all.first?.tail == edge.tail else { return nil }
      var merged = edge
      merged.tailPort = false
      merged.tooltip = all.map(\.tooltip).joined(separator: "\n")
      merged.merged = all.dropFirst().flatMap(\.pairs)
      return merged
    }
  }

  /// The edges of a comparison that are gone.
  private func removedEdges() -> [Edge] {
    annotations.removedEdges.filter { isDrawn($0.tail) && isDrawn($0.head) }.map { edge in
      Edge(
        tail: edge.tail, head: edge.head, look: .removed, label: EdgeLook.removed.label,
        tooltip: "\(DOT.short(graph[edge.tail].label)) was an operand of "
          + DOT.short(graph[edge.head].label), tailPort: true, headPort: false)
    }
  }

  private func keyword(_ operation: Operation, _ place: Int) -> String {
    let spec = operation.definition.operandSpec(at: place)
    if let choice = spec.choice, case .symbol(let chosen)? = operation.attributes[choice] {
      return chosen
    }
    return spec.name
  }

  /// The look of an operand's edge, and why. A sampling op whose estimator passes nothing
  /// hands no gradient to its operands, whatever the op could do.
  private func edgeLook(
    _ node: Node, _ operation: Operation, _ place: Int
  ) -> (EdgeLook, String) {
    let look = EdgeLook(graph.edgeKind(of: place, into: node))
    if look == .differentiable, let estimator = operation.estimator, !estimator.passesDraw {
      return (.stopped, "the \(estimator.name) estimator lets no gradient through the draw")
    }
    return (look, look.meaning)
  }

  /// From each adjoint to what it belongs to: the last node of every (of, root, through).
  private func adjointEdges() -> [Edge] {
    var last: [Role: NodeID] = [:]
    for node in graph.nodes where isDrawn(node.id) {
      if case .adjoint(.some, _, _) = node.role { last[node.role] = node.id }
    }
    var edges: [Edge] = []
    for node in graph.nodes where last[node.role] == node.id {
      guard case .adjoint(let of?, let root, let through) = node.role, isDrawn(of) else { continue }
      var text =
        "adjoint of \(DOT.short(graph[of].label)): ∂\(DOT.short(root))/∂"
        + DOT.short(graph[of].label)
      if let through { text += " through \(DOT.short(graph[through].mention))" }
      edges.append(
        Edge(
          tail: node.id, head: of, look: .adjointOf, label: nil, tooltip: text, tailPort: false,
          headPort: true))
    }
    return edges
  }

  /// From each new value to the state that it replaces, where both stand in one part. Otherwise the
  /// box says it: edges right across the drawing would bury the rest.
  private func updateEdges() -> [Edge] {
    graph.updates.compactMap { update in
      guard isDrawn(update.target), isDrawn(update.value), update.target != update.value,
        part(of: update.target) == part(of: update.value)
      else { return nil }
      return Edge(
        tail: update.value, head: update.target, look: .update, label: nil,
        tooltip: "\(DOT.short(graph[update.value].label)) replaces "
          + "\(DOT.short(graph[update.target].label)) after the step",
        tailPort: false, headPort: true)
    }
  }

  /// The boxes in an order from top to bottom, as the place of each in it.
  ///
  /// Every edge is written along this order, against its arrow where need be, and takes part in
  /// Graphviz's ranking: edges that do not (`constraint=false`) and edges within a rank make
  /// Graphviz 2.43 fail on graphs with nested clusters ("trouble in init_rank", "triangulation
  /// failed"). The order is by longest paths over the edges that shape the drawing.
  func verticalOrder(_ edges: [Edge]) -> [Int] {
    var rank = [Int](repeating: 0, count: boxes.count)
    var successors = [[Int]](repeating: [], count: boxes.count)
    var waiting = rank
    for edge in edges where shapes(edge) {
      guard let tail = boxOf[edge.tail.index], let head = boxOf[edge.head.index] else { continue }
      let (above, below) = flowsUp(edge) ? (head, tail) : (tail, head)
      successors[above].append(below)
      waiting[below] += 1
    }
    var ready = boxes.indices.filter { waiting[$0] == 0 }
    var next = 0
    while next < ready.count {
      let box = ready[next]
      next += 1
      for below in successors[box] {
        rank[below] = max(rank[below], rank[box] + 1)
        waiting[below] -= 1
        if waiting[below] == 0 { ready.append(below) }
      }
    }
    let ordered = boxes.indices.sorted { a, b in
      (rank[a], boxes[a].place.part.rawValue, a) < (rank[b], boxes[b].place.part.rawValue, b)
    }
    var order = rank
    for (place, box) in ordered.enumerated() { order[box] = place }
    return order
  }

  /// Whether an edge has a say in how high its ends stand: those inside a part, those that put an
  /// adjoint beside its value and an update beside its gradient, and those of a fused group that
  /// stands beside the parts.
  private func shapes(_ edge: Edge) -> Bool {
    if edge.flow != nil { return false }
    let parts = (part(of: edge.tail), part(of: edge.head))
    switch edge.look {
    case .update, .removed: return false
    case .adjointOf: return parts == (.gradient, .forward)
    case .differentiable, .nondifferentiable, .shapeOnly, .stopped, .noise, .cut:
      return parts.0 == parts.1 || parts == (.gradient, .update) || parts.0 == .mixed
        || parts.1 == .mixed
    }
  }

  /// Whether the head stands above the tail.
  private func flowsUp(_ edge: Edge) -> Bool {
    let parts = (part(of: edge.tail), part(of: edge.head))
    return edge.look == .adjointOf || parts == (.gradient, .gradient)
      || parts == (.mixed, .gradient) || parts == (.gradient, .mixed)
  }

  /// Whether an edge is written from its head to its tail.
  func isUpward(_ edge: Edge, _ order: [Int]) -> Bool {
    guard let tail = boxOf[edge.tail.index], let head = boxOf[edge.head.index] else { return false }
    return order[head] < order[tail]
  }

  func write(
    _ edge: Edge, _ order: [Int], id: String?, _ writer: inout DOTWriter, _ legend: inout Legend
  ) {
    guard let tailBox = boxOf[edge.tail.index], let headBox = boxOf[edge.head.index] else { return }
    let tail = endpoint(edge.tail, tailBox, edge.tailPort)
    let head = endpoint(edge.head, headBox, edge.headPort)
    let isUpward = isUpward(edge, order)
    if let mark = edge.flow, let flow = annotations.flow {
      let ends: (value: String, dir: String) =
        isUpward ? ("arrowhead", "forward") : ("arrowtail", "back")
      writer.edge(
        isUpward ? head : tail, isUpward ? tail : head,
        attributes(mark, edge, flow, valueEnd: ends.value, dir: ends.dir))
      legend.add(flow: flow, mark)
      return
    }
    legend.add(edge: edge.look)
    var attributes = edge.look.attributes(
      end: isUpward ? "arrowtail" : "arrowhead", in: homes[edge.head.index].part)
    if isUpward { attributes.append(("dir", .text("back"))) }
    if edge.isNew { attributes.append(("penwidth", .text("2.2"))) }
    if annotations.flow != nil {
      // The gradient is what there is to see.
      attributes.removeAll { $0.name == "color" || $0.name == "penwidth" }
      attributes += [("color", .text("#A6A6A6")), ("penwidth", .text("0.8"))]
    }
    if !shapes(edge) { attributes.append(("weight", .text("0"))) }
    if let label = edge.label { attributes.append(("label", .text(" \(DOT.short(label)) "))) }
    attributes.append(("tooltip", .text(edge.tooltip)))
    if edge.label != nil { attributes.append(("labeltooltip", .text(edge.tooltip))) }
    if let id { attributes.append(("id", .text(id))) }
    writer.edge(isUpward ? head : tail, isUpward ? tail : head, attributes)
  }

  private func endpoint(_ id: NodeID, _ box: Int, _ wantsPort: Bool) -> DOTWriter.Endpoint {
    let isLayer = boxes[box].kind == .layer
    return DOTWriter.Endpoint(id: boxes[box].id, port: wantsPort && isLayer ? port(id) : nil)
  }
}
