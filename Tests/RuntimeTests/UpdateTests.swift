import GraphIR
import GraphOps
import Runtime
import Testing

private let vector = ValueType(.f64, [3])

private func plan(_ graph: Graph) throws -> MemoryPlan {
  let program = try Program(graph)
  let plan = try MemoryPlan(program, sizes: [:])
  #expect(plan.violations().isEmpty)
  #expect(plan.replay(program).isEmpty)
  return plan
}

/// The kept values after some runs, starting from `values`, and the outputs of the last run.
private func after(
  _ graph: Graph, runs: Int = 1, inputs: [String: [Double]] = [:], _ values: [String: [Double]]
) throws -> (kept: [String: [Double]], outputs: [String: [Double]]) {
  let store = try StateStore(graph, sizes: [:])
  for (name, value) in values { try store.set(name, NDArray(value, shape: [value.count])) }
  let bound = try BoundProgram(try Program(graph), state: store)
  for _ in 0..<runs {
    for (name, value) in inputs { try bound.feed(name, NDArray(value, shape: [value.count])) }
    try bound.run()
  }
  var outputs: [String: [Double]] = [:]
  for output in graph.outputs { outputs[output.name] = bound.output(output.name)?.doubles }
  var kept: [String: [Double]] = [:]
  for name in store.names { kept[name] = store.array(name)?.doubles }
  return (kept, outputs)
}

@Suite struct UpdateTests {
  @Test func descentWritesHome() throws {
    let builder = GraphBuilder("sgd")
    let p = builder.parameter("p", vector, .zeros)
    let g = builder.input("g", vector)
    builder.update(p, to: p - 0.5 * g)
    let graph = builder.build()
    let plan = try plan(graph)
    #expect(plan.before.isEmpty && plan.after.isEmpty)
    #expect(plan.places[graph.updates[0].value.index] == .persistent(p.id))
    let found = try after(graph, runs: 3, inputs: ["g": [1, 2, -4]], ["p": [10, 10, 10]])
    #expect(found.kept["p"] == [8.5, 7, 16])
  }

  @Test func momentumAndAdamWriteHome() throws {
    let builder = GraphBuilder("adam")
    let p = builder.parameter("p", vector, .zeros)
    let m = builder.state("m", vector, .zeros)
    let v = builder.state("v", vector, .zeros)
    let t = builder.state("t", ValueType(.i64), .zeros)
    let g = builder.input("g", vector)
    let next = t + builder.constant(.int(1), .i64)
    let newM = 0.9 * m + 0.1 * g
    let newV = 0.99 * v + 0.01 * square(g)
    let rate = cast(next, to: .f64) * 0.1
    builder.update(t, to: next)
    builder.update(m, to: newM)
    builder.update(v, to: newV)
    builder.update(p, to: p - rate * newM / (sqrt(newV) + 1e-8))
    let graph = builder.build()
    let plan = try plan(graph)
    #expect(plan.before.isEmpty && plan.after.isEmpty)
    for update in graph.updates {
      #expect(plan.places[update.value.index] == .persistent(update.target))
    }
    let gradient = [0.3, -2, 0.01]
    let found = try after(graph, runs: 4, inputs: ["g": gradient], ["p": [1, 1, 1]])
    var (em, ev, ep) = ([0.0, 0, 0], [0.0, 0, 0], [1.0, 1, 1])
    for step in 1...4 {
      for i in 0..<3 {
        em[i] = 0.9 * em[i] + 0.1 * gradient[i]
        ev[i] = 0.99 * ev[i] + 0.01 * gradient[i] * gradient[i]
        ep[i] -= Double(step) * 0.1 * em[i] / (ev[i].squareRoot() + 1e-8)
      }
    }
    #expect(near(found.kept["p"] ?? [], ep, 1e-13) && near(found.kept["m"] ?? [], em, 1e-13))
    #expect(found.kept["t"] == [4])
  }

  @Test func statesSwap() throws {
    let builder = GraphBuilder("swap")
    let (a, b) = (builder.state("a", vector, .zeros), builder.state("b", vector, .zeros))
    builder.update(a, to: b)
    builder.update(b, to: a)
    let graph = builder.build()
    #expect(try plan(graph).before.count == 2)
    let values = ["a": [1.0, 2, 3], "b": [4.0, 5, 6]]
    #expect(try after(graph, values).kept == ["a": [4, 5, 6], "b": [1, 2, 3]])
    #expect(try after(graph, runs: 2, values).kept == values)
  }

  @Test func statesRotateThroughViewsAndSteps() throws {
    let builder = GraphBuilder("rotate")
    let (a, b) = (builder.state("a", vector, .zeros), builder.state("b", vector, .zeros))
    let c = builder.state("c", vector, .zeros)
    builder.update(a, to: stopGradient(b))
    builder.update(b, to: c + a)
    builder.update(c, to: a)
    let values = ["a": [1.0, 1, 1], "b": [2.0, 2, 2], "c": [4.0, 4, 4]]
    let graph = builder.build()
    _ = try plan(graph)
    #expect(
      try after(graph, values).kept == ["a": [2, 2, 2], "b": [5, 5, 5], "c": [1, 1, 1]])
  }

  /// One new value for two leaves, the second by way of a view: both get the new value.
  @Test(arguments: [false, true]) func oneValueForTwoLeaves(throughAView: Bool) throws {
    let builder = GraphBuilder("both")
    let (a, b) = (builder.state("a", vector, .zeros), builder.state("b", vector, .zeros))
    let next = a + 1
    builder.update(a, to: next)
    builder.update(b, to: throughAView ? stopGradient(next) : next)
    let graph = builder.build()
    let found = try after(graph, ["a": [1, 2, 3], "b": [0, 0, 0]])
    #expect(found.kept == ["a": [2, 3, 4], "b": [2, 3, 4]])
    _ = try plan(graph)
  }

  @Test func aNewValueIsReadByOutputsToo() throws {
    let builder = GraphBuilder("g")
    let p = builder.parameter("p", vector, .zeros)
    let next = (p * 2).named("next")
    builder.update(p, to: next)
    builder.output("next", next)
    builder.output("sum", sum(next))
    let graph = builder.build()
    _ = try plan(graph)
    let found = try after(graph, runs: 2, ["p": [1, 2, 3]])
    #expect(found.outputs == ["next": [4, 8, 12], "sum": [24]])
    #expect(found.kept["p"] == [4, 8, 12])
  }

  @Test(arguments: [false, true]) func anOutputThatNamesALeafShowsTheOldValue(view: Bool) throws {
    let builder = GraphBuilder("g")
    let p = builder.parameter("p", vector, .zeros)
    builder.update(p, to: p * 2)
    builder.output("p", view ? stopGradient(p) : p)
    let graph = builder.build()
    _ = try plan(graph)
    let found = try after(graph, runs: 2, ["p": [1, 2, 3]])
    #expect(found.outputs["p"] == [2, 4, 6] && found.kept["p"] == [4, 8, 12])
  }

  @Test func dont_writeHomeBeforeTheLastReader() throws {
    let builder = GraphBuilder("g")
    let p = builder.parameter("p", vector, .zeros)
    let next = exp(p)
    let late = sum(next * p)
    builder.update(p, to: next)
    builder.output("late", late)
    let graph = builder.build()
    #expect(try plan(graph).places[next.id.index] != .persistent(p.id))
    #expect(try after(graph, ["p": [0, 0, 0]]).outputs["late"] == [0])
  }

  /// p's new value reads p by matrix product, which cannot work in place.
  @Test func dont_writeHomeWhileTheOpLooksRound() throws {
    let builder = GraphBuilder("g")
    let p = builder.parameter("p", ValueType(.f64, [2, 2]), .zeros)
    let next = matmul(p, p)
    builder.update(p, to: next)
    let graph = builder.build()
    let plan = try plan(graph)
    #expect(plan.places[next.id.index] != .persistent(p.id) && plan.after.count == 1)
    let store = try StateStore(graph, sizes: [:])
    try store.set("p", NDArray([1, 1, 0, 1] as [Double], shape: [2, 2]))
    let bound = try BoundProgram(try Program(graph), state: store)
    for _ in 0..<2 { try bound.run() }
    #expect(store.array("p")?.doubles == [1, 4, 0, 1])
  }

  @Test func inputsAndConstantsAsNewValues() throws {
    let builder = GraphBuilder("g")
    let (a, b) = (builder.state("a", vector, .zeros), builder.state("b", ValueType(.f64), .zeros))
    let x = builder.input("x", vector)
    builder.update(a, to: x)
    builder.update(b, to: builder.constant(.float(7), .f64))
    builder.output("y", exp(x))
    let graph = builder.build()
    _ = try plan(graph)
    let found = try after(graph, inputs: ["x": [0, 0, 0]], ["a": [1, 2, 3]])
    #expect(found.kept == ["a": [0, 0, 0], "b": [7]] && found.outputs["y"] == [1, 1, 1])
  }

  @Test func withoutUpdatingNothingChanges() throws {
    let builder = GraphBuilder("g")
    let p = builder.parameter("p", vector, .zeros)
    builder.update(p, to: p * 2)
    builder.output("sum", sum(p))
    let graph = builder.build()
    let store = try StateStore(graph, sizes: [:])
    try store.set("p", NDArray([1, 2, 3] as [Double], shape: [3]))
    let bound = try BoundProgram(try Program(graph, updating: false), state: store)
    try bound.run()
    try bound.run()
    #expect(bound.scalar("sum") == 6 && store.array("p")?.doubles == [1, 2, 3])
  }
}
