import GraphIR
import GraphOps

/// Sets of nodes that are to run as one step, grown by merging. Every merge keeps the sets legal as
/// fused groups and the graph of sets free of cycles.
struct FusionClusters {
  private let graph: Graph
  private let users: [[Int]]
  /// Steps that must follow a node besides its users: an update of what the node reads.
  private var followers: [[Int]]
  /// The same edges seen from the update.
  private var leaders: [[Int]]
  private let isPinned: [Bool]
  private let canFuse: [Bool]
  private let isProduct: [Bool]
  private var parent: [Int]
  private var members: [[Int]]
  /// A place in some order of execution, by cluster.
  private var rank: [Int]
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
    let followers = FusionClusters.followers(graph, users)
    self.followers = followers
    var leaders = [[Int]](repeating: [], count: graph.nodes.count)
    for (reader, updates) in followers.enumerated() {
      for update in updates { leaders[update].append(reader) }
    }
    self.leaders = leaders
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
      if case .anchor? = node.operation?.definition.fusion { true } else { false }
    }
    parent = Array(graph.nodes.indices)
    members = graph.nodes.indices.map { [$0] }
    visited = Array(repeating: 0, count: graph.nodes.count)
    rank = Array(graph.nodes.indices)
    var order = schedule()
    if order.count < graph.nodes.count(where: { $0.operation != nil }) {
      // Leaves that take each other's values: no order spares the copies.
      self.followers = followers.map { _ in [] }
      self.leaders = leaders.map { _ in [] }
      order = schedule()
    }
    for (place, cluster) in order.enumerated() {
      for id in cluster { rank[id.index] = place }
    }
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

  private mutating func find(_ id: Int) -> Int {
    var root = id
    while parent[root] != root { root = parent[root] }
    var id = id
    while parent[id] != root { (id, parent[id]) = (parent[id], root) }
    return root
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (a, b) = (find(a), find(b))
    guard a != b, members[a].count + members[b].count <= GroupLayout.mostMembers, isLegal(a, b)
    else { return }
    let (first, last) = rank[a] < rank[b] ? (a, b) : (b, a)
    guard let behind = reached(from: first, before: last) else { return }
    let ahead = reaching(last, after: first)
    let (large, small) = members[a].count >= members[b].count ? (a, b) : (b, a)
    parent[small] = large
    members[large] = FusionClusters.merged(members[large], members[small])
    members[small] = []
    rerank(ahead: ahead, large, behind: behind, between: rank[first], rank[last])
  }

  /// Members as they run: a matrix product first.
  private func inOrder(_ members: [Int]) -> [NodeID] {
    members.filter { isProduct[$0] }.map { NodeID($0) }
      + members.filter { !isProduct[$0] }.map { NodeID($0) }
  }

  private static func merged(_ a: [Int], _ b: [Int]) -> [Int] { (a + b).sorted() }

  /// Whether a member of `b` needs a finished sum or join of `a`: the quickest of reasons.
  private mutating func endsMeet(_ a: Int, _ b: Int) -> Bool {
    for member in members[a] {
      switch graph.nodes[member].operation?.definition.fusion {
      case .sum?, .join?:
        for user in users[member] where find(user) == b { return true }
      default: break
      }
    }
    return false
  }

  private mutating func isLegal(_ a: Int, _ b: Int) -> Bool {
    if endsMeet(a, b) || endsMeet(b, a) { return false }
    let both = FusionClusters.merged(members[a], members[b])
    if both.count(where: { isProduct[$0] }) > 1 { return false }
    let inside = Set(both)
    let layout = try? GroupLayout(graph, members: inOrder(both)) { id in
      isPinned[id.index] || users[id.index].contains { !inside.contains($0) }
    }
    return layout != nil
  }

  // MARK: Cycles
  //
  // Clusters have ranks such that every way leads upwards (Pearce & Kelly 2006). To merge two, only
  // what lies between their ranks is looked at and ranked anew.

  /// The clusters ranked below `last` that need `first`; nil when `last` needs one of them, so that
  /// a merge would close a cycle, or when the search is too long to tell.
  private mutating func reached(from first: Int, before last: Int) -> [Int]? {
    searches += 1
    var found: [Int] = []
    var stack = [first]
    while let cluster = stack.popLast() {
      for node in members[cluster] {
        for next in [users[node], followers[node]] {
          for user in next {
            let target = find(user)
            if target == last {
              if cluster == first { continue }
              return nil
            }
            if target == first || visited[target] == searches || rank[target] > rank[last] {
              continue
            }
            visited[target] = searches
            found.append(target)
            if found.count > FusionClusters.searchLimit { return nil }
            stack.append(target)
          }
        }
      }
    }
    return found
  }

  /// The clusters ranked above `first` that `last` needs.
  private mutating func reaching(_ last: Int, after first: Int) -> [Int] {
    searches += 1
    var found: [Int] = []
    var stack = [last]
    while let cluster = stack.popLast() {
      for node in members[cluster] {
        let operands = graph.nodes[node].operands.map(\.index) + leaders[node]
        for operand in operands where graph.nodes[operand].operation != nil {
          let target = find(operand)
          if target == last || target == first || visited[target] == searches
            || rank[target] < rank[first]
          {
            continue
          }
          visited[target] = searches
          found.append(target)
          stack.append(target)
        }
      }
    }
    return found
  }

  /// Ranks a merged cluster between what it needs and what needs it.
  private mutating func rerank(
    ahead: [Int], _ merged: Int, behind: [Int], between low: Int, _ high: Int
  ) {
    let slots = ([low, high] + (ahead + behind).map { rank[$0] }).sorted()
    var place = 0
    for cluster in ahead.sorted(by: { rank[$0] < rank[$1] }) {
      rank[cluster] = slots[place]
      place += 1
    }
    rank[merged] = slots[place]
    place = slots.count - behind.count
    for cluster in behind.sorted(by: { rank[$0] < rank[$1] }) {
      rank[cluster] = slots[place]
      place += 1
    }
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
      order.append(inOrder(members[cluster]))
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
