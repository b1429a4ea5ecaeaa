import GraphIR
import GraphOps

/// Sets of nodes that are to run as one step, grown by merging. Every merge keeps the sets legal as
/// fused groups and the graph of sets free of cycles.
struct FusionClusters {
  private let graph: Graph
  private let users: [[Int]]
  /// Steps that must follow a node besides its users: an update of what the node reads.
  private let followers: [[Int]]
  private let isPinned: [Bool]
  private let canFuse: [Bool]
  private var parent: [Int]
  private var members: [[Int]]
  /// When a search last came by, by cluster.
  private var visited: [Int]
  private var searches = 0

  /// Clusters that one search for a cycle may look at; beyond it the merge is refused.
  private static let searchLimit = 2_000

  init(_ graph: Graph) {
    self.graph = graph
    var users = [[Int]](repeating: [], count: graph.nodes.count)
    for node in graph.nodes {
      for operand in node.operands where users[operand.index].last != node.id.index {
        users[operand.index].append(node.id.index)
      }
    }
    self.users = users
    followers = FusionClusters.followers(graph, users)
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
    parent = Array(graph.nodes.indices)
    members = graph.nodes.indices.map { [$0] }
    visited = Array(repeating: 0, count: graph.nodes.count)
  }

  /// Update values that must come after a reader of what they replace, by reader.
  private static func followers(_ graph: Graph, _ users: [[Int]]) -> [[Int]] {
    var followers = [[Int]](repeating: [], count: graph.nodes.count)
    for update in graph.updates where update.target != update.value {
      let value = update.value.index
      // What needs the new value cannot come before it.
      var behind: Set<Int> = [value]
      var stack = [value]
      while let node = stack.popLast(), behind.count < searchLimit {
        for user in users[node] where behind.insert(user).inserted { stack.append(user) }
      }
      if behind.count >= searchLimit { continue }
      var pending = [update.target.index]
      while let node = pending.popLast() {
        for reader in users[node] where !behind.contains(reader) {
          followers[reader].append(value)
          switch graph.nodes[reader].operation?.definition.storage {
          case .view?, .stretch?, .joined?: pending.append(reader)
          case .own?, .over?, nil: break
          }
        }
      }
    }
    return followers
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

  private func isAnchor(_ node: Node) -> Bool {
    if case .anchor? = node.operation?.definition.fusion { true } else { false }
  }

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

  private mutating func find(_ id: Int) -> Int {
    var root = id
    while parent[root] != root { root = parent[root] }
    var id = id
    while parent[id] != root { (id, parent[id]) = (parent[id], root) }
    return root
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (a, b) = (find(a), find(b))
    guard a != b, members[a].count + members[b].count <= GroupLayout.mostMembers,
      isLegal(a, b), !hasWay(from: a, to: b), !hasWay(from: b, to: a)
    else { return }
    let (large, small) = members[a].count >= members[b].count ? (a, b) : (b, a)
    parent[small] = large
    members[large] = FusionClusters.merged(members[large], members[small])
    members[small] = []
  }

  private static func merged(_ a: [Int], _ b: [Int]) -> [Int] { (a + b).sorted() }

  private mutating func isLegal(_ a: Int, _ b: Int) -> Bool {
    let both = FusionClusters.merged(members[a], members[b])
    let anchors = both.filter { isAnchor(graph.nodes[$0]) }
    if anchors.count > 1 { return false }
    let inside = Set(both)
    let layout = try? GroupLayout(
      graph, members: (anchors + both.filter { !anchors.contains($0) }).map { NodeID($0) }
    ) { id in isPinned[id.index] || users[id.index].contains { !inside.contains($0) } }
    return layout != nil
  }

  /// Whether some way leads from `a` to `b` through other clusters; also when the search is too
  /// long to tell.
  private mutating func hasWay(from a: Int, to b: Int) -> Bool {
    guard let last = members[b].last else { return false }
    searches += 1
    var seen = 0
    var stack: [Int] = []
    func next(_ cluster: Int) -> [Int] {
      members[cluster].flatMap { users[$0] + followers[$0] }
    }
    for node in next(a) {
      let cluster = find(node)
      if cluster != a, cluster != b, visited[cluster] != searches {
        visited[cluster] = searches
        stack.append(cluster)
      }
    }
    while let cluster = stack.popLast() {
      seen += 1
      if seen > FusionClusters.searchLimit { return true }
      // An update's place in the order says nothing, so that followers are searched throughout.
      for node in next(cluster) {
        let target = find(node)
        if target == b { return true }
        if target == a || visited[target] == searches { continue }
        visited[target] = searches
        if let first = members[target].first, first < last || hasFollowers(target) {
          stack.append(target)
        }
      }
    }
    return false
  }

  private func hasFollowers(_ cluster: Int) -> Bool {
    members[cluster].contains { !followers[$0].isEmpty }
  }

  // MARK: Order

  /// The clusters of operations in an order of execution; a matrix product stands first in its own.
  mutating func schedule() -> [[NodeID]] {
    var waiting = [Int](repeating: 0, count: members.count)
    var following = [[Int]](repeating: [], count: members.count)
    for node in graph.nodes where node.operation != nil {
      let cluster = find(node.id.index)
      for next in users[node.id.index] + followers[node.id.index] {
        let target = find(next)
        if target == cluster { continue }
        following[cluster].append(target)
        waiting[target] += 1
      }
    }
    var ready = Heap()
    for node in graph.nodes where node.operation != nil {
      let cluster = find(node.id.index)
      if cluster == node.id.index, waiting[cluster] == 0 { ready.push(key(cluster), cluster) }
    }
    var order: [[NodeID]] = []
    while let cluster = ready.pop() {
      let anchors = members[cluster].filter { isAnchor(graph.nodes[$0]) }
      order.append(
        (anchors + members[cluster].filter { !anchors.contains($0) }).map { NodeID($0) })
      for target in following[cluster] {
        waiting[target] -= 1
        if waiting[target] == 0 { ready.push(key(target), target) }
      }
    }
    return order
  }

  private func key(_ cluster: Int) -> Int { members[cluster].first ?? 0 }
}

/// The smallest key first.
private struct Heap {
  private var items: [(key: Int, value: Int)] = []

  mutating func push(_ key: Int, _ value: Int) {
    items.append((key, value))
    var child = items.count - 1
    while child > 0, items[child] < items[(child - 1) / 2] {
      items.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Int? {
    guard let first = items.first else { return nil }
    let last = items.removeLast()
    if items.isEmpty { return first.value }
    items[0] = last
    var place = 0
    while true {
      var smallest = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < items.count && items[child] < items[smallest] { smallest = child }
      if smallest == place { return first.value }
      items.swapAt(place, smallest)
      place = smallest
    }
  }
}
