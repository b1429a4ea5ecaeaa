extension Graph {
  /// Scalars that constants and sizes alone determine: 1/N and the like.
  public var constantScalars: Set<NodeID> { constants { $0.type.shape.rank == 0 } }

  /// What depends on nothing but numbers and sizes, arrays among them.
  package var constantNodes: Set<NodeID> { constants { _ in true } }

  /// Nodes that constants and sizes determine by way of nodes that count.
  private func constants(_ counts: (Node) -> Bool) -> Set<NodeID> {
    var found: Set<NodeID> = []
    for node in nodes where counts(node) {
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
