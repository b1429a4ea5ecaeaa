import GraphIR

extension AyatoriDrawing {
  /// Leaves that stand outside every scope move to their first user.
  mutating func placeLeaves() {
    var users: [NodeID: [NodeID]] = [:]
    for node in graph.nodes where isDrawn(node.id) {
      for operand in node.operands {
        for source in folded[operand.index]?.sources ?? [operand] {
          users[source, default: []].append(node.id)
        }
      }
    }
    for node in graph.nodes {
      guard let leaf = node.leaf, node.scope.isEmpty, let users = users[node.id] else { continue }
      switch leaf {
      case .input: continue
      case .constant, .size:
        // A constant that several places use belongs to none of them.
        if Set(users.map { homes[$0.index] }).count > 1 { continue }
      case .parameter, .state, .noise: break
      }
      let user = users.first { Part(graph[$0].role) == .forward } ?? users[0]
      homes[node.id.index] = homes[user.index]
    }
  }

  // MARK: Boxes

  /// Makes a box for each node that has one; a layer's parameters share theirs, and so do the nodes
  /// of a collapsed scope.
  mutating func makeBoxes() throws(Diagnostic) {
    var collapsed = try scopesToCollapse()
    makeBoxes(collapsed)
    if let limit = options.mostBoxes, boxes.count > limit {
      let total = boxes.count
      let further = scopes(toFit: limit, besides: collapsed)
      collapsed.formUnion(further)
      makeBoxes(collapsed)
      noteCollapse(from: total, limit, further)
    }
  }

  private mutating func makeBoxes(_ collapsed: Set<[String]>) {
    boxes = []
    boxOf = Array(repeating: nil, count: graph.nodes.count)
    let groupPlaces = placesOfGroups(collapsed)
    /// What shares a box.
    enum Key: Hashable {
      case layer(String, Place)
      case scope([String], Part)
    }
    var shared: [Key: Int] = [:]
    func add(_ node: Node, _ key: Key?, _ kind: Box.Kind, _ id: String, _ place: Place) {
      if let key, let index = shared[key] {
        boxes[index].members.append(node.id)
        boxOf[node.id.index] = index
        return
      }
      if let key { shared[key] = boxes.count }
      boxOf[node.id.index] = boxes.count
      boxes.append(Box(kind: kind, id: id, members: [node.id], place: place))
    }
    for node in graph.nodes where isDrawn(node.id) {
      let home = homes[node.id.index]
      if let path = AyatoriDrawing.outermost(home.scope, in: collapsed) {
        let place = Place(part: home.part, frames: path.dropLast().map(Frame.scope))
        // No plain name holds a '%'.
        add(node, .scope(path, home.part), .scope(path), "scope \(node.id)", place)
        continue
      }
      var place = Place(part: home.part, frames: home.scope.map(Frame.scope))
      if let number = node.group, let group = groupPlaces[number] {
        place.part = group.part
        place.frames.insert(.group(number), at: group.depth)
      }
      if node.isParameter, annotations.marks[node.id] == nil,
        let layer = AyatoriDrawing.layer(of: node)
      {
        add(node, .layer(layer, place), .layer, "layer " + DOT.id(of: node), place)
      } else {
        add(node, nil, .node, DOT.id(of: node), place)
      }
    }
  }

  /// `fc1` of `fc1.W`.
  static func layer(of node: Node) -> String? {
    guard let name = node.name, let dot = name.lastIndex(of: "."), dot > name.startIndex,
      name.index(after: dot) < name.endIndex
    else { return nil }
    return String(name[..<dot])
  }

  /// The shortest prefix of `scope` that is collapsed.
  static func outermost(_ scope: [String], in collapsed: Set<[String]>) -> [String]? {
    if collapsed.isEmpty { return nil }
    for depth in 0..<scope.count {
      let path = Array(scope[...depth])
      if collapsed.contains(path) { return path }
    }
    return nil
  }

  /// The part in which the cluster of each fused group stands, and how many scopes stand round it:
  /// those that all members share. Beside the parts when it has members in several.
  private func placesOfGroups(
    _ collapsed: Set<[String]>
  ) -> [Int: (part: Part, depth: Int)] {
    var places: [Int: (part: Part, depth: Int)] = [:]
    for group in groups.values {
      var part: Part?
      var shared: [String]?
      for id in group.members where isDrawn(id) {
        let home = homes[id.index]
        if AyatoriDrawing.outermost(home.scope, in: collapsed) != nil { continue }
        part = part == nil || part == home.part ? home.part : .mixed
        let known = shared ?? home.scope
        shared = Array(zip(known, home.scope).prefix { $0.0 == $0.1 }.map(\.0))
      }
      if let part { places[group.number] = (part, part == .mixed ? 0 : shared?.count ?? 0) }
    }
    return places
  }
}
