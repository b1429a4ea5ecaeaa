import Drawing
import GraphIR
import Testing

@Suite struct AyatoriDrawingTests {
  private func lines(_ text: String, _ part: String) -> [String] {
    text.split(separator: "\n").map(String.init).filter { $0.contains(part) }
  }

  @Test func saysWhatANodeIs() throws {
    let text = try dot(
      TestGraphs.pytorchVAE(), style: .ayatori, annotations: DrawingAnnotations(sizes: ["N": 64]))
    let sample = try #require(lines(text, "    \"z\" [").first)
    #expect(sample.contains("<B>z</B>"))
    #expect(sample.contains("~ normal(mean, log_variance)"))
    #expect(sample.contains("mean + exp(lv/2)·ε"))
    #expect(sample.contains("pathwise estimator"))
    #expect(sample.contains("f32[N, Z]"))
    #expect(sample.contains("= [64, 20]"))
    #expect(sample.contains("shape=\"hexagon\""))
    #expect(sample.contains("peripheries=\"2\""))
    #expect(sample.contains("vae_pytorch.aya:2: scope sampling { z ~ normal"))
    let noise = try #require(lines(text, "\"z.eps\" [").first)
    #expect(noise.contains("ε ~ N(0, 1)"))
    #expect(noise.contains("style=\"filled,dashed\""))
    #expect(try #require(lines(text, "\"loss\" [").first).contains("▸ output"))
    #expect(!(try #require(lines(text, "\"h1\" [").first).contains("▸ output")))
  }

  @Test func dont_showAShapeThatIsNotBound() throws {
    let text = try dot(TestGraphs.pytorchVAE(), style: .ayatori)
    #expect(!(try #require(lines(text, "    \"z\" [").first).contains("= [")))
  }

  @Test func groupsALayersParameters() throws {
    let text = try dot(TestGraphs.pytorchVAE(), style: .ayatori)
    let layer = try #require(lines(text, "\"layer fc1.W\" [").first)
    #expect(layer.contains("<B>fc1</B>"))
    #expect(layer.contains("f32[128, 784]"))
    #expect(lines(text, "\"layer fc1.W\" ->").count == 1)
  }

  @Test func foldsUnnamedConstants() throws {
    let (graph, constants) = TestGraphs.chainerVAE()
    let text = try dot(
      graph, style: .ayatori,
      annotations: DrawingAnnotations(constants: constants, sizes: ["N": 100]))
    #expect(text.contains("· × 0.5"))
    #expect(text.contains("· × (1/N)"))
    #expect(text.contains("1/N = 0.01"))
    #expect(text.contains("Σ × (1/(k × N))"))
    // The named constant inside the folded expression is drawn and has an edge to its user.
    #expect(lines(text, "\"k\" [").count == 1)
    #expect(lines(text, "\"k\" ->").count == 1)
    #expect(lines(text, "\"C\" ->").count == 1)
  }

  @Test func dont_foldOutputs() throws {
    let g = GraphBuilder("constant")
    g.output("half", g.float(0.5))
    #expect(try dot(g.build(), style: .ayatori).contains("\"%0\" ["))
  }

  @Test func drawsScopesAsNestedClusters() throws {
    let g = GraphBuilder("scopes")
    let x = g.input("x", ValueType(.f32, [3]))
    g.scope("outer") {
      let h = x(TestOp.exp, name: "h")
      g.scope("inner") { g.output("y", h(TestOp.relu, name: "y")) }
    }
    let text = try dot(g.build(), style: .ayatori)
    #expect(text.contains("\n  subgraph \"cluster forward 1 h\" {"))
    #expect(text.contains("\n    subgraph \"cluster forward 2 y\" {"))
    #expect(text.contains("<I>outer</I>"))
    #expect(text.contains("<I>inner</I>"))
  }

  @Test func edgesSayWhatTravels() throws {
    let g = GraphBuilder("edges")
    let x = g.input("x", ValueType(.f32, [3]))
    let mask = x(TestOp.greater, g.float(0), name: "mask")
    let stop = x(TestOp.stopGradient, name: "stop")
    let like = g.float(1)(TestOp.broadcastLike, x, name: "ones")
    g.output("y", (mask + stop + like).named("y"))
    let text = try dot(g.build(), style: .ayatori)
    #expect(try #require(lines(text, "\"x\" -> \"mask\"").first).contains("style=\"dashed\""))
    let stopped = try #require(lines(text, "\"x\" -> \"stop\"").first)
    #expect(stopped.contains("arrowhead=\"tee\""))
    #expect(stopped.contains("label=\" stopped \""))
    #expect(stopped.contains("no gradient flows back"))
    #expect(try #require(lines(text, "\"x\" -> \"ones\"").first).contains("style=\"dotted\""))
    #expect(try #require(lines(text, "\"mask\" ->").first).contains("style=\"solid\""))
  }

  @Test func noiseEndsInABar() throws {
    let text = try dot(TestGraphs.pytorchVAE(), style: .ayatori)
    let noise = try #require(lines(text, "\"z.eps\" -> \"z\"").first)
    #expect(noise.contains("arrowhead=\"tee\""))
    #expect(noise.contains("no gradient flows into randomness"))
  }

  @Test func dont_drawAnotherEstimatorAsDifferentiable() throws {
    let g = GraphBuilder("score")
    let mean = g.input("mean", ValueType(.f32, [3]))
    let scale = g.input("scale", ValueType(.f32, [3]))
    let eps = g.noise("eps", mean.type, .normal)
    let z = g.make(
      TestOp.normal, [mean, scale, eps],
      ["estimator": .symbol("score"), "scale": .symbol("stddev")]
    ).named("z")
    g.output("z", z)
    let text = try dot(g.build(), style: .ayatori)
    let edge = try #require(lines(text, "\"mean\" -> \"z\"").first)
    #expect(edge.contains("arrowhead=\"tee\""))
    #expect(edge.contains("the score estimator lets no gradient through the draw"))
    let node = try #require(lines(text, "\"z\" [").first)
    #expect(node.contains("~ normal(mean, stddev)"))
    // The formula is that of the log-variance form.
    #expect(!node.contains("exp(lv/2)"))
  }

  @Test func drawsThreePartsSideBySide() throws {
    let graph = TestGraphs.pytorchVAE(training: true)
    #expect(verify(graph).isEmpty)
    let text = try dot(graph, style: .ayatori)
    #expect(text.contains("subgraph \"cluster forward\""))
    #expect(text.contains("subgraph \"cluster gradient\""))
    #expect(text.contains("subgraph \"cluster update\""))
    #expect(text.contains("gradient of loss ↑"))
    #expect(text.contains("through z"))
    #expect(text.contains("through kld"))
    #expect(text.contains("⟲ replaces fc1.W"))
    let adjoint = try #require(lines(text, "adjoint of mu: ∂loss/∂mu\"").first)
    #expect(adjoint.contains("\"mu\" -> \"d_loss/d_mu\""))
    #expect(adjoint.contains("style=\"dotted\""))
    #expect(adjoint.contains("dir=\"back\""))
    #expect(lines(text, "\"layer fc1.W\":").contains { $0.contains("adjoint of fc1.W") })
  }

  @Test func dont_drawPartsWithoutAGradient() throws {
    let text = try dot(TestGraphs.pytorchVAE(), style: .ayatori)
    #expect(!text.contains("cluster gradient"))
    #expect(!text.contains("subgraph \"cluster forward\""))
  }

  @Test func theLegendListsOnlyWhatOccurs() throws {
    let g = GraphBuilder("small")
    g.output("y", g.input("x", ValueType(.f32, [3]))(TestOp.exp, name: "y"))
    let text = try dot(g.build(), style: .ayatori)
    #expect(text.contains("\"legend input\""))
    #expect(text.contains("\"legend elementwise\""))
    #expect(text.contains("\"legend differentiable from\""))
    #expect(text.contains("\"legend output\""))
    #expect(!text.contains("\"legend sampling\""))
    #expect(!text.contains("\"legend noise"))
    #expect(!text.contains("\"legend adjointOf"))
  }

  @Test func dont_drawMoreThanTheRootsNeed() throws {
    let text = try dot(TestGraphs.pytorchVAE(), style: .ayatori, roots: ["kld"])
    #expect(text.contains("\"kld\" ["))
    #expect(!text.contains("\"loss\" ["))
    #expect(!text.contains("\"layer fc2.W\""))
  }

  @Test(arguments: DrawingStyle.allCases)
  func givesTheSameBytes(_ style: DrawingStyle) throws {
    let annotations = DrawingAnnotations(sizes: ["N": 64])
    let texts = try (0..<5).map { _ in
      try dot(TestGraphs.pytorchVAE(training: true), style: style, annotations: annotations)
    }
    #expect(Set(texts).count == 1)
  }
}
