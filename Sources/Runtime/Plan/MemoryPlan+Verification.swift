extension MemoryPlan {
  /// Checks the plan knowing only lifetimes and offsets, not how it was made: allocations that are
  /// alive at the same moment must not share a byte, and all must lie aligned inside the arena.
  /// Returns what is wrong, in words; of many complaints the first hundred.
  ///
  /// O(n log n): a sweep over offsets, with a tree over moments of how many of the allocations
  /// that reach over the present offset are alive.
  public func violations() -> [String] {
    var found: [String] = []
    var sound: [Int] = []
    for (index, allocation) in allocations.enumerated() {
      let (end, overflow) = allocation.offset.addingReportingOverflow(allocation.bytes)
      if allocation.bytes <= 0 || allocation.lifetime.lowerBound < 0 {
        found.append("allocation \(index) has \(allocation.bytes) bytes in \(allocation.lifetime)")
        continue
      }
      if allocation.offset % MemoryPlan.alignment != 0 {
        found.append("allocation \(index) starts at \(allocation.offset), which is not aligned")
      }
      if overflow || allocation.offset < 0 || end > arenaBytes {
        found.append("allocation \(index) leaves the arena of \(arenaBytes) bytes")
      }
      if !overflow { sound.append(index) }
    }
    found += collisions(among: sound, limit: max(0, 100 - found.count))
    return Array(found.prefix(100))
  }

  private func collisions(among indices: [Int], limit: Int) -> [String] {
    func end(_ index: Int) -> Int { allocations[index].offset + allocations[index].bytes }
    let starts = indices.sorted { (allocations[$0].offset, $0) < (allocations[$1].offset, $1) }
    let ends = indices.sorted { (end($0), $0) < (end($1), $1) }
    var open = MomentCounts((indices.map { allocations[$0].lifetime.upperBound }.max() ?? 0) + 1)
    var found: [String] = []
    var closed = 0
    for (place, index) in starts.enumerated() {
      let allocation = allocations[index]
      while closed < ends.count, end(ends[closed]) <= allocation.offset {
        open.add(-1, in: allocations[ends[closed]].lifetime)
        closed += 1
      }
      if open.most(in: allocation.lifetime) > 0 {
        for other in starts[..<place]
        where end(other) > allocation.offset
          && allocations[other].lifetime.overlaps(allocation.lifetime)
        {
          found.append("allocations \(other) and \(index) share memory while both are alive")
          if found.count >= limit { return found }
        }
      }
      open.add(1, in: allocation.lifetime)
    }
    return found
  }
}

/// A number for every moment; stretches are raised and asked for their largest in O(log n).
private struct MomentCounts {
  /// What is added to the whole of a subtree, and the largest below it with that.
  private var added: [Int]
  private var largest: [Int]
  private let count: Int

  init(_ moments: Int) {
    var count = 1
    while count < moments { count *= 2 }
    self.count = count
    added = [Int](repeating: 0, count: 2 * count)
    largest = added
  }

  mutating func add(_ amount: Int, in moments: ClosedRange<Int>) {
    add(amount, moments, node: 1, first: 0, width: count)
  }

  func most(in moments: ClosedRange<Int>) -> Int {
    most(moments, node: 1, first: 0, width: count)
  }

  private mutating func add(
    _ amount: Int, _ moments: ClosedRange<Int>, node: Int, first: Int, width: Int
  ) {
    if moments.lowerBound > first + width - 1 || moments.upperBound < first { return }
    if moments.lowerBound <= first, first + width - 1 <= moments.upperBound {
      added[node] += amount
      largest[node] += amount
      return
    }
    let half = width / 2
    add(amount, moments, node: 2 * node, first: first, width: half)
    add(amount, moments, node: 2 * node + 1, first: first + half, width: half)
    largest[node] = added[node] + max(largest[2 * node], largest[2 * node + 1])
  }

  private func most(_ moments: ClosedRange<Int>, node: Int, first: Int, width: Int) -> Int {
    if moments.lowerBound > first + width - 1 || moments.upperBound < first { return 0 }
    if moments.lowerBound <= first, first + width - 1 <= moments.upperBound { return largest[node] }
    let half = width / 2
    return added[node]
      + max(
        most(moments, node: 2 * node, first: first, width: half),
        most(moments, node: 2 * node + 1, first: first + half, width: half))
  }
}
