import Autodiff
import GraphIR
import GraphOps
import Runtime
import Testing

/// Symbolic derivatives of every op against central differences of the reference, first and second
/// order, entry by entry and along random directions.
@Suite("Gradients of every op")
struct OpGradientTests {
  /// Ops whose typical use has other attributes that change the derivative.
  static let further: [String: [OpCase]] = [
    "normal": [
      OpCase([.f32(N, D), .f32(D), .f32(N, D)], ["scale": .symbol("stddev")]),
      OpCase([.f32(D), .f32(N, D), .f32(N, D)], ["scale": .symbol("log_stddev")]),
      OpCase([.f32(N, D), .f32(D), .f32(N, D)], ["estimator": .symbol("stopped")]),
    ],
    "bernoulli": [
      OpCase(
        [.f32(N, D), .f32(N, D)],
        ["estimator": .symbol("gumbel_softmax"), "temperature": .scalar(.float(0.6))],
        [.any, .unit])
    ],
    "categorical": [
      OpCase(
        [.f32(N, D), .f32(N, D)],
        ["estimator": .symbol("gumbel_softmax"), "temperature": .scalar(.float(0.6))],
        [.any, .unit])
    ],
    "normal_log_prob": [
      OpCase(
        [.f32(N, D), .f32(D), .f32(N, D)], ["scale": .symbol("stddev")], [.any, .any, .positive]),
      OpCase([.f32(D), .f32(N, D), .f32(N, 1)], ["scale": .symbol("log_stddev")]),
    ],
    "matmul": [
      OpCase([.f32(N, D), .f32(D, 4)]),
      OpCase([.f32(D, N), .f32(D, 4)], ["transpose_a": .bool(true)]),
      OpCase([.f32(D, N), .f32(4, D)], ["transpose_a": .bool(true), "transpose_b": .bool(true)]),
      OpCase([.f32(2, 1, N, D), .f32(3, D, 2)]),
      OpCase([.f32(N, D), .f32(3, D, 2)]),
      OpCase([.f32(3, N, D), .f32(2, D)], ["transpose_b": .bool(true)]),
    ],
    "linear": [
      OpCase([.f32(D), .f32(4, D), .f32(4)]), OpCase([.f32(2, N, D), .f32(4, D), .f32(4)]),
    ],
    "sum": [OpCase([.f32(N, D)]), OpCase([.f32(N, D)], ["axes": .ints([1])]), OpCase([.f32()])],
    "mean": [OpCase([.f32(N, D)]), OpCase([.f32(N, D)], ["axes": .ints([1])]), OpCase([.f32()])],
    "max": [OpCase([.f32(N, D)], .none, [.distinct])],
    "min": [OpCase([.f32(N, D)], ["axes": .ints([0])], [.distinct])],
    "logsumexp": [OpCase([.f32(N, D)]), OpCase([.f32(N, D)], ["axes": .ints([0])])],
    "log_softmax": [OpCase([.f32(N, D, 2)], ["axis": .int(0)])],
    "slice": [
      OpCase([.f32(7)], ["start": .dim(1), "stop": .dim(7), "step": .int(3)]),
      OpCase([.f32(7)], ["start": .dim(2), "stop": .dim(2), "step": .int(3)]),
      OpCase([.f32(N)], ["start": .dim(0), "stop": .dim(0), "step": .int(5)]),
    ],
    "pad": [
      OpCase([.f32(N)], ["interior": .int(1)]), OpCase([.f32(3)], ["low": .dim(2)]),
      OpCase([.f32(0, 2)], ["axis": .int(0), "high": .dim(2)]),
    ],
    "transpose": [
      OpCase([.f32(N, D)]), OpCase([.f32(N, D, 4)], ["permutation": .ints([-2, 2, 0])]),
    ],
    "reshape": [OpCase([.f32()], ["shape": .dims([1, 1])])],
    "broadcast_to": [OpCase([.f32(D, 1)], ["shape": .dims([N, D, 4])])],
    "concat": [OpCase([.f32(D, N), .f32(D, 1)], ["axis": .int(-1)])],
    "gather": [
      OpCase([.f32(D, N), .i32(2, 2)], ["axis": .int(0)], [.any, .index(3)]),
      OpCase([.f32(D, N), .i32()], ["axis": .int(-2)], [.any, .index(3)]),
    ],
    "scatter_add": [
      OpCase(
        [.f32(2, 2, N), .i32(2, 2)], ["axis": .int(0), "size": .dim(D)], [.any, .index(3)])
    ],
    "cast": [
      OpCase([.f32(N)], ["to": .dtype(.f32)]), OpCase([.f64(N)], ["to": .dtype(.f32)]),
      OpCase([.i32(N)], ["to": .dtype(.f32)]),
    ],
    "add": [OpCase([.f32(N, 1), .f32(1, D)])], "mul": [OpCase([.f32(), .f32(N, D)])],
    "div": [OpCase([.f32(D), .f32(N, 1)], .none, [.any, .offZero])],
    "select": [OpCase([.bool(), .f32(1), .f32(N, D)])],
  ]

  @Test("First and second order against finite differences", arguments: Dialect.standard.ops)
  func finiteDifferences(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    if let refusal = op.gradient.refusal {
      #expect(!refusal.isEmpty)
      return
    }
    for (index, use) in ([example.typical] + (Self.further[op.name] ?? [])).enumerated() {
      for seed in 0..<3 {
        let check = try GradientCheck(op, use, seed: UInt64(index * 100 + seed))
        try check.run()
      }
    }
  }

  @Test("An operand without a derivative has its reason", arguments: Dialect.standard.ops)
  func reasons(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    for use in [example.typical] + (Self.further[op.name] ?? []) {
      let single = try OneOpGraph(op, use)
      let builder = GraphBuilder(continuing: single.graph)
      let result = Value(builder: builder, id: single.result)
      let operands = single.operands.map { Value(builder: builder, id: $0) }
      let answers = op.gradient(
        GradientRule.Context(
          builder: builder, operands: operands, result: result,
          cotangent: builder.input("cotangent", result.type),
          attributes: try op.completed(use.attributes)))
      #expect(answers.count == operands.count)
      for (index, answer) in answers.enumerated() {
        switch answer {
        case .value(let value):
          #expect(op.operandSpec(at: index).edge == .differentiable)
          #expect(value.type == operands[index].type)
        case .zero(let reason), .notConnected(let reason), .rerouted(let reason),
          .undefined(let reason):
          #expect(reason.count > 8, "\(op.name), operand \(index): '\(reason)'")
        }
      }
    }
  }

  @Test("Only ops whose result or operands carry no derivatives refuse")
  func refusals() {
    let refusing = Dialect.standard.ops.filter { $0.gradient.refusal != nil }.map(\.name)
    #expect(
      refusing == [
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and",
        "logical_or", "logical_xor", "logical_not", "argmax", "one_hot",
      ])
  }

  @Test("pow: mixed derivatives where the exponent is 0, and at a = 0")
  func powCorners() throws {
    // ∂²/∂a∂b aᵇ = aᵇ⁻¹ (1 + b ln a): 1/a at b = 0. At a = 0 and b = 2 only ∂²/∂a² is left.
    for (a, b, expected) in [(2.0, 0.0, [0.0, 0.5]), (0, 2, [2, 0]), (0, 1, [0, 1])] {
      let builder = GraphBuilder("corner")
      let (x, y) = (builder.input("a", .f64()), builder.input("b", .f64()))
      let root = pow(x, y).named("p")
      let first = try ReverseMode.differentiate(
        builder.build(), root: .init(root.id), withRespectTo: [x.id])
      let node = try #require(first.derivatives[x.id]?.node)
      let second = try ReverseMode.differentiate(
        first.graph, root: .init(node), withRespectTo: [x.id, y.id])
      let ids = [x.id, y.id].compactMap { second.derivatives[$0]?.node }
      try #require(ids.count == 2)
      let values = try ReferenceInterpreter(second.graph).evaluate(
        ids, feeds: ["a": .init(scalar: a), "b": .init(scalar: b)])
      // 0·ln 0 is not a number that the limit at (0, 1) agrees on; only ∂²/∂a² is asked there.
      let wanted = b == 1 ? 1 : 2
      for (id, value) in zip(ids, expected).prefix(wanted) {
        #expect(values[id]?.values == [value], "a = \(a), b = \(b)")
      }
    }
  }

  @Test(
    "pow: the derivative in the exponent at a = 0",
    arguments: [(2.0, 0.0), (0.0, 0.0), (-1.0, -Double.infinity)])
  func powAtZero(b: Double, expected: Double) throws {
    let builder = GraphBuilder("corner")
    let (x, y) = (builder.input("a", .f64()), builder.input("b", .f64()))
    let root = pow(x, y)
    let result = try ReverseMode.differentiate(
      builder.build(), root: .init(root.id), withRespectTo: [y.id])
    let id = try #require(result.derivatives[y.id]?.node)
    let values = try ReferenceInterpreter(result.graph).evaluate(
      [id], feeds: ["a": .init(scalar: 0), "b": .init(scalar: b)])
    #expect(values[id]?.values == [expected])
  }

  @Test(
    "Ties share the gradient evenly",
    arguments: ["maximum", "minimum", "max", "min", "relu", "abs", "sign"])
  func ties(_ name: String) throws {
    let op = try #require(Dialect.standard.op(named: name))
    let builder = GraphBuilder("ties")
    let x = builder.input("x", .f64(3))
    let y = builder.input("y", .f64(3))
    let value = builder.make(op, op.operands.count == 1 ? [x] : [x, y])
    let root = sum(value)
    let result = try ReverseMode.differentiate(
      builder.build(), root: .init(root.id), withRespectTo: [x.id])
    let at = ReferenceArray(shape: [3], values: [0, 0, 0])
    guard let node = result.derivatives[x.id]?.node else {
      #expect(name == "sign")
      return
    }
    let values = try ReferenceInterpreter(result.graph).evaluate(
      [node], feeds: ["x": at, "y": at])[node]?.values
    let third = 1.0 / 3
    let expected: [String: [Double]] = [
      "maximum": [0.5, 0.5, 0.5], "minimum": [0.5, 0.5, 0.5], "max": [third, third, third],
      "min": [third, third, third], "relu": [0, 0, 0], "abs": [0, 0, 0],
    ]
    #expect(values == expected[name])
  }
}

extension Derivative {
  var node: NodeID? {
    if case .node(let id) = self { id } else { nil }
  }
}

/// Checks ∂s/∂x of s = Σ c·y, and ∂r/∂x of r = Σ t·∂s/∂x, for one use of an op.
private struct GradientCheck {
  let title: String
  let differentiable: [String]
  private var feeds: [String: ReferenceArray] = [:]
  private let first: ReverseMode.Result
  private let root: NodeID
  private let ids: [String: NodeID]
  private let seed: UInt64
  private let sizes: [String: Int]

  init(_ op: OpDefinition, _ use: OpCase, seed: UInt64) throws {
    title = "\(op.name)\(use), seed \(seed)"
    self.seed = seed
    var generator = SeededGenerator(state: seed)
    let single = try OneOpGraph(op, use)
    let dimensions = Set(single.graph.dimensions.map(\.name))
    sizes = exampleSizes.filter { dimensions.contains($0.key) }
    let builder = GraphBuilder(continuing: single.graph)
    let y = Value(builder: builder, id: single.result)
    for (name, array) in zip(single.names, try use.operands(&generator, sizes: sizes)) {
      feeds[name] = ReferenceArray(array)
    }
    differentiable = single.names.indices.filter {
      op.operandSpec(at: $0).edge == .differentiable && use.types[$0].dtype.isFloating
    }.map { single.names[$0] }
    let cotangent = builder.input("cotangent", y.type)
    let shape = try y.shape.evaluated(sizes)
    feeds["cotangent"] = Self.random(shape, &generator)
    let s = sum(cotangent * y)
    root = s.id
    let graph = builder.build()
    let floats = single.names.filter { graph.node(named: $0)?.type.dtype.isFloating ?? false }
    first = try ReverseMode.differentiate(
      graph, root: .init(s.id), withRespectTo: floats.compactMap { graph.node(named: $0)?.id })
    ids = Dictionary(
      uniqueKeysWithValues: (floats + ["cotangent"]).compactMap { name in
        graph.node(named: name).map { (name, $0.id) }
      })
    for name in floats where !differentiable.contains(name) {
      let id = try #require(ids[name])
      let words = first.derivatives[id]?.refusal ?? ""
      #expect(!words.isEmpty, "\(title): '\(name)' has no derivative, and no reason")
    }
  }

  private static func random(
    _ shape: [Int], _ generator: inout SeededGenerator
  ) -> ReferenceArray {
    ReferenceArray(
      shape: shape,
      values: (0..<shape.reduce(1, *)).map { _ in .random(in: -2...2, using: &generator) })
  }

  func run() throws {
    var gradients: [String: NodeID?] = [:]
    for name in differentiable {
      let id = try #require(ids[name])
      gradients[name] = first.derivatives[id]?.node
      if first.derivatives[id]?.node == nil {
        #expect(first.derivatives[id]?.refusal?.isEmpty == false)
      }
    }
    // A stopped draw depends on its operands all the same: that is what stopping means.
    let isStopped = title.contains("estimator: stopped")
    if !isStopped { try compare(first.graph, root, gradients, "first order") }

    // Second order: the gradients dotted with random tangents.
    let nodes = differentiable.compactMap { name in gradients[name]?.map { (name, $0) } }
    guard !nodes.isEmpty else { return }
    let builder = GraphBuilder(continuing: first.graph)
    var generator = SeededGenerator(state: seed &+ 77)
    var further = self
    var total: Value?
    for (name, id) in nodes {
      let gradient = Value(builder: builder, id: id)
      let tangent = builder.input("t_\(name)", gradient.type)
      further.feeds["t_\(name)"] = Self.random(
        try gradient.shape.evaluated(sizes), &generator)
      let term = cast(sum(tangent * gradient), to: .f64)
      total = total.map { $0 + term } ?? term
    }
    let r = try #require(total)
    let names = differentiable + ["cotangent"]
    let second = try ReverseMode.differentiate(
      builder.build(), root: .init(r.id), withRespectTo: names.compactMap { ids[$0] })
    var secondGradients: [String: NodeID?] = [:]
    for name in names {
      let id = try #require(ids[name])
      secondGradients[name] = second.derivatives[id]?.node
      if second.derivatives[id]?.node == nil {
        #expect(second.derivatives[id]?.refusal?.isEmpty == false)
      }
    }
    try further.compare(second.graph, r.id, secondGradients, "second order")
  }

  /// Compares symbolic derivatives of `root` with central differences. Where there is no symbolic
  /// one, the differences must vanish: a refusal must be honest.
  private func compare(
    _ graph: Graph, _ root: NodeID, _ gradients: [String: NodeID?], _ order: String
  ) throws {
    let interpreter = ReferenceInterpreter(graph)
    func objective(_ feeds: [String: ReferenceArray]) throws -> Double {
      let values = try interpreter.evaluate([root], feeds: feeds, sizes: sizes)
      return try #require(values[root]?.values.first)
    }
    let values = try interpreter.evaluate(
      gradients.values.compactMap { $0 }, feeds: feeds, sizes: sizes)
    var generator = SeededGenerator(state: seed &+ 99)
    for (name, node) in gradients.sorted(by: { $0.key < $1.key }) {
      let point = try #require(feeds[name])
      let gradient = node.flatMap { values[$0] }
      if let gradient { #expect(gradient.shape == point.shape) }
      for index in point.values.indices {
        let h = Self.step * Swift.max(1, Swift.abs(point.values[index]))
        let difference = try central(h) { move in
          var feeds = feeds
          feeds[name]?.values[index] += move
          return try objective(feeds)
        }
        let symbolic = gradient?.values[index] ?? 0
        #expect(
          Swift.abs(symbolic - difference) <= 1e-7 * (1 + Swift.abs(difference)),
          "\(title), \(order), \(name)[\(index)]: \(symbolic), by differences \(difference)")
      }
      let direction = Self.random(point.shape, &generator).values
      let along = try central(Self.step) { move in
        var feeds = feeds
        feeds[name]?.values = zip(point.values, direction).map { $0 + move * $1 }
        return try objective(feeds)
      }
      let projected = zip(gradient?.values ?? [], direction).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(
        Swift.abs(projected - along) <= 1e-6 * (1 + Swift.abs(along)),
        "\(title), \(order), \(name) along a random direction: \(projected), not \(along)")
    }
  }

  /// ε^(1/3) balances truncation and rounding in a central difference.
  private static let step = 6.055e-6

  private func central(_ h: Double, _ f: (Double) throws -> Double) throws -> Double {
    try (f(h) - f(-h)) / (2 * h)
  }
}
