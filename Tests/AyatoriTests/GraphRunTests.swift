import Ayatori
import Testing

/// Every graph under `Graphs/` compiled once, run at several batch sizes, and evaluated by the
/// reference interpreter: the same numbers.
@Suite struct GraphRunTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var dims: [String: Int] = [:]
    var loss = "loss"
    var hasBatch = true

    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "autoencoder", dims: ["D": 9, "H": 7, "Z": 3]),
    Case(name: "linear_gaussian", hasBatch: false),
    Case(name: "logistic_regression", dims: ["D": 9, "K": 4]),
    Case(name: "rsample", loss: "z", hasBatch: false),
    Case(name: "vae_2d", dims: ["D": 9, "H": 7]),
    Case(name: "vae_bernoulli", dims: ["D": 9, "H": 7, "Z": 3]),
    Case(name: "vae_chainer", dims: ["D": 9, "H": 7, "Z": 3]),
    Case(name: "vae_naive", dims: ["D": 9, "H": 7, "Z": 3]),
    Case(name: "vae_pytorch", dims: ["D": 9, "H": 7, "Z": 3]),
  ]

  @Test func everyGraphIsACase() {
    #expect(Self.cases.map(\.name) == CompilerTests.trainable)
  }

  @Test(arguments: cases, [DType.f32, .f64])
  func runtimeAgreesWithReference(item: Case, dtype: DType) throws {
    let source = try Oracle.graph(item.name, dims: item.dims, dtype: dtype)
    let compiled = try CompiledGraph(
      source, gradientsOf: item.loss, withRespectTo: source.parameters.map(\.label),
      feeding: Set(source.noises.map(\.label)))
    // The reference takes the graph before the passes.
    let gradient = try Compiler().stage(.gradient, of: source, loss: item.loss)
    for batch in item.hasBatch ? [1, 7, 64, 100] : [1] {
      let fed = try Self.arrays(source.inputs + source.noises, source, batch)
      let parameters = try Self.arrays(source.parameters, source, batch)
      let got = try compiled.run(inputs: fed, parameters: parameters)
      #expect(got.count == gradient.outputs.count)

      let values = try ReferenceInterpreter(gradient).evaluate(
        gradient.outputs.map(\.node),
        feeds: fed.merging(parameters) { a, _ in a }.mapValues(ReferenceArray.init))
      for output in gradient.outputs {
        let wanted = try #require(values[output.node])
        let array = try #require(got[output.name])
        #expect(array.shape == wanted.shape && array.dtype == gradient[output.node].type.dtype)
        let distance = Oracle.distance(
          array.doubles, wanted.values, relative: dtype == .f32 ? 1e-4 : 1e-11,
          absolute: dtype == .f32 ? 1e-5 : 1e-12)
        #expect(distance <= 1, "\(output.name) at batch \(batch): \(distance) times the tolerance")
      }
    }
  }

  /// Drawn noise is the same in both, and so are initialised parameters in every run.
  @Test(arguments: cases)
  func drawnNoiseAgreesWithReference(item: Case) throws {
    let source = try Oracle.graph(item.name, dims: item.dims, dtype: .f64)
    guard !source.noises.isEmpty else { return }
    let fed = try Self.arrays(source.inputs, source, 5)
    let parameters = try Self.arrays(source.parameters, source, 5)
    let got = try CompiledGraph(source, outputs: [item.loss]).run(
      inputs: fed, parameters: parameters, seed: 7, step: 11)
    let lowered = try Compiler().lower(source)
    let root = try #require(lowered.node(named: item.loss)).id
    let value = try ReferenceInterpreter(lowered).evaluate(
      [root], feeds: fed.merging(parameters) { a, _ in a }.mapValues(ReferenceArray.init), seed: 7,
      step: 11)[root]
    let (a, b) = (
      try #require(got[item.loss]?.doubles.first), try #require(value?.values.first)
    )
    #expect(abs(a - b) <= 1e-12 * max(1, abs(b)), "\(a), \(b)")
  }

  private static func arrays(
    _ leaves: [Node], _ graph: Graph, _ batch: Int
  ) throws -> [String: NDArray] {
    var arrays: [String: NDArray] = [:]
    for node in leaves {
      let shape = try node.type.shape.evaluated(graph.sizes(binding: ["N": batch]))
      let uniform = Hashed.uniforms(node.label, shape.reduce(1, *))
      let values: [Double]
      if case .leaf(.noise(.uniform)) = node.body {
        values = uniform
      } else if node.isInput {
        values = node.type.dtype.isFloating ? uniform : uniform.map { ($0 * 4).rounded(.down) }
      } else {
        values = uniform.map { 2 * $0 - 1 }
      }
      arrays[node.label] = NDArray(converting: values, to: node.type.dtype, shape: shape)
    }
    return arrays
  }
}
