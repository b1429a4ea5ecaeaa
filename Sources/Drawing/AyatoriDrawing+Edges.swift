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
  }

  /// One edge per (value, user) pair and kind; a layer's parameters that go together are one edge.
  func dataEdges() -> [Edge] {
    var edges: [Edge] = []
    for node in graph.nodes where isDrawn(node.id) {
      guard let operation = node.operation else { continue }
      let first = edges.count
      for (place, operand) in node.operands.enumerated() {
        let (look, reason) = edgeLook(node, operation, place)
        let keyword = keyword(operation, place)
        for source in folded[operand.index]?.sources ?? [operand] where isDrawn(source) {
          let label = operation.definition.sampling == nil || look == .noise ? look.label : keyword
          let isMerged = edges[first...].contains { $0.tail == source && $0.look == look }
          if isMerged { continue }
          edges.append(
            Edge(
              tail: source, head: node.id, look: look,
              label: look == .stopped ? "stopped" : label,
              tooltip: "\(DOT.short(graph[source].label)) → \(DOT.short(node.label)) "
                + "as \(keyword) — \(reason)",
              tailPort: true, headPort: false))
        }
      }
      edges.replaceSubrange(first..., with: mergingLayers(Array(edges[first...])))
    }
    return edges
  }

  /// Draws one edge from a layer's box when all its parameters go to one user in one way.
  private func mergingLayers(_ edges: [Edge]) -> [Edge] {
    var result: [Edge] = []
    for edge in edges {
      guard let box = boxes[edge.tail], box.members.count > 1 else {
        result.append(edge)
        continue
      }
      let siblings = edges.filter { box.members.contains($0.tail) && $0.look == edge.look }
      if siblings.count < box.members.count {
        result.append(edge)
      } else if siblings.first?.tail == edge.tail {
        var merged = edge
        merged.tailPort = false
        merged.tooltip = siblings.map(\.tooltip).joined(separator: "\n")
        result.append(merged)
      }
    }
    return result
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
    if look == .differentiable, let estimator = estimator(operation),
      operation.definition.sampling?.passingEstimators.contains(estimator) == false
    {
      return (.stopped, "the \(estimator) estimator lets no gradient through the draw")
    }
    return (look, look.meaning)
  }

  /// From each adjoint to what it belongs to: the last node of every (of, root, through).
  func adjointEdges() -> [Edge] {
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
  func updateEdges() -> [Edge] {
    graph.updates.compactMap { update in
      guard isDrawn(update.target), isDrawn(update.value), update.target != update.value,
        places[update.target.index].part == places[update.value.index].part
      else { return nil }
      return Edge(
        tail: update.value, head: update.target, look: .update, label: nil,
        tooltip: "\(DOT.short(graph[update.value].label)) replaces "
          + "\(DOT.short(graph[update.target].label)) after the step",
        tailPort: false, headPort: true)
    }
  }

  /// The boxes in an order from top to bottom, as the place of each.
  ///
  /// Every edge is written along this order, against its arrow where need be, and takes part in
  /// Graphviz's ranking: edges that do not (`constraint=false`) and edges within a rank make
  /// Graphviz 2.43 fail on graphs with nested clusters ("trouble in init_rank", "triangulation
  /// failed"). The order is by longest paths over the edges that shape the drawing.
  func verticalOrder(_ edges: [Edge]) -> [String: Int] {
    var rank: [String: Int] = [:]
    var sequence: [Box] = []
    var successors: [String: [String]] = [:]
    var waiting: [String: Int] = [:]
    for node in graph.nodes {
      guard let box = boxes[node.id], box.members.first == node.id else { continue }
      sequence.append(box)
      rank[box.id] = 0
      waiting[box.id] = 0
    }
    for edge in edges where shapes(edge) {
      guard let tail = boxes[edge.tail]?.id, let head = boxes[edge.head]?.id else { continue }
      let (above, below) = flowsUp(edge) ? (head, tail) : (tail, head)
      successors[above, default: []].append(below)
      waiting[below, default: 0] += 1
    }
    var ready = sequence.map(\.id).filter { waiting[$0] == 0 }
    var next = 0
    while next < ready.count {
      let box = ready[next]
      next += 1
      for below in successors[box] ?? [] {
        rank[below] = max(rank[below] ?? 0, (rank[box] ?? 0) + 1)
        waiting[below, default: 0] -= 1
        if waiting[below] == 0 { ready.append(below) }
      }
    }
    let ordered = sequence.enumerated().sorted { a, b in
      let keys = [a, b].map {
        (rank[$0.element.id] ?? 0, $0.element.place.part.rawValue, $0.offset)
      }
      return keys[0] < keys[1]
    }
    return Dictionary(uniqueKeysWithValues: ordered.enumerated().map { ($1.element.id, $0) })
  }

  /// Whether an edge has a say in how high its ends stand: those inside a part, those that put an
  /// adjoint beside its value and an update beside its gradient.
  private func shapes(_ edge: Edge) -> Bool {
    let parts = (places[edge.tail.index].part, places[edge.head.index].part)
    switch edge.look {
    case .update: return false
    case .adjointOf: return parts == (.gradient, .forward)
    case .differentiable, .nondifferentiable, .shapeOnly, .stopped, .noise:
      return parts.0 == parts.1 || parts == (.gradient, .update)
    }
  }

  private func flowsUp(_ edge: Edge) -> Bool {
    let parts = (places[edge.tail.index].part, places[edge.head.index].part)
    return edge.look == .adjointOf || parts == (.gradient, .gradient)
  }

  func write(
    _ edge: Edge, _ order: [String: Int], _ writer: inout DOTWriter, _ legend: inout Legend
  ) {
    guard let tail = endpoint(edge.tail, edge.tailPort),
      let head = endpoint(edge.head, edge.headPort)
    else { return }
    legend.add(edge: edge.look)
    let isUpward = (order[head.id] ?? 0) < (order[tail.id] ?? 0)
    var attributes = edge.look.attributes(
      end: isUpward ? "arrowtail" : "arrowhead", in: places[edge.head.index].part)
    if isUpward { attributes.append(("dir", .text("back"))) }
    if !shapes(edge) { attributes.append(("weight", .text("0"))) }
    if let label = edge.label { attributes.append(("label", .text(" \(DOT.short(label)) "))) }
    attributes.append(("tooltip", .text(edge.tooltip)))
    if edge.label != nil { attributes.append(("labeltooltip", .text(edge.tooltip))) }
    writer.edge(isUpward ? head : tail, isUpward ? tail : head, attributes)
  }

  private func endpoint(_ id: NodeID, _ wantsPort: Bool) -> DOTWriter.Endpoint? {
    guard let box = boxes[id] else { return nil }
    let isGroup = box.id != DOT.id(of: graph[id])
    return DOTWriter.Endpoint(id: box.id, port: wantsPort && isGroup ? port(id) : nil)
  }
}
