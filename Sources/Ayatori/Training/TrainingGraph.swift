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
    try Compiler.checkTrainable(lowered, optimizer)
    let stable = try stabilize(lowered, keeping: [])
    return try optimize(trainingStep(of: stable, loss: loss, optimizer: optimizer))
  }

  /// The same before it is optimised, for looking into: every node of the text is there. Leaves no
  /// trace in the journal.
  ///
  /// Throws as `trainingGraph`.
  public func trainingGraphAsWritten(
    of source: Graph, loss: String, optimizer: Optimizer
  ) throws -> Graph {
    var quiet = options
    quiet.observers = []
    quiet.validator = nil
    let other = Compiler(quiet)
    let stable = try other.stabilize(other.lower(source), keeping: [])
    return try other.trainingStep(of: stable, loss: loss, optimizer: optimizer)
  }

  private static func checkTrainable(
    _ lowered: Graph, _ optimizer: Optimizer
  ) throws(Diagnostics) {
    let names = lowered.parameters.map(\.label)
    guard !names.isEmpty else { throw Diagnostics([.nothingToTrain(lowered)]) }
    let trained = lowered.updates.map { lowered[$0.target] }.filter(\.isParameter)
    let taken = lowered.names.filter { optimizer.keeps(name: $0) }
    let unwritable = lowered.persistent.filter { $0.label == SafetensorsFile.metadataKey }
    guard trained.isEmpty, taken.isEmpty, unwritable.isEmpty else {
      throw Diagnostics(
        trained.map { .updatedParameter($0, lowered) }
          + taken.map { .optimizerName($0, lowered, optimizer) }
          + unwritable.map { .checkpointName($0, lowered) })
    }
  }

  /// A lowered graph with the gradient and the update of every parameter, before optimising.
  ///
  /// Throws diagnostics when a parameter has no path from the loss.
  func trainingStep(
    of lowered: Graph, loss: String, optimizer: Optimizer
  ) throws(Diagnostics) -> Graph {
    let names = lowered.parameters.map(\.label)
    // The graph's own outputs come back below.
    let gradient = try addingDerivatives(to: lowered, loss: loss, withRespectTo: names)
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
    if lowered.output(named: loss) == nil, let root = builder.value(named: loss) {
      builder.output(loss, root)
    }
    return builder.build()
  }
}

extension Diagnostic {
  static func nothingToTrain(_ graph: Graph) -> Diagnostic {
    Diagnostic(
      "nothing-to-train", "graph '\(graph.name)' has no parameters",
      place: "graph '\(graph.name)'", expected: "at least one 'param' or 'layer'", got: "none")
  }

  static func updatedParameter(_ node: Node, _ graph: Graph) -> Diagnostic {
    Diagnostic(
      "updated-parameter", "the parameter '\(node.label)' has an update of its own",
      at: node.location, place: "graph '\(graph.name)'",
      expected: "parameters that the optimizer alone updates", got: "'update \(node.label) = …'",
      fix: "declare it as 'state' to keep the update, or drop the update to train it")
  }

  static func optimizerName(_ name: String, _ graph: Graph, _ optimizer: Optimizer) -> Diagnostic {
    Diagnostic(
      "optimizer-name", "the name '\(name)' is kept for the optimizer's state",
      at: graph.node(named: name)?.location, place: "graph '\(graph.name)'",
      expected: "a name that does not begin with '\(optimizer.prefix)'", got: "'\(name)'",
      fix: "give it another name")
  }
  static func checkpointName(_ node: Node, _ graph: Graph) -> Diagnostic {
    Diagnostic(
      "checkpoint-name", "no checkpoint can hold an array with the name '\(node.label)'",
      at: node.location, place: "graph '\(graph.name)'",
      expected: "another name: in safetensors files this one is of the metadata",
      got: "'\(node.label)'", fix: "give it another name")
  }
}
