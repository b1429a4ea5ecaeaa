public import Ayatori
import GraphIR
import Runtime

/// Where a value that is not finite was born: at a node all of whose operands are finite.
public struct NonFiniteBirth: Sendable, Encodable {
  /// The node, as messages mention it.
  public let node: String
  /// What it computes, as text: `exp(logvar)`.
  public let expression: String
  /// Of a node of the backward pass: the forward node to whose gradient it belongs.
  public let gradientOf: String?
  /// The index of the first element that is not finite, and what it is.
  public let index: [Int]
  public let value: Double
  /// How many elements of the node are not finite.
  public let count: Int
  /// Whether the node is a leaf, which came so from outside.
  public let isLeaf: Bool
  /// The text's line, for people: `Graphs/x.aya:12`.
  public let place: String?
  public let location: SourceLocation?

  private enum CodingKeys: String, CodingKey {
    case node, expression, gradientOf, index, value, count, isLeaf, place
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(node, forKey: .node)
    try container.encode(expression, forKey: .expression)
    try container.encodeIfPresent(gradientOf, forKey: .gradientOf)
    try container.encode(index, forKey: .index)
    // JSON has no word for it.
    try container.encode(numberText(value), forKey: .value)
    try container.encode(count, forKey: .count)
    try container.encode(isLeaf, forKey: .isLeaf)
    try container.encodeIfPresent(place, forKey: .place)
  }
}

/// A value that is put into a run on purpose, to see where it shows up.
public struct Plant: Sendable {
  /// The node's name, or its `%id` in the graph that is searched.
  public let node: String
  public let value: Double
  /// The place in row-major order.
  public let element: Int

  public init(_ node: String, value: Double = .nan, element: Int = 0) {
    self.node = node
    self.value = value
    self.element = element
  }
}

extension NonFiniteBirth {
  /// Runs a graph node by node as written, and lists where values that are not finite come from, in
  /// graph order. `graph` is lowered and differentiated.
  ///
  /// Throws diagnostics for feeds that do not fit, and for a plant that has no place.
  public static func find(
    in graph: Graph, feeds: Feeds, plant: Plant? = nil
  ) throws -> [NonFiniteBirth] {
    let values = try values(of: graph, feeds)
    guard let plant else { return births(in: graph, values) }
    guard let node = graph.node(named: plant.node), let own = values[node.id.index],
      node.type.dtype.isFloating
    else { throw Diagnostics([.unknownPlant(plant, graph)]) }
    guard plant.element < own.count else { throw Diagnostics([.plantOutside(plant, own)]) }
    var planted = own.doubles
    planted[plant.element] = plant.value
    let array = NDArray(converting: planted, to: own.dtype, shape: own.shape)
    let name = node.name ?? "planted"
    let rebuilder = GraphRebuilder(graph)
    for other in graph.nodes {
      if other.id == node.id, !node.isPersistent, !node.isInput, !node.isNoise {
        rebuilder.replace(other) {
          rebuilder.builder.leaf(
            .input, node.type, name: node.name ?? rebuilder.builder.freeName(name))
        }
      } else {
        rebuilder.copy(other)
      }
    }
    let cut = rebuilder.finish()
    var feeds = feeds
    if node.isPersistent {
      feeds.parameters[name] = array
    } else {
      feeds.inputs[rebuilder.value(of: node.id)?.name ?? name] = array
    }
    // Ids moved; values by the old ones.
    let new = try self.values(of: cut, feeds)
    let moved = graph.nodes.map { old in rebuilder.value(of: old.id).flatMap { new[$0.id.index] } }
    return births(in: graph, moved, planted: node.id)
  }

  /// Every node's value, by its index; nil for what cannot be handed back.
  private static func values(of graph: Graph, _ feeds: Feeds) throws -> [NDArray?] {
    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    builder.removeUpdates()
    for node in graph.nodes {
      builder.output("\(node.id)", Value(builder: builder, id: node.id))
    }
    let all = builder.build()
    let bound = try CompiledGraph(optimized: all, feeding: all.fedNoise(feeds.inputs.keys))
      .bind(feeds, of: all)
    try bound.run(step: feeds.step)
    return graph.nodes.map { bound.output("\($0.id)") }
  }

  /// Where in the backward pass a node stands, whatever the pass differentiates.
  private struct Way: Hashable {
    var of: NodeID?
    var through: NodeID?
    var location: SourceLocation?
  }

  private static func births(
    in graph: Graph, _ values: [NDArray?], planted: NodeID? = nil
  ) -> [NonFiniteBirth] {
    var isSick = [Bool](repeating: false, count: graph.nodes.count)
    var births: [NonFiniteBirth] = []
    // Passes from several roots meet the same value on the same way; the first pass tells of it.
    var tellers: [Way: String] = [:]
    for node in graph.nodes {
      guard let array = values[node.id.index], array.dtype.isFloating else { continue }
      let statistics = ArrayStatistics(array)
      guard let index = statistics.firstNonFinite else { continue }
      isSick[node.id.index] = true
      // −∞ as a constant is what somebody wrote.
      if case .leaf(.constant) = node.body, node.id != planted { continue }
      let inherits = node.operands.contains { isSick[$0.index] }
      guard !inherits || node.id == planted else { continue }
      if node.id != planted, case .adjoint(let of, let root, let through) = node.role {
        let way = Way(of: of, through: through, location: node.location)
        guard tellers[way, default: root] == root else { continue }
        tellers[way] = root
      }
      let place = zip(index, array.shape).reduce(0) { $0 * $1.1 + $1.0 }
      var subject: String?
      if case .adjoint(let of, _, _) = node.role { subject = of.map { graph[$0].mention } }
      births.append(
        NonFiniteBirth(
          node: node.mention, expression: graph.call(node), gradientOf: subject, index: index,
          value: array.doubles[place], count: statistics.nonFinite, isLeaf: node.body.isLeaf,
          place: node.location.map { "\($0.file.name):\($0.line)" },
          location: node.location))
    }
    return births
  }
}

extension Diagnostic {
  static func unknownPlant(_ plant: Plant, _ graph: Graph) -> Diagnostic {
    Diagnostic(
      "unknown-node", "graph '\(graph.name)' has no floating node '\(plant.node)'",
      place: "--plant", expected: "a name, or an %id that the report prints",
      got: "'\(plant.node)'",
      fix: nearest(to: plant.node, among: graph.names).map { "did you mean '\($0)'?" })
  }

  static func plantOutside(_ plant: Plant, _ array: NDArray) -> Diagnostic {
    Diagnostic(
      "plant-outside", "'\(plant.node)' has no element \(plant.element)", place: "--plant",
      expected: array.count == 0
        ? "a node with elements" : "an element from 0 to \(array.count - 1)",
      got: "\(plant.element)")
  }
}
