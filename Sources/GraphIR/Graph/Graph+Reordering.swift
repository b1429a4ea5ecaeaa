extension Graph {
  /// The same nodes in another order, with fused groups as given by old id.
  ///
  /// Misuse traps: `order` must hold every node once, operands before users.
  package func reordered(
    _ order: [NodeID], groups: [NodeID: Int]
  ) -> (graph: Graph, places: [NodeID?]) {
    precondition(order.count == nodes.count, "\(order.count) of \(nodes.count) nodes are placed")
    return arranged(order) { groups[$0.id] }
  }

  /// The graph without the nodes for which `keep` is false, nor their outputs and updates, and
  /// where each node went. Misuse traps: kept nodes must not use dropped ones.
  package func keeping(_ keep: (Node) -> Bool) -> (graph: Graph, places: [NodeID?]) {
    arranged(nodes.filter(keep).map(\.id), group: \.group)
  }

  /// The graph without the nodes for which `keep` is false. Kept nodes must not use dropped ones.
  package func filtered(_ keep: (Node) -> Bool) -> Graph { keeping(keep).graph }

  private func arranged(
    _ order: [NodeID], group: (Node) -> Int?
  ) -> (graph: Graph, places: [NodeID?]) {
    var places = [NodeID?](repeating: nil, count: nodes.count)
    for (place, id) in order.enumerated() { places[id.index] = NodeID(place) }
    func place(_ id: NodeID) -> NodeID {
      guard let place = places[id.index] else { preconditionFailure("\(id) has no place") }
      return place
    }
    let moved = order.map { id -> Node in
      let node = self[id]
      return node.moved(to: place(id), operand: place, group: group(node)) { role in
        guard case .adjoint(let of, let root, let through) = role else { return role }
        // What a node is the adjoint of may be gone.
        return .adjoint(
          of: of.flatMap { places[$0.index] }, root: root,
          through: through.flatMap { places[$0.index] })
      }
    }
    let graph = Graph(
      name: name, dimensions: dimensions, nodes: moved,
      outputs: outputs.compactMap { output in
        places[output.node.index].map { Output(name: output.name, node: $0) }
      },
      updates: updates.compactMap { update in
        guard let target = places[update.target.index], let value = places[update.value.index]
        else { return nil }
        return Update(target: target, value: value)
      })
    return (graph, places)
  }
}
