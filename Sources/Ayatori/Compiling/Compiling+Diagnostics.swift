import GraphIR

// Messages about names and gradients that a command line or an API call asks for.

extension Diagnostic {
  static func unknownNode(_ name: String, _ graph: Graph) -> Diagnostic {
    let copy = DrawName(name)
    if let number = copy.number, let node = graph.node(named: copy.base), number > 1,
      graph.draws.contains(where: { ($0.operation?.draws ?? 1) >= number })
    {
      let isNoise = node.isNoise
      return Diagnostic(
        "further-draw", "'\(name)' is of a further draw, which the graph as written does not have",
        at: node.location, place: "graph '\(graph.name)'",
        expected: "the name of a node, as '\(copy.base)' of the first draw", got: "'\(name)'",
        notes: isNoise
          ? [Diagnostic.Note("further draws have noise of their own, by the seed and the step")]
          : [],
        fix: "write the draws out and give the arrays to that graph: "
          + "ayatori opt FILE --passes=apply_estimators > drawn.aya")
    }
    return Diagnostic(
      "unknown-node", "graph '\(graph.name)' has no node '\(name)'", place: "graph '\(graph.name)'",
      expected: "the name of a node", got: "'\(name)'",
      fix: nearest(to: name, among: graph.names).map { "did you mean '\($0)'?" })
  }

  static func noGradient(
    _ name: String, _ loss: String, _ graph: Graph, _ reason: String
  ) -> Diagnostic {
    Diagnostic(
      "no-gradient", "there is no gradient of '\(loss)' with respect to '\(name)'",
      at: graph.node(named: name)?.location, place: "graph '\(graph.name)'",
      expected: "a differentiable path from '\(loss)' to '\(name)'", got: reason)
  }

  static func gradientNameTaken(
    by graph: Graph, _ loss: String, _ target: String
  ) -> Diagnostic {
    let name = derivativeName(of: loss, withRespectTo: target)
    return Diagnostic(
      "gradient-name", "an output and a gradient are both called '\(name)'",
      at: graph.value(named: name)?.location,
      place: "graph '\(graph.name)'",
      expected: "a name of its own for the gradient of '\(loss)' by '\(target)'",
      got: "the name of an output as well",
      fix: "give the node another name, or leave it out of the outputs")
  }

  static func noOutputs(_ graph: Graph, _ path: String) -> Diagnostic {
    Diagnostic(
      "no-outputs", "graph '\(graph.name)' has no outputs: running it would give nothing",
      severity: .warning, place: path, expected: "a statement such as 'output loss'", got: "none")
  }

  static func fedTwice(_ label: String, _ alias: String) -> Diagnostic {
    Diagnostic(
      "fed-twice", "'\(label)' is fed twice, under different names", place: alias,
      expected: "one array for a node", got: "another one under '\(alias)'")
  }

  static func gradientCut(_ cut: BlockedEdges, _ loss: String, _ graph: Graph) -> Diagnostic {
    let edge = cut.first
    let others = cut.others.map { "'\(graph[$0.user].mention)'" }
    let more =
      others.isEmpty
      ? []
      : [
        Diagnostic.Note(
          "the same in \(others.count) cop\(others.count == 1 ? "y" : "ies") of it: "
            + others.joined(separator: ", "))
      ]
    return Diagnostic(
      "gradient-cut",
      "the gradient of '\(loss)' does not pass into '\(graph[edge.operand].mention)'",
      severity: .warning, at: graph[edge.user].location, place: "graph '\(graph.name)'",
      got: edge.reason,
      notes: [.init("what lies behind it gets the rest of its gradient only")] + more)
  }

  static func noLoss(_ graph: Graph, _ scalars: [String]) -> Diagnostic {
    Diagnostic(
      "no-loss", "it is not clear what graph '\(graph.name)' minimises",
      place: "graph '\(graph.name)'",
      expected: "an output named 'loss', or exactly one floating scalar among the outputs",
      got: scalars.isEmpty ? "no scalar output" : scalars.joined(separator: ", "),
      fix: "name it: --loss NAME")
  }

  static func unreadableText(_ path: String) -> Diagnostic {
    Diagnostic(
      "not-utf8", "the file is not a text", place: path, expected: "UTF-8", got: "other bytes")
  }
}
