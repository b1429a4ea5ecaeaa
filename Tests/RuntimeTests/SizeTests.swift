import GraphIR
import GraphOps
import Runtime
import Testing

/// x [N, 3], y [N, M], z [2N], with K = 4 by default.
private func sample() -> Graph {
  let builder = GraphBuilder("g")
  let (n, m) = (builder.dimension("N"), builder.dimension("M"))
  let k = builder.dimension("K", default: 4)
  let x = builder.input("x", ValueType(.f32, [n, 3]))
  let y = builder.input("y", ValueType(.f32, [n, m]))
  let double = try? n.multiplied(by: 2)
  let z = builder.input("z", ValueType(.f32, [double ?? 0]))
  let w = builder.input("w", ValueType(.f32, [k]))
  builder.output("sum", sum(x) + sum(y) + sum(z) + sum(w))
  return builder.build()
}

@Suite struct SizeSolverTests {
  private let solver = SizeSolver(sample())

  private func complaint(
    _ given: [String: Int] = [:], _ shapes: [String: [Int]] = [:]
  ) -> Diagnostic? {
    diagnostic { () throws(Diagnostic) in try solver.solve(given: given, shapes: shapes) }
  }

  @Test func sizesComeFromShapes() throws {
    #expect(
      try solver.solve(given: [:], shapes: ["x": [5, 3], "y": [5, 2]])
        == ["N": 5, "M": 2, "K": 4])
    #expect(try solver.solve(given: ["N": 6], shapes: [:]) == ["N": 6, "K": 4])
    #expect(try solver.solve(given: ["K": 9], shapes: ["w": [9]]) == ["K": 9])
    #expect(try solver.solve(given: [:], shapes: ["x": [0, 3]])["N"] == 0)
    // A multiple does not determine its dimension, but is checked once that is known.
    #expect(try solver.solve(given: ["N": 3], shapes: ["z": [6]])["N"] == 3)
    #expect(try solver.solve(given: [:], shapes: ["z": [6], "y": [3, 1]])["N"] == 3)
    // What the graph does not know is not a size.
    #expect(try solver.solve(given: [:], shapes: ["other": [7]]) == ["K": 4])
  }

  @Test func contradictionsAreNamed() {
    let two = complaint([:], ["x": [5, 3], "y": [6, 2]])
    #expect(two?.id == "conflicting-size" && two?.place == "y" && two?.got == "[6, 2]")
    #expect(two?.expected == "f32[N, M] with N = 5")
    #expect(complaint(["N": 4], ["x": [5, 3]])?.id == "conflicting-size")
    #expect(complaint([:], ["w": [5]])?.id == "conflicting-size")
    #expect(complaint(["N": 3], ["z": [7]])?.id == "conflicting-size")
    #expect(complaint([:], ["x": [5, 4]])?.id == "fed-shape")
  }

  @Test func otherMistakes() {
    let rank = complaint([:], ["x": [5]])
    #expect(rank?.id == "fed-shape" && rank?.expected == "f32[N, 3]" && rank?.got == "[5]")
    let unknown = complaint(["n": 4])
    #expect(unknown?.id == "unknown-dimension" && unknown?.expected == "one of N, M, K")
    #expect(complaint([:], ["z": [6]])?.id == "unbound-dimension")
    #expect(complaint(["N": -1], ["x": [5, 3]])?.id == "bad-size")
    #expect(complaint(["N": Int.max], ["z": [6]])?.id == "bad-size")
  }

  @Test func unboundDimensionsStopBinding() throws {
    let program = try Program(sample())
    let found = diagnostic { () throws(Diagnostic) in
      try BoundProgram(program, sizes: ["N": 2])
    }
    #expect(found?.id == "unbound-dimension" && found?.fix == "give one: --dim M=64")
    let negative = diagnostic { () throws(Diagnostic) in
      try BoundProgram(program, sizes: ["N": -2, "M": 1])
    }
    #expect(negative?.id == "bad-size")
  }
}

@Suite struct ProgramTests {
  @Test func outputsAreNodesOrOutputs() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f32, [3]))
    let y = exp(x).named("y")
    builder.output("result", y)
    let graph = builder.build()
    #expect(try Program(graph).outputs.map(\.name) == ["result"])
    let some = try Program(graph, outputs: ["y", "result", "x", "%1"])
    #expect(some.outputs.map(\.node) == [y.id, y.id, x.id, y.id])
    let unknown = diagnostic { () throws(Diagnostic) in try Program(graph, outputs: ["xx"]) }
    #expect(unknown?.id == "unknown-node" && unknown?.fix == "did you mean 'x'?")
    #expect(try Program(graph, outputs: []).isNeeded == [false, false])
  }

  @Test func onlyInputsAndNoiseAreFed() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f32, [3]))
    let e = builder.noise("eps", ValueType(.f32, [3]), .normal)
    let p = builder.parameter("p", ValueType(.f32, [3]), .zeros)
    builder.output("y", (x + e + p).named("y"))
    let graph = builder.build()
    #expect(try Program(graph).fed == ["x"])
    #expect(try Program(graph, feeding: ["eps", "x"]).fed == ["x", "eps"])
    for name in ["p", "y", "epss", ""] {
      let found = diagnostic { () throws(Diagnostic) in try Program(graph, feeding: [name]) }
      #expect(found?.id == "unknown-feed", "\(name)")
    }
    let typo = diagnostic { () throws(Diagnostic) in try Program(graph, feeding: ["epss"]) }
    #expect(typo?.fix == "did you mean 'eps'?")
  }
}
