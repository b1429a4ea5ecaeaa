import Autodiff
import Foundation
import GraphIR
import GraphOps
import Runtime
import Testing

private let at: [Double] = [-1.5, -0.25, 0.5, 2]
private let feeds: Feeds = ["x": ReferenceArray(shape: [4], values: at)]

@Suite struct ClosedFormTests {
  /// The first, second and third derivative of Σ f(x).
  private func derivatives(_ f: (Value) -> Value, orders: Int) throws -> [[Double]] {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [4]))
    sum(f(x)).named("loss")
    var graph = builder.build()
    var root = "loss"
    var all: [[Double]] = []
    for order in 1...orders {
      let (result, ids) = try graph.differentiated(root, ["x"])
      #expect(verify(result.graph).isEmpty)
      #expect(Set(result.graph.names).count == result.graph.names.count)
      all.append(try result.graph.value(of: ids[0], feeds))
      let more = GraphBuilder(continuing: result.graph)
      root = "s\(order)"
      sum(Value(builder: more, id: ids[0])).named(root)
      graph = more.build()
    }
    return all
  }

  @Test func cube() throws {
    let found = try derivatives({ pow($0, 3) }, orders: 3)
    #expect(near(found[0], at.map { 3 * $0 * $0 }, 1e-14))
    #expect(near(found[1], at.map { 6 * $0 }, 1e-14))
    #expect(near(found[2], at.map { _ in 6 }, 1e-14))
  }

  @Test func hyperbolicTangent() throws {
    let found = try derivatives({ tanh($0) }, orders: 3)
    let t = at.map { Foundation.tanh($0) }
    #expect(near(found[0], t.map { 1 - $0 * $0 }, 1e-14))
    #expect(near(found[1], t.map { -2 * $0 * (1 - $0 * $0) }, 1e-14))
    #expect(near(found[2], t.map { (1 - $0 * $0) * (6 * $0 * $0 - 2) }, 1e-13))
  }

  @Test func exponentialOfASquare() throws {
    let found = try derivatives({ exp(-square($0)) }, orders: 2)
    let e = at.map { Foundation.exp(-$0 * $0) }
    #expect(near(found[0], zip(at, e).map { -2 * $0 * $1 }, 1e-14))
    #expect(near(found[1], zip(at, e).map { (4 * $0 * $0 - 2) * $1 }, 1e-14))
  }

  /// σ(W₂ tanh(W₁x)) with hand-derived matrices.
  @Test func twoLayers() throws {
    let builder = GraphBuilder("net")
    let x = builder.input("x", ValueType(.f64, [5, 3]))
    let w1 = builder.input("w1", ValueType(.f64, [4, 3]))
    let b1 = builder.input("b1", ValueType(.f64, [4]))
    let w2 = builder.input("w2", ValueType(.f64, [2, 4]))
    let b2 = builder.input("b2", ValueType(.f64, [2]))
    let h = tanh(linear(x, w1, b1)).named("h")
    sum(square(linear(h, w2, b2))).named("loss")
    var generator = SeededGenerator(seed: 7)
    var feeds: Feeds = [:]
    for (name, shape) in [
      ("x", [5, 3]), ("w1", [4, 3]), ("b1", [4]), ("w2", [2, 4]), ("b2", [2]),
    ] {
      feeds[name] = ReferenceArray(shape: shape, values: generator.values(shape.reduce(1, *)))
    }
    let names = ["w1", "b1", "w2", "b2", "x"]
    let (result, ids) = try builder.build().differentiated("loss", names)
    let found = try ids.map { try result.graph.value(of: $0, feeds) }

    func v(_ name: String) -> [Double] { feeds[name]?.values ?? [] }
    var expected: [[Double]] = [12, 4, 8, 2].map { Array(repeating: 0, count: $0) }
    var dx = [Double](repeating: 0, count: 15)
    for n in 0..<5 {
      let row = Array(v("x")[(n * 3)..<(n * 3 + 3)])
      let hidden: [Double] = (0..<4).map { j in
        let weights = Array(v("w1")[(j * 3)..<(j * 3 + 3)])
        return Foundation.tanh(v("b1")[j] + dot(weights, row))
      }
      let delta: [Double] = (0..<2).map { k in
        let weights = Array(v("w2")[(k * 4)..<(k * 4 + 4)])
        return 2 * (v("b2")[k] + dot(weights, hidden))
      }
      for j in 0..<4 {
        let back = delta[0] * v("w2")[j] + delta[1] * v("w2")[4 + j]
        let slope = back * (1 - hidden[j] * hidden[j])
        for i in 0..<3 {
          expected[0][j * 3 + i] += slope * v("x")[n * 3 + i]
          dx[n * 3 + i] += slope * v("w1")[j * 3 + i]
        }
        expected[1][j] += slope
        for k in 0..<2 { expected[2][k * 4 + j] += delta[k] * hidden[j] }
      }
      for k in 0..<2 { expected[3][k] += delta[k] }
    }
    for (index, name) in names.enumerated() {
      #expect(near(found[index], (expected + [dx])[index], 1e-12), "\(name)")
    }
  }

  /// With parts seeded by weights, the parts' gradients sum to that of the weighted whole.
  @Test func seedsAreLinear() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [4]))
    let a = sum(sin(x) * x).named("a")
    let b = logsumexp(x).named("b")
    let half = builder.constant(.float(0.5), .f64, name: "half")
    let three = builder.constant(.float(-3), .f64, name: "three")
    (a * half + b * three).named("loss")
    let graph = builder.build()
    let (whole, ids) = try graph.differentiated("loss", ["x"])
    let gradient = try whole.graph.value(of: ids[0], feeds)
    var parts = [Double](repeating: 0, count: 4)
    for (part, seed) in [(a, half), (b, three)] {
      let result = try ReverseMode.differentiate(
        graph, root: .init(part.id, seed: seed.id), withRespectTo: [x.id])
      guard case .node(let id)? = result.derivatives[x.id] else {
        Issue.record("no derivative")
        continue
      }
      parts = zip(parts, try result.graph.value(of: id, feeds)).map { $0 + $1 }
    }
    #expect(near(parts, gradient, 1e-13))
    #expect(gradient.contains { abs($0) > 0.1 })
  }

  @Test func theRootItself() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [4]))
    sum(x).named("loss")
    let (result, ids) = try builder.build().differentiated("loss", ["loss"])
    #expect(try result.graph.value(of: ids[0], feeds) == [1])
  }
}
