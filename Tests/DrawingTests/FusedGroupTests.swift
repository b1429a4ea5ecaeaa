import Drawing
import GraphIR
import Testing

@Suite struct FusedGroupTests {
  /// x, then two scopes whose nodes share group 3, and a group within one scope.
  private static func graph() -> Graph {
    let g = GraphBuilder("fused")
    let x = g.input("x", ValueType(.f32, [g.dimension("N"), 8]))
    let (a, c) = g.scope("encoder") {
      let c = x(TestOp.relu, name: "c")
      let d = g.with(group: .some(1)) { c(TestOp.exp, name: "d")(TestOp.relu, name: "e") }
      return (g.with(group: .some(3)) { d(TestOp.sigmoid, name: "a") }, c)
    }
    let b = g.scope("decoder") { g.with(group: .some(3)) { a(TestOp.exp, name: "b") } }
    g.output("y", (b + c).named("y"))
    return g.build()
  }

  /// The headings of the clusters round each line that defines a node, outermost first.
  static func clusters(_ text: String) -> [String: [String]] {
    var stack: [String] = []
    var found: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
      let line = line.drop { $0 == " " }
      if line.hasPrefix("subgraph") || line.hasPrefix("digraph") {
        stack.append("")
      } else if line == "}" {
        stack.removeLast()
      } else if line.hasPrefix("label="), !stack.isEmpty {
        var heading = String(line.dropFirst(7).dropLast(2))
        for tag in ["<B>", "</B>", "<I>", "</I>"] { heading = heading.replacing(tag, with: "") }
        stack[stack.count - 1] = heading
      } else if line.hasPrefix("\""), !line.contains(" -> "), let end = line.firstIndex(of: "[") {
        found[String(line[..<end].dropLast().dropFirst().dropLast())] = Array(stack.dropFirst())
      }
    }
    return found
  }

  @Test func scopesStandInsideAndOutside() throws {
    let text = try dot(
      FusedGroupTests.graph(), style: .ayatori, annotations: DrawingAnnotations(sizes: ["N": 4]))
    let clusters = Self.clusters(text)
    #expect(clusters["x"] == [])
    #expect(clusters["c"] == ["encoder"])
    // All members share the scope, so that it stands outside.
    #expect(clusters["d"] == ["encoder", "fused #1 (2 ops, 512 B → 256 B of traffic)"])
    #expect(clusters["e"] == clusters["d"])
    #expect(clusters["a"] == ["fused #3 (2 ops, 512 B → 256 B of traffic)", "encoder"])
    #expect(clusters["b"] == ["fused #3 (2 ops, 512 B → 256 B of traffic)", "decoder"])
  }

  @Test func dont_showTrafficWithoutSizes() throws {
    let clusters = Self.clusters(try dot(FusedGroupTests.graph(), style: .ayatori))
    #expect(clusters["b"] == ["fused #3 (2 ops)", "decoder"])
  }

  @Test func aPartOfAGroupSaysSo() throws {
    let clusters = Self.clusters(
      try dot(
        FusedGroupTests.graph(), style: .ayatori,
        options: DrawingOptions(selection: .around(["b"], radius: 0))))
    #expect(clusters["b"] == ["decoder", "fused #3 (1 of 2 ops)"])
    let collapsed = Self.clusters(
      try dot(
        FusedGroupTests.graph(), style: .ayatori, options: DrawingOptions(collapsed: ["encoder"])))
    #expect(collapsed["b"] == ["decoder", "fused #3 (1 of 2 ops)"])
  }

  @Test func groupsOfSeveralPartsStandBeside() throws {
    let g = GraphBuilder("mixed")
    let x = g.input("x", ValueType(.f32, [4]))
    let h = g.scope("s") { g.with(group: .some(1)) { x(TestOp.exp, name: "h") } }
    let loss = h(TestOp.sum, name: "loss")
    g.output("loss", loss)
    let adjoint = Role.adjoint(of: h.id, root: "loss", through: nil)
    _ = g.with(scope: ["s"], role: adjoint, group: .some(1)) { (h * x).named("g") }
    _ = g.with(scope: ["s"], role: adjoint, group: .some(2)) { (h + x).named("k") }
    let clusters = Self.clusters(try dot(g.build(), style: .ayatori))
    #expect(clusters["h"]?.first?.hasPrefix("fused #1 (2 ops") == true)
    #expect(clusters["g"] == clusters["h"] && clusters["h"]?.last == "s")
    #expect(clusters["k"]?.prefix(2) == ["gradient of loss ↑", "s"])
    #expect(clusters["loss"] == ["forward ↓"])
  }
}
