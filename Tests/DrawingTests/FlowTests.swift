@testable import Drawing
import Foundation
import GraphIR
import Testing

/// Gradients drawn over a graph.
@Suite struct FlowTests {
  // MARK: Numbers and widths

  @Test(
    arguments: [
      (0, "0"), (1, "1.00"), (6.1258, "6.13"), (527.4, "527"), (0.00112, "0.00112"),
      (123_456, "123456"), (4.32e7, "4.32e7"), (5.4e-9, "5.40e-9"), (-2.5, "-2.50"),
      (.infinity, "inf"), (9.999e-300, "10.00e-300"),
    ] as [(Double, String)])
  func numbers(value: Double, expected: String) throws {
    let text = DrawingFlow.number(value)
    if value.isFinite, value != 0 {
      let read = try #require(Double(text))
      #expect(abs(read - value) <= abs(value) * 6e-3, "\(text)")
    } else {
      #expect(text == expected)
    }
    if abs(value) > 1e-200 { #expect(text == expected) }
  }

  private static func flow(_ norms: [Double?]) -> DrawingFlow {
    let edge = GraphDiff.Edge(tail: NodeID(0), head: NodeID(1))
    return DrawingFlow(
      roots: ["a"], arrows: norms.map { DrawingFlow.Arrow(edge: edge, root: 0, norm: $0) },
      stops: [])
  }

  /// Equal ratios of norms are equal differences of width.
  @Test func widthsAreLogarithms() {
    let width = Self.flow([1e-3, 1, 1e3]).widths()
    #expect(abs(width(1e-3) - 1) < 1e-3 && abs(width(1e3) - 6) < 1e-3)
    #expect(abs(width(1) - 3.5) < 1e-3 && abs(width(10) - (3.5 + 5.0 / 6)) < 1e-3)
    #expect(width(0) == 1 && width(1e-30) == 1 && width(.infinity) == 4 && width(nil) == 1.8)
    #expect(Self.flow([nil]).widths()(nil) == 1.8)
    #expect(Self.flow([5]).widths()(5) == 4)
  }

  @Test(arguments: [
    ("noise: nothing (at 'mul %3')", "noise: nothing"),
    (
      "the estimator 'stopped' cuts the path; 'pathwise' would open it",
      "the estimator 'stopped' cuts the path"
    ),
    (String(repeating: "x", count: 60), String(repeating: "x", count: 43) + "…"),
  ])
  func reasonsAreShort(reason: String, expected: String) {
    #expect(DrawingFlow.short(reason) == expected)
  }

  // MARK: Lines

  private static func graph() -> Graph {
    let g = GraphBuilder("g")
    let x = g.input("x", ValueType(.f32))
    let y = x(TestOp.exp, name: "y")
    g.output("z", (x * y).named("z"))
    return g.build()
  }

  private static func edge(_ graph: Graph, _ from: String, _ to: String) throws -> GraphDiff.Edge {
    GraphDiff.Edge(
      tail: try #require(graph.node(named: from)).id, head: try #require(graph.node(named: to)).id)
  }

  @Test func everyRootHasItsOwnLine() throws {
    let graph = Self.graph()
    let (down, across) = try (Self.edge(graph, "x", "y"), Self.edge(graph, "x", "z"))
    var annotations = DrawingAnnotations()
    annotations.flow = DrawingFlow(
      roots: ["bce", "kld"],
      arrows: [
        .init(edge: down, root: 0, norm: 3), .init(edge: down, root: 1, norm: 4),
        .init(edge: down, root: 1, norm: 3),
      ], stops: [.init(edge: across, root: 0, reason: "because")])
    let lines = try dot(graph, style: .ayatori, annotations: annotations)
      .split(separator: "\n").map(String.init)
    let flows = lines.filter { $0.contains("dir=\"back\"") && !$0.contains("legend") }
    #expect(flows.count == 3)
    // Along the forward edge, with the arrow at the value; two of one root are one line.
    #expect(flows[0].contains("\"x\" -> \"y\"") && flows[0].contains("arrowtail=\"normal\""))
    #expect(flows[0].contains("style=\"solid\"") && flows[0].contains("label=\" 3.00 \""))
    #expect(flows[1].contains("style=\"dashed\"") && flows[1].contains("label=\" 5.00 \""))
    #expect(flows[2].contains("arrowtail=\"tee\"") && flows[2].contains("label=\" because \""))
    let legend = lines.filter { $0.contains("legend") }.joined()
    for text in ["gradient of bce", "gradient of kld", "gradient blocked"] {
      #expect(legend.contains(text))
    }
    let plain = try dot(graph, style: .ayatori)
    #expect(!plain.contains("dir=\"back\"") && !plain.contains("gradient of"))
  }

  @Test(.enabled(if: GraphvizRun.path != nil, "Graphviz is not installed"), arguments: 0..<24)
  func graphvizTakesRandomFlows(_ seed: Int) throws {
    let graph = FuzzTests.graph(seed)
    var random = FuzzTests.Random(state: UInt64(seed) &* 31 &+ 7)
    var flow = DrawingFlow(roots: ["a", "b\"<|{", "日本語", "d", "e"], arrows: [], stops: [])
    for node in graph.nodes {
      for operand in node.operands {
        let edge = GraphDiff.Edge(tail: operand, head: node.id)
        for root in 0..<5 where random.below(3) == 0 {
          if random.below(4) == 0 {
            flow.stops.append(.init(edge: edge, root: root, reason: "no\"<|{ 😀: way"))
          } else {
            let norm = random.below(2) == 0 ? nil : Double(random.below(1_000)) / 7
            flow.arrows.append(.init(edge: edge, root: root, norm: norm))
          }
        }
      }
    }
    var annotations = DrawingAnnotations()
    annotations.flow = flow
    let text = try dot(graph, style: .ayatori, annotations: annotations)
    #expect(try dot(graph, style: .ayatori, annotations: annotations) == text)
    let run = try GraphvizRun.svg(of: text)
    #expect(run.complaints == "" && run.status == 0, "seed \(seed)")
  }
}
