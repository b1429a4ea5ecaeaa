/// The only way to make a graph: appends nodes, checks each, and shares equal ones.
///
///     let graph = GraphBuilder("demo")
///     let x = graph.input("x", .f32, ["N", 784])
///     let h = graph.scope("encoder") { relu(fc1(x)).named("h1") }
///     graph.output("h1", h)
///     let done = graph.build()
///
/// Equal pure operations on equal operands are one node (hash-consing); a second name becomes an
/// alias. Not for use from several threads.
public final class GraphBuilder {
  public let graphName: String
  private var dimensions: [Graph.Dimension] = []
  private var dimensionPlaces: [String: Int] = [:]
  // What a `GraphEditor` changes in place.
  // Read at every step of every pass, and by one owner at a time: looking for overlapping accesses
  // took a tenth of compile time.
  @exclusivity(unchecked) var nodes: [Node] = []
  /// The first of equal nodes; filled when it is first needed, since a graph that is only looked
  /// at needs none.
  @exclusivity(unchecked) private var equals = EqualNodes()
  private var isShared = true
  var ids: [String: NodeID] = [:]
  private var reserved: Set<String> = []
  /// The number that `freeName` gave last, by base: names are never given back.
  private var lastNumbers: [String: Int] = [:]
  private var outputs: [Graph.Output] = []
  private var outputNames: Set<String> = []
  private var updates: [Graph.Update] = []
  private var scopePath: [String] = []
  private var role = Role.forward
  private var location: SourceLocation?
  private var group: Int?
  /// The node whose scope, role and location new nodes take over; read when the first is made.
  private var model: NodeID?

  /// A name is in use already, by the node given.
  public struct NameTaken: Error {
    public let name: String
    public let owner: NodeID
  }

  public init(_ name: String) { graphName = name }

  /// Continues a finished graph: same nodes under the same ids.
  public init(continuing graph: Graph) {
    graphName = graph.name
    for dimension in graph.dimensions {
      self.dimension(dimension.name, default: dimension.defaultSize)
    }
    outputs = graph.outputs
    outputNames = Set(graph.outputs.map(\.name))
    updates = graph.updates
    isShared = false
    // Not copied before something changes: most passes find nothing in most graphs.
    nodes = graph.nodes
    ids = graph.idsByName
  }

  // MARK: Equal nodes

  /// To be called before equal nodes are looked for.
  func share() {
    if isShared { return }
    isShared = true
    equals.reserve(nodes.count)
    for index in nodes.indices where nodes[index].isShareable { keepFirst(NodeID(index)) }
  }

  private static func hash(_ body: Node.Body, _ operands: [NodeID]) -> Int {
    switch body {
    case .leaf(let leaf): return leaf.hashValue
    case .operation(let operation):
      var hash = UInt(bitPattern: ObjectIdentifier(operation.definition).hashValue)
      for operand in operands {
        hash = (hash ^ UInt(operand.index)) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
      }
      if !operation.attributes.entries.isEmpty {
        hash ^= UInt(bitPattern: operation.attributes.hashValue)
      }
      return Int(bitPattern: hash)
    }
  }

  private func hash(of id: NodeID) -> Int {
    GraphBuilder.hash(nodes[id.index].body, nodes[id.index].operands)
  }

  private func place(
    _ hash: Int, _ body: Node.Body, _ operands: [NodeID], _ dtype: DType
  ) -> Int? {
    equals.place(hash) { id in
      nodes[id.index].operands == operands && nodes[id.index].type.dtype == dtype
        && nodes[id.index].body == body
    }
  }

  private func place(equalTo id: NodeID, _ hash: Int) -> Int? {
    place(hash, nodes[id.index].body, nodes[id.index].operands, nodes[id.index].type.dtype)
  }

  private func existing(_ body: Node.Body, _ operands: [NodeID], _ dtype: DType) -> NodeID? {
    share()
    return place(GraphBuilder.hash(body, operands), body, operands, dtype).map { equals[$0] }
  }

  /// Lets the node be found by those that are equal to it, unless an earlier one is. Returns who is
  /// equal to it and was found so far.
  @discardableResult
  func keepFirst(_ id: NodeID) -> NodeID? {
    let hash = hash(of: id)
    guard let place = place(equalTo: id, hash) else {
      equals.insert(id, hash)
      return nil
    }
    let twin = equals[place]
    if id < twin { equals[place] = id }
    return twin
  }

  /// Nobody is to find the node any more: it is gone, or is about to change.
  func forget(_ id: NodeID) {
    if let place = place(equalTo: id, hash(of: id)), equals[place] == id {
      equals.remove(at: place)
    }
  }

  // MARK: Dimensions

  /// Declares a named dimension; without a default it is bound when the graph runs.
  @discardableResult
  public func dimension(_ name: String, default size: Int? = nil) -> Dim {
    if let index = dimensionPlaces[name] {
      dimensions[index].defaultSize = size
    } else {
      dimensionPlaces[name] = dimensions.count
      dimensions.append(Graph.Dimension(name: name, defaultSize: size))
    }
    return .symbol(name)
  }

  public func dimension(named name: String) -> Graph.Dimension? {
    dimensionPlaces[name].map { dimensions[$0] }
  }

  public var dimensionNames: [String] { dimensions.map(\.name) }

  // MARK: Leaves

  public func input(_ name: String, _ type: ValueType) -> Value {
    leaf(.input, type, name: name)
  }

  /// An input of the given element type and shape: `graph.input("x", .f32, ["N", 784])`.
  public func input(_ name: String, _ dtype: DType, _ shape: Shape) -> Value {
    input(name, ValueType(dtype, shape))
  }

  public func parameter(_ name: String, _ type: ValueType, _ initializer: Initializer) -> Value {
    leaf(.parameter(initializer), type, name: name)
  }

  public func state(_ name: String, _ type: ValueType, _ initializer: Initializer) -> Value {
    leaf(.state(initializer), type, name: name)
  }

  public func noise(_ name: String, _ type: ValueType, _ distribution: NoiseDistribution) -> Value {
    leaf(.noise(distribution), type, name: name)
  }

  /// A number; a named constant is a node of its own, so that `--const` can reach it.
  public func constant(_ scalar: Scalar, _ dtype: DType, name: String? = nil) -> Value {
    leaf(.constant(scalar), ValueType(dtype), name: name)
  }

  /// The value of a dimension as a scalar; without any named dimension it is a constant.
  public func size(_ dim: Dim, _ dtype: DType, name: String? = nil) -> Value {
    leaf(.size(dim), ValueType(dtype), name: name)
  }

  /// Appends a leaf. Misuse traps: a name must be free, and only constants may go without.
  package func leaf(_ leaf: Leaf, _ type: ValueType, name: String?) -> Value {
    if case .size(let dim) = leaf, let value = dim.constant {
      return self.leaf(.constant(.int(Int64(value))), type, name: name)
    }
    precondition(name != nil || leaf.isShareable, "a leaf that is not a constant needs a name")
    if let name { precondition(ids[name] == nil, "the name '\(name)' is taken") }
    if let excess = type.excess { preconditionFailure("\(type) has \(excess.message)") }
    if leaf.isShareable, name == nil, let id = existing(.leaf(leaf), [], type.dtype) {
      return Value(builder: self, id: id)
    }
    settleModel()
    return Value(
      builder: self,
      id: append(.leaf(leaf), [], type, name: name, group: nil))
  }

  // MARK: Operations

  /// Applies an op; attributes that are left out take their defaults.
  ///
  /// Throws a `TypeError` when operands or attributes do not fit.
  public func apply(
    _ op: OpDefinition, _ operands: [Value], _ attributes: Attributes = .none
  ) throws(TypeError) -> Value {
    let complete = op.isComplete(attributes) ? attributes : try op.completed(attributes)
    try op.checkOperandCount(operands.count)
    let type = try op.type(
      TypeRule.Context(definition: op, operands: operands.map(\.type), attributes: complete))
    let body = Node.Body.operation(Operation(op, complete))
    let ids = operands.map(\.id)
    if let id = existing(body, ids, type.dtype) { return Value(builder: self, id: id) }
    settleModel()
    return Value(
      builder: self,
      id: append(body, ids, type, name: nil, group: group))
  }

  /// Applies an op whose operands are known to fit. Misuse traps with the type error's words.
  public func make(
    _ op: OpDefinition, _ operands: [Value], _ attributes: Attributes = .none
  ) -> Value {
    do {
      return try apply(op, operands, attributes)
    } catch {
      let types = operands.map { "\($0.type)" }.joined(separator: ", ")
      preconditionFailure(
        "\(op.name)(\(types)): \(error.message); expected \(error.expected ?? "–"), "
          + "got \(error.got ?? "–")")
    }
  }

  private func append(
    _ body: Node.Body, _ operands: [NodeID], _ type: ValueType, name: String?, group: Int?
  ) -> NodeID {
    let id = NodeID(nodes.count)
    nodes.append(
      Node(
        id: id, body: body, operands: operands, type: type, name: name, aliases: [],
        scope: scopePath, location: location, role: role, group: group))
    if let name { ids[name] = id }
    if isShared, nodes[id.index].isShareable { keepFirst(id) }
    return id
  }

  // MARK: Names, scopes, roles

  public func value(named name: String) -> Value? {
    ids[name].map { Value(builder: self, id: $0) }
  }

  public var names: [String] { Array(ids.keys) }

  /// Names a value; one that has a name already gets an alias.
  public func setName(_ name: String, of value: Value) throws(NameTaken) {
    if let owner = ids[name] {
      if owner == value.id { return }
      throw NameTaken(name: name, owner: owner)
    }
    ids[name] = value.id
    // A constant that gets a name stays shared: the name says nothing about overriding it.
    nodes[value.id.index].add(name: name)
  }

  /// `base`, or `base#2`, `base#3`, … when taken.
  public func freeName(_ base: String) -> String {
    func isTaken(_ name: String) -> Bool { ids[name] != nil || reserved.contains(name) }
    if !isTaken(base) { return base }
    var number = lastNumbers[base] ?? 2
    while isTaken("\(base)#\(number)") { number += 1 }
    lastNumbers[base] = number
    return "\(base)#\(number)"
  }

  /// Names a value as `freeName` says; one that has the name already, or has it with a number where
  /// another has it without, keeps that.
  package func setFreeName(_ base: String, of id: NodeID) {
    if let owner = ids[base] {
      let node = nodes[id.index]
      let prefix = base + "#"
      let isNumbered = ((node.name.map { [$0] } ?? []) + node.aliases).contains {
        $0.hasPrefix(prefix) && $0.dropFirst(prefix.count).allSatisfy(\.isWholeNumber)
      }
      if owner == id || isNumbered { return }
    }
    let name = freeName(base)
    ids[name] = id
    nodes[id.index].add(name: name)
  }

  /// Keeps names that later nodes will bear from `freeName`.
  package func reserve(_ names: some Sequence<String>) { reserved.formUnion(names) }

  /// What is built inside `body` belongs to the scope `name`, within the current one.
  public func scope<R, E: Error>(_ name: String, _ body: () throws(E) -> R) throws(E) -> R {
    settleModel()
    scopePath.append(name)
    defer { scopePath.removeLast() }
    return try body()
  }

  /// What is built inside `body` bears the given scope, role and location instead of the current.
  package func with<R, E: Error>(
    scope: [String]? = nil, role: Role? = nil, location: SourceLocation? = nil,
    group: Int?? = nil, _ body: () throws(E) -> R
  ) throws(E) -> R {
    settleModel()
    let saved = (scopePath, self.role, self.location, self.group)
    defer { (scopePath, self.role, self.location, self.group) = saved }
    if let scope { scopePath = scope }
    if let role { self.role = role }
    if let location { self.location = location }
    if let group { self.group = group }
    return try body()
  }

  /// What is built from now on bears the scope, role and location of a node, and no group.
  ///
  /// Costs nothing until something is built, and rules build seldom.
  package func build(like model: NodeID) { self.model = model }

  private func settleModel() {
    guard let model else { return }
    self.model = nil
    scopePath = nodes[model.index].scope
    role = nodes[model.index].role
    location = nodes[model.index].location
    group = nil
  }

  package func setRole(_ role: Role, of id: NodeID) { nodes[id.index].setRole(role) }

  /// Notes that the node does the work of values that have no node any more.
  package func absorb(_ names: [String], into id: NodeID) {
    for name in names { nodes[id.index].absorb(name) }
  }

  // MARK: Reading back

  public var nodeCount: Int { nodes.count }
  public func type(of id: NodeID) -> ValueType { nodes[id.index].type }
  public func name(of id: NodeID) -> String? { nodes[id.index].name }
  package func body(of id: NodeID) -> Node.Body { nodes[id.index].body }
  package func operands(of id: NodeID) -> [NodeID] { nodes[id.index].operands }
  /// The op that computes a node; nil for leaves.
  package func definition(of id: NodeID) -> OpDefinition? { nodes[id.index].definition }
  /// Whether `op` computes the node.
  package func isUse(_ id: NodeID, of op: OpDefinition) -> Bool { nodes[id.index].isUse(of: op) }
  package func isLeaf(_ id: NodeID) -> Bool { nodes[id.index].definition == nil }
  package func operand(_ place: Int, of id: NodeID) -> NodeID { nodes[id.index].operands[place] }
  /// The number of a constant; nil for everything else.
  package func constant(of id: NodeID) -> Scalar? {
    guard isLeaf(id), case .leaf(.constant(let scalar)) = nodes[id.index].body else { return nil }
    return scalar
  }
  package func role(of id: NodeID) -> Role { nodes[id.index].role }
  package func scope(of id: NodeID) -> [String] { nodes[id.index].scope }
  package func location(of id: NodeID) -> SourceLocation? { nodes[id.index].location }

  // MARK: Results

  /// Hands `value` back from runs under `name`. A second output of the same name replaces it.
  public func output(_ name: String, _ value: Value) {
    if !outputNames.insert(name).inserted { outputs.removeAll { $0.name == name } }
    outputs.append(Graph.Output(name: name, node: value.id))
  }

  /// After a run the persistent leaf `target` holds `value`. Misuse traps: equal types, and the
  /// target must be a parameter or state.
  public func update(_ target: Value, to value: Value) {
    precondition(
      target.type == value.type,
      "an update of type \(value.type) for \(target.name ?? "?"): \(target.type)")
    appendUpdate(Graph.Update(target: target.id, value: value.id))
  }

  package func appendUpdate(_ update: Graph.Update) { updates.append(update) }
  package func removeUpdates() { updates.removeAll() }
  package func removeOutputs() {
    outputs.removeAll()
    outputNames.removeAll()
  }

  /// The finished graph. The builder can go on and build a longer one.
  public func build() -> Graph {
    Graph(
      name: graphName, dimensions: dimensions, nodes: nodes, outputs: outputs, updates: updates)
  }
}

extension OpDefinition {
  /// Whether every declared attribute is there, in order, of its kind and among its choices, and
  /// no other: what `completed` would give back as it is.
  func isComplete(_ given: Attributes) -> Bool {
    guard given.entries.count == attributes.count else { return false }
    return zip(given.entries, attributes).allSatisfy { entry, spec in
      guard entry.name == spec.name, entry.value.kind == spec.kind else { return false }
      guard case .symbol(let symbol) = entry.value else { return true }
      return spec.accepts(symbol)
    }
  }

  /// The attributes in declared order with defaults filled in. Throws for unknown, missing and
  /// ill-typed ones.
  package func completed(_ given: Attributes) throws(TypeError) -> Attributes {
    for entry in given.entries where !attributes.contains(where: { $0.name == entry.name }) {
      throw TypeError(
        "'\(name)' has no attribute '\(entry.name)'",
        expected: attributes.isEmpty
          ? "no attributes" : "one of " + attributes.map(\.name).joined(separator: ", "),
        got: "\(entry.name): \(entry.value)",
        fix: nearest(to: entry.name, among: attributes.map(\.name)).map { "did you mean '\($0)'?" })
    }
    var entries: [Attributes.Entry] = []
    for spec in attributes {
      guard let value = given[spec.name] ?? spec.defaultValue else {
        throw TypeError(
          "'\(name)' needs the attribute '\(spec.name)'",
          expected: "\(spec.name): \(spec.kind.rawValue)", got: "nothing",
          fix: "add '\(spec.name): …': \(spec.summary)")
      }
      guard value.kind == spec.kind else {
        throw TypeError(
          "the attribute '\(spec.name)' of '\(name)' is of the wrong kind",
          expected: spec.kind.rawValue, got: "\(value.kind.rawValue) \(value)")
      }
      if case .symbol(let symbol) = value, !spec.accepts(symbol) {
        throw TypeError(
          "'\(symbol)' is no \(spec.name) of '\(name)'",
          expected: "one of " + spec.choices.joined(separator: ", "), got: symbol,
          fix: nearest(to: symbol, among: spec.choices).map { "did you mean '\($0)'?" })
      }
      entries.append(Attributes.Entry(name: spec.name, value: value))
    }
    return Attributes(entries: entries)
  }

  package func checkOperandCount(_ count: Int) throws(TypeError) {
    let minimum = operands.count
    guard count == minimum || (isVariadic && count > minimum) else {
      throw TypeError(
        "'\(name)' takes \(isVariadic ? "at least " : "")\(minimum) "
          + "operand\(minimum == 1 ? "" : "s")",
        expected: operands.map(\.name).joined(separator: ", ") + (isVariadic ? ", …" : ""),
        got: "\(count) operand\(count == 1 ? "" : "s")")
    }
  }
}
