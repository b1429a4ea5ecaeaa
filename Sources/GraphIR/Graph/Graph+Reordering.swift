extension Graph {
  /// The same nodes in another order, with fused groups as given by old id.
  ///
  /// Misuse traps: `order` must hold every node once, operands before users.
  package func reordered(
    _ order: [NodeID], groups: [NodeID: Int]
  ) -> (graph: Graph, places: [NodeID?]) {
    precondition(order.count == nodes.count, "\(order.count) of \(nodes.count) nodes are placed")
    var places = [NodeID?](repeating: nil, count: nodes.count)
    for (place, id) in order.enumerated() { places[id.index] = NodeID(place) }
    func place(_ id: NodeID) -> NodeID {
      guard let place = places[id.index] else { preconditionFailure("\(id) has no place") }
      return place
    }
    let moved = order.map { id -> Node in
      let node = self[id]
      var role = node.role
      if case .adjoint(let of, let root, let through) = role {
        role = .adjoint(of: of.map(place), root: root, through: through.map(place))
      }
      return Node(
        id: place(id), body: node.body, operands: node.operands.map(place), type: node.type,
        name: node.name, aliases: node.aliases, scope: node.scope, location: node.location,
        role: role, group: groups[id])
    }
    let graph = Graph(
      name: name, dimensions: dimensions, nodes: moved,
      outputs: outputs.map { Output(name: $0.name, node: place($0.node)) },
      updates: updates.map { Update(target: place($0.target), value: place($0.value)) })
    return (graph, places)
  }
}
