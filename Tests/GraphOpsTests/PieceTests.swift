import GraphIR
import GraphOps
import Runtime
import Testing

/// Where one-sided slopes of an op differ, its `pieces` must tell; elsewhere they must not.
@Suite("Pieces of every op")
struct PieceTests {
  /// One op with its operands, evaluated with the values that tell the pieces.
  private struct Probe {
    let single: OneOpGraph
    let graph: Graph
    let roots: [NodeID]

    init(_ op: OpDefinition, _ use: OpCase) throws {
      single = try OneOpGraph(op, use)
      let builder = GraphBuilder(continuing: single.graph)
      let pieces = builder.pieces(of: single.graph[single.result])?.values ?? []
      graph = builder.build()
      roots = [single.result] + pieces.map(\.id)
    }

    /// The op's result and the pieces, nil where the op cannot be evaluated.
    func callAsFunction(_ operands: [ReferenceArray]) throws -> (y: [Double], pieces: [[Double]]) {
      let feeds = Dictionary(uniqueKeysWithValues: zip(single.names, operands))
      let sizes = PieceTests.sizes.filter { size in
        graph.dimensions.contains { $0.name == size.key }
      }
      let values = try ReferenceInterpreter(graph).evaluate(roots, feeds: feeds, sizes: sizes)
      let arrays = roots.map { values[$0]?.values ?? [] }
      return (arrays[0], Array(arrays.dropFirst()))
    }
  }

  private struct Count {
    var bends = 0
    var smooth = 0
    /// Where the op is not finite, or moves from one piece to another.
    var edges = 0
  }

  private static let sizes = ["N": 2, "D": 3]
  private static let h = 0x1p-20

  /// Moves each float a little to either side.
  private static func walk(_ op: OpDefinition, _ use: OpCase, seed: UInt64) throws -> Count {
    var generator = SeededGenerator(state: seed)
    let probe = try Probe(op, use)
    var operands = try use.operands(&generator, sizes: Self.sizes).map { ReferenceArray($0) }
    // Few different numbers, kinks and ties among them.
    for (index, type) in use.types.enumerated() where type.dtype.isFloating {
      for place in operands[index].values.indices {
        operands[index].values[place] = Double(Int.random(in: -2...2, using: &generator)) / 2
      }
    }
    var count = Count()
    let home = try probe(operands)
    for (index, type) in use.types.enumerated() where type.dtype.isFloating {
      for place in operands[index].values.indices {
        let sides = try [-h, h].map { step in
          var moved = operands
          moved[index].values[place] += step
          return try probe(moved)
        }
        let isElsewhere = sides.contains { $0.pieces != home.pieces }
        for element in home.y.indices {
          let (left, middle, right) = (sides[0].y[element], home.y[element], sides[1].y[element])
          guard left.isFinite, middle.isFinite, right.isFinite else {
            count.edges += 1
            continue
          }
          if Swift.abs((right - middle) - (middle - left)) > 0.01 * h {
            count.bends += 1
            #expect(
              isElsewhere, "\(op.name)\(use): operand \(index)[\(place)], seed \(seed)")
          } else {
            count.smooth += 1
          }
        }
        if isElsewhere { count.edges += 1 }
      }
    }
    return count
  }

  @Test("Slopes that differ on both sides are told of", arguments: Dialect.standard.ops)
  func bends(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    var count = Count()
    let steps = op == .cast ? [OpCase([.f64(N)], ["to": .dtype(.i32)])] : []
    for use in [example.typical] + (OpGradientTests.further[op.name] ?? []) + steps {
      for seed in 0..<20 {
        let one = try Self.walk(op, use, seed: UInt64(seed))
        count = Count(
          bends: count.bends + one.bends, smooth: count.smooth + one.smooth,
          edges: count.edges + one.edges)
      }
    }
    // A rule that is never needed is wrong, and so is an op without one that bends.
    if op.pieces != nil {
      #expect(count.bends + count.edges > 0)
    } else {
      #expect(count.bends == 0)
    }
  }

  /// Away from kinks nothing is told: else every comparison would be refused.
  @Test(arguments: Dialect.standard.ops) func dont_tellWhereNothingChanges(_ op: OpDefinition)
    throws
  {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    guard op.pieces != nil, op != .cast else { return }
    let use = example.typical
    var generator = SeededGenerator(state: 7)
    let probe = try Probe(op, use)
    let operands = try use.operands(&generator, sizes: Self.sizes).map { ReferenceArray($0) }
    let home = try probe(operands)
    #expect(!home.pieces.isEmpty)
    for (index, type) in use.types.enumerated() where type.dtype.isFloating {
      var moved = operands
      for place in moved[index].values.indices { moved[index].values[place] += 1e-9 }
      #expect(try probe(moved).pieces == home.pieces, "seed 7")
    }
  }

  @Test func powersAreSmoothWhereTheyAre() {
    let builder = GraphBuilder("powers")
    let a = builder.input("a", ValueType(.f64, [2]))
    let b = builder.input("b", ValueType(.f64, [2]))
    let uses = [pow(a, 2.0), pow(a, 3.0), pow(a, -1.0), pow(a, 0.5), pow(a, b)]
    let graph = builder.build()
    let counts = uses.map { builder.pieces(of: graph[$0.id])?.values.count }
    #expect(counts == [nil, nil, 1, 1, 2])
  }

  @Test func conversionsStepIntoIntegersOnly() {
    let builder = GraphBuilder("conversions")
    let (a, n) = (
      builder.input("a", ValueType(.f64, [2])), builder.input("n", ValueType(.i64, [2]))
    )
    let uses = [cast(a, to: .i32), cast(a, to: .bool), cast(a, to: .f32), cast(n, to: .f64)]
    let graph = builder.build()
    #expect(uses.map { builder.pieces(of: graph[$0.id])?.isStep } == [true, true, nil, nil])
  }
}
