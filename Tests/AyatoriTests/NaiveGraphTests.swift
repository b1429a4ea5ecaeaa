import Ayatori
import Testing

/// `vae_naive.aya`, whose losses stand on probabilities, against `vae_pytorch.aya`.
@Suite("The naive VAE")
struct NaiveGraphTests {
  static let dims = ["D": 13, "H": 11, "Z": 3]

  private static func count(_ op: OpDefinition, in graph: Graph) -> Int {
    graph.nodes.count { $0.definition == op }
  }

  @Test("The stable losses are run")
  func structure() throws {
    let graph = try Oracle.graph("vae_naive")
    for op in [OpDefinition.bernoulliNLL, .klNormal] {
      #expect(Self.count(op, in: graph) == 0)
      #expect(Self.count(op, in: try Compiler().stage(.optimized, of: graph)) == 1)
    }
    let optimized = try Compiler().stage(.optimized, of: graph)
    for op in [OpDefinition.log, .log1p, .pow] {
      #expect(Self.count(op, in: optimized) == 0, "\(op)")
    }
    let nll = try #require(
      optimized.nodes.first { $0.definition == .bernoulliNLL })
    #expect(nll.operands.map { optimized[$0].label } == ["x", "logits"])
    let text = optimized.text()
    #expect(text.contains("bernoulli_nll(x, logits)"), "\(text)")
    // The debug pipeline runs what was written.
    var options = CompilerOptions()
    options.pipeline = .debug
    let plain = try Compiler(options).stage(.optimized, of: graph)
    #expect(Self.count(.log, in: plain) == 2 && Self.count(.bernoulliNLL, in: plain) == 0)
  }

  @Test("Losses and gradients are those of vae_pytorch, at f64")
  func agreement() throws {
    let names = ["vae_naive", "vae_pytorch"]
    let graphs = try names.map { try Oracle.graph($0, dims: Self.dims, dtype: .f64) }
    let targets = graphs[1].parameters.map(\.label) + ["mu", "logvar", "z", "logits"]
    let x = NDArray((0..<65).map { Double($0 * 37 % 64) / 63 }, shape: [5, 13])
    let results = try graphs.map { graph in
      try CompiledGraph(graph, gradientsOf: "loss", withRespectTo: targets).run(
        inputs: ["x": x], seed: 7)
    }
    #expect(results[0].count == 4 + targets.count)
    for (name, wanted) in results[1].sorted(by: { $0.key < $1.key }) {
      let got = try #require(results[0][name]).doubles
      #expect(got.contains { $0 != 0 }, "\(name)")
      let distance = Oracle.distance(got, wanted.doubles, relative: 1e-10, absolute: 1e-10)
      #expect(distance <= 1, "\(name)")
    }
  }

  /// Far from the data the probabilities round to 0 and 1, and log(recon) to −∞.
  @Test("Saturated probabilities bring no infinity")
  func saturation() throws {
    let graph = try Oracle.graph("vae_naive", dims: Self.dims)
    let large = NDArray((0..<13).map { $0 % 2 == 0 ? Float(200) : -200 }, shape: [13])
    let x = NDArray((0..<26).map { Float($0 % 3) / 2 }, shape: [2, 13])
    func run(_ pipeline: Pipeline) throws -> [String: NDArray] {
      var options = CompilerOptions()
      options.pipeline = pipeline
      return try CompiledGraph(
        graph, gradientsOf: "loss", withRespectTo: ["logits", "fc1.W"], compiler: Compiler(options)
      ).run(inputs: ["x": x], parameters: ["fc3.b": large], seed: 7)
    }
    let stable = try run(.standard)
    for (name, array) in stable.sorted(by: { $0.key < $1.key }) {
      #expect(array.doubles.allSatisfy { $0.isFinite }, "\(name)")
    }
    let naive = try run(.debug)
    #expect(naive["loss"]?.doubles.allSatisfy { $0.isFinite } == false)
  }
}
