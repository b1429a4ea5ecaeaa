import Ayatori
import Foundation
import Testing

/// No simplification changes a value: formulas against the reference interpreter.
@Suite struct FormulaOracleTests {
  static let graphs: [(name: String, dims: [String: Int])] = [
    ("vae_chainer", ["D": 4, "H": 3, "Z": 2]), ("vae_pytorch", ["D": 4, "H": 3, "Z": 2]),
    ("vae_naive", ["D": 4, "H": 3, "Z": 2]), ("vae_2d", ["D": 4]),
    ("autoencoder", ["D": 4, "H": 3, "Z": 2]), ("linear_gaussian", [:]), ("rsample", [:]),
    ("logistic_regression", ["D": 4, "K": 3]), ("vae_bernoulli", ["D": 4, "H": 3, "Z": 2]),
  ]

  /// Every graph but the decoder alone, which has no loss.
  @Test func allGraphsAreHere() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Oracle.root + "Graphs")
      .filter { $0.hasSuffix(".aya") }
    let known = Self.graphs.map { $0.name + ".aya" } + ["decoder_pytorch.aya"]
    #expect(Set(files) == Set(known))
  }

  @Test(arguments: graphs)
  func everyDerivativeOfEveryGraph(name: String, dims: [String: Int]) throws {
    let source = try Oracle.graph(name, dims: dims, dtype: .f64)
    let checked = try FormulaCheck.everyDerivative(of: source, seed: 7)
    let named = source.nodes.count { $0.name != nil }
    #expect(checked >= min(5, named - 2), "\(checked) of \(named)")
  }

  @Test(arguments: 0..<60)
  func smoothGraphs(seed: Int) throws {
    let graph = try RandomFormulaGraph(seed: seed).graph
    let targets = graph.inputs.map(\.label)
    for target in targets {
      guard
        let formulas = try? GradientFormulas(
          of: graph, withRespectTo: [target], depth: nil)
      else { continue }
      try FormulaCheck(formulas.graph, seed: seed).expectEqual(formulas)
    }
  }

  @Test(arguments: [40, 120, 400], [UInt64](0..<4))
  func benchmarkGraphs(nodes: Int, seed: UInt64) throws {
    let graph = RandomGraph.make(nodes: nodes, seed: seed).retyped(from: .f32, to: .f64)
    let formulas = try GradientFormulas(
      of: graph, withRespectTo: graph.parameters.map(\.label), depth: nil)
    try FormulaCheck(formulas.graph, sizes: ["N": 2], seed: Int(seed)).expectEqual(formulas)
    let longest = formulas.derivatives.map(\.formula.size).max() ?? 0
    #expect(longest < 2000)
  }

  /// A formula as deep as the graph would end the stack.
  @Test func deepGraphsStayInPieces() throws {
    let formulas = try GradientFormulas(
      of: RandomGraph.chain(nodes: 5000), withRespectTo: ["p"], depth: nil)
    #expect(formulas.text.count > 1000)
    let symbols = formulas.meanings.map(\.symbol.text)
    #expect(symbols.contains("t1"))
    let longest = formulas.meanings.compactMap { $0.formula?.size }.max() ?? 0
    #expect(longest < 1000)
  }

  /// What doubles in every step would take 2^60 signs when written out.
  @Test func sharedPartsAreNamed() throws {
    let builder = GraphBuilder("doubling")
    var value = builder.input("a", .f64, [])
    for _ in 0..<60 { value = sin(value) * value + value }
    builder.output("loss", value.named("loss"))
    let formulas = try GradientFormulas(of: builder.build(), withRespectTo: ["a"])
    #expect(formulas.text.count < 100_000)
    try FormulaCheck(formulas.graph, seed: 3).expectEqual(formulas)
  }

  // MARK: Ops

  /// The golden file of each op: what its notation makes of it has the op's value, and prints.
  @Test(arguments: Dialect.standard.ops.map(\.name))
  func everyOpIsWritten(name: String) throws {
    let path = "\(Oracle.root)Tests/GraphOpsTests/Fixtures/ops/\(name).aya"
    let graph = try Graph.load(path)
    let sizes = Dictionary(
      graph.dimensions.map { ($0.name, $0.defaultSize ?? 3) }, uniquingKeysWith: { a, _ in a })
    let nodes = graph.nodes.filter { $0.definition?.name == name }
    #expect(!nodes.isEmpty)
    let check = try FormulaCheck(graph, sizes: sizes, seed: 11)
    for node in nodes {
      let formula = graph.formula(of: node.id)
      try check.expectEqual(formula, node.id, name)
      #expect(!formula.text.isEmpty && !formula.text.contains("\\"), "\(formula.text)")
      #expect(!formula.latex.isEmpty && isBalanced(formula.latex), "\(formula.latex)")
      let strange = formula.latex.filter { !$0.isASCII }
      #expect(strange.isEmpty, "\(formula.latex)")
    }
  }

  /// All but whole distributions and losses say how they are written.
  @Test func everyOpHasANotation() {
    let silent = Dialect.standard.ops.filter { op in
      op.drawing.notation == nil && ![.sampling, .loss].contains(op.drawing.family)
    }
    #expect(silent == [])
  }
}

/// A random smooth graph of f64 over x [2, 3], y [3], w [3, 3] and s [], with every third value
/// named, so that formulas run over several operations.
struct RandomFormulaGraph {
  let graph: Graph

  init(seed: Int, size: Int = 14) throws {
    var generator = FormulaGenerator(seed: seed)
    let builder = GraphBuilder("random\(seed)")
    var pool = [
      builder.input("x", .f64, [2, 3]), builder.input("y", .f64, [3]),
      builder.input("w", .f64, [3, 3]), builder.input("s", .f64, []),
    ]
    while pool.count < size {
      guard let value = Self.step(pool, &generator) else { continue }
      if pool.count % 3 == 0, value.name == nil { value.named("v\(pool.count)") }
      pool.append(value)
    }
    var total = sum(pool[pool.count - 1])
    for value in pool.suffix(4).dropLast() { total = total + 0.5 * mean(value) }
    builder.output("loss", total)
    if total.name == nil { total.named("loss") }
    graph = builder.build()
  }

  private static func step(_ pool: [Value], _ generator: inout FormulaGenerator) -> Value? {
    let a = pool[Int.random(in: 0..<pool.count, using: &generator)]
    let b = pool[Int.random(in: 0..<pool.count, using: &generator)]
    let rank = a.shape.rank
    let axis = rank == 0 ? 0 : Int.random(in: 0..<rank, using: &generator)
    let fits = a.shape.broadcast(with: b.shape) != nil
    let isProduct = rank == 2 && b.shape.rank == 2
    switch Int.random(in: 0..<24, using: &generator) {
    case 0: return tanh(a)
    case 1: return sigmoid(a) * 0.5 - 0.5
    case 2: return expm1(a * 0.25)
    case 3: return softplus(-a)
    case 4: return log1p(square(a))
    case 5: return reciprocal(2 + square(a))
    case 6: return rsqrt(1 + square(a))
    case 7: return fits ? a + b : nil
    case 8: return fits ? -(a - b) : nil
    case 9: return fits ? tanh(a * b * a) : nil
    case 10: return fits ? a / (2 + square(b)) : nil
    case 11: return fits ? pow(2 + tanh(a), sin(b)) : nil
    case 12: return fits ? maximum(a, b) - relu(a) : nil
    case 13: return rank == 0 ? nil : sum(a, axes: [axis], keepdims: axis == 0) * 0.5
    case 14: return rank == 0 ? nil : mean(a, axes: [axis])
    case 15: return rank == 0 ? nil : logsumexp(a, axes: [axis])
    case 16: return rank == 0 ? nil : logSoftmax(a, axis: axis)
    case 17: return rank < 2 ? nil : transpose(a)
    case 18: return isProduct && a.shape.dims[1] == b.shape.dims[0] ? tanh(matmul(a, b)) : nil
    case 19:
      return isProduct && a.shape.dims[1] == b.shape.dims[1]
        ? tanh(matmul(a, b, transposeB: true)) : nil
    case 20: return rank == 1 ? broadcast(a, to: Shape([2] + a.shape.dims)) : nil
    // Of a named value: what attains a maximum is found by equality, which takes the same rounding.
    case 21: return rank == 0 || a.name == nil ? nil : max(a, axes: [axis], keepdims: true)
    case 22: return rank == 0 ? nil : sqrt(1 + abs(a)) - a * 2 + a
    default: return fits ? klNormal(mean: a, logVariance: tanh(b)) : nil
    }
  }
}
