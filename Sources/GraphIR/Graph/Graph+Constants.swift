extension Graph {
  /// Scalars that constants and sizes alone determine: 1/N and the like.
  public var constantScalars: Set<NodeID> {
    var found: Set<NodeID> = []
    for node in nodes where node.type.shape.rank == 0 {
      switch node.body {
      case .leaf(.constant), .leaf(.size): found.insert(node.id)
      case .leaf: break
      case .operation where node.operands.allSatisfy(found.contains): found.insert(node.id)
      case .operation: break
      }
    }
    return found
  }

  /// Values that depend on nothing but numbers and sizes, arrays among them.
  package var constantValues: Set<NodeID> {
    var found: Set<NodeID> = []
    for node in nodes {
      switch node.body {
      case .leaf(.constant), .leaf(.size): found.insert(node.id)
      case .leaf: break
      case .operation where node.operands.allSatisfy(found.contains): found.insert(node.id)
      case .operation: break
      }
    }
    return found
  }
}
