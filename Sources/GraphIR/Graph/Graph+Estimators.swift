extension Graph {
  /// The sampling nodes, in graph order.
  public var draws: [Node] { nodes.filter { $0.definition?.sampling != nil } }

  /// The graph with another estimator for a draw, or for all draws when `name` is nil.
  ///
  /// `draws` is the number of draws over which costs are averaged; nil leaves it as it is. Throws
  /// diagnostics for a name that is no draw, an estimator that the draw's op does not know, a
  /// number that does not fit, and a draw whose estimator is part of the graph already.
  public func choosing(
    estimator: String, draws count: Int? = nil, of name: String? = nil
  ) throws(Diagnostics) -> Graph {
    let chosen = draws.filter { name == nil || $0.name == name || $0.aliases.contains(name ?? "") }
    guard !chosen.isEmpty else {
      throw Diagnostics([.noSamplingNode(self, name, draws.map(\.label))])
    }
    let ids = Set(chosen.map(\.id))
    let rebuilder = GraphRebuilder(self)
    var found: [Diagnostic] = []
    for node in nodes {
      guard ids.contains(node.id), let operation = node.operation,
        let sampling = operation.definition.sampling
      else {
        rebuilder.copy(node)
        continue
      }
      let isApplied = operation.estimator.map { operation.definition.reserves($0.name) } ?? false
      if isApplied, !operation.definition.reserves(estimator) {
        found.append(.estimatorApplied(node))
        rebuilder.copy(node)
        continue
      }
      var attributes = operation.attributes
      attributes.set(sampling.estimatorAttribute, to: .symbol(estimator))
      if let count { attributes.set(sampling.drawsAttribute, to: .int(count)) }
      do throws(TypeError) {
        let complete = try operation.definition.completed(attributes)
        try operation.definition.requireOffered(estimator, isApplied: isApplied)
        _ = try operation.definition.type(
          TypeRule.Context(
            definition: operation.definition, operands: node.operands.map { self[$0].type },
            attributes: complete))
        rebuilder.replace(node) {
          rebuilder.builder.make(
            operation.definition, rebuilder.operands(of: node), complete)
        }
      } catch {
        found.append(.estimator(error, node))
        rebuilder.copy(node)
      }
    }
    guard found.isEmpty else { throw Diagnostics(found) }
    return rebuilder.finish()
  }
}

extension OpDefinition {
  /// Throws for an estimator that is no choice: what a pass leaves behind; and left behind here, if
  /// `isApplied`: what became it would count twice.
  fileprivate func requireOffered(_ estimator: String, isApplied: Bool) throws(TypeError) {
    guard reserves(estimator) else { return }
    let spec = attributes.first { $0.name == sampling?.estimatorAttribute }
    throw TypeError(
      "'\(estimator)' is what a pass makes of an estimator, and no choice",
      expected: "one of " + (spec?.choices ?? []).joined(separator: ", "), got: estimator,
      fix: isApplied ? nil : "the estimator that becomes it: \(Estimator.score.name)")
  }
}

extension OpDefinition {
  /// Whether an estimator of its draws is what a pass leaves behind.
  fileprivate func reserves(_ estimator: String) -> Bool {
    attributes.first { $0.name == sampling?.estimatorAttribute }?.reserved.contains(estimator)
      ?? false
  }
}

extension Diagnostic {
  /// A choice for a draw whose costs carry the derivative already: another would count twice.
  static func estimatorApplied(_ node: Node) -> Diagnostic {
    Diagnostic(
      "estimator-applied", "the estimator of '\(node.label)' is part of the graph already",
      at: node.location, place: "the estimator of '\(node.label)'",
      expected: "a graph as it was before apply_estimators", got: "costs that carry the derivative")
  }

  /// A choice of estimator that a draw's op refuses.
  static func estimator(_ error: TypeError, _ node: Node) -> Diagnostic {
    Diagnostic(
      "estimator-choice", "'\(node.label)': \(error.message)", at: node.location,
      place: "the estimator of '\(node.label)'", expected: error.expected, got: error.got,
      fix: error.fix)
  }

  package static func noSamplingNode(
    _ graph: Graph, _ name: String?, _ candidates: [String], flag: String = "--node"
  ) -> Diagnostic {
    let known = candidates.isEmpty ? "none" : candidates.joined(separator: ", ")
    guard let name else {
      return Diagnostic(
        "no-sampling-node",
        candidates.isEmpty
          ? "graph '\(graph.name)' has no sampling node"
          : "graph '\(graph.name)' has several sampling nodes",
        place: "graph '\(graph.name)'", expected: "one statement 'z ~ distribution(…)'", got: known,
        fix: candidates.isEmpty ? nil : "choose one by its name: \(flag) \(candidates[0])")
    }
    return Diagnostic(
      "no-sampling-node", "'\(name)' is no sampling node of graph '\(graph.name)'",
      at: graph.node(named: name)?.location, place: "graph '\(graph.name)'",
      expected: candidates.isEmpty ? "a sampling node, of which there is none" : "one of: \(known)",
      got: "'\(name)'",
      fix: nearest(to: name, among: candidates).map { "did you mean '\($0)'?" })
  }
}
