public import GraphIR

/// A named step from graph to graph that keeps what the graph computes, but for one that says so.
public struct Pass: Sendable {
  /// As the command line names it: `lower_sampling`.
  public let name: String
  /// One line: what it changes, before -> after.
  public let summary: String
  /// The rules it drives, when it is a set of rewrite rules.
  public let rules: [RewriteRule]
  /// Whether the graph computes the same afterwards. A pass that only now gives the text its
  /// meaning has nothing to be compared with.
  public let keepsMeaning: Bool
  private let body: @Sendable (Graph, PassContext) -> PassResult

  /// A pass of its own making; it must record every change in the context.
  public init(
    _ name: String, _ summary: String, keepsMeaning: Bool = true,
    _ body: @escaping @Sendable (Graph, PassContext) -> PassResult
  ) {
    self.name = name
    self.summary = summary
    self.keepsMeaning = keepsMeaning
    rules = []
    self.body = body
  }

  /// A pass that drives rules to a fixpoint. `hasWork` may say, quickly and without looking
  /// closely, that a graph holds nothing for them.
  public init(
    _ name: String, _ summary: String, rules: [RewriteRule],
    hasWork: @escaping @Sendable (Graph) -> Bool = { _ in true }
  ) {
    self.name = name
    self.summary = summary
    self.rules = rules
    keepsMeaning = true
    let table = RuleTable(rules)
    body = { graph, context in
      hasWork(graph) ? rewrite(graph, rules: table, context) : .unchanged(graph)
    }
  }

  func callAsFunction(_ graph: Graph, _ context: PassContext) -> PassResult {
    body(graph, context)
  }
}

/// What a pass made of a graph.
public struct PassResult: Sendable {
  public var graph: Graph
  /// Where each old node went, by its index; nil for those that are gone.
  public var places: [NodeID?]
  /// Which replacements, by their index in the context, made a node.
  public var makers: [NodeID: [Int]]

  public init(graph: Graph, places: [NodeID?], makers: [NodeID: [Int]] = [:]) {
    self.graph = graph
    self.places = places
    self.makers = makers
  }
}

extension PassResult {
  /// The graph as it was.
  static func unchanged(_ graph: Graph) -> PassResult {
    PassResult(graph: graph, places: graph.nodes.map(\.id))
  }
}
