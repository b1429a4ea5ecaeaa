public import GraphIR
import GraphOps

/// Symbolic reverse mode: a graph in, the same graph with adjoint nodes out.
///
/// Adjoints are ordinary nodes, named `d_<root>/d_<name>` where the forward node has a name, in the
/// forward node's scope, with the role `adjoint(of:)`. Where several contributions meet, each keeps
/// a node of its own, `d_<root>/d_<name> through <user>`, before they are summed, so that the ways
/// of the gradient can be read off. The result can be differentiated again.
public struct ReverseMode {
  /// One root and how its pass starts.
  public struct Root: Sendable {
    public var node: NodeID
    /// ∂objective/∂root, a scalar node of the root's dtype; 1 when nil.
    public var seed: NodeID?
    /// What refusals call the root, where its own label is nobody's; nil for the label.
    public var title: String?

    public init(_ node: NodeID, seed: NodeID? = nil, title: String? = nil) {
      self.node = node
      self.seed = seed
      self.title = title
    }
  }

  /// The graph with the adjoints, and an answer per target.
  public struct Result: Sendable {
    public var graph: Graph
    /// By target as it was in the given graph.
    public var derivatives: [NodeID: Derivative]
    /// Edges on a way from the root where the gradient stops, in graph order.
    public var blocked: [BlockedEdge]
    /// What came in at each node on the way whose adjoint is in the graph.
    public var adjoints: [NodeID: Adjoint]
  }

  /// An adjoint and what it is the sum of.
  public struct Adjoint: Sendable {
    public var node: NodeID
    public var ways: [Way]
  }

  /// A contribution to an adjoint: the node that computes it, the user along which it comes, and
  /// the first node downstream at which ways end.
  public struct Way: Sendable {
    public var node: NodeID
    public var user: NodeID
    public var origin: NodeID
  }

  /// ∂root/∂target for every target.
  ///
  /// Forward nodes keep their ids. Throws a diagnostic when the root is not a floating scalar or a
  /// target is not floating; a target that no gradient reaches is an answer, not an error.
  ///
  /// What comes in is summed at nodes where `waysEnd`, as at the root and the targets: by default
  /// everywhere. At other nodes what comes from different origins stays apart, and the node has no
  /// adjoint of its own: that costs a pass per origin, and shows which way each part of a
  /// target's derivative came.
  public static func differentiate(
    _ graph: Graph, root: Root, withRespectTo targets: [NodeID],
    waysEnd: (NodeID) -> Bool = { _ in true }
  ) throws(Diagnostic) -> Result {
    let rootNode = graph[root.node]
    guard rootNode.type.shape.rank == 0, rootNode.type.dtype.isFloating else {
      throw Diagnostic(
        "root-not-scalar", "'\(rootNode.label)' cannot be differentiated", at: rootNode.location,
        expected: "a scalar, f32[] or f64[]", got: "\(rootNode.type)",
        fix: rootNode.type.dtype.isFloating ? "reduce it: sum(\(rootNode.label))" : nil)
    }
    for target in targets where !graph[target].type.dtype.isFloating {
      throw Diagnostic(
        "target-not-floating", "there are no derivatives with respect to '\(graph[target].label)'",
        at: graph[target].location, expected: "f32 or f64", got: "\(graph[target].type)")
    }
    var pass = Pass(graph: graph, root: root, targets: targets, waysEnd: waysEnd)
    pass.run()
    return pass.finish()
  }
}

/// A noise leaf is randomness from outside, however it enters.
private let noiseReason = "noise: nothing flows into randomness"

/// Why no gradient comes one way, and whether the edge that it stops at is listed.
private struct Refusal {
  var derivative: Derivative
  var isListed: Bool

  /// The answer that says most stands for all; it is listed when all are.
  init?(strongestOf found: [Refusal]) {
    guard let strongest = Derivative.strongest(found.map(\.derivative)) else { return nil }
    self.init(strongest, isListed: found.allSatisfy(\.isListed))
  }

  init(_ derivative: Derivative, isListed: Bool) {
    self.derivative = derivative
    self.isListed = isListed
  }
}

private struct Pass {
  let graph: Graph
  let root: ReverseMode.Root
  let targets: [NodeID]
  let builder: GraphBuilder
  let rootName: String
  private let rootTitle: String
  let users: [[NodeID]]
  /// Nodes on a way from a target to the root.
  let isOnPath: [Bool]
  /// Nodes at which everything that comes in is summed.
  let isEnd: [Bool]
  var contributions: [[Contribution]]
  var refusals: [[Refusal]]
  var adjoints: [Value?]
  var ways: [[ReverseMode.Way]]
  var blocked: [BlockedEdge] = []
  /// The first `index` that no contribution of a value has yet.
  var nextIndex: [NodeID: Int] = [:]
  /// The first name downstream as long as there is one way to go, of nodes that it was asked of.
  private var namesDownstream: [NodeID: String?] = [:]

  struct Contribution {
    var value: Value
    var user: NodeID
    var origin: NodeID
  }

  init(
    graph: Graph, root: ReverseMode.Root, targets: [NodeID], waysEnd: (NodeID) -> Bool
  ) {
    self.graph = graph
    self.root = root
    self.targets = targets
    builder = GraphBuilder(continuing: graph)
    rootName = graph[root.node].label
    rootTitle = root.title ?? rootName
    users = graph.users()
    let needed = graph.needed(by: [root.node])
    var depends = [Bool](repeating: false, count: graph.nodes.count)
    for target in targets where !graph[target].isNoise { depends[target.index] = true }
    for node in graph.nodes where !depends[node.id.index] {
      depends[node.id.index] = node.operands.contains { depends[$0.index] }
    }
    isOnPath = zip(needed, depends).map { $0 && $1 }
    var isEnd = graph.nodes.map { waysEnd($0.id) }
    for id in targets + [root.node] { isEnd[id.index] = true }
    self.isEnd = isEnd
    contributions = Array(repeating: [], count: graph.nodes.count)
    refusals = Array(repeating: [], count: graph.nodes.count)
    adjoints = Array(repeating: nil, count: graph.nodes.count)
    ways = Array(repeating: [], count: graph.nodes.count)
  }

  mutating func run() {
    for node in graph.nodes.reversed() where isOnPath[node.id.index] && node.id <= root.node {
      let origins = isEnd[node.id.index] ? [node.id] : origins(of: node)
      if origins.count > 1 {
        propagateApart(origins, through: node)
        continue
      }
      guard let adjoint = adjoint(of: node) else {
        refuse(node)
        continue
      }
      adjoints[node.id.index] = adjoint
      propagate(adjoint, through: node, from: origins.first ?? node.id)
    }
  }

  /// Where the ways end along which something came in, the one nearest to the root first.
  private func origins(of node: Node) -> [NodeID] {
    var found: [NodeID] = []
    for item in contributions[node.id.index] where !found.contains(item.origin) {
      found.append(item.origin)
    }
    return found
  }

  /// Passes on what came from each origin by itself.
  private mutating func propagateApart(_ origins: [NodeID], through node: Node) {
    for (place, origin) in origins.enumerated() {
      let parts = contributions[node.id.index].filter { $0.origin == origin }.map(\.value)
      let role = Role.adjoint(of: node.id, root: rootName, through: nil)
      let total = builder.with(scope: node.scope, role: role, location: node.location) {
        parts.dropFirst().reduce(parts[0]) { $0 + $1 }
      }
      propagate(total, through: node, from: origin, listsRefusals: place == 0)
    }
  }

  /// Nothing but refusals came to `node`: they hold for everything behind it too. Where floats end
  /// in integers or truth values, the op itself says why; but not behind edges at which the
  /// gradient stops already, cut or rerouted by a draw's estimator: there nothing is left to stop.
  private mutating func refuse(_ node: Node) {
    guard let inherited = Refusal(strongestOf: refusals[node.id.index]) else { return }
    var own = [OperandGradient?](repeating: nil, count: node.operands.count)
    if let operation = node.operation, !inherited.isListed, !node.type.dtype.isFloating,
      node.operands.contains(where: { graph[$0].type.dtype.isFloating })
    {
      let result = Value(builder: builder, id: node.id)
      own = operation.definition.gradient(
        GradientRule.Context(
          builder: builder, operands: node.operands.map { Value(builder: builder, id: $0) },
          result: result, cotangent: result, attributes: operation.attributes))
    }
    for (operand, gradient) in zip(node.operands, own) where isOnPath[operand.index] {
      if graph[operand].type.dtype.isFloating, let refusal = gradient?.refusal {
        refuse(refusal, operand, at: node, isRerouted: gradient?.isRerouted ?? false)
      } else {
        refusals[operand.index].append(inherited)
      }
    }
  }

  /// Writes down that no derivative passes the edge from `operand` into `node`.
  private mutating func refuse(
    _ refusal: Derivative, _ operand: NodeID, at node: Node, isRerouted: Bool
  ) {
    let reason = "\(refusal.reasonOnly) (at '\(node.mention)')"
    let isListed = graph[operand].type.dtype.isFloating
    if isListed {
      blocked.append(
        BlockedEdge(
          operand: operand, user: node.id, reason: reason, hidesTarget: isOnPath[operand.index],
          isRerouted: isRerouted))
    }
    if isOnPath[operand.index] {
      refusals[operand.index].append(Refusal(refusal.located(reason), isListed: isListed))
    }
  }

  /// The sum of what came in, named; nil when no value came.
  private mutating func adjoint(of node: Node) -> Value? {
    let role = Role.adjoint(of: node.id, root: rootName, through: nil)
    var incoming = contributions[node.id.index]
    return builder.with(scope: node.scope, role: role, location: node.location) {
      if node.id == root.node {
        guard let seed = root.seed else { return ownSeed(node.type.dtype) }
        let value = Value(builder: builder, id: seed)
        incoming.insert(Contribution(value: value, user: node.id, origin: node.id), at: 0)
      }
      guard let first = incoming.first else { return nil }
      var total = first.value
      ways[node.id.index] = incoming.map {
        ReverseMode.Way(node: $0.value.id, user: $0.user, origin: $0.origin)
      }
      if incoming.count > 1 {
        var used: Set<NodeID> = []
        let addends = incoming.enumerated().map { index, item in
          addend(item.value, of: node, through: item.user, index: index, used: &used)
        }
        for (place, addend) in addends.enumerated() {
          ways[node.id.index][place].node = addend.id
        }
        total = addends.dropFirst().reduce(addends[0]) { $0 + $1 }
      }
      if builder.role(of: total.id) == .forward, total.id.index >= graph.nodes.count {
        builder.setRole(role, of: total.id)
      }
      if let name = node.name {
        builder.setFreeName(derivativeName(of: rootName, withRespectTo: name), of: total.id)
      }
      return total
    }
  }

  /// The 1 that a pass starts with, named at once: no other 1 of the graph is merged with it, and a
  /// second pass from the same root finds it and with it all that the first one built.
  private func ownSeed(_ dtype: DType) -> Value {
    let name = derivativeName(of: rootName, withRespectTo: rootName)
    if let known = builder.value(named: name), known.dtype == dtype,
      builder.body(of: known.id) == .leaf(.constant(.float(1)))
    {
      return known
    }
    return builder.constant(.float(1), dtype, name: builder.freeName(name))
  }

  /// A contribution as a node of its own, which no other contribution is.
  private mutating func addend(
    _ value: Value, of node: Node, through user: NodeID, index: Int, used: inout Set<NodeID>
  ) -> Value {
    let role = Role.adjoint(of: node.id, root: rootName, through: user)
    var own = value
    var index = max(index, nextIndex[value.id] ?? 0)
    while builder.role(of: own.id) != role || used.contains(own.id) {
      let firstNew = builder.nodeCount
      own = contribution(value, index: index)
      index += 1
      nextIndex[value.id] = index
      // One that was there already may be an addend of another adjoint.
      if own.id.index >= firstNew { builder.setRole(role, of: own.id) }
    }
    used.insert(own.id)
    if let name = node.name {
      builder.setFreeName(
        derivativeName(of: rootName, withRespectTo: name) + " through " + way(user), of: own.id)
    }
    return own
  }

  /// What people would call the way through `user`: the first name downstream as long as there is
  /// only one way to go, else the op.
  private mutating func way(_ user: NodeID) -> String {
    var id = user
    var passed: [NodeID] = []
    var name: String?
    while true {
      if let known = namesDownstream[id] {
        name = known
        break
      }
      passed.append(id)
      name = graph[id].name
      if name != nil { break }
      let next = users[id.index].filter { isOnPath[$0.index] }
      guard next.count == 1 else { break }
      id = next[0]
    }
    for id in passed { namesDownstream[id] = .some(name) }
    return name ?? graph[user].definition?.name ?? user.description
  }

  /// Hands what came in at `node` from `origin` to the operands. What no edge lets through is
  /// written down with the first part alone.
  private mutating func propagate(
    _ adjoint: Value, through node: Node, from origin: NodeID, listsRefusals: Bool = true
  ) {
    guard let operation = node.operation else { return }
    let firstNew = builder.nodeCount
    let gradients = builder.with(
      scope: node.scope, role: .adjoint(of: node.id, root: rootName, through: nil),
      location: node.location
    ) {
      operation.definition.gradient(
        GradientRule.Context(
          builder: builder, operands: node.operands.map { Value(builder: builder, id: $0) },
          result: Value(builder: builder, id: node.id), cotangent: adjoint,
          attributes: operation.attributes))
    }
    for (operand, answer) in zip(node.operands, gradients) {
      let gradient = graph[operand].isNoise ? .notConnected(because: noiseReason) : answer
      if let refusal = gradient.refusal {
        if listsRefusals {
          refuse(refusal, operand, at: node, isRerouted: gradient.isRerouted)
        }
        continue
      }
      guard case .value(let value) = gradient, isOnPath[operand.index] else { continue }
      precondition(
        value.type == graph[operand].type,
        "the gradient rule of '\(operation.definition.name)' gives \(value.type) for an operand "
          + "of type \(graph[operand].type)")
      if value.id.index >= firstNew {
        builder.setRole(.adjoint(of: operand, root: rootName, through: node.id), of: value.id)
      }
      contributions[operand.index].append(
        Contribution(value: value, user: node.id, origin: isEnd[node.id.index] ? node.id : origin))
    }
  }

  func finish() -> ReverseMode.Result {
    var derivatives: [NodeID: Derivative] = [:]
    for target in targets {
      if let value = adjoints[target.index] {
        derivatives[target] = .node(value.id)
      } else {
        derivatives[target] = refusal(for: target)
      }
    }
    // Rules build a gradient for every operand; drop what nobody asked for.
    let whole = builder.build()
    let roots =
      derivatives.values.compactMap { derivative -> NodeID? in
        if case .node(let id) = derivative { id } else { nil }
      } + whole.outputs.map(\.node) + whole.updates.map(\.value)
    let needed = whole.needed(by: roots)
    let kept = whole.nodes.map { needed[$0.id.index] || $0.id.index < graph.nodes.count }
    var renumbered: [NodeID] = []
    var next = 0
    for keep in kept {
      renumbered.append(NodeID(next))
      if keep { next += 1 }
    }
    for case (let target, .node(let id)) in derivatives {
      derivatives[target] = .node(renumbered[id.index])
    }
    var known: [NodeID: ReverseMode.Adjoint] = [:]
    for (index, adjoint) in adjoints.enumerated() {
      guard let adjoint, kept[adjoint.id.index] else { continue }
      known[NodeID(index)] = ReverseMode.Adjoint(
        node: renumbered[adjoint.id.index],
        ways: ways[index].map {
          .init(node: renumbered[$0.node.index], user: $0.user, origin: $0.origin)
        })
    }
    return ReverseMode.Result(
      graph: whole.filtered { kept[$0.id.index] }, derivatives: derivatives,
      blocked: blocked.sorted { ($0.user, $0.operand) < ($1.user, $1.operand) },
      adjoints: known)
  }

  private func refusal(for target: NodeID) -> Derivative {
    if graph[target].isNoise { return .notConnected(because: noiseReason) }
    if let found = Refusal(strongestOf: refusals[target.index]) { return found.derivative }
    return .notConnected(
      because: "'\(rootTitle)' does not depend on '\(graph[target].label)'")
  }
}

extension OperandGradient {
  /// Why there is no value, when there is none.
  fileprivate var refusal: Derivative? {
    switch self {
    case .value: nil
    case .zero(let reason): .zero(because: reason)
    case .notConnected(let reason), .rerouted(let reason): .notConnected(because: reason)
    case .undefined(let reason): .undefined(because: reason)
    }
  }

  fileprivate var isRerouted: Bool { if case .rerouted = self { true } else { false } }
}

extension Derivative {
  /// The answer that says most: an undefined path, then a zero one, then a cut one.
  fileprivate static func strongest(_ found: [Derivative]) -> Derivative? {
    for case .undefined(let reason) in found { return .undefined(because: reason) }
    for case .zero(let reason) in found { return .zero(because: reason) }
    return found.first
  }

  fileprivate var reasonOnly: String {
    switch self {
    case .node: ""
    case .zero(let reason), .notConnected(let reason), .undefined(let reason): reason
    }
  }

  fileprivate func located(_ reason: String) -> Derivative {
    switch self {
    case .node: self
    case .zero: .zero(because: reason)
    case .notConnected: .notConnected(because: reason)
    case .undefined: .undefined(because: reason)
    }
  }
}
