import Ayatori
import Foundation
import Testing

@Suite struct CompilerTests {
  // MARK: Stages

  static let trainable = [
    "autoencoder", "linear_gaussian", "logistic_regression", "rsample", "vae_2d", "vae_bernoulli",
    "vae_chainer", "vae_naive", "vae_pytorch",
  ]

  /// Without a loss.
  static let forwardOnly = ["decoder_pytorch"]

  /// The decoder by itself draws what the whole VAE does from the same z and parameters.
  @Test func theDecoderIsTheVAEs() throws {
    let (whole, part) = (try Oracle.graph("vae_pytorch"), try Oracle.graph("decoder_pytorch"))
    let stream = NoiseStream(seed: 1, name: "decoder")
    let z = NDArray(
      converting: stream.values(.normal, count: 3 * 20, step: 0), to: .f32, shape: [3, 20])
    let state = try StateStore(part, sizes: part.sizes())
    try state.initialize(seed: 2)
    var parameters: [String: NDArray] = [:]
    for name in state.names { parameters[name] = state.array(name) }
    #expect(parameters.count == 4)
    let a = try CompiledGraph(part).run(inputs: ["z": z], parameters: parameters)
    let b = try CompiledGraph(whole, outputs: ["recon"], feeding: ["z"]).run(
      inputs: ["z": z], parameters: parameters)
    #expect(a["recon"]?.shape == [3, 784])
    #expect(a["recon"]?.doubles == b["recon"]?.doubles)
  }

  /// `Graphs/` holds what the other tests run, and nothing that they miss.
  @Test func everyGraphIsTested() throws {
    let found = try FileManager.default.contentsOfDirectory(atPath: Oracle.root + "Graphs")
      .filter { $0.hasSuffix(".aya") }.map { String($0.dropLast(4)) }.sorted()
    #expect(found == (Self.trainable + Self.forwardOnly).sorted())
    let readme = try String(contentsOfFile: Oracle.root + "Graphs/README.md", encoding: .utf8)
    for name in found { #expect(readme.contains("`\(name).aya`"), "README misses \(name)") }
  }

  @Test(arguments: trainable, Stage.allCases)
  func stagesAreTextThatParsesBack(name: String, stage: Stage) throws {
    let graph = try Compiler().stage(stage, of: Oracle.graph(name))
    let text = graph.text()
    let again = try Oracle.graph(text: text)
    #expect(again.text() == text)
    #expect(again.nodes.count == graph.nodes.count)
    #expect(again.outputs.map(\.name) == graph.outputs.map(\.name))

    let hasSampling = graph.nodes.contains { $0.definition?.sampling != nil }
    let drawsInSource = try Oracle.graph(name).nodes.contains {
      $0.definition?.sampling != nil
    }
    #expect(hasSampling == (stage == .source && drawsInSource))
    let derivatives = graph.outputs.count { $0.name.hasPrefix("d_") }
    #expect(derivatives == ([.gradient, .optimized].contains(stage) ? graph.parameters.count : 0))
    if stage == .optimized {
      #expect(!graph.nodes.contains { $0.definition == .contribution })
    }
  }

  /// Both ways of the gradient into mu keep a node each: through the draw and through the KL term.
  @Test func contributionsKeepTheirNodes() throws {
    let graph = try Compiler().stage(
      .gradient, of: Oracle.graph("vae_pytorch"), withRespectTo: ["mu", "logvar"])
    let ways = graph.names.filter { $0.hasPrefix("d_loss/d_mu through ") }
    #expect(ways.contains("d_loss/d_mu through z"), "\(ways)")
    #expect(ways.count == 2)
    #expect(graph.names.count { $0.hasPrefix("d_loss/d_logvar through ") } >= 2)
    #expect(graph.outputs.map(\.name).suffix(2) == ["d_loss/d_mu", "d_loss/d_logvar"])
  }

  @Test func targetsCountOnce() throws {
    let graph = try Compiler().stage(
      .gradient, of: Oracle.graph("rsample"), loss: "z", withRespectTo: ["mu", "mu", "sigma"])
    #expect(graph.outputs.map(\.name) == ["z", "d_z/d_mu", "d_z/d_sigma"])
  }

  // MARK: What is minimised

  @Test(arguments: [
    ("loss = square(p) other = p output other, loss", "loss"),
    ("other = square(p) output other", "other"),
    // A count is no objective. An array that is called so is meant, and refused for what it is.
    ("n = cast(p, to: i32) cost = square(p) output n, cost", "cost"),
    ("loss = p + v cost = square(p) output loss, cost", "loss"),
  ])
  func lossIsFound(body: String, name: String) throws {
    let graph = try Oracle.graph(text: Self.wrapped(body))
    #expect(try Compiler.lossName(of: graph) == name)
  }

  @Test(arguments: [
    ("a = square(p) b = exp(p) output a, b", "a, b"), ("a = v + 1 output a", "no scalar output"),
    ("a = cast(p, to: i32) output a", "no scalar output"),
  ])
  func lossIsNotClear(body: String, got: String) throws {
    let graph = try Oracle.graph(text: Self.wrapped(body))
    let found = Oracle.diagnostics { _ = try Compiler.lossName(of: graph) }
    #expect(found.map(\.id) == ["no-loss"])
    #expect(found.first?.got == got)
    #expect(Oracle.diagnostics { _ = try Compiler().stage(.gradient, of: graph) }.count == 1)
  }

  private static func wrapped(_ body: String) -> String {
    "graph g { param p: f32[] init constant(2.0) param v: f32[2] init zeros \(body) }"
  }

  // MARK: Refusals of derivatives

  static let refusals = """
    graph g {
      param p: f32[] init constant(2.0)
      param q: f32[] init zeros
      param s: f32[] init zeros
      param u: f32[] init zeros
      param far: f32[] init zeros
      param v: f32[2] init zeros
      input label: i64[]
      cut = stop_gradient(u)
      loss = square(p) + sign(s) + cast(q > 0, to: f32) + cut
      output loss
    }
    """

  @Test(arguments: [
    ("s", "zero almost everywhere: sign is piecewise constant"),
    ("q", "no gradient, because a comparison is a step function"),
    ("u", "not connected: stop_gradient cuts the path (at 'cut')"),
    ("far", "not connected: 'loss' does not depend on 'far'"),
  ])
  func gradientsAreNeverSilentlyZero(target: String, reason: String) throws {
    let graph = try Oracle.graph(text: Self.refusals)
    let found = Oracle.diagnostics {
      _ = try Compiler().differentiate(graph, loss: "loss", withRespectTo: ["p", target])
    }
    #expect(found.map(\.id) == ["no-gradient"])
    #expect(found.first?.got?.hasPrefix(reason) == true, "\(found)")
    #expect(found.first?.location != nil)
    #expect(found.first?.message.contains("'loss' with respect to '\(target)'") == true)
  }

  @Test func allRefusalsComeAtOnce() throws {
    let graph = try Oracle.graph(text: Self.refusals)
    let found = Oracle.diagnostics {
      _ = try Compiler().stage(.gradient, of: graph, withRespectTo: ["q", "p", "s", "far"])
    }
    #expect(found.map(\.id) == ["no-gradient", "no-gradient", "no-gradient"])
  }

  @Test func unknownNamesComeAtOnceWithSuggestions() throws {
    let graph = try Oracle.graph(text: Self.refusals)
    let found = Oracle.diagnostics {
      _ = try Compiler().differentiate(graph, loss: "lose", withRespectTo: ["p", "fa", "labels"])
    }
    #expect(found.map(\.id) == ["unknown-node", "unknown-node", "unknown-node"])
    #expect(
      found.map(\.fix) == ["did you mean 'loss'?", "did you mean 'far'?", "did you mean 'label'?"])
  }

  @Test(arguments: [
    ("v", ["p"], "root-not-scalar", "reduce it: sum(v)"), ("label", ["p"], "root-not-scalar", nil),
    ("loss", ["label"], "target-not-floating", nil),
  ])
  func rootsAndTargetsMustFit(loss: String, targets: [String], id: String, fix: String?) throws {
    let graph = try Oracle.graph(text: Self.refusals)
    let found = Oracle.diagnostics {
      _ = try Compiler().differentiate(graph, loss: loss, withRespectTo: targets)
    }
    #expect(found.map(\.id) == [id])
    #expect(found.first?.fix == fix)
  }

  // MARK: Files

  @Test func filesThatAreNoGraphs() throws {
    try DataFiles.withDirectory { directory in
      let latin = directory + "/latin.aya"
      try AtomicFile.write([0x67, 0xE9, 0x0A], to: latin)
      let wrong = directory + "/wrong.aya"
      try AtomicFile.write(
        Array("graph g { param p: f32[] init zeros\n a = q + 1\n b = r + 1 }".utf8), to: wrong)
      let cases = [
        (directory + "/absent.aya", ["file-not-found"]), (directory, ["file-is-directory"]),
        (latin, ["not-utf8"]), (wrong, ["unknown-name", "unknown-name"]),
      ]
      for (path, ids) in cases {
        let found = Oracle.diagnostics { _ = try Graph.load(path) }
        #expect(found.map(\.id).prefix(ids.count) == ids[...], "\(path): \(found)")
      }
    }
  }

  @Test func overridesReachTheGraph() throws {
    let graph = try Graph.load(
      Oracle.root + "Graphs/vae_pytorch.aya",
      overrides: Overrides(dims: ["Z": 2], consts: ["beta": .int(4)]))
    #expect(graph.sizes()["Z"] == 2 && graph.sizes()["H"] == 128)
    #expect(graph.text().contains("const beta: f32 = 4"))
    let found = Oracle.diagnostics {
      _ = try Graph.load(
        Oracle.root + "Graphs/vae_pytorch.aya", overrides: Overrides(dims: ["Q": 2]))
    }
    #expect(found.map(\.id) == ["unknown-override"])
  }

  /// A sampled divergence takes the place of one that is there.
  @Test func dont_sampleADivergenceThatIsNotThere() throws {
    let text = """
      graph g {
        param mu: f32[] init zeros
        z ~ normal(mean: mu, stddev: 1.0) estimator sticking_the_landing
        loss = square(z)
        output loss
      }
      """
    let graph = try #require(
      parse(SourceFile(name: "test.aya", text: text), dialect: .standard).graph)
    do {
      _ = try Compiler().lower(graph)
      Issue.record("lowered")
    } catch let error as Diagnostics {
      #expect(error.all.map(\.id) == ["no-divergence"] && error.all[0].location?.line == 3)
    }
  }
}
