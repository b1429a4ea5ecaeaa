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

  /// A part of a drawing is asked for round a node that is not there.
  static func unknownCenter(_ name: String, in graph: Graph) -> Diagnostic {
    Diagnostic(
      "unknown-node", "graph '\(graph.name)' has no node '\(name)'",
      place: "graph '\(graph.name)'", expected: "the name of a node", got: "'\(name)'",
      fix: nearest(to: name, among: graph.names).map { "did you mean '\($0)'?" })
  }

  /// Two nodes are to be joined by paths, and there are none.
  static func noPath(from start: Node, to end: Node, in graph: Graph) -> Diagnostic {
    let isReversed = graph.paths(from: end.id, to: start.id) != nil
    return Diagnostic(
      "no-path", "no path leads from '\(start.mention)' to '\(end.mention)'",
      at: end.location, place: "graph '\(graph.name)'",
      expected: "an end that needs '\(start.mention)'",
      got: isReversed ? "a path the other way round" : "two nodes that do not need each other",
      fix: isReversed ? "swap them: from '\(end.mention)' to '\(start.mention)'" : nil)
  }

  /// A scope is to be collapsed that is not there.
  static func unknownScope(
    _ name: String, _ known: [String], in graph: Graph
  ) -> Diagnostic {
    Diagnostic(
      "unknown-scope", "graph '\(graph.name)' has no scope '\(name)'",
      place: "graph '\(graph.name)'",
      expected: known.isEmpty
        ? "a graph with scopes"
        : "one of " + known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : ""),
      got: "'\(name)'", fix: nearest(to: name, among: known).map { "did you mean '\($0)'?" })
  }

  /// The style `chainer` draws a loss with all that it needs, and nothing less.
  static func wholeGraphsOnly(_ graph: Graph) -> Diagnostic {
    Diagnostic(
      "chainer-whole", "the style 'chainer' draws all that a loss needs, in full",
      place: "graph '\(graph.name)'", expected: "no selection and no collapsed scopes",
      fix: "draw in the style 'ayatori'")
  }
}
