public import Ayatori
import GraphIR
import GraphOps

/// A sampling node with what it draws from, each with a name that stays through lowering.
public struct SamplingSite: Sendable {
  /// One of the values round the node.
  public struct Place: Sendable {
    /// `mean`, `log_variance`, `logits`, …; `draw` for the node itself.
    public let role: String
    public let name: String
  }

  /// The source graph, in which every operand of the node has a name.
  public let graph: Graph
  /// The node's name.
  public let name: String
  /// The parameters of the distribution, in the op's order.
  public let parameters: [Place]
  /// The name of the noise leaf; nil where something else stands in its place.
  public let noise: String?

  public var draw: Place { Place(role: "draw", name: name) }

  /// Finds the sampling node `name`, or the graph's only one. Throws diagnostics.
  public init(_ source: Graph, node name: String? = nil) throws(Diagnostics) {
    try self.init(source, node: name, flag: "--node")
  }

  /// `flag` is the command's that takes the name.
  init(_ source: Graph, node name: String?, flag: String) throws(Diagnostics) {
    let id = try SamplingSite.node(of: source, name, flag: flag)
    let graph = SamplingSite.namingOperands(source, of: id)
    self.graph = graph
    let node = graph[id]
    self.name = node.label
    let roles = SamplingSite.roles(node)
    let noisePlace = node.definition?.sampling?.noiseOperand
    parameters = zip(roles, node.operands).enumerated().compactMap { place, pair in
      place == noisePlace ? nil : Place(role: pair.0, name: graph[pair.1].label)
    }
    noise = noisePlace.map { graph[node.operands[$0]] }.flatMap { $0.isNoise ? $0.name : nil }
  }

  /// Finds the node in a graph that is cut at what is fed, leaves and others. Throws diagnostics.
  init(cutting source: Graph, at feeds: Feeds?, node name: String?) throws {
    let fed = Set((feeds?.inputs ?? [:]).keys)
    let draws = source.draws.filter { fed.contains($0.label) }
    let left = source.draws.count - draws.count
    if let draw = draws.first(where: { $0.name == name }) ?? (left == 0 ? draws.first : nil) {
      throw Diagnostics([.drawIsGiven(draw)])
    }
    try self.init(source.cut(at: fed), node: name)
  }

  /// The site in a graph that was made of its own and kept the names round the node.
  init(_ site: SamplingSite, in graph: Graph) {
    self.graph = graph
    name = site.name
    parameters = site.parameters
    noise = site.noise
  }

  /// The sampling node itself.
  public var node: Node {
    guard let node = graph.node(named: name) else { preconditionFailure("'\(name)' is gone") }
    return node
  }

  public var operation: Operation {
    guard let operation = node.operation else { preconditionFailure("'\(name)' is a leaf") }
    return operation
  }

  public var estimator: Estimator { operation.estimator ?? .pathwise }

  /// Where `parameters + [draw]` stand in tables: one that is a mean and a scale at once, once.
  var distinctPlaces: [Int] {
    let names = (parameters + [draw]).map(\.name)
    return names.indices.filter { names.firstIndex(of: names[$0]) == $0 }
  }

  /// What a value is to the draw: `mean`, or `mean and stddev`.
  func roles(of name: String) -> String {
    (parameters + [draw]).filter { $0.name == name }.map(\.role).joined(separator: " and ")
  }

  /// Whether the draw's noise is given, so that all draws are the same.
  func isNoiseFed(_ feeds: Feeds) -> Bool { noise.map { feeds.inputs[$0] != nil } ?? false }

  /// Whether the draw's costs carry the derivative already: another estimator would count twice.
  var isApplied: Bool { estimator == .surrogate }

  /// Whether there is anything to compare estimators by.
  func isCompared(_ feeds: Feeds, isExact: Bool) -> Bool {
    !isApplied && (isExact || !isNoiseFed(feeds))
  }

  /// Other draws that the distribution's parameters depend on.
  var drawsBefore: [Node] {
    let needed = graph.needed(by: parameters.compactMap { graph.node(named: $0.name)?.id })
    return graph.draws.filter { needed[$0.id.index] }
  }

  /// The same site under another estimator. Throws diagnostics where the distribution has no such.
  public func choosing(_ estimator: Estimator, draws: Int) throws(Diagnostics) -> Graph {
    try graph.choosing(estimator: estimator.name, draws: draws, of: name)
  }

  private static func node(
    of graph: Graph, _ name: String?, flag: String
  ) throws(Diagnostics) -> NodeID {
    let candidates = graph.draws
    if let name {
      if let node = candidates.first(where: { $0.name == name || $0.aliases.contains(name) }) {
        return node.id
      }
      throw Diagnostics([.noSamplingNode(graph, name, candidates.map(\.label))])
    }
    guard candidates.count == 1 else {
      throw Diagnostics([.noSamplingNode(graph, nil, candidates.map(\.label), flag: flag)])
    }
    return candidates[0].id
  }

  /// Ids change when sampling is lowered, names do not: unnamed operands get one.
  private static func namingOperands(_ graph: Graph, of id: NodeID) -> Graph {
    let node = graph[id]
    let builder = GraphBuilder(continuing: graph)
    for (role, operand) in zip(roles(node), node.operands) where graph[operand].name == nil {
      Value(builder: builder, id: operand).named(builder.freeName("\(node.label).\(role)"))
    }
    if node.name == nil { Value(builder: builder, id: id).named(builder.freeName("draw")) }
    return builder.build()
  }

  /// What the operands of a sampling node are to it, by the keywords in use.
  private static func roles(_ node: Node) -> [String] {
    guard let operation = node.operation else { return [] }
    return node.operands.indices.map { index in
      let spec = operation.definition.operandSpec(at: index)
      return spec.choice.map { operation.attributes.symbol($0) } ?? spec.name
    }
  }
}

extension Diagnostic {
  static func drawIsGiven(_ draw: Node) -> Diagnostic {
    Diagnostic(
      "draw-given", "'\(draw.label)' is given a value: nothing is drawn there", at: draw.location,
      place: "--inputs", expected: "a draw, to look at the gradient round it",
      got: "an array for '\(draw.label)'",
      fix: "give its noise instead: \(draw.label).eps; or leave it out")
  }
}
