import GraphIR

extension AyatoriDrawing {
  /// A `…` beside a box for neighbours that a selection leaves out.
  struct Stub {
    /// The place of the box in `boxes`.
    var box: Int
    var isInput: Bool
    /// What is left out, in graph order, each once.
    var nodes: [NodeID]
  }

  func stubs() -> [Stub] {
    guard options.selection != nil else { return [] }
    var inputs: [Int: Set<NodeID>] = [:]
    var users: [Int: Set<NodeID>] = [:]
    for node in graph.nodes where folded[node.id.index] == nil {
      for operand in node.operands {
        for source in folded[operand.index]?.sources ?? [operand] {
          switch (boxOf[source.index], boxOf[node.id.index]) {
          case (nil, let box?): inputs[box, default: []].insert(source)
          case (let box?, nil): users[box, default: []].insert(node.id)
          default: break
          }
        }
      }
    }
    return boxes.indices.flatMap { box in
      [(inputs[box], true), (users[box], false)].compactMap { nodes, isInput in
        nodes.map { Stub(box: box, isInput: isInput, nodes: $0.sorted()) }
      }
    }
  }

  private func id(of stub: Stub) -> String {
    // No plain name holds a '%'.
    "more \(stub.isInput ? "into" : "out of") %\(stub.box)"
  }

  private func tooltip(of stub: Stub) -> String {
    let names = stub.nodes.prefix(12).map { DOT.short(graph[$0].mention) }
    let rest = stub.nodes.count - names.count
    return "not drawn: " + names.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }

  func writeNode(of stub: Stub, _ writer: inout DOTWriter) {
    writer.node(
      id(of: stub),
      [
        ("label", .text("…")), ("shape", .text("plaintext")), ("fontsize", .text("12")),
        ("fontcolor", .text(Hue.muted)), ("height", .text("0.15")), ("width", .text("0.25")),
        ("margin", .text("0,0")), ("tooltip", .text(tooltip(of: stub))),
      ])
  }

  /// Written along the flow of its part, as other edges are.
  func writeEdge(of stub: Stub, _ writer: inout DOTWriter, _ legend: inout Legend) {
    let box = boxes[stub.box]
    let ends = (
      stub: DOTWriter.Endpoint(id: id(of: stub)), box: DOTWriter.Endpoint(id: box.id, port: nil)
    )
    legend.add(edge: .cut)
    let isAbove = stub.isInput != (box.place.part == .gradient)
    let pointsDown = box.place.part != .gradient
    var attributes = EdgeLook.cut.attributes(end: pointsDown ? "arrowhead" : "arrowtail")
    if !pointsDown { attributes.append(("dir", .text("back"))) }
    attributes.append(("tooltip", .text(tooltip(of: stub))))
    writer.edge(isAbove ? ends.stub : ends.box, isAbove ? ends.box : ends.stub, attributes)
  }
}
