import GraphIR
import Testing

/// Every list of at most three of the extents 1, 2, N, M.
private let shapes: [Shape] = {
  let extents: [Dim] = [1, 2, .symbol("N"), .symbol("M")]
  var all: [[Dim]] = [[]]
  var last: [[Dim]] = [[]]
  for _ in 0..<3 {
    last = last.flatMap { prefix in extents.map { prefix + [$0] } }
    all += last
  }
  return all.map { Shape($0) }
}()

/// NumPy's rule on numbers: pad with ones in front, then each pair is equal or has a one.
private func numpy(_ a: [Int], _ b: [Int]) -> [Int]? {
  let rank = max(a.count, b.count)
  let x = Array(repeating: 1, count: rank - a.count) + a
  let y = Array(repeating: 1, count: rank - b.count) + b
  var result: [Int] = []
  for (p, q) in zip(x, y) {
    guard p == q || p == 1 || q == 1 else { return nil }
    result.append(p == 1 ? q : p)
  }
  return result
}

@Suite struct ShapeTests {
  /// Distinct sizes other than 1 and 2 make symbols behave as the numbers do, so the two rules must
  /// agree on all 7,225 pairs.
  @Test func broadcastingIsNumPys() throws {
    #expect(shapes.count == 85)
    for sizes in [["N": 3, "M": 5], ["N": 7, "M": 0]] {
      for a in shapes {
        for b in shapes {
          let expected = numpy(try a.evaluated(sizes), try b.evaluated(sizes))
          #expect(
            try a.broadcast(with: b)?.evaluated(sizes) == expected, "\(a) with \(b) at \(sizes)")
        }
      }
    }
  }

  @Test func symbolsThatMayBeEqualDoNotBroadcast() {
    #expect(Shape([.symbol("N")]).broadcast(with: [.symbol("M")]) == nil)
    #expect(Shape([.symbol("N")]).broadcast(with: [2]) == nil)
    #expect(Shape([0]).broadcast(with: [1]) == [0])
    #expect(Shape([0]).broadcast(with: [2]) == nil)
  }

  @Test func broadcastingIsSymmetricAndIdempotent() {
    for a in shapes {
      #expect(a.broadcast(with: a) == a)
      #expect(a.broadcast(with: .scalar) == a)
      for b in shapes { #expect(a.broadcast(with: b) == b.broadcast(with: a), "\(a), \(b)") }
    }
  }

  @Test func elementCounts() throws {
    let sizes = ["N": 3, "M": 5]
    for shape in shapes {
      let concrete = try shape.evaluated(sizes)
      #expect(try shape.elementCount().evaluated(sizes) == concrete.reduce(1, *))
    }
    #expect(try Shape.scalar.elementCount() == 1)
  }

  @Test(arguments: [
    [1 << 40, 1 << 40], [Int.max, Int.max], [Int.max], [1 << 59], [1 << 40, 1 << 40, 0],
  ])
  func tooManyElementsOverflow(extents: [Int]) {
    let symbolic = Shape(extents.indices.map { .symbol("D\($0)") })
    let sizes = Dictionary(uniqueKeysWithValues: extents.indices.map { ("D\($0)", extents[$0]) })
    #expect(throws: DimError.overflow("\(symbolic)")) { try symbolic.evaluated(sizes) }
  }

  @Test func largestShapesThatFit() throws {
    let sizes = ["N": 1 << 58, "M": 0]
    #expect(try Shape([.symbol("N")]).evaluated(sizes) == [1 << 58])
    #expect(try Shape([.symbol("N"), .symbol("M")]).evaluated(sizes) == [1 << 58, 0])
  }

  @Test func negativeAndUnboundExtentsThrow() {
    #expect(throws: DimError.unbound("N")) { try Shape([.symbol("N")]).evaluated([:]) }
    #expect(throws: DimError.negative("N", -1)) { try Shape([.symbol("N")]).evaluated(["N": -1]) }
    #expect(throws: DimError.self) { try Shape([Dim(.max), 2]).elementCount() }
  }

  @Test func descriptions() {
    #expect(Shape([.symbol("N"), 784]).description == "[N, 784]")
    #expect(ValueType(.f32, [.symbol("N"), 784]).description == "f32[N, 784]")
    #expect(ValueType(.bool).description == "bool[]")
    #expect(Shape([.symbol("N"), 2, .symbol("M")]).symbols == ["N", "M"])
  }
}
