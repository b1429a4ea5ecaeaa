import GraphIR

extension Diagnostic {
  static func noLocalDerivatives(_ node: Node, _ graph: Graph) -> Diagnostic {
    let got = node.operation.map { "\($0.definition.name): \($0.definition.summary)" }
    return Diagnostic(
      "no-local-derivatives", "'\(node.label)' has no derivatives element by element",
      at: node.location, place: "graph '\(graph.name)'",
      expected: "a sampling node, or a floating node that works element by element",
      got: got ?? "\(node.body.isLeaf ? "a leaf" : "") of type \(node.type)")
  }
}
