import Drawing
import GraphIR
import Testing

/// Every text must pass `dot -Tsvg` without a word on stderr, and show names as they are.
@Suite(.enabled(if: GraphvizRun.path != nil, "Graphviz is not installed"))
struct GraphvizTests {
  static let oddNames = [
    "latent loss", "a\"b\\", "<b>", "&amp;", "&", "z.eps", "\\N", "\\", "a\\nb", "{x|<p> y}", "😀",
    "日本語", "a\nb\tc\rd", "\u{0}\u{1}\u{7F}\u{9F}", "\u{202E}abc", "\u{FFFE}\u{FFFF}", "]]>", "]",
    "]]", "-->",
    "a:b", "node", "%1", "function %1", "", " ", "'", "</B>", "&#92;", "\\\\", "a\\", "fc1.", ".W",
    "e\u{301}", "👩‍👩‍👧‍👦", String(repeating: "x", count: 10_240),
    "a" + String(repeating: "\u{301}", count: 10_240), String(repeating: "é", count: 5_000),
  ]

  @Test(arguments: oddNames, DrawingStyle.allCases)
  func takesAnyName(_ name: String, _ style: DrawingStyle) throws {
    let g = GraphBuilder(name)
    let type = ValueType(.f32, [g.dimension("N"), 3])
    let x = g.input(name, type)
    let weight = g.parameter(name + ".W" + name, ValueType(.f32, [3, 3]), .zeros)
    let y = g.scope(name) {
      x(TestOp.linear, weight, g.parameter(name + ".b", ValueType(.f32, [3]), .zeros))
        .named(name + " y")
    }
    g.output(name, y(TestOp.stopGradient)(TestOp.exp) * x)
    let text = try dot(
      g.build(), style: style, annotations: DrawingAnnotations(sizes: ["N": 2], title: name))
    let run = try GraphvizRun.svg(of: text)
    #expect(run.complaints == "")
    #expect(run.status == 0)
    #expect(run.svg.contains("</svg>"))
  }

  @Test(
    arguments: [
      ("latent loss", "latent loss"), ("a\"b\\", "a&quot;b\\"), ("<b>", "&lt;b&gt;"),
      ("&amp;", "&amp;amp;"), ("\\N", "\\N"), ("a\\nb", "a\\nb"), ("{x|<p>}", "{x|&lt;p&gt;}"),
      ("日本語", "日本語"), ("😀", "😀"), ("&#92;", "&amp;#92;"), ("\\\\G", "\\\\G"),
    ], DrawingStyle.allCases)
  func showsNamesAsTheyAre(_ name: (String, String), _ style: DrawingStyle) throws {
    let g = GraphBuilder("names")
    g.output("y", g.input(name.0, ValueType(.f32))(TestOp.exp))
    let run = try GraphvizRun.svg(of: try dot(g.build(), style: style))
    let shown = style == .chainer ? name.1 + ": float32" : name.1
    #expect(run.svg.contains(">\(shown)</text>"))
    #expect(run.complaints == "")
  }

  @Test(arguments: ["a|b", "{<p>}", "\\", "\\N", "\\{", "\\\\", "a\"b", "&lt;"])
  func showsFunctionsAsTheyAre(_ name: String) throws {
    let op = OpDefinition(
      name, "", operands: ["x"],
      type: TypeRule { context throws(TypeError) in context[0] },
      gradient: .notDifferentiable(because: ""),
      reference: ReferenceRule { _ throws(RunError) in throw RunError("") }, kernel: .none,
      drawing: DrawingSpec(.elementwise))
    let g = GraphBuilder("functions")
    g.output("y", g.input("x", ValueType(.f32))(op))
    for style in DrawingStyle.allCases {
      let run = try GraphvizRun.svg(of: try dot(g.build(), style: style))
      let shown = name.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
      #expect(run.svg.contains(">\(shown)</text>"))
      #expect(run.complaints == "")
    }
  }

  @Test(arguments: DrawingStyle.allCases)
  func takesTheModels(_ style: DrawingStyle) throws {
    let (chainer, constants) = TestGraphs.chainerVAE()
    let graphs = [chainer, TestGraphs.pytorchVAE(), TestGraphs.pytorchVAE(training: true)]
    for graph in graphs {
      let annotations = DrawingAnnotations(
        constants: graph.name == chainer.name ? constants : [:], sizes: ["N": 100])
      let run = try GraphvizRun.svg(of: try dot(graph, style: style, annotations: annotations))
      #expect(run.complaints == "")
      #expect(run.status == 0)
    }
  }

  @Test(arguments: DrawingStyle.allCases)
  func takesAnEmptyGraph(_ style: DrawingStyle) throws {
    let run = try GraphvizRun.svg(of: try dot(GraphBuilder("empty").build(), style: style))
    #expect(run.complaints == "")
    #expect(run.svg.contains("</svg>"))
  }

  /// Every look of node and edge at once, with ports and labels on one rank.
  @Test func takesEveryLook() throws {
    let g = GraphBuilder("looks")
    let x = g.input("x", ValueType(.f32, [3]))
    let state = g.state("step", ValueType(.f32, [3]), .zeros)
    let layer = g.parameter("l.W", ValueType(.f32, [3]), .zeros)
    let other = g.parameter("l.b", ValueType(.f32, [3]), .zeros)
    let cast = x(TestOp.cast, name: "cast")
    let loss = cast(TestOp.bernoulliNLL, layer)(TestOp.stopGradient)(TestOp.sum, name: "loss")
    g.output("loss", loss)
    for value in [layer, other, x] {
      let gradient = g.with(role: .adjoint(of: value.id, root: "loss", through: nil)) {
        loss(TestOp.broadcastLike, value)(TestOp.stopGradient) + value
      }
      g.with(role: .update) {
        if value.id == layer.id { g.update(layer, to: gradient * layer) }
        if value.id == other.id { g.update(state, to: state + gradient(TestOp.stopGradient)) }
      }
    }
    let graph = g.build()
    #expect(verify(graph).isEmpty)
    let run = try GraphvizRun.svg(of: try dot(graph, style: .ayatori))
    #expect(run.complaints == "")
    #expect(run.status == 0)
  }
}
