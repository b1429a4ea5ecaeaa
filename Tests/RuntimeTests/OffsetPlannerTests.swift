import Runtime
import Testing

@Suite struct OffsetPlannerTests {
  /// How lifetimes lie: as of values soon used up, as of a forward pass that its backward pass
  /// reads again in the opposite order, or anyhow.
  enum Pattern: CaseIterable { case short, nested, any }

  static func ranges(
    _ pattern: Pattern, count: Int, _ generator: inout SeededGenerator
  ) -> [LiveRange] {
    (0..<count).map { index in
      let bytes = 64 * generator.pick([1, 1, 2, 3, 7, 8, 16, 100, 784])
      let birth: Int
      let death: Int
      switch pattern {
      case .short:
        birth = index
        death = index + Int.random(in: 0..<4, using: &generator)
      case .nested:
        birth = index
        death = 2 * count - index + Int.random(in: 0..<3, using: &generator)
      case .any:
        birth = Int.random(in: 0..<count, using: &generator)
        death = Int.random(in: birth...count, using: &generator)
      }
      return LiveRange(bytes: bytes, lifetime: birth...death)
    }
  }

  /// The plain meaning of a plan: no two that are alive at once share a byte.
  static func holds(_ ranges: [LiveRange], _ offsets: [Int]) -> Bool {
    guard offsets.count == ranges.count else { return false }
    for one in ranges.indices {
      if offsets[one] < 0 || offsets[one] % 64 != 0 { return false }
      for other in ranges.indices where other < one {
        if ranges[one].lifetime.overlaps(ranges[other].lifetime),
          offsets[one] < offsets[other] + ranges[other].bytes,
          offsets[other] < offsets[one] + ranges[one].bytes
        {
          return false
        }
      }
    }
    return true
  }

  static func arena(_ ranges: [LiveRange], _ offsets: [Int]) -> Int {
    zip(ranges, offsets).map { $0.bytes + $1 }.max() ?? 0
  }

  /// The bytes of all that are alive, moment by moment.
  static func bound(_ ranges: [LiveRange]) -> Int {
    (0...(ranges.map(\.lifetime.upperBound).max() ?? 0)).map { moment in
      ranges.filter { $0.lifetime.contains(moment) }.reduce(0) { $0 + $1.bytes }
    }.max() ?? 0
  }

  @Test(arguments: Pattern.allCases, 0..<20)
  func everyPlannerHolds(pattern: Pattern, seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let ranges = Self.ranges(pattern, count: 2 + seed * 4, &generator)
    let best = try #require(OffsetPlanner.smallest(for: ranges))
    #expect(Self.holds(ranges, best.offsets), "smallest, \(pattern), seed \(seed)")
    #expect(best.arenaBytes == Self.arena(ranges, best.offsets))
    #expect(best.arenaBytes >= Self.bound(ranges))
    #expect(OffsetPlanner.liveBytes(of: ranges).max() == Self.bound(ranges))
    for planner in OffsetPlanner.all {
      let offsets = planner.place(ranges)
      #expect(Self.holds(ranges, offsets), "\(planner.name), \(pattern), seed \(seed)")
      #expect(best.arenaBytes <= Self.arena(ranges, offsets), "\(planner.name), seed \(seed)")
      #expect(Self.arena(ranges, offsets) <= ranges.reduce(0) { $0 + $1.bytes })
      #expect(planner.place(ranges) == offsets)
    }
    let again = try #require(OffsetPlanner.smallest(for: ranges))
    #expect(again.offsets == best.offsets && again.planner == best.planner)
  }

  /// Placing in some order, each as low as it goes, reaches the optimum: the order of its offsets
  /// does. So trying all orders of a few ranges finds it.
  @Test(arguments: 0..<40) func fewAllocationsArePlacedBest(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let ranges = Self.ranges(seed % 2 == 0 ? .any : .short, count: 6, &generator)
    var optimum = Int.max
    Self.permutations(Array(ranges.indices)) { order in
      var offsets = [Int](repeating: 0, count: ranges.count)
      for (place, index) in order.enumerated() {
        let others = order[..<place].filter {
          ranges[$0].lifetime.overlaps(ranges[index].lifetime)
        }
        let ends = [0] + others.map { offsets[$0] + ranges[$0].bytes }
        offsets[index] =
          ends.sorted().first { start in
            others.allSatisfy {
              start + ranges[index].bytes <= offsets[$0] || offsets[$0] + ranges[$0].bytes <= start
            }
          } ?? 0
      }
      optimum = min(optimum, Self.arena(ranges, offsets))
    }
    let best = try #require(OffsetPlanner.smallest(for: ranges))
    #expect(best.arenaBytes == optimum, "seed \(seed), \(best.planner)")
  }

  private static func permutations(_ rest: [Int], _ begun: [Int] = [], body: ([Int]) -> Void) {
    if rest.isEmpty { return body(begun) }
    for place in rest.indices {
      var left = rest
      let next = left.remove(at: place)
      permutations(left, begun + [next], body: body)
    }
  }

  @Test func noRangesNeedNoMemory() throws {
    let none = try #require(OffsetPlanner.smallest(for: []))
    #expect(none.arenaBytes == 0 && none.offsets.isEmpty)
    #expect(OffsetPlanner.liveBytes(of: []).isEmpty)
  }

  @Test func sumsThatOverflowAreRefused() {
    let half = LiveRange(bytes: Int.max / 64 * 32, lifetime: 0...1)
    #expect(OffsetPlanner.smallest(for: [half]) != nil)
    #expect(OffsetPlanner.smallest(for: [half, half, half]) == nil)
  }

  /// Huge graphs are left to planners of which one is enough for nested lifetimes.
  @Test(arguments: Pattern.allCases) func hugeGraphsArePlanned(pattern: Pattern) throws {
    var generator = SeededGenerator(seed: 7)
    let ranges = Self.ranges(pattern, count: 10_000, &generator)
    let best = try #require(OffsetPlanner.smallest(for: ranges))
    let planner = try #require(OffsetPlanner.all.first { $0.name == best.planner })
    #expect(planner.isNearLinear)
    let bound = try #require(OffsetPlanner.liveBytes(of: ranges).max())
    #expect(
      Double(best.arenaBytes) <= 1.1 * Double(bound),
      "\(pattern): \(best.planner) needs \(Double(best.arenaBytes) / Double(bound)) of the bound")
  }
}
