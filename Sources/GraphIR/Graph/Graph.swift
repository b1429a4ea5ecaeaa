/// A static computation graph: nodes in topological order, immutable, each known by a small id.
///
/// The one data structure from text to plan. Operands always stand before their users, so that a
/// walk over `nodes` is a walk in the order of execution. Made by a `GraphBuilder`; changed by
/// building a new one.
public struct Graph: Sendable {
  /// A named dimension; without a default it is bound when the graph runs.
  public struct Dimension: Hashable, Sendable {
    public var name: String
    public var defaultSize: Int?

    public init(name: String, defaultSize: Int? = nil) {
      self.name = name
      self.defaultSize = defaultSize
    }
  }

  /// A value that runs hand back under its name.
  public struct Output: Hashable, Sendable {
    public var name: String
    public var node: NodeID

    public init(name: String, node: NodeID) {
      self.name = name
      self.node = node
    }
  }

  /// After a run, the persistent leaf `target` holds the value of `value`.
  public struct Update: Hashable, Sendable {
    public var target: NodeID
    public var value: NodeID

    public init(target: NodeID, value: NodeID) {
      self.target = target
      self.value = value
    }
  }

  public let name: String
  public let dimensions: [Dimension]
  public let nodes: [Node]
  public let outputs: [Output]
  public let updates: [Update]
  /// Nodes by their names and aliases.
  let idsByName: [String: NodeID]

  package init(
    name: String, dimensions: [Dimension], nodes: [Node], outputs: [Output], updates: [Update]
  ) {
    self.name = name
    self.dimensions = dimensions
    self.nodes = nodes
    self.outputs = outputs
    self.updates = updates
    var ids: [String: NodeID] = [:]
    for node in nodes {
      if let name = node.name { ids[name] = node.id }
      for alias in node.aliases { ids[alias] = node.id }
    }
    idsByName = ids
  }

  public subscript(_ id: NodeID) -> Node { nodes[id.index] }

  /// The node that bears `name`, or whose `%id` it is.
  public func node(named name: String) -> Node? {
    if let id = idsByName[name] { return nodes[id.index] }
    guard name.hasPrefix("%"), let index = Int(name.dropFirst()), nodes.indices.contains(index)
    else { return nil }
    return nodes[index]
  }

  /// What people mean by a name: the output that bears it, else the node.
  public func value(named name: String) -> Node? {
    output(named: name).map { self[$0.node] } ?? node(named: name)
  }

  /// Every name in the graph, aliases included, in graph order.
  public var names: [String] {
    nodes.flatMap { node in (node.name.map { [$0] } ?? []) + node.aliases }
  }

  public func output(named name: String) -> Output? { outputs.first { $0.name == name } }

  public var inputs: [Node] { nodes.filter(\.isInput) }
  public var parameters: [Node] { nodes.filter(\.isParameter) }
  /// Parameters and state, in graph order.
  public var persistent: [Node] { nodes.filter(\.isPersistent) }
  public var noises: [Node] { nodes.filter(\.isNoise) }

  /// What travels along the edge into operand `place` of an operation, as far as derivatives go:
  /// what the op says, but never anything into a noise leaf.
  public func edgeKind(of place: Int, into node: Node) -> EdgeKind {
    let operand = self[node.operands[place]]
    if operand.isNoise { return .noise }
    let edge = node.definition?.operandSpec(at: place).edge ?? .differentiable
    // Only floats have derivatives: neither a cast to an integer nor a sum of integers passes any.
    let isSmooth = operand.type.dtype.isFloating && node.type.dtype.isFloating
    return edge == .differentiable && !isSmooth ? .nondifferentiable : edge
  }

  /// A fused group: operations that run as one step, in graph order.
  public struct Group: Hashable, Sendable {
    /// As the text has it: `fused 3 { … }`.
    public var number: Int
    public var members: [NodeID]
  }

  /// The fused groups, in the order of their first members.
  public var groups: [Group] {
    var groups: [Group] = []
    var places: [Int: Int] = [:]
    for node in nodes {
      guard let number = node.group else { continue }
      if let place = places[number] {
        groups[place].members.append(node.id)
      } else {
        places[number] = groups.count
        groups.append(Group(number: number, members: [node.id]))
      }
    }
    return groups
  }

  /// The users of each node, in graph order, each once.
  public func users() -> [[NodeID]] {
    var users = [[NodeID]](repeating: [], count: nodes.count)
    for node in nodes {
      for operand in node.operands where users[operand.index].last != node.id {
        users[operand.index].append(node.id)
      }
    }
    return users
  }

  /// The nodes that any of `roots` needs, as a mark per node; roots included.
  public func needed(by roots: some Sequence<NodeID>) -> [Bool] {
    var marks = [Bool](repeating: false, count: nodes.count)
    for root in roots { marks[root.index] = true }
    for node in nodes.reversed() where marks[node.id.index] {
      for operand in node.operands { marks[operand.index] = true }
    }
    return marks
  }

  /// Whether the two are one value: their nodes lie in the same memory. False says nothing.
  package func isSame(as other: Graph) -> Bool {
    nodes.count == other.nodes.count
      && nodes.withUnsafeBufferPointer { a in
        other.nodes.withUnsafeBufferPointer { b in a.baseAddress == b.baseAddress }
      }
      && name == other.name && dimensions == other.dimensions && outputs == other.outputs
      && updates == other.updates
  }

  /// The sizes that the defaults give, overridden by `sizes`.
  public func sizes(binding sizes: [String: Int] = [:]) -> [String: Int] {
    var result: [String: Int] = [:]
    for dimension in dimensions { result[dimension.name] = dimension.defaultSize }
    return result.merging(sizes) { _, new in new }
  }
}
