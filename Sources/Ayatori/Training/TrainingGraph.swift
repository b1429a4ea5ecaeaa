public import GraphIR

extension Compiler {
  /// Forward, gradient and update of every parameter as one static graph.
  ///
  /// Throws diagnostics when a parameter has no path from the loss, and a `PassFailure` for a
  /// mistake in Ayatori.
  public func trainingGraph(
    of source: Graph, loss: String, optimizer: Optimizer
  ) throws -> Graph {
    let lowered = try lower(source)
    let names = lowered.parameters.map(\.label)
    guard !names.isEmpty else { throw Diagnostics([.nothingToTrain(lowered)]) }
    let gradient = try differentiate(lowered, loss: loss, withRespectTo: names)
    let builder = GraphBuilder(continuing: gradient)
    let pairs = names.compactMap { name -> (parameter: Value, gradient: Value)? in
      guard let parameter = builder.value(named: name),
        let output = gradient.output(named: derivativeName(of: loss, withRespectTo: name))
      else { return nil }
      return (parameter, Value(builder: builder, id: output.node))
    }
    optimizer.appendUpdates(pairs, to: builder)
    builder.removeOutputs()
    for output in lowered.outputs {
      builder.output(output.name, Value(builder: builder, id: output.node))
    }
    return try optimize(builder.build())
  }
}

extension Diagnostic {
  static func nothingToTrain(_ graph: Graph) -> Diagnostic {
    Diagnostic(
      "nothing-to-train", "graph '\(graph.name)' has no parameters",
      place: "graph '\(graph.name)'", expected: "at least one 'param' or 'layer'", got: "none")
  }
}
