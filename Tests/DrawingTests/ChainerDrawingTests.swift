import Drawing
import GraphIR
import Testing

@Suite struct ChainerDrawingTests {
  private func drawn(
    _ graph: Graph, _ constants: [NodeID: Scalar] = [:], n: Int? = 100, roots: [String]? = nil
  ) throws -> Parsed {
    let text = try dot(
      graph, style: .chainer,
      annotations: DrawingAnnotations(constants: constants, sizes: n.map { ["N": $0] } ?? [:]),
      roots: roots)
    return Parsed(text)
  }

  /// What the text says, read line by line as the writer writes it.
  struct Parsed {
    var text: String
    var functions: [String] = []
    var variables: [String] = []
    var edges: [String] = []

    init(_ text: String) {
      self.text = text
      for line in text.split(separator: "\n").map(String.init) {
        if line.contains(" -> ") {
          edges.append(line)
        } else if let start = line.firstRange(of: "label=\""),
          let end = line.firstRange(of: "\", shape=")
        {
          let label = String(line[start.upperBound..<end.lowerBound])
          if line.contains("shape=\"record\"") {
            #expect(line.contains("fillcolor=\"#6495ED\""))
            functions.append(label)
          } else {
            #expect(line.contains("shape=\"octagon\", fillcolor=\"#E0E0E0\""))
            variables.append(label)
          }
        }
      }
    }
  }

  @Test func drawsTheGraphThatChainerDrew() throws {
    let (graph, constants) = TestGraphs.chainerVAE()
    #expect(verify(graph).isEmpty)
    let drawing = try drawn(graph, constants)
    #expect(drawing.text.contains("rankdir=\"TB\""))
    #expect(drawing.functions.count + drawing.variables.count == 71)
    #expect(drawing.edges.count == 76)
    #expect(Set(drawing.edges).count == 76)
    #expect(
      drawing.functions.sorted()
        == (Array(repeating: "LinearFunction", count: 7) + Array(repeating: "Softplus", count: 5)
        + [
          "Gaussian", "Sum", "Sum", "exp", "_ * _", "_ * _", "_ - _", "_ - _", "_ + _", "_ + _",
          "_ + (-1)", "_ * 0.5", "_ * 1.0", "_ + 0", "_ * 0.01", "_ * 0.01",
        ]).sorted())
    #expect(
      drawing.variables.sorted()
        == [
          // Leaves.
          "x: (100, 784), float32",
          "W: (500, 784), float32", "b: (500), float32", "W: (500, 500), float32",
          "b: (500), float32", "W: (20, 500), float32", "b: (20), float32",
          "W: (20, 500), float32", "b: (20), float32", "W: (500, 20), float32",
          "b: (500), float32", "W: (500, 500), float32", "b: (500), float32",
          "W: (784, 500), float32", "b: (784), float32",
          // Named values.
          "enc_h1: (100, 500), float32", "enc_h2: (100, 500), float32", "z_mu: (100, 20), float32",
          "z_ln_var: (100, 20), float32", "z: (100, 20), float32", "dec_h1: (100, 500), float32",
          "dec_h2: (100, 500), float32", "dec_h3: (100, 784), float32",
          "reconstruction error: float32", "latent loss: float32", "loss: float32",
          // Values without a name: before each Softplus, in the reconstruction, in the latent loss.
          "(100, 500), float32", "(100, 500), float32", "(100, 500), float32",
          "(100, 500), float32", "(100, 784), float32", "(100, 784), float32",
          "(100, 784), float32", "float32", "float32", "(100, 20), float32", "(100, 20), float32",
          "(100, 20), float32", "(100, 20), float32", "(100, 20), float32", "(100, 20), float32",
          "float32", "float32",
        ].sorted())
  }

  @Test func aSquareHasOneEdge() throws {
    let g = GraphBuilder("square")
    let x = g.input("x", ValueType(.f32, [3]))
    g.output("y", x * x)
    let drawing = try drawn(g.build())
    #expect(drawing.functions == ["_ * _"])
    #expect(drawing.edges.count == 2)
  }

  @Test func dont_drawNoiseOrConstants() throws {
    let (graph, constants) = TestGraphs.chainerVAE()
    let drawing = try drawn(graph, constants)
    #expect(!drawing.text.contains("eps"))
    #expect(!drawing.text.contains("\"C"))
    #expect(!drawing.text.contains("\"k"))
  }

  @Test func dont_hideNoiseThatIsAnOrdinaryOperand() throws {
    let g = GraphBuilder("lowered")
    let x = g.input("x", ValueType(.f32, [3]))
    g.output("y", x * g.noise("eps", x.type, .normal))
    let drawing = try drawn(g.build())
    #expect(drawing.variables.contains("eps: (3), float32"))
  }

  @Test func drawsOnlyWhatTheRootsNeed() throws {
    let graph = TestGraphs.pytorchVAE()
    #expect(!(try drawn(graph).text.contains("recon")))
    #expect(try drawn(graph, roots: ["recon"]).text.contains("recon"))
    #expect(!(try drawn(graph, roots: ["recon"]).text.contains("loss")))
  }

  @Test(arguments: [
    ("x + 2", "_ + 2"), ("2 + x", "_ + 2"), ("x - 2", "_ + (-2)"), ("2 - x", "2 - _"),
    ("x * 2", "_ * 2"), ("2 * x", "_ * 2"), ("x / 2", "_ * 0.5"), ("2 / x", "2 / _"),
    ("x - -2", "_ + 2"), ("x * -2", "_ * (-2)"),
  ])
  func labelsArithmeticWithConstants(_ formula: String, _ label: String) throws {
    let g = GraphBuilder("arithmetic")
    let x = g.input("x", ValueType(.f32, [3]))
    let words = formula.split(separator: " ").map(String.init)
    let values = [words[0], words[2]].map { word in
      Int64(word).map { g.constant(.int($0), .f32) } ?? x
    }
    let op = ["+": TestOp.add, "-": TestOp.sub, "*": TestOp.mul, "/": TestOp.div][words[1]]
    g.output("y", values[0](try #require(op), values[1]))
    #expect(try drawn(g.build()).functions == [label])
  }

  @Test(arguments: [
    (Scalar.int(0), "0"), (.float(1), "1.0"), (.float(0.01), "0.01"), (.float(-0.5), "(-0.5)"),
    (.float(1e-8), "1e-08"), (.float(1e16), "1e+16"), (.float(9.5e15), "9500000000000000.0"),
    (.float(.infinity), "inf"),
  ])
  func printsNumbersAsPython(_ scalar: Scalar, _ text: String) throws {
    let g = GraphBuilder("numbers")
    let x = g.input("x", ValueType(.f32, [3]))
    g.output("y", x * g.constant(scalar, .f32))
    #expect(try drawn(g.build()).functions == ["_ * \(text)"])
  }

  @Test func anAliasDrawsNothingAndLendsItsName() throws {
    let g = GraphBuilder("alias")
    let x = g.input("x", ValueType(.f32, [3]))
    g.output("y", x(TestOp.exp)(TestOp.identity, name: "y"))
    let drawing = try drawn(g.build())
    #expect(drawing.functions == ["exp"])
    #expect(drawing.variables == ["x: (3), float32", "y: (3), float32"])
  }

  @Test func dont_hideAGradientBarrier() throws {
    let g = GraphBuilder("barrier")
    let x = g.input("x", ValueType(.f32, [3]))
    g.output("y", x(TestOp.exp)(TestOp.stopGradient))
    #expect(try drawn(g.build()).functions == ["exp", "stop_gradient"])
  }

  @Test func namesTheFreeDimensions() throws {
    let (graph, constants) = TestGraphs.chainerVAE()
    let error = #expect(throws: Diagnostic.self) { try drawn(graph, constants, n: nil) }
    #expect(error?.id == "unbound-dimension")
    #expect(error?.message.contains("the dimension N has no value") == true)
    #expect(error?.fix == "bind it: --dim N=100")
  }

  @Test func suggestsARoot() throws {
    let error = #expect(throws: Diagnostic.self) {
      try drawn(TestGraphs.pytorchVAE(), roots: ["los"])
    }
    #expect(error?.id == "unknown-output")
    #expect(error?.fix == "did you mean 'loss'?")
  }

  @Test func reportsASizeThatDoesNotFit() {
    let error = #expect(throws: Diagnostic.self) {
      try drawn(TestGraphs.pytorchVAE(), n: .max)
    }
    #expect(error?.id == "bad-size")
  }
}
