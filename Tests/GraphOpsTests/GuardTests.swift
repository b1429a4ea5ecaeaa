import Autodiff
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// What must not happen, one case per guard.
@Suite("Guards")
struct GuardTests {
  private static func derivative(
    _ type: ValueType = .f64(3), _ body: (Value) -> Value
  ) throws -> (Derivative, [BlockedEdge]) {
    let builder = GraphBuilder("guard")
    let x = builder.input("x", type)
    let root = sum(cast(body(x), to: .f64))
    let result = try ReverseMode.differentiate(
      builder.build(), root: .init(root.id), withRespectTo: [x.id])
    return (try #require(result.derivatives[x.id]), result.blocked)
  }

  @Test func dont_broadcastTwoSymbols() {
    #expect(Shape([N]).broadcast(with: [D]) == nil)
    #expect(Shape([N]).broadcast(with: [4]) == nil)
    #expect(Shape([N]).broadcast(with: [1]) == [N])
    let builder = GraphBuilder("guard")
    let (a, b) = (builder.input("a", .f32(N)), builder.input("b", .f32(D)))
    #expect(throws: TypeError.self) { try builder.apply(.add, [a, b]) }
  }

  @Test func dont_addDifferentDTypes() {
    let builder = GraphBuilder("guard")
    let (a, b) = (builder.input("a", .f32(N)), builder.input("b", .f64(N)))
    #expect(throws: TypeError.self) { try builder.apply(.add, [a, b]) }
  }

  @Test func dont_differentiateThroughStop() throws {
    let (answer, blocked) = try Self.derivative { stopGradient($0) * 2 }
    guard case .notConnected(let reason) = answer else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("stop_gradient"))
    #expect(blocked.count == 1)
  }

  @Test func dont_stopTheOtherPath() throws {
    let (answer, blocked) = try Self.derivative { stopGradient($0) * $0 }
    #expect(answer.node != nil)
    #expect(blocked.count == 1)
  }

  @Test func dont_differentiateAStep() throws {
    let steps: [(Value) -> Value] = [
      { x in sign(x) }, { x in cast(x, to: .i32) },
      { x in cast(greater(x, x * 2), to: .f64) },
      { x in select(less(x, x * 2), stopGradient(x), stopGradient(x) * 2) },
    ]
    for body in steps {
      let (answer, _) = try Self.derivative(.f64(3), body)
      #expect(answer.node == nil)
      #expect(answer.refusal?.isEmpty == false)
    }
  }

  @Test func dont_differentiateIntegers() {
    let builder = GraphBuilder("guard")
    let x = builder.input("x", .i32(3))
    let root = sum(cast(x, to: .f64))
    #expect(throws: Diagnostic.self) {
      try ReverseMode.differentiate(
        builder.build(), root: .init(root.id), withRespectTo: [x.id])
    }
  }

  @Test(arguments: NormalScale.allCases)
  func dont_passAStoppedDraw(scale: NormalScale) throws {
    for estimator in [Estimator.pathwise, .stopped] {
      for isLowered in [false, true] {
        let builder = GraphBuilder("guard")
        let (m, s) = (builder.input("m", .f64(N)), builder.input("s", .f64(N)))
        builder.dimension("N")
        let z = normal("z", mean: m, scale: s, as: scale, estimator: estimator)
        builder.output("loss", sum(z * z))
        var graph = builder.build()
        if isLowered { graph = try Passes.run(Pipeline.debug.lowering, on: graph) }
        let root = try #require(graph.output(named: "loss")).node
        let targets = try ["m", "s", "z.eps"].map { try #require(graph.node(named: $0)).id }
        let result = try ReverseMode.differentiate(
          graph, root: .init(root), withRespectTo: targets)
        for id in targets.prefix(2) {
          #expect((result.derivatives[id]?.node == nil) == (estimator == .stopped))
        }
        if estimator == .stopped {
          let words = result.derivatives[targets[0]]?.refusal ?? ""
          #expect(words.contains("stop"), "\(words)")
        }
        // Noise is an operand like another once the draw is spelled out; before, nothing flows in.
        if !isLowered { #expect(result.derivatives[targets[2]]?.node == nil) }
      }
    }
  }

  @Test func dont_nameAnUnknownEstimator() {
    let builder = GraphBuilder("guard")
    let x = builder.input("x", .f64(3))
    #expect(throws: TypeError.self) {
      try builder.apply(.normal, [x, x, x], ["estimator": .symbol("straight_through")])
    }
  }

  @Test func dont_mergeContributions() throws {
    let builder = GraphBuilder("guard")
    let x = builder.input("x", .f32(3))
    #expect(contribution(x, index: 0).id != contribution(x, index: 1).id)
    #expect(contribution(x, index: 0).id == contribution(x, index: 0).id)
  }

  @Test func dont_castToTheSameDType() {
    let builder = GraphBuilder("guard")
    let x = builder.input("x", .f32(3))
    #expect(cast(x, to: .f32).id == x.id)
    #expect(cast(x, to: .f64).id != x.id)
  }

  @Test func dont_exceedTheRankOfTheKernels() {
    let builder = GraphBuilder("guard")
    let x = builder.input("x", .f32(1, 1, 1, 1, 1, 1, 1, 1))
    #expect(throws: TypeError.self) {
      try builder.apply(.broadcastTo, [x], ["shape": .dims([Dim](repeating: 2, count: 9))])
    }
    let index = builder.input("i", .i64(1, 1, 1, 1, 1, 1, 1, 1))
    #expect(throws: TypeError.self) { try builder.apply(.oneHot, [index], ["depth": .dim(2)]) }
  }

  @Test func dont_makeNegativeSizes() {
    let builder = GraphBuilder("guard")
    let x = builder.input("x", .f32())
    let error = #expect(throws: TypeError.self) {
      try builder.apply(.broadcastTo, [x], ["shape": .dims([-3])])
    }
    #expect(error?.message == "the result of 'broadcast_to' would have a negative size")
  }

  @Test func dont_readOutsideAnAxis() throws {
    for position in [-1, 3, Int.max, Int.min] {
      for op in [OpDefinition.gather, .scatterAdd] {
        let attributes: Attributes = op == .gather ? .none : ["size": .dim(3)]
        let use = OpCase([.f64(3), .i64(3)], attributes)
        let operands = [
          NDArray([1.0, 2, 3], shape: [3]), NDArray([0, Int64(position), 1], shape: [3]),
        ]
        let graph = try OneOpGraph(op, use)
        let words = "the position \(position) is outside an axis of extent 3"
        expectFailure(words) { _ = try graph.run(operands) }
        // A Double does not hold the ends of i64 exactly.
        if Swift.abs(Double(position)) < 1e9 {
          expectFailure(words) { _ = try graph.reference(operands) }
        }
      }
    }
  }

  // MARK: What only sizes can show

  private static let bounds: [(OpDefinition, OpCase, [String: Int], String)] = [
    (
      .slice, OpCase([.f32(N)], ["stop": .dim(4)]), ["N": 3],
      "the slice 0..<4 leaves the axis of extent 3"
    ),
    (
      .slice, OpCase([.f32(N)], ["start": .dim(D), "stop": .dim(N)]), ["N": 3, "D": 2], ""
    ),
    (
      .slice, OpCase([.f32(4, N)], ["axis": .int(-1), "start": .dim(2), "stop": .dim(D)]),
      ["N": 3, "D": 4], "the slice 2..<4 leaves the axis of extent 3"
    ),
    (
      .pad, OpCase([.f32(0)], ["interior": .int(2)]), [:],
      "pad cannot put zeros between the elements of an empty axis"
    ),
    (.pad, OpCase([.f32(1)], ["interior": .int(2)]), [:], ""),
  ]

  @Test(arguments: bounds.indices)
  func dont_leaveAnAxisAtBinding(_ index: Int) throws {
    let (op, use, sizes, words) = Self.bounds[index]
    let graph = try OneOpGraph(op, use)
    var generator = SeededGenerator(state: 1)
    let operands = try use.operands(&generator, sizes: sizes)
    if words.isEmpty {
      _ = try graph.run(operands, sizes: sizes)
    } else {
      expectFailure(words) { _ = try graph.run(operands, sizes: sizes) }
      expectFailure(words) { _ = try graph.reference(operands, sizes: sizes) }
    }
  }

  @Test func dont_handBLASMoreThan32Bits() throws {
    let large = Int(Int32.max) + 1
    for op in [OpDefinition.matmul, .linear] {
      let check = try #require(op.bindCheck)
      let fitting = [[4, 3], [5, 3], [5]].prefix(op.operands.count)
      #expect(check(Array(fitting), .none, [:]) == nil)
      for place in [0, 1] {
        var shapes = Array(fitting)
        shapes[place][0] = large
        let complaint = try #require(check(shapes, .none, [:]))
        #expect(complaint.message.contains("too large for BLAS"))
      }
    }
    // The rows of a linear layer are all axes but the last.
    let rows = OpDefinition.linear.bindCheck?([[1 << 20, 1 << 20, 3], [5, 3], [5]], .none, [:])
    #expect(rows?.message.contains("too large for BLAS") == true)
  }

  private func expectFailure(
    _ words: String, sourceLocation: Testing.SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) {
    let error = #expect(throws: Diagnostic.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.id == "step-failed", sourceLocation: sourceLocation)
    #expect(error?.message == "'y': \(words)", sourceLocation: sourceLocation)
  }
}

@Suite("Layers")
struct LayerTests {
  @Test("Each scheme's initialisers and shapes", arguments: LayerDefinition.linear.schemes)
  func schemes(_ scheme: String) throws {
    let expected: [String: (Initializer, Initializer)] = [
      "torch": (.torchLinear(fanIn: D), .torchLinear(fanIn: D)),
      "chainer": (.lecunNormal(fanIn: D), .zeros),
      "xavier": (.xavierUniform(fanIn: D, fanOut: 4), .zeros), "zeros": (.zeros, .zeros),
    ]
    let (weight, bias) = try #require(expected[scheme], "an untested scheme")
    let parameters = LayerDefinition.linear.parameters([D, 4], scheme)
    #expect(parameters.map(\.suffix) == ["W", "b"])
    #expect(parameters.map(\.shape) == [[4, D], [4]])
    #expect(parameters.map(\.initializer) == [weight, bias])
    #expect(LayerDefinition.linear.arguments == ["in", "out"])
    #expect(LayerDefinition.linear.schemes.first == "torch")
    #expect(!LayerDefinition.linear.summary.isEmpty)
  }

  @Test("A layer of the builder makes and applies its parameters", arguments: [DType.f32, .f64])
  func builder(_ dtype: DType) throws {
    let builder = GraphBuilder("layers")
    builder.dimension("N")
    let layer = builder.linear("fc", from: 3, to: 2, initializer: "chainer", dtype: dtype)
    let x = builder.input("x", ValueType(dtype, [N, 3]))
    let y = layer(x)
    builder.output("y", y)
    let graph = builder.build()
    #expect(verify(graph).map { $0.rendered() } == [])
    #expect(graph.parameters.map(\.label) == ["fc.W", "fc.b"])
    #expect(graph.node(named: "fc.W")?.type == ValueType(dtype, [2, 3]))
    #expect(graph.node(named: "fc.b")?.leaf == .parameter(.zeros))
    #expect(graph[y.id].definition == .linear)
    #expect(graph[y.id].operands == [x.id] + layer.parameters.map(\.id))
    #expect(y.type == ValueType(dtype, [N, 2]))
    // The text's layer makes the same parameters.
    let text = """
      graph layers {
        dim N
        layer fc = linear(3, 2) init chainer
        input x: f32[N, 3]
        y = fc(x)
        output y
      }
      """
    let result = parse(SourceFile(name: "layers.aya", text: text), dialect: .standard)
    let parsed = try #require(result.graph)
    if dtype == .f32 {
      #expect(parsed.parameters.map(\.body) == graph.parameters.map(\.body))
      #expect(parsed.parameters.map(\.type) == graph.parameters.map(\.type))
    }
    // y = x·Wᵀ + b
    let store = try StateStore(graph, sizes: ["N": 1])
    try store.set("fc.W", NDArray(converting: [1, 2, 3, 4, 5, 6], to: dtype, shape: [2, 3]))
    try store.set("fc.b", NDArray(converting: [10, 20], to: dtype, shape: [2]))
    let bound = try BoundProgram(try Program(graph), sizes: ["N": 1], state: store)
    try bound.feed("x", NDArray(converting: [1, 0, -1], to: dtype, shape: [1, 3]))
    try bound.run()
    #expect(bound.output("y")?.doubles == [8, 18])
  }
}
