import GraphIR
import GraphOps

extension Pass {
  /// Gathers operations that can run as one step, and puts the steps in an order in which updates
  /// can be written over what they replace.
  ///
  ///     a = mul(x, y);  b = add(a, c);  s = sum(b)  =>  fused 1 { a = …; b = …; s = … }
  ///
  /// Elementwise chains and diamonds, sums at their end, what follows a matrix product, and
  /// siblings that read the same value. A group holds at most one matrix product; what needs a
  /// finished sum stands in another. No member changes, so that the values are the same to the bit.
  public static let fuse = Pass(
    "fuse", "operations over the same elements => one step over blocks"
  ) { graph, context in
    var clusters = FusionClusters(graph)
    clusters.merge()
    for note in clusters.notes { context.note("'\(context.pass)': \(note)") }
    let schedule = clusters.schedule()
    var order: [NodeID] = []
    order.reserveCapacity(graph.nodes.count)
    var groups: [NodeID: Int] = [:]
    var grouped: [(index: Int, members: [NodeID])] = []
    var isPlaced = [Bool](repeating: false, count: graph.nodes.count)
    func put(_ id: NodeID) {
      if isPlaced[id.index] { return }
      isPlaced[id.index] = true
      order.append(id)
    }
    // The signature first; constants and noise where they are needed.
    for node in graph.nodes where node.isInput || node.isPersistent { put(node.id) }
    for members in schedule {
      for id in members {
        for operand in graph[id].operands where graph[operand].leaf != nil { put(operand) }
      }
      if members.count > 1, context.permitsMore {
        let index = record(members, number: grouped.count + 1, graph, context)
        grouped.append((index, members))
        for id in members { groups[id] = grouped.count }
      }
      for id in members { put(id) }
    }
    for node in graph.nodes { put(node.id) }
    let (new, places) = graph.reordered(order, groups: groups)
    var makers: [NodeID: [Int]] = [:]
    for (index, members) in grouped {
      for id in members {
        if let place = places[id.index] { makers[place] = [index] }
      }
    }
    return PassResult(graph: new, places: places, makers: makers)
  }
}

private func record(
  _ members: [NodeID], number: Int, _ graph: Graph, _ context: PassContext
) -> Int {
  var rule = "fuse_elementwise"
  var pattern = "f(x), g(f(x)) => one step"
  for id in members {
    switch graph[id].definition?.fusion {
    case .anchor?:
      rule = "fuse_epilogue"
      pattern = "a·b, f(a·b) => one step behind the product"
    case .sum? where rule == "fuse_elementwise":
      rule = "fuse_reduction"
      pattern = "f(x), sum(f(x)) => one step"
    default: break
    }
  }
  return context.record(
    rule: rule, pattern: pattern, float: .exact, nodes: members.map { graph[$0].mention },
    result: "fused #\(number) (\(members.count) ops)",
    location: members.lazy.compactMap { graph[$0].location }.first)
}
