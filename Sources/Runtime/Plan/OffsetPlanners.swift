/// What an offset planner knows of an allocation: its size and when it is in use.
package struct LiveRange: Sendable {
  package var bytes: Int
  package var lifetime: ClosedRange<Int>

  package init(bytes: Int, lifetime: ClosedRange<Int>) {
    self.bytes = bytes
    self.lifetime = lifetime
  }

  fileprivate var length: Int { lifetime.count }
}

/// Offsets for all allocations, and who found them.
package struct OffsetAssignment: Sendable {
  package var offsets: [Int]
  package var arenaBytes: Int
  /// The name of the planner.
  package var planner: String
}

/// A way to place allocations in an arena so that those alive at the same moment share no byte:
/// dynamic storage allocation, which is NP-complete (Garey & Johnson 1979, SR2). Each planner is a
/// greedy one; which is best depends on the graph, so the smallest of several is taken.
package struct OffsetPlanner: Sendable {
  package let name: String
  /// Whether it is fit for huge graphs: O(n log n), where the others take O(n²).
  package let isNearLinear: Bool
  /// Offsets by position. All are multiples of what all sizes are multiples of.
  package let place: @Sendable ([LiveRange]) -> [Int]

  /// The order decides where two find the same size.
  package static let all: [OffsetPlanner] = [
    OffsetPlanner("birth-best-fit", isNearLinear: true) { byBirth($0, .best) },
    OffsetPlanner("birth-first-fit", isNearLinear: true) { byBirth($0, .first) },
    OffsetPlanner("death-best-fit", isNearLinear: true) { byBirth(mirrored($0), .best) },
    OffsetPlanner("death-first-fit", isNearLinear: true) { byBirth(mirrored($0), .first) },
    OffsetPlanner("largest-first") { inOrder(bySize($0), $0) },
    OffsetPlanner("area-first") { inOrder(byArea($0), $0) },
    OffsetPlanner("longest-first") { inOrder(byLength($0), $0) },
    OffsetPlanner("peak-first") { inOrder(byPeak($0), $0) },
  ]

  private init(
    _ name: String, isNearLinear: Bool = false,
    place: @escaping @Sendable ([LiveRange]) -> [Int]
  ) {
    self.name = name
    self.isNearLinear = isNearLinear
    self.place = place
  }

  /// More allocations than this are left to the near-linear planners.
  static let quadraticLimit = 2_000

  /// The smallest arena that the planners find; nil when the sizes do not fit in an `Int`.
  ///
  /// Stops at the first that needs no more than the lower bound; for a huge graph, at the first
  /// within a twentieth of it. Where none does and the graph is small, a search goes on from the
  /// best.
  package static func smallest(for ranges: [LiveRange]) -> OffsetAssignment? {
    var sum = 0
    for range in ranges {
      // No planner leaves a gap below all later neighbours, so no offset exceeds this sum.
      let (next, overflow) = sum.addingReportingOverflow(range.bytes)
      if overflow { return nil }
      sum = next
    }
    let bound = liveBytes(of: ranges).max() ?? 0
    let isHuge = ranges.count > quadraticLimit
    let enough = isHuge ? bound + bound / 20 : bound
    var best = OffsetAssignment(offsets: [], arenaBytes: .max, planner: "")
    for planner in all where planner.isNearLinear || !isHuge {
      let offsets = planner.place(ranges)
      let total = arenaBytes(ranges, offsets)
      if total < best.arenaBytes {
        best = OffsetAssignment(offsets: offsets, arenaBytes: total, planner: planner.name)
      }
      if total <= enough { return best }
    }
    return isHuge ? best : improved(best, ranges, bound: bound)
  }

  /// The bytes in use at each moment. The largest is a lower bound of every plan.
  package static func liveBytes(of ranges: [LiveRange]) -> [Int] {
    let moments = (ranges.map(\.lifetime.upperBound).max() ?? -1) + 1
    var changes = [Int](repeating: 0, count: moments + 1)
    for range in ranges {
      changes[range.lifetime.lowerBound] += range.bytes
      changes[range.lifetime.upperBound + 1] -= range.bytes
    }
    var live = 0
    return changes.dropLast().map { change in
      live += change
      return live
    }
  }

  private static func arenaBytes(_ ranges: [LiveRange], _ offsets: [Int]) -> Int {
    zip(ranges, offsets).reduce(0) { max($0, $1.0.bytes + $1.1) }
  }

  // MARK: Along time

  /// Goes through time with a list of free blocks; of those born at one moment the largest first.
  private static func byBirth(_ ranges: [LiveRange], _ fit: FreeBlocks.Fit) -> [Int] {
    let births = ranges.indices.sorted {
      (ranges[$0].lifetime.lowerBound, -ranges[$0].bytes, $0)
        < (ranges[$1].lifetime.lowerBound, -ranges[$1].bytes, $1)
    }
    let deaths = ranges.indices.sorted {
      (ranges[$0].lifetime.upperBound, $0) < (ranges[$1].lifetime.upperBound, $1)
    }
    var blocks = FreeBlocks(fit)
    var offsets = [Int](repeating: 0, count: ranges.count)
    var dead = 0
    for index in births {
      while dead < deaths.count,
        ranges[deaths[dead]].lifetime.upperBound < ranges[index].lifetime.lowerBound
      {
        blocks.giveBack(offsets[deaths[dead]], ranges[deaths[dead]].bytes)
        dead += 1
      }
      offsets[index] = blocks.take(ranges[index].bytes)
    }
    return offsets
  }

  /// The same ranges with time running backwards.
  private static func mirrored(_ ranges: [LiveRange]) -> [LiveRange] {
    let end = ranges.map(\.lifetime.upperBound).max() ?? 0
    return ranges.map {
      LiveRange(
        bytes: $0.bytes, lifetime: (end - $0.lifetime.upperBound)...(end - $0.lifetime.lowerBound))
    }
  }

  // MARK: One after another

  /// Places ranges in an order, each at the lowest offset where it fits between those placed.
  private static func inOrder(_ order: [Int], _ ranges: [LiveRange]) -> [Int] {
    struct Placed {
      var offset: Int
      var end: Int
      var birth: Int
      var death: Int
    }
    var offsets = [Int](repeating: 0, count: ranges.count)
    // Sorted by offset.
    var placed: [Placed] = []
    placed.reserveCapacity(ranges.count)
    for index in order {
      let range = ranges[index]
      let (birth, death) = (range.lifetime.lowerBound, range.lifetime.upperBound)
      var offset = 0
      for other in placed where other.birth <= death && birth <= other.death {
        if other.offset - offset >= range.bytes { break }
        offset = max(offset, other.end)
      }
      offsets[index] = offset
      var (low, high) = (0, placed.count)
      while low < high {
        let middle = (low + high) / 2
        if placed[middle].offset > offset { high = middle } else { low = middle + 1 }
      }
      placed.insert(
        Placed(offset: offset, end: offset + range.bytes, birth: birth, death: death), at: low)
    }
    return offsets
  }

  private static func bySize(_ ranges: [LiveRange]) -> [Int] {
    ranges.indices.sorted {
      (-ranges[$0].bytes, -ranges[$0].length, $0) < (-ranges[$1].bytes, -ranges[$1].length, $1)
    }
  }

  private static func byLength(_ ranges: [LiveRange]) -> [Int] {
    ranges.indices.sorted {
      (-ranges[$0].length, -ranges[$0].bytes, $0) < (-ranges[$1].length, -ranges[$1].bytes, $1)
    }
  }

  private static func byArea(_ ranges: [LiveRange]) -> [Int] {
    // As doubles: the products may not fit in an `Int`.
    let areas = ranges.map { -Double($0.bytes) * Double($0.length) }
    return ranges.indices.sorted { (areas[$0], $0) < (areas[$1], $1) }
  }

  /// The fullest moment first, in it the largest range: "greedy by breadth" of Pisarchyk & Lee 2020
  /// (Efficient memory management for deep neural net inference, section 4.3).
  private static func byPeak(_ ranges: [LiveRange]) -> [Int] {
    let live = liveBytes(of: ranges)
    let moments = live.indices.sorted { (-live[$0], $0) < (-live[$1], $1) }
    var ranks = [Int](repeating: 0, count: live.count)
    for (rank, moment) in moments.enumerated() { ranks[moment] = rank }
    let tree = MinimumTree(ranks)
    let keys = ranges.map { tree.minimum(in: $0.lifetime) }
    return ranges.indices.sorted {
      (keys[$0], -ranges[$0].bytes, $0) < (keys[$1], -ranges[$1].bytes, $1)
    }
  }

  // MARK: Search

  /// Comparisons that the search may spend: about a millisecond.
  private static let searchBudget = 400_000

  /// Moves what stands highest in the arena towards the front of the order of placing, as long as
  /// that does not make the arena larger.
  private static func improved(
    _ found: OffsetAssignment, _ ranges: [LiveRange], bound: Int
  ) -> OffsetAssignment {
    var best = found
    // Placing by rising offset makes the same plan or a smaller one.
    var order = ranges.indices.sorted { (found.offsets[$0], $0) < (found.offsets[$1], $1) }
    var generator = Weyl()
    var left = searchBudget
    var offsets = inOrder(order, ranges)
    var total = arenaBytes(ranges, offsets)
    while left > 0, best.arenaBytes > bound {
      left -= ranges.count * ranges.count / 4 + 1
      if total < best.arenaBytes {
        best = OffsetAssignment(
          offsets: offsets, arenaBytes: total, planner: found.planner + ", improved")
        continue
      }
      let highest = order.indices.filter { offsets[order[$0]] + ranges[order[$0]].bytes == total }
      guard let place = highest.last, place > 0 else { break }
      var candidate = order
      let moved = candidate.remove(at: place)
      candidate.insert(moved, at: generator.next(below: place))
      let tried = inOrder(candidate, ranges)
      let size = arenaBytes(ranges, tried)
      if size <= total { (order, offsets, total) = (candidate, tried, size) }
    }
    return best
  }
}

/// Numbers without a pattern, the same on every run: a Weyl sequence.
private struct Weyl {
  private var state: UInt64 = 0

  mutating func next(below count: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Int((state >> 32) % UInt64(count))
  }
}

/// The least of a stretch of numbers, in O(log n).
private struct MinimumTree {
  private var values: [Int]
  private let count: Int

  init(_ leaves: [Int]) {
    count = leaves.count
    values = [Int](repeating: .max, count: leaves.count) + leaves
    for place in stride(from: count - 1, to: 0, by: -1) {
      values[place] = min(values[2 * place], values[2 * place + 1])
    }
  }

  func minimum(in range: ClosedRange<Int>) -> Int {
    var (low, high) = (range.lowerBound + count, range.upperBound + count + 1)
    var least = Int.max
    while low < high {
      if low & 1 == 1 {
        least = min(least, values[low])
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        least = min(least, values[high])
      }
      low /= 2
      high /= 2
    }
    return least
  }
}
