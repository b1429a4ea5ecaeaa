import GraphIR

extension Diagnostic {
  /// A drawing is asked for from an output that is not there.
  static func unknownRoot(_ name: String, in graph: Graph) -> Diagnostic {
    let names = graph.outputs.map(\.name)
    return Diagnostic(
      "unknown-output", "graph '\(graph.name)' has no output '\(name)'",
      place: "graph '\(graph.name)'",
      expected: names.isEmpty ? "a graph with outputs" : "one of " + names.joined(separator: ", "),
      got: name, fix: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
  }

  /// Chainer's style shows concrete shapes, and some dimensions have no value.
  static func unboundForDrawing(_ dimensions: [String], in graph: Graph) -> Diagnostic {
    let several = dimensions.count > 1
    return Diagnostic(
      "unbound-dimension",
      "the chainer style draws concrete shapes, and the dimension\(several ? "s" : "") "
        + dimensions.joined(separator: ", ") + " \(several ? "have" : "has") no value",
      place: "graph '\(graph.name)'",
      fix: "bind " + (several ? "them" : "it") + ": "
        + dimensions.map { "--dim \($0)=100" }.joined(separator: " "))
  }

  /// A bound size makes a shape that cannot be.
  static func badSize(_ node: Node, _ error: DimError) -> Diagnostic {
    Diagnostic(
      "bad-size", "the shape \(node.type.shape) of '\(node.label)' cannot be drawn: \(error)",
      at: node.location)
  }
}
