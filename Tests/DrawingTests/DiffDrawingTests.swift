import Drawing
import GraphIR
import Testing

@Suite struct DiffDrawingTests {
  private static func graph(_ middle: OpDefinition, extra: Bool, half: Double) -> Graph {
    let g = GraphBuilder("pair")
    let x = g.input("x", ValueType(.f32, [4]))
    let h = x(middle, name: "h")
    let scaled = (h * g.float(half)).named("scaled")
    let y = extra ? scaled(TestOp.sigmoid, name: "extra") : scaled(TestOp.relu, name: "gone")
    g.output("y", (y + h).named("y"))
    return g.build()
  }

  static let text: String = {
    let diff = GraphDiff(
      from: graph(TestOp.exp, extra: false, half: 0.5),
      to: graph(TestOp.relu, extra: true, half: 0.25))
    let union = diff.union()
    return
      (try? dot(
        union.graph, style: .ayatori, annotations: DrawingAnnotations(union: union))) ?? ""
  }()

  private func line(_ start: String) throws -> Substring {
    try #require(Self.text.split(separator: "\n").first { $0.contains(start) })
  }

  @Test func signsAndLinesSayIt() throws {
    let gone = try line("\"gone\" [")
    #expect(gone.contains("<B>−</B> <B>gone</B>") && gone.contains("dashed"))
    let extra = try line("\"extra\" [")
    #expect(extra.contains("<B>+</B> <B>extra</B>") && extra.contains("penwidth=\"3.4\""))
    let changed = try line("\"h\" [")
    #expect(changed.contains("<B>~</B> <B>h</B>") && changed.contains("op: was exp"))
    #expect(try line("\"scaled\" [").contains("operands: was (h, 0.5)"))
    let same = try line("\"x\" [")
    #expect(!same.contains("<B>−") && !same.contains("<B>+") && !same.contains("<B>~"))
  }

  @Test func edgesSayIt() throws {
    let removed = try line("\"gone\" -> \"y\"")
    #expect(removed.contains("label=\" − \"") && removed.contains("was an operand of"))
    #expect(try line("\"extra\" -> \"y\"").contains("label=\" + \""))
    #expect(!(try line("\"h\" -> \"y\"").contains("label=")))
  }

  @Test func theLegendExplains() {
    for word in ["removed", "added", "changed"] {
      #expect(Self.text.contains("\"legend \(word)\" ["))
    }
  }

  @Test func aCollapsedScopeCounts() throws {
    func graph(_ op: OpDefinition) -> Graph {
      let g = GraphBuilder("scoped")
      let x = g.input("x", ValueType(.f32, [4]))
      g.scope("s") { g.output("y", x(op)(TestOp.sigmoid, name: "y")) }
      return g.build()
    }
    let union = GraphDiff(from: graph(TestOp.exp), to: graph(TestOp.relu)).union()
    let text = try dot(
      union.graph, style: .ayatori, annotations: DrawingAnnotations(union: union),
      options: DrawingOptions(collapsed: ["s"]))
    #expect(text.contains("<B>1 −,  1 +,  1 ~</B>"))
  }
}
