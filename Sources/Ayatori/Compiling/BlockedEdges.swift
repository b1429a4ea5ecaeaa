package import Autodiff
package import GraphIR

/// Edges that no gradient passes, and that stand for one place in the person's text: a draw that is
/// drawn several times has the same edge in each of its copies.
package struct BlockedEdges {
  package let first: BlockedEdge
  /// In the order of the graph.
  package fileprivate(set) var others: [BlockedEdge] = []
}

extension Graph {
  /// Edges by the places where somebody wrote them, in the order of the first of each. What has no
  /// place stands by itself.
  package func alike(_ edges: [BlockedEdge]) -> [BlockedEdges] {
    struct Place: Hashable {
      var user: SourceLocation
      var operand: SourceLocation
      var ops: [String]
    }
    var groups: [BlockedEdges] = []
    var known: [Place: Int] = [:]
    for edge in edges {
      let (user, operand) = (self[edge.user], self[edge.operand])
      guard let there = user.location, let here = operand.location else {
        groups.append(BlockedEdges(first: edge))
        continue
      }
      let ops = [user, operand].map { $0.definition?.name ?? $0.label }
      let place = Place(user: there, operand: here, ops: ops)
      if let index = known[place] {
        groups[index].others.append(edge)
      } else {
        known[place] = groups.count
        groups.append(BlockedEdges(first: edge))
      }
    }
    return groups
  }
}
