import Ayatori
import Testing

@Suite struct CompiledGraphTests {
  static let dims = ["D": 13, "H": 11, "Z": 3]

  private static func inputs() throws -> [String: NDArray] {
    try Oracle.arrays("vae_pytorch_small_f32_inputs.npz")
  }

  private static func parameters() throws -> [String: NDArray] {
    try Oracle.arrays("vae_pytorch_small_f32_params.npz")
  }

  @Test func namesWhatItHandsBack() throws {
    let compiled = try CompiledGraph(
      Oracle.graph("vae_pytorch", dims: Self.dims), outputs: ["mu", "loss"], gradientsOf: "kld",
      withRespectTo: ["mu", "fc1.b"])
    let results = try compiled.run(inputs: ["x": NDArray(zeros: .f32, shape: [2, 13])])
    #expect(Set(results.keys) == ["mu", "loss", "d_kld/d_mu", "d_kld/d_fc1.b"])
    #expect(results["mu"]?.shape == [2, 3] && results["d_kld/d_fc1.b"]?.shape == [11])
    // ∂KL/∂mu = mu, exactly.
    #expect(results["d_kld/d_mu"] == results["mu"])
  }

  @Test func ownOutputsByDefault() throws {
    let results = try CompiledGraph(Oracle.graph("linear_gaussian")).run()
    #expect(Set(results.keys) == ["loss", "recon", "kl", "z"])
  }

  /// Cut at the draw: the decoder alone, with the very numbers of the whole.
  @Test func fedNodesCutTheGraph() throws {
    let graph = try Oracle.graph("vae_pytorch", dims: Self.dims)
    let fed = try Self.inputs()
    let whole = try CompiledGraph(graph, outputs: ["z", "recon"], feeding: Set(fed.keys)).run(
      inputs: fed, parameters: Self.parameters())
    let z = try #require(whole["z"])
    let decoder = try CompiledGraph(graph, outputs: ["recon"], feeding: ["z"])
    let decoded = try decoder.run(inputs: ["z": z], parameters: Self.parameters())
    #expect(decoded["recon"] == whole["recon"])

    // What the decoder does not need is not asked for, and does no harm either.
    let more = try decoder.run(
      inputs: ["z": z, "x": NDArray(zeros: .f32, shape: [7, 13])], parameters: Self.parameters())
    #expect(more["recon"] == whole["recon"])
    let gradient = try CompiledGraph(
      graph, outputs: [], gradientsOf: "bce", withRespectTo: ["z"], feeding: ["z", "x"]
    ).run(inputs: ["z": z, "x": try #require(fed["x"])], parameters: Self.parameters())
    #expect(gradient["d_bce/d_z"]?.shape == [7, 3])
  }

  /// One file of inputs serves every output, also those before the noise.
  @Test func noiseThatIsNotNeededDoesNoHarm() throws {
    let fed = try Self.inputs()
    let graph = try Oracle.graph("vae_pytorch", dims: Self.dims)
    let compiled = try CompiledGraph(graph, outputs: ["mu"], feeding: Set(fed.keys))
    let results = try compiled.run(inputs: fed, parameters: Self.parameters())
    let expected = try Oracle.arrays("vae_pytorch_small_f32_expected_wide.npz")
    let distance = Oracle.distance(
      try #require(results["mu"]).doubles, try #require(expected["mu"]).doubles, relative: 1e-4,
      absolute: 1e-5)
    #expect(distance <= 1)
  }

  /// Arrays go by node name, so a parameter may be among the inputs; it goes before `parameters`.
  @Test func parametersMayBeInputs() throws {
    let compiled = try CompiledGraph(
      Oracle.graph("linear_gaussian"), outputs: ["kl", "mu"], feeding: ["mu"])
    let results = try compiled.run(
      inputs: ["mu": NDArray([Float(3)], shape: [])],
      parameters: ["mu": NDArray([Float(1)], shape: [])])
    #expect(results["kl"]?.floats == [4.5] && results["mu"]?.floats == [3])
  }

  @Test func narrowArraysWiden() throws {
    let graph = try Oracle.graph("linear_gaussian", dtype: .f64)
    let results = try CompiledGraph(graph, outputs: ["kl"]).run(
      parameters: ["mu": NDArray([Float(0.1)], shape: [])])
    let mu = Double(Float(0.1))
    #expect(results["kl"]?.doubles == [0.5 * mu * mu])
  }

  @Test func seedAndStepDrawTheNoise() throws {
    let compiled = try CompiledGraph(Oracle.graph("rsample"), outputs: ["z.eps"])
    func draw(_ seed: UInt64, _ step: UInt64) throws -> NDArray? {
      try compiled.run(seed: seed, step: step)["z.eps"]
    }
    #expect(try draw(1, 0) == draw(1, 0))
    #expect(try draw(1, 0) != draw(2, 0))
    #expect(try draw(1, 0) != draw(1, 1))
  }

  @Test func noiseIsFedWithoutSayingSoBefore() throws {
    let compiled = try CompiledGraph(
      Oracle.graph("rsample"), gradientsOf: "z", withRespectTo: ["sigma"])
    let results = try compiled.run(inputs: ["z.eps": NDArray([Float(2)], shape: [])])
    #expect(results["z"]?.doubles == [2] && results["d_z/d_sigma"]?.doubles == [2])
  }

  /// An alias stands for its node, also where sizes come from its array.
  @Test func inputsByAlias() throws {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let x = builder.input("x", .f32, ["N"]).named("v")
    builder.output("total", sum(x))
    let compiled = try CompiledGraph(builder.build())
    let array = NDArray([Float(1), 2], shape: [2])
    #expect(try compiled.run(inputs: ["v": array])["total"]?.doubles == [3])
    let found = Oracle.diagnostics { _ = try compiled.run(inputs: ["v": array, "x": array]) }
    #expect(found.map(\.id) == ["fed-twice"])
  }

  /// What an output's name means to whoever asks for a loss.
  @Test func anOutputWinsOverANodeOfThatName() throws {
    let builder = GraphBuilder("g")
    let p = builder.parameter("p", ValueType(.f32), .constant(.float(3)))
    (-p).named("loss")
    builder.output("loss", square(p).named("total"))
    let compiled = try CompiledGraph(builder.build(), gradientsOf: "loss", withRespectTo: ["p"])
    let values = try compiled.run()
    #expect(values["loss"]?.doubles == [9] && values["d_loss/d_p"]?.doubles == [6])
  }

  // MARK: What does not fit

  static let x = NDArray(zeros: .f32, shape: [2, 13])

  @Test(arguments: [
    ("not-fed", [:], ["N": 2]), ("not-fed", [:], [:]),
    ("fed-shape", ["x": NDArray(zeros: .f32, shape: [13])], [:]),
    ("conflicting-size", ["x": NDArray(zeros: .f32, shape: [2, 14])], [:]),
    ("conflicting-size", ["x": x], ["N": 3]),
    ("fed-shape", ["x": x, "fc1.b": NDArray(zeros: .f32, shape: [1, 11])], [:]),
    ("fed-dtype", ["x": NDArray(zeros: .f64, shape: [2, 13])], [:]),
    ("fed-dtype", ["x": NDArray(zeros: .i64, shape: [2, 13])], [:]),
    ("unknown-feed", ["x": x, "mu": NDArray(zeros: .f32, shape: [2, 3])], [:]),
    ("unknown-feed", ["x": x, "nothing": x], [:]),
    ("unknown-dimension", ["x": x], ["M": 3]),
    ("bad-size", ["x": x], ["N": -1]),
    ("out-of-memory", [:], ["N": 1 << 44]), ("bad-size", [:], ["N": .max]),
  ])
  func runRefuses(id: String, inputs: [String: NDArray], sizes: [String: Int]) throws {
    let compiled = try CompiledGraph(Oracle.graph("vae_pytorch", dims: Self.dims))
    let found = Oracle.diagnostics { _ = try compiled.run(inputs: inputs, sizes: sizes) }
    #expect(found.map(\.id) == [id], "\(found)")
  }

  @Test func dtypeDiagnosticSaysWhatToDo() throws {
    let compiled = try CompiledGraph(Oracle.graph("vae_pytorch", dims: Self.dims))
    let found = Oracle.diagnostics {
      _ = try compiled.run(inputs: ["x": NDArray(zeros: .f64, shape: [2, 13])])
    }
    #expect(found.first?.expected == "float32" && found.first?.got == "float64")
    #expect(found.first?.fix?.contains("--dtype f64") == true)
  }

  @Test func aStepCanRefuseItsSizes() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim N
          input x: f32[N]
          y = slice(x, axis: 0, start: 0, stop: 5)
          output y
        }
        """)
    let compiled = try CompiledGraph(graph)
    #expect(try compiled.run(inputs: ["x": NDArray(zeros: .f32, shape: [5])])["y"]?.count == 5)
    let found = Oracle.diagnostics {
      _ = try compiled.run(inputs: ["x": NDArray(zeros: .f32, shape: [4])])
    }
    #expect(found.map(\.id) == ["step-failed"])
    #expect(found.first?.message.contains("'y'") == true)
  }

  @Test func unknownNamesComeAtOnce() throws {
    let graph = try Oracle.graph("vae_pytorch")
    let outputs = Oracle.diagnostics { _ = try CompiledGraph(graph, outputs: ["mus", "q", "z"]) }
    #expect(outputs.map(\.id) == ["unknown-node", "unknown-node"])
    #expect(outputs.first?.fix == "did you mean 'mu'?")
    let feeds = Oracle.diagnostics { _ = try CompiledGraph(graph, feeding: ["a", "b", "x"]) }
    #expect(feeds.map(\.id) == ["unknown-node", "unknown-node"])
    let program = Oracle.diagnostics { _ = try Program(Compiler().lower(graph), outputs: ["zz"]) }
    #expect(program.map(\.id) == ["unknown-node"])
  }
}
