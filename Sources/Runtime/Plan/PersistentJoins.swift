import GraphIR

/// Which parameters and states are laid out side by side, so that an op that joins them reads them
/// where they are: the weights of two heads as one matrix.
///
/// Each leaf belongs to one join at most; a join whose leaf belongs to another already is a copy.
/// Depends on the graph alone, so that a state store and every program over it agree.
struct PersistentJoins: Sendable {
  /// The leaves of each join, by the joining node.
  private var leavesByNode: [NodeID: [NodeID]] = [:]
  /// The joined leaves, in the order of the joining nodes.
  private(set) var runs: [[NodeID]] = []

  init(_ graph: Graph) {
    var taken: [NodeID: Int] = [:]
    for node in graph.nodes {
      guard let operation = node.operation,
        case .joined(let isJoin) = operation.definition.storage,
        node.operands.allSatisfy({ graph[$0].isPersistent }),
        Set(node.operands).count == node.operands.count,
        isJoin(node.operands.map { graph[$0].type }, operation.attributes)
      else { continue }
      if let run = taken[node.operands[0]] {
        if runs[run] == node.operands { leavesByNode[node.id] = node.operands }
        continue
      }
      guard node.operands.allSatisfy({ taken[$0] == nil }) else { continue }
      for leaf in node.operands { taken[leaf] = runs.count }
      runs.append(node.operands)
      leavesByNode[node.id] = node.operands
    }
  }

  /// The leaves that `node` joins in place; nil when it is no such join.
  func leaves(of node: NodeID) -> [NodeID]? {
    leavesByNode.isEmpty ? nil : leavesByNode[node]
  }
}
