import GraphIR
import GraphOps
import Runtime
import Testing

@Suite struct MemoryPlanTests {
  @Test(arguments: 0..<200) func randomPlansHold(seed: Int) throws {
    let graph = RandomGraph(seed: seed, size: 6 + seed % 40, dtype: seed % 2 == 0 ? .f64 : .f32)
      .graph
    var generator = SeededGenerator(seed: seed)
    let program = try Program(
      graph, feeding: Bool.random(using: &generator) ? ["e"] : [],
      updating: Int.random(in: 0..<4, using: &generator) > 0)
    let size = generator.pick([0, 1, 2, 7, 33, 100])
    let plan = try MemoryPlan(program, sizes: ["N": size])
    #expect(plan.violations() == [], "seed \(seed)")
    #expect(
      plan.replay(program) == [], "seed \(seed), N = \(size)\n\(graph.text())")
    let sum = plan.allocations.reduce(0) { $0 + $1.bytes }
    #expect(plan.arenaBytes <= sum, "seed \(seed)")
    // No moment needs more than the arena has; the largest moment is a lower bound.
    let moments = (plan.allocations.map(\.lifetime.upperBound).max() ?? 0) + 1
    let peak =
      (0..<moments).map { moment in
        plan.allocations.filter { $0.lifetime.contains(moment) }.reduce(0) { $0 + $1.bytes }
      }.max() ?? 0
    #expect(peak <= plan.arenaBytes, "seed \(seed)")
    #expect(peak == plan.lowerBound, "seed \(seed)")
  }

  /// A lifetime that ends too early is none of the offsets' business; playing the plan shows it,
  /// as soon as something else takes the memory.
  @Test func lifetimesThatAreTooShortAreCaught() throws {
    var caught = 0
    for seed in 0..<60 {
      let program = try Program(RandomGraph(seed: seed, size: 25, steps: false).graph)
      let good = try MemoryPlan(program, sizes: ["N": 20])
      for index in good.allocations.indices
      where good.allocations[index].lifetime.count > 1 && index != good.constants {
        var bad = good
        let lifetime = bad.allocations[index].lifetime
        bad.allocations[index].lifetime = lifetime.lowerBound...lifetime.lowerBound
        let ranges = bad.allocations.map { LiveRange(bytes: $0.bytes, lifetime: $0.lifetime) }
        let found = try #require(OffsetPlanner.smallest(for: ranges))
        for place in bad.allocations.indices {
          bad.allocations[place].offset = found.offsets[place]
        }
        #expect(bad.violations().isEmpty, "seed \(seed)")
        // Who reads the value finds it, unless nothing was put there before.
        let isTaken = bad.allocations.indices.contains { other in
          let taken = bad.allocations[other]
          let own = bad.allocations[index]
          return other != index && taken.offset < own.offset + own.bytes
            && own.offset < taken.offset + taken.bytes
            && (lifetime.lowerBound + 1..<lifetime.upperBound).overlaps(
              taken.lifetime.lowerBound..<taken.lifetime.lowerBound + 1)
        }
        if isTaken {
          #expect(!bad.replay(program).isEmpty, "seed \(seed), allocation \(index)")
          caught += 1
        }
      }
    }
    #expect(caught > 50)
  }

  /// Every way to corrupt a plan by hand is seen.
  @Test func corruptedPlansAreCaught() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f32, [100]))
    let (a, b) = (exp(x), sin(x))
    builder.output("a", a)
    builder.output("y", a * b + x)
    let program = try Program(builder.build())
    let good = try MemoryPlan(program, sizes: [:])
    #expect(good.violations().isEmpty && good.replay(program).isEmpty)
    let first = try #require(good.allocations.indices.first { good.allocations[$0].offset == 0 })
    let second = try #require(
      good.allocations.indices.first {
        $0 != first && good.allocations[$0].lifetime.overlaps(good.allocations[first].lifetime)
      })

    var shared = good
    shared.allocations[second].offset = good.allocations[first].offset
    #expect(shared.violations().contains { $0.contains("share memory") })
    #expect(!shared.replay(program).isEmpty)

    var unaligned = good
    unaligned.allocations[second].offset += 4
    #expect(unaligned.violations().contains { $0.contains("not aligned") })

    var outside = good
    outside.allocations[second].offset = good.arenaBytes
    #expect(outside.violations().contains { $0.contains("leaves the arena") })

    var negative = good
    negative.allocations[second].offset = -64
    #expect(negative.violations().contains { $0.contains("leaves the arena") })

    var swollen = good
    swollen.allocations[first].bytes += 64 * 64
    #expect(!swollen.violations().isEmpty)
  }

  /// Moving any one allocation of a random plan onto another that lives at the same time is caught.
  @Test(arguments: 0..<30) func everyCollisionIsCaught(seed: Int) throws {
    let program = try Program(RandomGraph(seed: seed, size: 25).graph)
    let good = try MemoryPlan(program, sizes: ["N": 20])
    for one in good.allocations.indices {
      for other in good.allocations.indices where one != other {
        guard good.allocations[one].lifetime.overlaps(good.allocations[other].lifetime) else {
          continue
        }
        var bad = good
        bad.allocations[one].offset = bad.allocations[other].offset
        #expect(!bad.violations().isEmpty, "seed \(seed): \(one) onto \(other)")
      }
    }
  }

  @Test func memoryOfTheDeadIsUsedAgain() throws {
    let builder = GraphBuilder("chain")
    var x = builder.input("x", ValueType(.f32, [1_000]))
    // Transposition and sums cannot work in place, so every link needs another buffer.
    for _ in 0..<20 { x = tanh(transpose(reshape(x, [10, 100]))) }
    builder.output("y", x)
    let plan = try MemoryPlan(try Program(builder.build()), sizes: [:])
    #expect(plan.arenaBytes == 2 * 4_032)
  }

  @Test func stepsAreWhatIsNeededInOrder() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f32, [4]))
    _ = exp(x).named("dead")
    let y = tanh(x).named("y")
    let view = reshape(y, [2, 2])
    builder.output("z", sum(view).named("z"))
    let graph = builder.build()
    let program = try Program(graph)
    let plan = try MemoryPlan(program, sizes: [:])
    #expect(plan.stepNodes.map { $0.map { graph[$0].label } } == [["y"], ["z"]])
    let dead = try #require(graph.node(named: "dead"))
    #expect(plan.places[dead.id.index] == nil && plan.shapes[dead.id.index].isEmpty)
    #expect(plan.places[view.id.index] == plan.places[y.id.index])
  }
}
