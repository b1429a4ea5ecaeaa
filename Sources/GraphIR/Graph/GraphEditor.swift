/// A graph under change: new nodes come from `builder`, and a value can take the place of another
/// for all its users. The one way in which rewrite rules change a graph.
///
/// Equal operations stay one node: where a replacement makes two nodes equal, the later one is
/// replaced by the earlier, and so on. Names, scopes, roles and locations go over.
package final class GraphEditor {
  package let old: Graph
  package let builder: GraphBuilder
  /// Users of each node, once per operand place; those of dropped nodes are taken out.
  @exclusivity(unchecked) private var users: [NodeList]
  @exclusivity(unchecked) private var replacements: [NodeID?]
  @exclusivity(unchecked) private var isDropped: [Bool]
  /// Outputs, update values and leaves of the signature: never dropped for want of users. What is
  /// known without them, constants and sizes, is.
  @exclusivity(unchecked) private var isPinned: [Bool]
  /// What stands in the place of the last user of a dropped node.
  @exclusivity(unchecked) private var absorbers: [NodeID: NodeID] = [:]
  /// Hears of each node whose operands or users changed, new ones among them.
  @exclusivity(unchecked) package var touched: (NodeID) -> Void = { _ in }

  /// The number of the search that last came by, by node.
  @exclusivity(unchecked) private var lastSeen: [Int32]
  @exclusivity(unchecked) private var searches: Int32 = 0

  private static let fewUsers = 16
  private static let shortSearch = 64

  package init(_ graph: Graph) {
    old = graph
    builder = GraphBuilder(continuing: graph)
    let count = graph.nodes.count
    users = Array(repeating: NodeList(), count: count)
    replacements = Array(repeating: nil, count: count)
    isDropped = Array(repeating: false, count: count)
    isPinned = Array(repeating: false, count: count)
    lastSeen = Array(repeating: 0, count: count)
    for node in graph.nodes {
      for operand in node.operands { users[operand.index].append(node.id) }
      if node.body.isSignature { isPinned[node.id.index] = true }
    }
    for output in graph.outputs { isPinned[output.node.index] = true }
    for update in graph.updates { isPinned[update.value.index] = true }
  }

  // MARK: Reading

  package func value(_ id: NodeID) -> Value { Value(builder: builder, id: resolve(id)) }

  package func isAlive(_ id: NodeID) -> Bool {
    register()
    return !isDropped[id.index] && replacements[id.index] == nil
  }

  /// The node that stands for `id` now.
  package func resolve(_ id: NodeID) -> NodeID {
    var last = id
    while let next = replacements[last.index] { last = next }
    // Shorten the way for the next time.
    var id = id
    while let next = replacements[id.index], next != last {
      replacements[id.index] = last
      id = next
    }
    return last
  }

  /// The users of a node, once per operand place, in no particular order.
  package func users(of id: NodeID) -> NodeList {
    register()
    return users[id.index]
  }

  /// Whether a node must stay whoever uses it.
  package func isPinned(_ id: NodeID) -> Bool {
    register()
    return isPinned[id.index]
  }

  /// Keeps a node whoever uses it.
  package func pin(_ id: NodeID) { isPinned[id.index] = true }

  /// Whether `value` needs `id`, as far as a short search tells: what a rule builds round the node
  /// it is to replace is found, what lies far behind it is not.
  package func depends(_ value: NodeID, on id: NodeID) -> Bool {
    register()
    if value == id { return true }
    searches += 1
    lastSeen[value.index] = searches
    var seen = 1
    var stack = [value]
    while let next = stack.popLast(), seen < GraphEditor.shortSearch {
      for operand in builder.nodes[next.index].operands where lastSeen[operand.index] != searches {
        if operand == id { return true }
        lastSeen[operand.index] = searches
        seen += 1
        stack.append(operand)
      }
    }
    return false
  }

  // MARK: Changing

  /// Takes note of nodes that `builder` has made since the last call.
  package func register() {
    while users.count < builder.nodes.count {
      let id = NodeID(users.count)
      users.append(NodeList())
      replacements.append(nil)
      isDropped.append(false)
      lastSeen.append(0)
      isPinned.append(builder.nodes[id.index].body.isSignature)
      for operand in builder.nodes[id.index].operands {
        users[operand.index].append(id)
        // A new sibling may be what a rule waited for; a value that everybody reads is none.
        if users[operand.index].count <= GraphEditor.fewUsers {
          for sibling in users[operand.index] where sibling != id { touched(sibling) }
        }
      }
      touched(id)
    }
  }

  /// Gives a new node the scope, role and source line of another.
  package func adopt(_ new: NodeID, from old: NodeID) {
    builder.nodes[new.index].adopt(builder.nodes[old.index])
  }

  /// Makes `value` stand for `id` everywhere. Misuse traps: the types must be equal, and the value
  /// must not depend on what it replaces.
  package func replace(_ id: NodeID, with value: NodeID) {
    register()
    // Before anything is gone: what is made late must not hold what was replaced.
    builder.share()
    var pending = [(id, value)]
    while let (from, to) = pending.popLast() {
      let from = resolve(from)
      let to = resolve(to)
      if from == to { continue }
      precondition(
        builder.type(of: from) == builder.type(of: to),
        "\(builder.type(of: from)) cannot be replaced by \(builder.type(of: to))")
      revive(to)
      moveNames(from, to)
      if isPinned[from.index] { isPinned[to.index] = true }
      builder.forget(from)
      replacements[from.index] = to
      let moved = users[from.index]
      users[from.index] = NodeList()
      for user in moved {
        builder.forget(user)
        // One place at a time: `users` holds the node once per place.
        if let place = builder.nodes[user.index].operands.firstIndex(of: from) {
          builder.nodes[user.index].setOperand(place, to: to)
          users[to.index].append(user)
        }
        guard isAlive(user) else { continue }
        if let twin = builder.keepFirst(user), twin != user, isAlive(twin) {
          pending.append((max(twin, user), min(twin, user)))
        }
        touched(user)
      }
      if users[to.index].count <= GraphEditor.fewUsers {
        for user in users[to.index] where isAlive(user) { touched(user) }
      }
      release(operandsOf: from, for: to)
    }
  }

  private func moveNames(_ from: NodeID, _ to: NodeID) {
    guard
      builder.nodes[from.index].name != nil || !builder.nodes[from.index].aliases.isEmpty
        || !builder.nodes[from.index].absorbed.isEmpty
    else { return }
    let node = builder.nodes[from.index]
    for name in (node.name.map { [$0] } ?? []) + node.aliases {
      builder.ids[name] = to
      builder.nodes[to.index].add(name: name)
    }
    builder.absorb(node.absorbed, into: to)
    builder.nodes[from.index].dropNames()
  }

  /// The node no longer uses its operands; those that nothing uses then go as well, and `heir` does
  /// their work.
  private func release(operandsOf id: NodeID, for heir: NodeID?) {
    var pending = [id]
    while let id = pending.popLast() {
      for operand in builder.nodes[id.index].operands {
        guard let place = users[operand.index].firstIndex(of: id) else { continue }
        users[operand.index].remove(at: place)
        if users[operand.index].isEmpty, !isPinned[operand.index], isAlive(operand) {
          isDropped[operand.index] = true
          absorbers[operand] = heir
          builder.forget(operand)
          pending.append(operand)
        } else {
          touched(operand)
        }
      }
    }
  }

  /// Drops the nodes from `first` on that nothing uses: what a rule built and threw away.
  package func dropUnused(from first: NodeID) {
    register()
    for index in stride(from: users.count - 1, through: first.index, by: -1)
    where users[index].isEmpty && !isPinned[index] && isAlive(NodeID(index)) {
      isDropped[index] = true
      builder.forget(NodeID(index))
      release(operandsOf: NodeID(index), for: nil)
    }
  }

  /// A dropped node that a rule uses again.
  private func revive(_ id: NodeID) {
    var pending = [id]
    while let id = pending.popLast() {
      guard isDropped[id.index] else { continue }
      isDropped[id.index] = false
      for operand in builder.nodes[id.index].operands {
        users[operand.index].append(id)
        pending.append(operand)
      }
    }
  }

  // MARK: Finishing

  /// The names of what is gone, by the node that does its work.
  private func absorbedNames(by places: [NodeID?]) -> [NodeID: [String]] {
    var names: [NodeID: [String]] = [:]
    for id in absorbers.keys.sorted() where isDropped[id.index] {
      let node = builder.nodes[id.index]
      let own = (node.name.map { [$0] } ?? []) + node.aliases + node.absorbed
      if own.isEmpty { continue }
      var heir = absorbers[id].map(resolve)
      // An heir may be gone in its turn.
      while let next = heir, places[next.index] == nil { heir = absorbers[next].map(resolve) }
      if let heir { names[heir, default: []] += own }
    }
    return names
  }

  /// The changed graph, and where each node of the editor went; nil for those that are gone.
  ///
  /// Nodes stay in their old order as far as operands allow; new ones stand before their first
  /// user.
  package func finish() -> (graph: Graph, places: [NodeID?]) {
    register()
    let nodes = builder.nodes
    var places = [NodeID?](repeating: nil, count: nodes.count)
    var isOpen = [Bool](repeating: false, count: nodes.count)
    var order: [NodeID] = []
    order.reserveCapacity(old.nodes.count)
    var stack: [(id: NodeID, next: Int)] = []
    for node in old.nodes {
      // What was replaced is reached through its users, unless it is an output.
      let isRoot = isAlive(node.id) || isPinned[resolve(node.id).index]
      guard isRoot, places[resolve(node.id).index] == nil else { continue }
      stack.append((resolve(node.id), 0))
      while let (id, next) = stack.last {
        if places[id.index] != nil {
          stack.removeLast()
        } else if next < nodes[id.index].operands.count {
          stack[stack.count - 1].next += 1
          isOpen[id.index] = true
          let operand = nodes[id.index].operands[next]
          if places[operand.index] == nil {
            precondition(!isOpen[operand.index], "\(operand) was replaced by what needs it")
            stack.append((operand, 0))
          }
        } else {
          places[id.index] = NodeID(order.count)
          order.append(id)
          stack.removeLast()
        }
      }
    }
    let absorbed = absorbedNames(by: places)
    func place(_ id: NodeID) -> NodeID? { places[resolve(id).index] }
    func mapped(_ role: Role) -> Role {
      guard case .adjoint(let of, let root, let through) = role else { return role }
      return .adjoint(of: of.flatMap(place), root: root, through: through.flatMap(place))
    }
    func operand(_ id: NodeID) -> NodeID {
      guard let place = places[id.index] else { preconditionFailure("\(id) was not placed") }
      return place
    }
    let placed = order.enumerated().map { index, id in
      let node = nodes[id.index]
      return node.moved(
        to: NodeID(index), absorbing: absorbed.isEmpty ? [] : absorbed[id] ?? [],
        operand: operand, group: node.group, role: mapped)
    }
    let graph = Graph(
      name: old.name, dimensions: old.dimensions, nodes: placed,
      outputs: old.outputs.map { Graph.Output(name: $0.name, node: operand(resolve($0.node))) },
      updates: old.updates.map {
        Graph.Update(target: operand(resolve($0.target)), value: operand(resolve($0.value)))
      })
    return (graph, places.indices.map { place(NodeID($0)) })
  }
}
