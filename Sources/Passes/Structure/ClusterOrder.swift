/// Clusters of nodes, each to run as one step, and an order in which they can: ranks such that
/// every edge between clusters leads upwards (Pearce & Kelly 2006). A merge looks at what lies
/// between the two ranks, and ranks only that anew.
struct ClusterOrder {
  /// The ends of each node's edges, one node's behind another's.
  private struct Edges {
    private var starts: [Int32]
    private var ends: [Int32]

    init(_ lists: [[Int]]) {
      starts = [0]
      starts.reserveCapacity(lists.count + 1)
      ends = []
      ends.reserveCapacity(lists.reduce(0) { $0 + $1.count })
      for list in lists {
        for end in list { ends.append(Int32(end)) }
        starts.append(Int32(ends.count))
      }
    }

    func range(_ node: Int32) -> Range<Int> {
      Int(starts[Int(node)])..<Int(starts[Int(node) + 1])
    }

    subscript(_ place: Int) -> Int32 { ends[place] }
  }

  private let after: Edges
  private let before: Edges
  private var parent: [Int32]
  /// The members of a cluster as a ring.
  private var next: [Int32]
  private var rank: [Int32]
  /// When a search last came by, by cluster.
  private var visited: [Int32]
  private var searches: Int32 = 0

  /// Clusters that one search for a cycle may look at; beyond it the merge is refused.
  static let searchLimit = 2_000
  /// How many merges were refused because the search was too long.
  private(set) var refusals = 0

  /// Each node a cluster. `edges` leads from a node to those that must run after it; nodes whose
  /// `runs` is false stand outside. Nil when the edges close a cycle.
  init?(edges: [[Int]], runs: [Bool]) {
    let lists = edges.map { ends in ends.filter { runs[$0] } }
    var sources = [[Int]](repeating: [], count: lists.count)
    for (source, ends) in lists.enumerated() where runs[source] {
      for end in ends { sources[end].append(source) }
    }
    after = Edges(lists)
    before = Edges(sources)
    parent = lists.indices.map { Int32($0) }
    next = parent
    rank = parent
    visited = Array(repeating: 0, count: lists.count)
    let order = schedule(runs)
    if order.count < runs.count(where: { $0 }) { return nil }
    for (place, node) in order.enumerated() { rank[node] = Int32(place) }
  }

  /// The cluster that holds `node`, known by one of its members.
  mutating func cluster(of node: Int) -> Int { Int(find(Int32(node))) }

  private mutating func find(_ id: Int32) -> Int32 {
    var root = id
    while parent[Int(root)] != root { root = parent[Int(root)] }
    var id = id
    while parent[Int(id)] != root { (id, parent[Int(id)]) = (parent[Int(id)], root) }
    return root
  }

  /// Two clusters that can be one.
  struct Merge {
    fileprivate let first: Int32
    fileprivate let last: Int32
    /// The clusters between them that need the first.
    fileprivate let behind: [Int32]
  }

  /// Nil when one cluster of the two would close a cycle, or when the search for one is too long to
  /// tell.
  mutating func merge(of a: Int, _ b: Int) -> Merge? {
    let isUp = rank[a] < rank[b]
    let (first, last) = (Int32(isUp ? a : b), Int32(isUp ? b : a))
    return reached(from: first, before: last).map { Merge(first: first, last: last, behind: $0) }
  }

  /// Makes one cluster of two and returns it. Nothing may have been merged since `merge` was found.
  mutating func make(_ merge: Merge) -> Int {
    let (first, last) = (merge.first, merge.last)
    if merge.behind.isEmpty {
      // What needs the first comes after the last: both can stand there.
      rank[Int(first)] = rank[Int(last)]
    } else {
      rerank(
        ahead: reaching(last, after: first), first, behind: merge.behind,
        between: rank[Int(first)], rank[Int(last)])
    }
    parent[Int(last)] = first
    next.swapAt(Int(first), Int(last))
    return Int(first)
  }

  /// The clusters ranked below `last` that need `first`; nil when `last` needs one of them, or when
  /// they are too many.
  private mutating func reached(from first: Int32, before last: Int32) -> [Int32]? {
    searches += 1
    let limit = rank[Int(last)]
    var found: [Int32] = []
    var head = -1
    var cluster = first
    while true {
      var node = cluster
      repeat {
        for place in after.range(node) {
          let target = find(after[place])
          if target == last {
            if cluster == first { continue }
            return nil
          }
          if target == first || visited[Int(target)] == searches || rank[Int(target)] > limit {
            continue
          }
          visited[Int(target)] = searches
          found.append(target)
        }
        node = next[Int(node)]
      } while node != cluster
      if found.count > ClusterOrder.searchLimit {
        refusals += 1
        return nil
      }
      head += 1
      if head == found.count { return found }
      cluster = found[head]
    }
  }

  /// The clusters ranked above `first` that `last` needs.
  private mutating func reaching(_ last: Int32, after first: Int32) -> [Int32] {
    searches += 1
    let limit = rank[Int(first)]
    var found: [Int32] = []
    var head = -1
    var cluster = last
    while true {
      var node = cluster
      repeat {
        for place in before.range(node) {
          let target = find(before[place])
          if target == last || target == first || visited[Int(target)] == searches
            || rank[Int(target)] < limit
          {
            continue
          }
          visited[Int(target)] = searches
          found.append(target)
        }
        node = next[Int(node)]
      } while node != cluster
      head += 1
      if head == found.count { return found }
      cluster = found[head]
    }
  }

  /// Ranks a merged cluster between what it needs and what needs it.
  private mutating func rerank(
    ahead: [Int32], _ merged: Int32, behind: [Int32], between low: Int32, _ high: Int32
  ) {
    let ahead = ahead.map { (rank: rank[Int($0)], cluster: $0) }.sorted { $0.rank < $1.rank }
    let behind = behind.map { (rank: rank[Int($0)], cluster: $0) }.sorted { $0.rank < $1.rank }
    let slots = ([low, high] + ahead.map(\.rank) + behind.map(\.rank)).sorted()
    for (place, one) in ahead.enumerated() { rank[Int(one.cluster)] = slots[place] }
    rank[Int(merged)] = slots[ahead.count]
    let start = slots.count - behind.count
    for (place, one) in behind.enumerated() { rank[Int(one.cluster)] = slots[start + place] }
  }

  /// The clusters in an order of execution: of those that can run, the one with the earliest
  /// member. Clusters on a cycle are left out.
  mutating func schedule(_ runs: [Bool]) -> [Int] {
    var waiting = [Int32](repeating: 0, count: runs.count)
    var earliest = parent
    for node in runs.indices.reversed() where runs[node] {
      let cluster = find(Int32(node))
      earliest[Int(cluster)] = Int32(node)
      for place in after.range(Int32(node)) {
        let target = find(after[place])
        if target != cluster { waiting[Int(target)] += 1 }
      }
    }
    var ready = Heap()
    for node in runs.indices where runs[node] && parent[node] == node && waiting[node] == 0 {
      ready.push(earliest[node], Int32(node))
    }
    var order: [Int] = []
    while let cluster = ready.pop() {
      order.append(Int(cluster))
      var node = cluster
      repeat {
        for place in after.range(node) {
          let target = find(after[place])
          if target == cluster { continue }
          waiting[Int(target)] -= 1
          if waiting[Int(target)] == 0 { ready.push(earliest[Int(target)], target) }
        }
        node = next[Int(node)]
      } while node != cluster
    }
    return order
  }
}

/// The smallest key first.
private struct Heap {
  private var items: [(key: Int32, value: Int32)] = []

  mutating func push(_ key: Int32, _ value: Int32) {
    items.append((key, value))
    var child = items.count - 1
    while child > 0, items[child] < items[(child - 1) / 2] {
      items.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Int32? {
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
