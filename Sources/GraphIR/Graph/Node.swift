/// A value that no operation computes.
public enum Leaf: Hashable, Sendable {
  /// Fed at every run.
  case input
  /// Trainable: kept between runs, first set by its initialiser.
  case parameter(Initializer)
  /// Kept between runs, not trainable: optimiser moments, step counters.
  case state(Initializer)
  /// Drawn from the counter-based stream of (seed, node name, step), or fed by name.
  case noise(NoiseDistribution)
  /// One number, of any dtype; scalar shape.
  case constant(Scalar)
  /// The value of a dimension as a scalar.
  case size(Dim)

  /// Equal constants are one node; other leaves are told apart by their names.
  package var isShareable: Bool {
    switch self {
    case .constant, .size: true
    case .input, .parameter, .state, .noise: false
    }
  }
}

/// An operation with the values of its attributes, in the order that its definition declares.
public struct Operation: Hashable, Sendable {
  public let definition: OpDefinition
  public let attributes: Attributes

  public init(_ definition: OpDefinition, _ attributes: Attributes) {
    self.definition = definition
    self.attributes = attributes
  }
}

/// Why a node is in the graph.
public enum Role: Hashable, Sendable {
  /// Written by the person.
  case forward
  /// Part of ∂root/∂of. `through` names the user of `of` along which a contribution comes, when
  /// the node is one of several contributions that are summed. `of` is nil once the forward node
  /// is gone from the graph.
  case adjoint(of: NodeID?, root: String, through: NodeID?)
  /// Part of an optimiser's update.
  case update
}

/// One value of a graph: what computes it, its type, and how people know it.
public struct Node: Sendable {
  public enum Body: Hashable, Sendable {
    case leaf(Leaf)
    case operation(Operation)
  }

  public let id: NodeID
  public let body: Body
  public let operands: [NodeID]
  public let type: ValueType
  /// What the person called it; leaves but constants always have one.
  public let name: String?
  /// Further names of the same value.
  public let aliases: [String]
  /// Enclosing scopes, outermost first.
  public let scope: [String]
  public let location: SourceLocation?
  public let role: Role

  public init(
    id: NodeID, body: Body, operands: [NodeID], type: ValueType, name: String?, aliases: [String],
    scope: [String], location: SourceLocation?, role: Role
  ) {
    self.id = id
    self.body = body
    self.operands = operands
    self.type = type
    self.name = name
    self.aliases = aliases
    self.scope = scope
    self.location = location
    self.role = role
  }

  public var operation: Operation? {
    if case .operation(let operation) = body { operation } else { nil }
  }

  public var leaf: Leaf? {
    if case .leaf(let leaf) = body { leaf } else { nil }
  }

  /// The name when there is one, else the id: what diagnostics and drawings call the node.
  public var label: String { name ?? id.description }

  /// How messages mention the node to people who have not seen its id: a node without a name goes
  /// by its op, `mul %9`.
  public var mention: String {
    guard name == nil, let operation else { return label }
    return "\(operation.definition.name) \(id)"
  }

  /// Whether this is a trainable parameter.
  public var isParameter: Bool { if case .leaf(.parameter) = body { true } else { false } }
  /// Whether the value is kept between runs: parameters and state.
  public var isPersistent: Bool {
    switch body {
    case .leaf(.parameter), .leaf(.state): true
    default: false
    }
  }
  public var isNoise: Bool { if case .leaf(.noise) = body { true } else { false } }
  public var isInput: Bool { if case .leaf(.input) = body { true } else { false } }
}
