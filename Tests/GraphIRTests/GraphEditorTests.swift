import GraphIR
import GraphOps
import Testing

/// Nodes are shared between a graph and what continues it until one of them changes.
@Suite struct GraphEditorTests {
  private func graph() -> Graph {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let x = builder.input("x", .f32, ["N"])
    let twice = builder.scope("double") { (x * 1).named("once") * 2 }
    let loss = sum(tanh(twice), axes: []).named("loss")
    builder.output("loss", loss)
    return builder.build()
  }

  @Test func whatIsEditedStaysAsItWas() throws {
    let old = graph()
    let text = old.text()
    let editor = GraphEditor(old)
    let once = try #require(old.node(named: "once"))
    let x = try #require(old.node(named: "x"))
    let loss = try #require(old.node(named: "loss"))
    editor.adopt(loss.id, from: once.id)
    editor.replace(once.id, with: x.id)
    let (new, places) = editor.finish()
    #expect(old.text() == text)
    #expect(old.node(named: "once")?.id == once.id)
    #expect(loss.scope == [] && old[loss.id].scope == [])
    // The new graph has it all.
    let moved = try #require(places[loss.id.index])
    #expect(new[moved].scope == ["double"])
    #expect(new.node(named: "once")?.id == places[x.id.index])
    #expect(new.nodes.count == old.nodes.count - 2, "\(new.text())")
  }

  @Test func whatIsContinuedStaysAsItWas() throws {
    let old = graph()
    let text = old.text()
    let builder = GraphBuilder(continuing: old)
    let loss = try #require(builder.value(named: "loss"))
    builder.output("half", (loss * 0.5).named("half"))
    loss.named("cost")
    builder.absorb(["gone"], into: loss.id)
    builder.setRole(.update, of: loss.id)
    let new = builder.build()
    #expect(old.text() == text)
    #expect(old.node(named: "cost") == nil && old[loss.id].absorbed.isEmpty)
    #expect(new.node(named: "cost")?.id == loss.id)
    #expect(new[loss.id].absorbed == ["gone"] && new[loss.id].role == .update)
    // A finished graph stays as it is, too, when its builder goes on.
    let finished = new.text()
    loss.named("price")
    #expect(new.text() == finished)
    #expect(builder.build().node(named: "price")?.id == loss.id)
  }
}
