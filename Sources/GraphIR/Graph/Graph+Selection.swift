extension Graph {
  /// The nodes at most `radius` edges from any of `centers`, in either direction, as a mark per
  /// node.
  ///
  /// Leaves, and what constants and sizes alone determine, are reached, but no way leads on through
  /// them unless they are centers: that two nodes read the same input or the same number makes them
  /// no neighbours.
  public func neighbourhood(of centers: [NodeID], radius: Int) -> [Bool] {
    let users = users()
    let isDeadEnd = deadEnds()
    var marks = [Bool](repeating: false, count: nodes.count)
    for center in centers { marks[center.index] = true }
    var front = centers
    var distance = 0
    while distance < radius, !front.isEmpty {
      distance += 1
      var next: [NodeID] = []
      for id in front where !isDeadEnd[id.index] || distance == 1 {
        for neighbour in nodes[id.index].operands + users[id.index] where !marks[neighbour.index] {
          marks[neighbour.index] = true
          next.append(neighbour)
        }
      }
      front = next
    }
    return marks
  }

  /// The nodes on any path along data edges from `start` to `end`, both included, as a mark per
  /// node; nil when no path leads there.
  public func paths(from start: NodeID, to end: NodeID) -> [Bool]? {
    let needed = needed(by: [end])
    guard needed[start.index] else { return nil }
    var marks = [Bool](repeating: false, count: nodes.count)
    marks[start.index] = true
    for node in nodes where needed[node.id.index] {
      if node.operands.contains(where: { marks[$0.index] }) { marks[node.id.index] = true }
    }
    return marks
  }

  /// Leaves, and what constants and sizes alone determine.
  private func deadEnds() -> [Bool] {
    var isConstant = [Bool](repeating: false, count: nodes.count)
    var marks = isConstant
    for node in nodes {
      switch node.body {
      case .leaf(.constant), .leaf(.size): isConstant[node.id.index] = true
      case .leaf: break
      case .operation:
        isConstant[node.id.index] =
          !node.operands.isEmpty && node.operands.allSatisfy { isConstant[$0.index] }
      }
      marks[node.id.index] = isConstant[node.id.index] || node.leaf != nil
    }
    return marks
  }
}
