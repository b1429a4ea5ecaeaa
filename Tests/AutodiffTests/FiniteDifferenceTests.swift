import Autodiff
import GraphIR
import GraphOps
import Runtime
import Testing

@Suite struct FiniteDifferenceTests {
  /// ∇loss·u against (loss(p + hu) − loss(p − hu)) / 2h for random directions u.
  @Test(arguments: 0..<150) func firstOrder(seed: Int) throws {
    var sample = SmoothGraph(seed: seed)
    let targets = sample.targets
    try #require(!targets.isEmpty)
    let (result, ids) = try sample.graph.differentiated("loss", targets)
    #expect(verify(result.graph).isEmpty, "seed \(seed)")
    #expect(result.blocked.isEmpty, "seed \(seed)")
    for _ in 0..<2 {
      let direction = sample.direction(targets)
      let h = 1e-5
      let difference =
        (try sample.loss(moved(sample.feeds, by: h, along: direction))
          - sample.loss(moved(sample.feeds, by: -h, along: direction))) / (2 * h)
      var projected = 0.0
      for (name, id) in zip(targets, ids) {
        let gradient = try result.graph.value(of: id, sample.feeds)
        projected += dot(gradient, try #require(direction[name]).values)
      }
      #expect(
        near(projected, difference, 2e-8),
        "seed \(seed): \(projected) and \(difference)\n\(sample.graph.text())")
    }
  }

  /// Each element on its own for a few graphs: a projection could hide two swapped elements.
  @Test(arguments: 200..<212) func firstOrderElementByElement(seed: Int) throws {
    let sample = SmoothGraph(seed: seed, size: 6)
    let targets = sample.targets
    let (result, ids) = try sample.graph.differentiated("loss", targets)
    for (name, id) in zip(targets, ids) {
      let gradient = try result.graph.value(of: id, sample.feeds)
      let at = try #require(sample.feeds[name])
      for element in at.values.indices {
        var unit = ReferenceArray(shape: at.shape, values: at.values.map { _ in 0 })
        unit.values[element] = 1
        let h = 1e-5
        let difference =
          (try sample.loss(moved(sample.feeds, by: h, along: [name: unit]))
            - sample.loss(moved(sample.feeds, by: -h, along: [name: unit]))) / (2 * h)
        #expect(near(gradient[element], difference, 2e-8), "seed \(seed): \(name)[\(element)]")
      }
    }
  }

  /// uᵀHu from differentiating ∇loss·u again, against the second difference of the loss itself.
  @Test(arguments: 300..<360) func secondOrder(seed: Int) throws {
    var sample = SmoothGraph(seed: seed, size: 7)
    let targets = sample.targets
    try #require(!targets.isEmpty)
    let (first, ids) = try sample.graph.differentiated("loss", targets)
    let direction = sample.direction(targets)

    let builder = GraphBuilder(continuing: first.graph)
    var slope: Value?
    var feeds = sample.feeds
    for (name, id) in zip(targets, ids) {
      let u = builder.input("u.\(name)", builder.type(of: id))
      feeds["u.\(name)"] = direction[name]
      let part = sum(Value(builder: builder, id: id) * u)
      slope = slope.map { $0 + part } ?? part
    }
    try #require(slope).named("slope")
    let graph = builder.build()
    let second = try ReverseMode.differentiate(
      graph, root: .init(try graph.id("slope")), withRespectTo: try targets.map { try graph.id($0) }
    )
    #expect(verify(second.graph).isEmpty, "seed \(seed)")
    #expect(Set(second.graph.names).count == second.graph.names.count)

    var curvature = 0.0
    for name in targets {
      switch try #require(second.derivatives[try graph.id(name)]) {
      case .node(let id):
        curvature += dot(
          try second.graph.value(of: id, feeds), try #require(direction[name]).values)
      case .notConnected: continue
      case let other: Issue.record("seed \(seed): \(other) for \(name)")
      }
    }
    let h = 1e-4
    let ahead = try sample.loss(moved(sample.feeds, by: h, along: direction))
    let behind = try sample.loss(moved(sample.feeds, by: -h, along: direction))
    let difference = (ahead - 2 * (try sample.loss(sample.feeds)) + behind) / (h * h)
    #expect(
      near(curvature, difference, 2e-6),
      "seed \(seed): \(curvature) and \(difference)\n\(sample.graph.text())")
  }

  /// Every pair of second derivatives of a function of four variables, both ways round and against
  /// differences of the gradient.
  @Test(arguments: 0..<6) func theHessianIsSymmetric(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let builder = GraphBuilder("hessian")
    let x = builder.input("x", ValueType(.f64, [4]))
    let a = builder.input("a", ValueType(.f64, [4, 4]))
    let column = reshape(x, [4, 1])
    let mixed = tanh(matmul(a, column))
    let quadratic = sum(matmul(column, mixed, transposeA: true))
    (quadratic + logsumexp(x * x) + sum(sin(x)) * sum(exp(x))).named("loss")
    let feeds: Feeds = [
      "x": ReferenceArray(shape: [4], values: generator.values(4)),
      "a": ReferenceArray(shape: [4, 4], values: generator.values(16)),
    ]
    let (first, ids) = try builder.build().differentiated("loss", ["x"])
    let more = GraphBuilder(continuing: first.graph)
    let gradient = Value(builder: more, id: ids[0])
    for i in 0..<4 {
      sum(slice(gradient, axis: 0, from: Dim(i), to: Dim(i + 1))).named("g\(i)")
    }
    let graph = more.build()
    var hessian: [[Double]] = []
    for i in 0..<4 {
      let (row, id) = try graph.differentiated("g\(i)", ["x"])
      hessian.append(try row.graph.value(of: id[0], feeds))
    }
    for i in 0..<4 {
      for j in 0..<4 {
        #expect(near(hessian[i][j], hessian[j][i], 1e-12), "seed \(seed): \(i), \(j)")
        var unit = ReferenceArray(shape: [4], values: [0, 0, 0, 0])
        unit.values[j] = 1
        let h = 1e-5
        let difference =
          (try graph.value("g\(i)", moved(feeds, by: h, along: ["x": unit]))[0]
            - graph.value("g\(i)", moved(feeds, by: -h, along: ["x": unit]))[0]) / (2 * h)
        #expect(near(hessian[i][j], difference, 1e-7), "seed \(seed): \(i), \(j)")
      }
    }
  }
}
