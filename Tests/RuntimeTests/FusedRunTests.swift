import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// Fused groups against the same graph step by step: the same bits.
@Suite struct FusedRunTests {
  /// A random graph of what can be fused: chains, diamonds, broadcasts, sums, products, parts of
  /// rows, conditions, casts, and updates that read what they replace.
  static func graph(seed: Int, dtype: DType, size: Int = 24) -> Graph {
    var random = SeededGenerator(seed: seed)
    let graph = GraphBuilder("fused\(seed)")
    graph.dimension("N")
    graph.dimension("C")
    let full: Shape = ["N", "C"]
    let x = graph.input("x", dtype, full)
    let weight = graph.parameter(
      "weight", ValueType(dtype, ["C", "C"]), .normal(mean: 0, standardDeviation: 0.5))
    var wholes = [x, graph.input("y", dtype, full)]
    var parts = [
      graph.input("row", dtype, ["C"]), graph.input("column", dtype, ["N", 1]),
      graph.input("scalar", dtype, []), graph.constant(.float(0.75), dtype),
    ]
    let kept = graph.state("kept", ValueType(dtype, full), .constant(.float(0.5)))
    wholes.append(kept)
    for _ in 0..<size {
      let a = random.pick(wholes)
      let b = random.pick(random.pick([wholes, parts]))
      switch Int.random(in: 0..<18, using: &random) {
      case 0: wholes.append(a + b)
      case 1: wholes.append(b - a)
      case 2: wholes.append(a * b)
      case 3: wholes.append(tanh(a))
      case 4: wholes.append(exp(-GraphOps.square(a)))
      case 5: wholes.append(GraphOps.select(GraphOps.less(a, b), a, b))
      case 6: wholes.append(bernoulliNLL(a, logits: b) + a)
      case 7: wholes.append(cast(cast(a, to: dtype == .f32 ? .f64 : .f32), to: dtype))
      case 8: parts.append(sum(a, axes: [0]))
      case 9: parts.append(sum(a, axes: [1], keepdims: true))
      case 10: parts.append(sum(a))
      case 11: parts.append(mean(a, axes: [1], keepdims: true))
      case 12: wholes.append(tanh(matmul(a, weight) * 0.1))
      case 13:
        let both = GraphOps.concat([a, random.pick(wholes)], axis: 1)
        wholes.append(slice(both, axis: 1, from: "C", to: both.shape.dims[1]))
        wholes.append(slice(both, axis: 1, to: "C") * b)
      case 14: parts.append(random.pick(parts) * random.pick(parts.filter { $0.shape.rank == 0 }))
      case 15: parts.append(tanh(random.pick(parts)))
      case 16: wholes.append(-random.pick(parts) * a - b)
      default: wholes.append(GraphOps.stopGradient(relu(a)))
      }
    }
    graph.update(kept, to: 0.9 * kept + 0.1 * (wholes.last ?? x))
    for index in 0..<4 { graph.output("whole\(index)", random.pick(wholes)) }
    for (index, part) in parts.enumerated() where index > 3 { graph.output("part\(index)", part) }
    return graph.build()
  }

  /// Outputs and state after two runs.
  private func results(
    _ graph: Graph, _ sizes: [String: Int], _ dtype: DType, seed: Int, reversingWaves: Bool = false
  ) throws -> [String: NDArray] {
    var random = SeededGenerator(seed: seed)
    let program = try Program(graph)
    let state = try StateStore(graph, sizes: sizes)
    try state.initialize(seed: UInt64(seed))
    let bound = try BoundProgram(
      program, sizes: sizes, state: state, reversingWaves: reversingWaves
    ) { _ in }
    #expect(bound.plan.violations().isEmpty, "seed \(seed)")
    #expect(bound.plan.replay(program).isEmpty, "seed \(seed)")
    let n = sizes["N"] ?? 0
    let c = sizes["C"] ?? 0
    let feeds = [
      ("x", [n, c]), ("y", [n, c]), ("row", [c]), ("column", [n, 1]), ("scalar", []),
    ].map { ($0.0, random.array(dtype, $0.1)) }
    for step in 0..<2 {
      for (name, array) in feeds { try bound.feed(name, array) }
      try bound.run(step: UInt64(step))
    }
    var results: [String: NDArray] = [:]
    for output in graph.outputs { results[output.name] = bound.output(output.name) }
    for name in state.names { results["state \(name)"] = state.array(name) }
    return results
  }

  @Test(
    arguments: Array(1...40),
    [["N": 3, "C": 5], ["N": 1, "C": 7], ["N": 33, "C": 1], ["N": 70, "C": 130]])
  func groupsGiveTheSameBits(_ seed: Int, _ sizes: [String: Int]) throws {
    try expectTheSameBits(seed, sizes)
  }

  /// Matrices so large that products run down their columns: one strip or two of rows, the last
  /// strip of columns narrower, and rows that units of a sum do not divide.
  @Test(arguments: Array(1...12), [["N": 100, "C": 272], ["N": 203, "C": 264]])
  func stripsGiveTheSameBits(_ seed: Int, _ sizes: [String: Int]) throws {
    try expectTheSameBits(seed, sizes)
  }

  private func expectTheSameBits(_ seed: Int, _ sizes: [String: Int]) throws {
    for dtype in [DType.f32, .f64] {
      let plain = FusedRunTests.graph(seed: seed, dtype: dtype)
      let fused = try run([.fuse], on: plain)
      #expect(!fused.groups.isEmpty, "seed \(seed)")
      let a = try results(plain, sizes, dtype, seed: seed)
      let b = try results(fused, sizes, dtype, seed: seed)
      for (name, array) in a {
        let other = try #require(b[name])
        #expect(
          array.shape == other.shape
            && array.doubles.elementsEqual(other.doubles) {
              $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN
            }, "\(name), \(dtype), seed \(seed), sizes \(sizes)\n\(fused.text())")
      }
    }
  }

  /// Phases of one wave touch nothing of each other's: their order changes nothing.
  @Test(arguments: Array(1...60))
  func theOrderWithinAWaveIsFree(_ seed: Int) throws {
    let sizes = ["N": 70, "C": 40]
    let plain = FusedRunTests.graph(seed: seed, dtype: .f32)
    for graph in [plain, try run([.fuse], on: plain)] {
      let a = try results(graph, sizes, .f32, seed: seed)
      let b = try results(graph, sizes, .f32, seed: seed, reversingWaves: true)
      for (name, array) in a {
        #expect(
          try #require(b[name]).doubles.elementsEqual(array.doubles) {
            $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN
          }, "\(name), seed \(seed)")
      }
    }
  }

  @Test(
    arguments: [
      ["N": 0, "C": 5], ["N": 4, "C": 0], ["N": 2, "C": 5000], ["N": 9000, "C": 1],
      ["N": 4097, "C": 3],
    ])
  func oddSizes(_ sizes: [String: Int]) throws {
    for seed in 41...44 {
      let plain = FusedRunTests.graph(seed: seed, dtype: .f32, size: 12)
      // A product of [C, C] is too large to be worth it at 5000.
      if sizes["C"] == 5000, plain.nodes.contains(where: { $0.definition == .matmul }) {
        continue
      }
      let fused = try run([.fuse], on: plain)
      let a = try results(plain, sizes, .f32, seed: seed)
      let b = try results(fused, sizes, .f32, seed: seed)
      for (name, array) in a {
        let other = try #require(b[name])
        #expect(
          array.doubles.elementsEqual(other.doubles) {
            $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN
          }, "\(name), seed \(seed), sizes \(sizes)")
      }
    }
  }

  /// The graph of a text that has its groups written out.
  private func parsed(_ body: String) throws -> Graph {
    let result = parse(
      SourceFile(name: "g.aya", text: "graph g {\n\(body)\n}\n"), dialect: .standard)
    return try #require(result.graph, "\(result.diagnostics)")
  }

  /// One number a row, computed in the group, is read for as long as the row's results are written:
  /// steps that are joined must not put these where it lies.
  @Test(arguments: [DType.f32, .f64])
  func aNumberARowOutlivesTheRow(dtype: DType) throws {
    let graph = GraphBuilder("rows")
    graph.dimension("N")
    graph.dimension("C")
    let (full, column): (Shape, Shape) = (["N", "C"], ["N", 1])
    let (x, y, z) = (
      graph.input("x", dtype, full), graph.input("y", dtype, full), graph.input("z", dtype, full)
    )
    let (a, b) = (graph.input("a", dtype, column), graph.input("b", dtype, column))
    graph.output("sub", -a * x - y - -b * z)
    graph.output("add", exp(a) * x + b * y + z * z)
    let source = graph.build()
    var random = SeededGenerator(seed: 5)
    var feeds: [String: NDArray] = [:]
    for node in source.inputs {
      let shape = node.type.shape == full ? [7, 33] : [7, 1]
      let values = (0..<shape.reduce(1, *)).map { _ in Double.random(in: -1...1, using: &random) }
      feeds[node.label] = NDArray(converting: values, to: dtype, shape: shape)
    }
    let fused = try Passes.run([.simplify, .fuse], on: source)
    #expect(!fused.groups.isEmpty)
    var results: [[[Double]]] = []
    for graph in [source, fused] {
      let bound = try BoundProgram(try Program(graph), sizes: ["N": 7, "C": 33])
      for (name, array) in feeds { try bound.feed(name, array) }
      try bound.run()
      results.append(["sub", "add"].map { bound.output($0)?.doubles ?? [] })
    }
    for (plain, joined) in zip(results[0], results[1]) {
      for (p, q) in zip(plain, joined) { #expect(Swift.abs(p - q) <= 1e-5) }
    }
  }

  @Test func valuesInsideAGroupNeedNoMemory() throws {
    let graph = try parsed(
      """
      input x: f32[100, 10]
      fused 1 {
        a = exp(x)
        b = tanh(a)
        c = sum(b)
      }
      output c
      """)
    let plan = try MemoryPlan(Program(graph), sizes: [:])
    let inside = try ["a", "b"].map { try #require(graph.node(named: $0)).id }
    #expect(inside.allSatisfy { plan.places[$0.index] == nil })
    #expect(plan.steps.count == 1)
    #expect(plan.arenaBytes == 4032 + 64)
  }

  @Test(
    arguments: [
      ("a = exp(x)\n b = argmax(a, axes: [1])", "runs by itself"),
      ("a = sum(x)\n b = x * a", "needs a finished sum"),
      ("a = matmul(x, x)\n b = matmul(a, x)", "a matrix product that is not first"),
      ("a = exp(x)\n b = slice(a, axis: 1, stop: 4)", "still being made"),
      ("a = exp(x)\n b = concat(a, a, axis: 0)", "not along the last axis"),
      ("a = exp(x)\n b = slice(x, stop: 2)", "not of the last axis"),
      ("a = exp(r)\n b = x * a\n c = a", "less than the whole shape"),
    ])
  func whatIsNoOneStepIsRefused(_ body: String, _ reason: String) throws {
    let graph = try parsed(
      """
      input x: f32[4, 4]
      input r: f32[4]
      fused 7 {
        \(body)
      }
      output a, b
      """)
    let refusal = diagnostic { () throws(Diagnostic) in try Program(graph) }
    #expect(refusal?.id == "illegal-group")
    #expect(refusal?.got?.contains(reason) == true, "\(String(describing: refusal?.got))")
  }
}
