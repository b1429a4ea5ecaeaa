public import Ayatori
import GraphIR
import GraphOps

/// The named scalar terms that a loss is the weighted sum of: its roots.
///
/// Walks from the loss through +, −, negation and multiplication or division by constants, and
/// stops at the first named scalar on each way. Constant addends are no terms: they have no gradient.
public func lossTerms(of graph: Graph, loss: NodeID) -> [NodeID] {
  let constants = graph.constantScalars
  var terms: [NodeID] = []
  var pending = [loss]
  var seen: Set<NodeID> = []
  while let id = pending.popLast() {
    let node = graph[id]
    guard seen.insert(id).inserted, !constants.contains(id) else { continue }
    if id != loss, node.name != nil {
      terms.append(id)
      continue
    }
    let next = addends(node, constants)
    if next.isEmpty { terms.append(id) } else { pending += next.reversed() }
  }
  return terms.sorted()
}

/// The operands of which a node is a weighted sum; empty when it is none.
private func addends(_ node: Node, _ constants: Set<NodeID>) -> [NodeID] {
  guard let op = node.operation?.definition else { return [] }
  let operands = node.operands
  switch op {
  case .add, .sub: return operands
  case .neg, .contribution: return operands
  case .mul where constants.contains(operands[0]): return [operands[1]]
  case .mul where constants.contains(operands[1]): return [operands[0]]
  case .div where constants.contains(operands[1]): return [operands[0]]
  default: return []
  }
}
