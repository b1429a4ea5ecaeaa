extension GraphDiff {
  /// An edge of the union.
  public struct Edge: Hashable, Sendable {
    public var tail: NodeID
    public var head: NodeID

    public init(tail: NodeID, head: NodeID) {
      self.tail = tail
      self.head = head
    }
  }

  /// Both graphs as one: the new one with what went after it, and what became of each node.
  public struct Union: Sendable {
    public let graph: Graph
    /// What happened to a node; nothing for those that stayed as they were.
    public let kinds: [NodeID: Kind]
    /// Of changed nodes, in words: `was relu`.
    public let notes: [NodeID: [String]]
    /// Edges into nodes of the new graph that only the old one had.
    public let removedEdges: [Edge]
    /// Edges into changed nodes that the old graph did not have.
    public let addedEdges: Set<Edge>
  }

  /// The union, for drawing: what went has its operands where these are now. Not for running: it
  /// may hold equal operations twice, and a name that is an alias elsewhere.
  public func union() -> Union {
    let gone = old.nodes.filter { counterparts[$0.id.index] == nil }
    var places = counterparts
    for (offset, node) in gone.enumerated() {
      places[node.id.index] = NodeID(new.nodes.count + offset)
    }
    func place(_ id: NodeID) -> NodeID { places[id.index] ?? id }
    let appended = gone.map { node in
      var role = node.role
      if case .adjoint(let of, let root, let through) = role {
        role = .adjoint(of: of.map(place), root: root, through: through.map(place))
      }
      return Node(
        id: place(node.id), body: node.body, operands: node.operands.map(place), type: node.type,
        name: node.name, aliases: node.aliases, absorbed: node.absorbed, scope: node.scope,
        location: node.location, role: role)
    }
    var kinds: [NodeID: Kind] = [:]
    var notes: [NodeID: [String]] = [:]
    var removedEdges: [Edge] = []
    var addedEdges: Set<Edge> = []
    for entry in entries {
      switch (entry.old, entry.new) {
      case (let before?, let after?):
        kinds[after] = .changed
        notes[after] = entry.aspects.map { "\($0.name): was \($0.old)" }
        let known = Set(old[before].operands.map(place))
        let current = Set(new[after].operands)
        for tail in known.subtracting(current).sorted() {
          removedEdges.append(Edge(tail: tail, head: after))
        }
        for tail in current.subtracting(known) {
          addedEdges.insert(Edge(tail: tail, head: after))
        }
      case (let before?, nil): kinds[place(before)] = .removed
      case (nil, let after?): kinds[after] = .added
      case (nil, nil): break
      }
    }
    let dimensions =
      new.dimensions
      + old.dimensions.filter { before in !new.dimensions.contains { $0.name == before.name } }
    let graph = Graph(
      name: new.name, dimensions: dimensions, nodes: new.nodes + appended, outputs: new.outputs,
      updates: new.updates)
    return Union(
      graph: graph, kinds: kinds, notes: notes, removedEdges: removedEdges, addedEdges: addedEdges)
  }
}
