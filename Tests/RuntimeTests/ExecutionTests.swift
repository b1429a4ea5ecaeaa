import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

@Suite struct ExecutionTests {
  /// Three runs of one bound program with other inputs each time, step by step against the
  /// reference: what an earlier run left in the buffers must not show.
  private func compare(_ sample: RandomGraph, batch: Int, seed: Int, tolerance: Double) throws {
    var generator = SeededGenerator(seed: seed + 10_000)
    let graph = sample.graph
    #expect(verify(graph).isEmpty)
    let sizes = ["N": batch]
    let store = try StateStore(graph, sizes: sizes)
    try store.initialize(seed: 3)
    var reference = ReferenceRunner(graph: graph, state: store.references)
    let bound = try BoundProgram(try Program(graph), sizes: sizes, state: store, seed: 11)
    #expect(bound.plan.violations().isEmpty, "seed \(seed)")
    for step in 0..<3 {
      let inputs = sample.inputs(batch: batch, &generator)
      for (name, array) in inputs { try bound.feed(name, array) }
      try bound.run(step: UInt64(step))
      let expected = try reference.run(inputs, sizes: sizes, seed: 11, step: UInt64(step))
      for output in graph.outputs {
        let found = try #require(bound.output(output.name)).doubles
        #expect(
          near(found, expected[output.name] ?? [], tolerance),
          "seed \(seed), batch \(batch), step \(step): \(output.name)\n\(graph.text())")
      }
      for name in store.names {
        #expect(
          near(
            store.array(name)?.doubles ?? [], reference.state[name]?.values ?? [.nan], tolerance),
          "seed \(seed), batch \(batch), step \(step): \(name)\n\(graph.text())")
      }
    }
  }

  @Test(arguments: 0..<150) func randomGraphsInDouble(seed: Int) throws {
    try compare(
      RandomGraph(seed: seed), batch: [5, 1, 3, 0, 17][seed % 5], seed: seed, tolerance: 1e-12)
  }

  @Test(arguments: 500..<560) func randomGraphsInSingle(seed: Int) throws {
    let sample = RandomGraph(seed: seed, dtype: .f32, steps: false)
    try compare(sample, batch: 4, seed: seed, tolerance: 1e-4)
  }

  @Test func aRetypedGraphRunsInDouble() throws {
    let single = RandomGraph(seed: 7, dtype: .f32).graph
    let double = single.retyped(from: .f32, to: .f64)
    let sample = RandomGraph(seed: 7, dtype: .f64)
    #expect(double.text() == sample.graph.text())
    let bound = try BoundProgram(try Program(double), sizes: ["N": 2])
    var generator = SeededGenerator(seed: 1)
    for (name, array) in sample.inputs(batch: 2, &generator) { try bound.feed(name, array) }
    try bound.run()
    #expect(double.outputs.allSatisfy { bound.output($0.name)?.dtype == .f64 })
  }

  /// One program bound at four batch sizes over one store: all train the same parameters.
  @Test func severalBatchSizesShareOneState() throws {
    let builder = GraphBuilder("g")
    let n = builder.dimension("N")
    let x = builder.input("x", ValueType(.f64, [n, 4]))
    let w = builder.parameter("w", ValueType(.f64, [4]), .uniform(low: -1, high: 1))
    builder.output("y", sum(x * w).named("y"))
    builder.update(w, to: w - 0.01 * sum(tanh(x * w), axes: [0]))
    let graph = builder.build()
    let program = try Program(graph)
    let store = try StateStore(graph, sizes: [:])
    try store.initialize(seed: 1)
    var reference = ReferenceRunner(graph: graph, state: store.references)
    let bound = try [1, 7, 64, 100].map { n in
      try BoundProgram(program, sizes: ["N": n], state: store)
    }
    var generator = SeededGenerator(seed: 2)
    for index in [0, 3, 1, 2, 3, 0, 1] {
      let batch = [1, 7, 64, 100][index]
      let input = ["x": generator.array(.f64, [batch, 4])]
      try bound[index].feed("x", try #require(input["x"]))
      try bound[index].run()
      let expected = try reference.run(input, sizes: ["N": batch], seed: 0, step: 0)
      #expect(near(bound[index].output("y")?.doubles ?? [], expected["y"] ?? [.nan], 1e-12))
      #expect(near(store.array("w")?.doubles ?? [], reference.state["w"]?.values ?? [.nan], 1e-12))
    }
  }

  @Test func theSameStepGivesTheSameBits() throws {
    for seed in 0..<10 {
      let sample = RandomGraph(seed: seed, dtype: .f32)
      let sizes = ["N": 9]
      var generator = SeededGenerator(seed: seed)
      let inputs = sample.inputs(batch: 9, &generator)
      var results: [[String: NDArray]] = []
      for _ in 0..<2 {
        let store = try StateStore(sample.graph, sizes: sizes)
        try store.initialize(seed: 4)
        let bound = try BoundProgram(try Program(sample.graph), sizes: sizes, state: store)
        for _ in 0..<2 {
          for (name, array) in inputs { try bound.feed(name, array) }
          try bound.run(step: 3)
        }
        var all: [String: NDArray] = [:]
        for output in sample.graph.outputs { all[output.name] = bound.output(output.name) }
        for name in store.names { all["kept \(name)"] = store.array(name) }
        results.append(all)
      }
      #expect(results[0] == results[1], "seed \(seed)")
    }
  }

  @Test func integersAndTruthValues() throws {
    let builder = GraphBuilder("g")
    let i = builder.input("i", ValueType(.i64, [3]))
    let b = builder.input("b", ValueType(.bool, [3]))
    let big = builder.constant(.int(9_007_199_254_740_993), .i64)
    builder.output("sum", i + big)
    builder.output("both", logicalAnd(b, greater(i, builder.constant(.int(0), .i64))))
    let bound = try BoundProgram(try Program(builder.build()))
    try bound.feed("i", NDArray([Int64(-1), 0, 1], shape: [3]))
    try bound.feed("b", NDArray([true, true, true], shape: [3]))
    try bound.run()
    let exact: [Int64] = [9_007_199_254_740_992, 9_007_199_254_740_993, 9_007_199_254_740_994]
    #expect(bound.output("sum") == NDArray(exact, shape: [3]))
    #expect(bound.output("both") == NDArray([false, false, true], shape: [3]))
  }

  @Test func anEmptyBatch() throws {
    let builder = GraphBuilder("g")
    let n = builder.dimension("N")
    let x = builder.input("x", ValueType(.f32, [n, 3]))
    let fc = builder.linear("fc", from: 3, to: 2)
    builder.output("y", tanh(fc(x)))
    builder.output("sum", sum(fc(x)))
    builder.output("mean", mean(x))
    builder.output("max", max(x))
    let bound = try BoundProgram(try Program(builder.build()), sizes: ["N": 0])
    try bound.feed("x", NDArray(zeros: .f32, shape: [0, 3]))
    try bound.run()
    #expect(bound.output("y")?.shape == [0, 2] && bound.output("y")?.count == 0)
    #expect(bound.scalar("sum") == 0)
    #expect(bound.scalar("mean")?.isNaN == true)
    #expect(bound.scalar("max") == -.infinity)
    #expect(bound.scalar("y") == nil)
  }

  @Test func scalarsReadEveryDType() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64))
    for dtype in DType.allCases { builder.output("\(dtype)", cast(x * 2, to: dtype)) }
    let bound = try BoundProgram(try Program(builder.build()))
    try bound.feed("x", NDArray([1.75] as [Double], shape: []))
    try bound.run()
    #expect(DType.allCases.map { bound.scalar("\($0)") } == [3.5, 3.5, 3, 3, 1])
    #expect(bound.scalar("nothing") == nil && bound.output("nothing") == nil)
  }
}
