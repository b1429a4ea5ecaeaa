import GraphIR
import GraphOps

/// Sets of nodes that are to run as one step, grown by merging. Every merge keeps the sets legal as
/// fused groups and the graph of sets free of cycles.
struct FusionClusters {
  private let graph: Graph
  private let users: [[Int]]
  private let isPinned: [Bool]
  private let canFuse: [Bool]
  private let isProduct: [Bool]
  /// Whether a node is a sum or a join, whose value is finished only when its step is.
  private let isEnd: [Bool]
  private let isOperation: [Bool]
  private var order: ClusterOrder
  /// The members of each cluster, in graph order.
  private var members: [[Int]]
  /// How the members of a cluster run as one step; nil where that is not known, or where they do
  /// not: a product alone is no group.
  private var layouts: [GroupLayout?]
  /// Whether a cluster holds a matrix product.
  private var products: [Bool]
  /// Whether a cluster holds a sum or a join.
  private var ends: [Bool]
  /// The number of the trial that last held a node, by node.
  private var tried: [Int]
  private var trials = 0
  private var updateNote: String?

  init(_ graph: Graph) {
    self.graph = graph
    var users = [[Int]](repeating: [], count: graph.nodes.count)
    for node in graph.nodes {
      for operand in node.operands where users[operand.index].last != node.id.index {
        users[operand.index].append(node.id.index)
      }
    }
    self.users = users
    var isPinned = [Bool](repeating: false, count: graph.nodes.count)
    for output in graph.outputs { isPinned[output.node.index] = true }
    for update in graph.updates { isPinned[update.value.index] = true }
    self.isPinned = isPinned
    // What constants alone determine is computed once, when the graph is bound.
    var isSettled = [Bool](repeating: false, count: graph.nodes.count)
    canFuse = graph.nodes.map { node in
      switch node.body {
      case .leaf(.constant), .leaf(.size): isSettled[node.id.index] = true
      case .leaf: break
      case .operation(let operation):
        isSettled[node.id.index] =
          node.type.shape.rank == 0 && node.operands.allSatisfy { isSettled[$0.index] }
        if isSettled[node.id.index] { return false }
        if operation.definition.fusion != nil { return true }
        if case .view = operation.definition.storage { return true }
      }
      return false
    }
    isProduct = graph.nodes.map { node in
      if case .anchor? = node.definition?.fusion { true } else { false }
    }
    products = isProduct
    isEnd = graph.nodes.map { node in
      switch node.definition?.fusion {
      case .sum?, .join?: true
      case .anchor?, .elementwise?, .window?, nil: false
      }
    }
    ends = isEnd
    tried = Array(repeating: 0, count: graph.nodes.count)
    members = graph.nodes.indices.map { [$0] }
    layouts = Array(repeating: nil, count: graph.nodes.count)
    isOperation = graph.nodes.map { $0.operation != nil }
    let (followers, isWhole) = FusionClusters.followers(graph, users)
    if let order = ClusterOrder(edges: zip(users, followers).map { $0 + $1 }, runs: isOperation) {
      self.order = order
      if !isWhole {
        updateNote = "some updates may copy what they replace: too much depends on their values"
      }
    } else if let order = ClusterOrder(edges: users, runs: isOperation) {
      // Leaves that take each other's values: no order spares the copies.
      self.order = order
    } else {
      preconditionFailure("a graph with a cycle")
    }
  }

  /// Update values that must come after a reader of what they replace, by reader; and whether there
  /// was the time to find them all.
  private static func followers(
    _ graph: Graph, _ users: [[Int]]
  ) -> (followers: [[Int]], isWhole: Bool) {
    var followers = [[Int]](repeating: [], count: graph.nodes.count)
    // What stands behind one value is few nodes as a rule, but need not be.
    var budget = 1_000 + 50 * graph.nodes.count
    for update in graph.updates where update.target != update.value {
      let value = update.value.index
      // What needs the new value cannot come before it.
      var behind: Set<Int> = [value]
      var stack = [value]
      while let node = stack.popLast() {
        budget -= users[node].count
        if budget < 0 { return (followers, false) }
        for user in users[node] where behind.insert(user).inserted { stack.append(user) }
      }
      var pending = [update.target.index]
      while let node = pending.popLast() {
        for reader in users[node] where !behind.contains(reader) {
          followers[reader].append(value)
          switch graph.nodes[reader].definition?.storage {
          case .view?, .stretch?, .joined?: pending.append(reader)
          case .own?, .over?, nil: break
          }
        }
      }
    }
    return (followers, true)
  }

  // MARK: Merging

  mutating func merge() {
    // The last user first: what only the backward pass needs of a saved value is computed there.
    for node in graph.nodes.reversed() where canFuse[node.id.index] && !isAnchor(node) {
      for user in users[node.id.index].reversed()
      where canFuse[user] && !isAnchor(graph.nodes[user]) {
        join(node.id.index, user)
      }
    }
    for node in graph.nodes where canFuse[node.id.index] && isAnchor(node) {
      for user in users[node.id.index] where canFuse[user] && !isAnchor(graph.nodes[user]) {
        join(node.id.index, user)
      }
    }
    for node in graph.nodes where node.type.shape.rank > 0 { joinSiblings(node) }
  }

  private func isAnchor(_ node: Node) -> Bool { isProduct[node.id.index] }

  /// Joins users of one value, seen through views.
  private mutating func joinSiblings(_ node: Node) {
    if isView(node.id.index) { return }
    var readers: [Int] = []
    var pending = [node.id.index]
    while let id = pending.popLast() {
      for user in users[id] {
        if isView(user) { pending.append(user) } else if canFuse[user] { readers.append(user) }
      }
    }
    guard readers.count > 1 else { return }
    readers.sort()
    // A value with very many readers is no reason to compare each with each.
    for (first, second) in zip(readers, readers.dropFirst()) { join(first, second) }
    for reader in readers.dropFirst(2).prefix(8) { join(readers[0], reader) }
  }

  private func isView(_ id: Int) -> Bool {
    guard let operation = graph.nodes[id].operation else { return false }
    switch operation.definition.storage {
    case .view: return true
    case .stretch(let start):
      return start(graph.nodes[id].operands.map { graph[$0].type }, operation.attributes) != nil
    case .own, .over, .joined: return false
    }
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (a, b) = (order.cluster(of: a), order.cluster(of: b))
    guard a != b, members[a].count + members[b].count <= GroupLayout.mostMembers,
      !(products[a] && products[b]), !endsMeet(a, b), !endsMeet(b, a),
      let merge = order.merge(of: a, b)
    else { return }
    let both = FusionClusters.merged(members[a], members[b])
    guard let layout = layout(of: both, merging: a, b) else { return }
    let (hasProduct, hasEnd) = (products[a] || products[b], ends[a] || ends[b])
    members[a] = []
    members[b] = []
    layouts[a] = nil
    layouts[b] = nil
    let merged = order.make(merge)
    members[merged] = both
    layouts[merged] = layout
    products[merged] = hasProduct
    ends[merged] = hasEnd
  }

  /// Members as they run: a matrix product first.
  private func inOrder(_ members: [Int]) -> [NodeID] {
    var ids = members.map { NodeID($0) }
    if let place = members.firstIndex(where: { isProduct[$0] }) {
      ids.insert(ids.remove(at: place), at: 0)
    }
    return ids
  }

  private static func merged(_ a: [Int], _ b: [Int]) -> [Int] {
    var both: [Int] = []
    both.reserveCapacity(a.count + b.count)
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
      if j == b.count || i < a.count && a[i] < b[j] {
        both.append(a[i])
        i += 1
      } else {
        both.append(b[j])
        j += 1
      }
    }
    return both
  }

  /// Whether a member of `b` needs a finished sum or join of `a`: the quickest of reasons.
  private mutating func endsMeet(_ a: Int, _ b: Int) -> Bool {
    guard ends[a] else { return false }
    for member in members[a] where isEnd[member] {
      for user in users[member] where order.cluster(of: user) == b { return true }
    }
    return false
  }

  /// The layout of two clusters as one; nil when they cannot be one.
  private mutating func layout(of both: [Int], merging a: Int, _ b: Int) -> GroupLayout? {
    let parts = products[b] ? (layout(of: b), layout(of: a)) : (layout(of: a), layout(of: b))
    trials += 1
    for member in both { tried[member] = trials }
    // Of what it reads, not of all clusters, which would be copied.
    let isUsedOutside = { [isPinned, users, tried, trials] (id: NodeID) in
      isPinned[id.index] || users[id.index].contains { tried[$0] != trials }
    }
    if let first = parts.0, let second = parts.1 {
      return try? GroupLayout.merged(
        first, second, members: inOrder(both), of: graph, isUsedOutside: isUsedOutside)
    }
    return try? GroupLayout(graph, members: inOrder(both), isUsedOutside: isUsedOutside)
  }

  /// The layout of a cluster, found once.
  private mutating func layout(of cluster: Int) -> GroupLayout? {
    if let known = layouts[cluster] { return known }
    // Who reads a member is asked when it is merged.
    let layout = try? GroupLayout(
      graph, members: inOrder(members[cluster]), isUsedOutside: { _ in false })
    layouts[cluster] = layout
    return layout
  }

  /// What the person should know of the search.
  var notes: [String] {
    var notes = updateNote.map { [$0] } ?? []
    if order.refusals > 0 {
      notes.append("\(order.refusals) merges were not made: looking for a cycle took too long")
    }
    return notes
  }

  // MARK: Order

  /// The clusters of operations in an order of execution; a matrix product stands first in its own.
  mutating func schedule() -> [[NodeID]] {
    order.schedule(isOperation).map { inOrder(members[$0]) }
  }
}
