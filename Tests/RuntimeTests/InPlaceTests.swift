import GraphIR
import GraphOps
import Runtime
import Testing

private let matrix = ValueType(.f32, [4, 3])

/// A graph under construction and whether two of its values share memory in the plan.
private struct Layout {
  let program: Program
  let plan: MemoryPlan

  init(outputs: [String]? = nil, _ body: (GraphBuilder) -> Void) throws {
    let builder = GraphBuilder("g")
    body(builder)
    let graph = builder.build()
    #expect(verify(graph).isEmpty)
    program = try Program(graph, outputs: outputs)
    plan = try MemoryPlan(program, sizes: [:])
    #expect(plan.violations().isEmpty)
    #expect(plan.replay(program).isEmpty)
  }

  func place(_ name: String) throws -> MemoryPlan.Place {
    let node = try #require(program.graph.node(named: name), "no '\(name)'")
    return try #require(plan.places[node.id.index])
  }

  func share(_ a: String, _ b: String) throws -> Bool {
    let (first, second) = (try offset(a), try offset(b))
    return try place(a) == place(b) && first == second
  }

  private func offset(_ name: String) throws -> Int {
    try plan.offsets[#require(program.graph.node(named: name)).id.index]
  }
}

@Suite struct InPlaceTests {
  @Test func aDeadOperandIsOverwritten() throws {
    let layout = try Layout { graph in
      let x = graph.input("x", matrix)
      let a = exp(x).named("a")
      let b = (a + x).named("b")
      graph.output("c", tanh(b).named("c"))
    }
    #expect(try layout.share("a", "b") && layout.share("b", "c"))
  }

  @Test func theSameOperandTwiceIsFine() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", matrix)).named("a")
      graph.output("b", (a * a).named("b"))
    }
    #expect(try layout.share("a", "b"))
  }

  @Test func theSecondOperandServesToo() throws {
    let layout = try Layout { graph in
      let x = graph.input("x", ValueType(.f32, [3]))
      let a = exp(graph.input("y", matrix)).named("a")
      graph.output("b", (x - a).named("b"))
    }
    #expect(try layout.share("a", "b"))
  }

  @Test func dont_overwriteWhatIsReadLater() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", matrix)).named("a")
      let b = sin(a).named("b")
      graph.output("c", (b * a).named("c"))
    }
    #expect(try !layout.share("a", "b"))
  }

  @Test func dont_overwriteAnOutput() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", matrix)).named("a")
      graph.output("a", a)
      graph.output("b", sin(a).named("b"))
    }
    #expect(try !layout.share("a", "b"))
  }

  @Test func dont_overwriteAnInputThatIsWanted() throws {
    let layout = try Layout(outputs: ["x", "a"]) { graph in
      exp(graph.input("x", matrix)).named("a")
    }
    #expect(try !layout.share("x", "a"))
  }

  @Test func dont_overwriteKeptValues() throws {
    let layout = try Layout { graph in
      let p = graph.parameter("p", matrix, .zeros)
      graph.output("a", exp(p).named("a"))
    }
    #expect(try !layout.share("p", "a"))
  }

  @Test func dont_overwriteConstants() throws {
    let layout = try Layout { graph in
      let c = graph.constant(.float(2), .f32, name: "c")
      graph.output("a", exp(c).named("a"))
    }
    #expect(try !layout.share("c", "a"))
  }

  @Test func dont_overwriteABroadcastOperand() throws {
    let layout = try Layout { graph in
      let row = exp(graph.input("x", ValueType(.f32, [3]))).named("row")
      let p = graph.parameter("p", matrix, .zeros)
      graph.output("a", (row + p).named("a"))
    }
    #expect(try !layout.share("row", "a"))
  }

  /// The result may go over `a` as an element-for-element operand, but the same memory is read
  /// broadcast as well.
  @Test func dont_overwriteWhatIsAlsoReadBroadcast() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", ValueType(.f32, [1, 3]))).named("a")
      let row = reshape(a, [3, 1])
      graph.output("b", (reshape(row, [3, 1]) * reshape(a, [1, 3])).named("b"))
    }
    #expect(try !layout.share("a", "b"))
  }

  @Test func dont_overwriteWhatAViewStillShows() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", matrix)).named("a")
      let view = reshape(a, [12]).named("view")
      let b = sin(a).named("b")
      graph.output("c", (sum(view) + sum(b)).named("c"))
    }
    #expect(try layout.share("a", "view") && !layout.share("a", "b"))
  }

  @Test func aViewsMemoryIsOverwrittenWhenAllIsDead() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", matrix)).named("a")
      graph.output("b", sin(reshape(a, [12])).named("b"))
    }
    #expect(try layout.share("a", "b"))
  }

  @Test func dont_overwriteByOpsThatLookRound() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", ValueType(.f32, [3, 3]))).named("a")
      let b = transpose(a).named("b")
      graph.output("c", matmul(b, b).named("c"))
    }
    #expect(try !layout.share("a", "b") && !layout.share("b", "c"))
  }

  @Test func dont_overwriteByAnotherDType() throws {
    let layout = try Layout { graph in
      let a = exp(graph.input("x", matrix)).named("a")
      graph.output("b", cast(a, to: .f64).named("b"))
    }
    #expect(try !layout.share("a", "b"))
  }
}
