public import GraphIR
import Runtime

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

  /// Their values under `sizes`, by the reference interpreter; those that need a dimension without
  /// a value are left out. An integer literal stays one, so that drawings show it as written.
  public func constantValues(sizes: [String: Int]) -> [NodeID: Scalar] {
    var values: [NodeID: Scalar] = [:]
    let bound = self.sizes(binding: sizes)
    for id in constantScalars.sorted() {
      if case .leaf(.constant(let scalar)) = self[id].body {
        values[id] = scalar
      } else if let array = try? ReferenceInterpreter(self).evaluate(
        [id], feeds: [:], sizes: bound),
        let value = array[id]?.values.first
      {
        values[id] = .float(value)
      }
    }
    return values
  }
}
