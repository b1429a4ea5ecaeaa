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

    /// Whether this belongs to what the graph takes in and keeps, used or not.
    package var isSignature: Bool {
      switch self {
      case .leaf(.input), .leaf(.parameter), .leaf(.state), .leaf(.noise): true
      case .leaf(.constant), .leaf(.size), .operation: false
      }
    }

    package var isLeaf: Bool { if case .leaf = self { true } else { false } }
  }

  /// All of it behind one reference: nodes are copied far more often than made. `change` copies it
  /// first when another node holds it too, so that what is shared never changes.
  private final class Contents: @unchecked Sendable {
    let body: Body
    let definition: OpDefinition?
    let type: ValueType
    @exclusivity(unchecked) var group: Int?
    @exclusivity(unchecked) var operands: [NodeID]
    @exclusivity(unchecked) var name: String?
    @exclusivity(unchecked) var aliases: [String]
    @exclusivity(unchecked) var absorbed: [String]
    @exclusivity(unchecked) var scope: [String]
    @exclusivity(unchecked) var location: SourceLocation?
    @exclusivity(unchecked) var role: Role

    init(
      _ body: Body, _ operands: [NodeID], _ type: ValueType, _ name: String?, _ aliases: [String],
      _ absorbed: [String], _ scope: [String], _ location: SourceLocation?, _ role: Role,
      _ group: Int?
    ) {
      self.body = body
      if case .operation(let operation) = body {
        definition = operation.definition
      } else {
        definition = nil
      }
      self.operands = operands
      self.type = type
      self.name = name
      self.aliases = aliases
      self.absorbed = absorbed
      self.scope = scope
      self.location = location
      self.role = role
      self.group = group
    }

    func copy() -> Contents {
      Contents(
        body, operands, type, name, aliases, absorbed, scope, location, role, group)
    }
  }

  public let id: NodeID
  private var contents: Contents

  public var body: Body { contents.body }
  /// The op that computes the node, at hand without copying its attributes; nil for leaves.
  public var definition: OpDefinition? { contents.definition }
  public var operands: [NodeID] { contents.operands }
  public var type: ValueType { contents.type }
  /// What the person called it; leaves but constants always have one.
  public var name: String? { contents.name }
  /// Further names of the same value.
  public var aliases: [String] { contents.aliases }
  /// Names of values that are no longer computed by themselves since a pass made this node do their
  /// work: `y = neg(%3) @absorbs(s)` where the person wrote `s = sigmoid(x)`, `y = log(s)`.
  public var absorbed: [String] { contents.absorbed }
  /// Enclosing scopes, outermost first.
  public var scope: [String] { contents.scope }
  public var location: SourceLocation? { contents.location }
  public var role: Role { contents.role }
  /// The number of the fused group whose one step computes the node with others; nil when it runs
  /// by itself.
  public var group: Int? { contents.group }

  public init(
    id: NodeID, body: Body, operands: [NodeID], type: ValueType, name: String?, aliases: [String],
    absorbed: [String] = [], scope: [String], location: SourceLocation?, role: Role,
    group: Int? = nil
  ) {
    self.id = id
    contents = Contents(
      body, operands, type, name, aliases, absorbed, scope, location, role, group)
  }

  private init(_ id: NodeID, _ contents: Contents) {
    self.id = id
    self.contents = contents
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
  /// by its op, `mul %9`, and a name with what cannot be seen in it as texts spell it.
  public var mention: String {
    if let name { return Identifier.visible(name) }
    guard let operation else { return label }
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

// MARK: Changing, for builders and editors

extension Node {
  private mutating func change(_ body: (Contents) -> Void) {
    if !isKnownUniquelyReferenced(&contents) { contents = contents.copy() }
    body(contents)
  }

  mutating func setOperand(_ place: Int, to operand: NodeID) {
    change { $0.operands[place] = operand }
  }

  mutating func setRole(_ role: Role) { change { $0.role = role } }

  /// Takes a further name, which is its own when it has none.
  mutating func add(name: String) {
    change { if $0.name == nil { $0.name = name } else { $0.aliases.append(name) } }
  }

  mutating func absorb(_ name: String) {
    if !contents.absorbed.contains(name) { change { $0.absorbed.append(name) } }
  }

  /// Gives all names away.
  mutating func dropNames() {
    change { contents in
      contents.name = nil
      contents.aliases = []
      contents.absorbed = []
    }
  }

  /// Takes scope, role and source line over.
  mutating func adopt(_ other: Node) {
    change { contents in
      contents.scope = other.scope
      contents.role = other.role
      contents.location = other.location
    }
  }

  /// The same under another id and in another group, with nodes renumbered; `absorbing` further
  /// names.
  func moved(
    to id: NodeID, absorbing names: [String] = [], operand: (NodeID) -> NodeID, group: Int?,
    role: (Role) -> Role
  ) -> Node {
    var moved = Node(id, contents)
    let role = role(contents.role)
    if role != contents.role { moved.setRole(role) }
    if group != contents.group { moved.change { $0.group = group } }
    for (place, old) in contents.operands.enumerated() {
      let new = operand(old)
      if new != old { moved.setOperand(place, to: new) }
    }
    if !names.isEmpty { moved.change { $0.absorbed += names } }
    return moved
  }

  /// Whether an equal node would be this one.
  var isShareable: Bool {
    switch contents.body {
    case .operation: true
    case .leaf(let leaf): leaf.isShareable && contents.name == nil
    }
  }

  /// Whether `op` computes the node: asked more often than anything else.
  func isUse(of op: OpDefinition) -> Bool { contents.definition === op }
}
