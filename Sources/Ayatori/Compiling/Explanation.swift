public import GraphIR
import Passes

/// All that is known about one node of a compiled graph: what it is, who needs it, what it belongs
/// to, and which passes and rules made it.
public struct Explanation: Encodable, Sendable {
  /// Another node, in a line.
  public struct Mention: Encodable, Sendable {
    public var name: String
    public var id: String
    public var type: String
    /// What it computes: `linear(h1, fc_mu.W, fc_mu.b)`.
    public var call: String
    /// The operand's keyword, or how the node uses this one; nil where there is nothing to say.
    public var use: String?
  }

  /// A place in a person's text.
  public struct Source: Encodable, Sendable {
    public var file: String
    public var line: Int
    public var column: Int
    public var text: String
  }

  /// What an adjoint node is for.
  public struct Adjoint: Encodable, Sendable {
    /// The node that it belongs to; nil when that one is gone.
    public var of: String?
    public var root: String
    /// The user of that node along which this contribution comes; nil for the whole adjoint.
    public var through: String?
  }

  /// A node that carries ∂root/∂this.
  public struct Derivative: Encodable, Sendable {
    public var node: Mention
    public var root: String
    public var through: String?
  }

  public struct Group: Encodable, Sendable {
    public var number: Int
    public var members: [Mention]
    /// Bytes, when every dim has a value.
    public var trafficBefore: Int?
    public var trafficAfter: Int?
    /// Whether anything outside the group needs the node.
    public var isUsedOutside: Bool
  }

  /// A replacement that had a part in the node.
  public struct Change: Encodable, Sendable {
    public var pass: String
    public var rule: String
    public var pattern: String
    public var float: String
    public var replaced: [String]
    public var result: String
    public var source: Source?
  }

  /// What became of a node that is not there any more.
  public struct Removal: Encodable, Sendable {
    /// The pass after which it was gone.
    public var pass: String
    /// The node as it was before that pass.
    public var node: Mention
    /// The replacements of the node itself, up to that pass.
    public var changes: [Change]
    /// Where nothing stands for it: the replacements by which it lost its users.
    public var userChanges: [Change]
    /// What stands at this stage for each user of which `userChanges` tell.
    public var userHeirs: [String]
    /// What stands for it at this stage.
    public var heir: Mention?
  }

  public var graph: String
  /// The stage at which the node was looked up.
  public var stage: String
  public var name: String
  public var id: String?
  public var aliases: [String] = []
  /// Names of values whose work the node does.
  public var absorbed: [String] = []
  public var type: String?
  /// The shape with numbers, when every dim has a value.
  public var shape: [Int]?
  public var op: String?
  public var summary: String?
  /// The node's line in the graph's text.
  public var line: String?
  public var source: Source?
  public var scope: [String] = []
  /// `forward`, `adjoint` or `update`.
  public var role: String?
  public var adjoint: Adjoint?
  public var operands: [Mention] = []
  public var users: [Mention] = []
  /// Names of outputs that hand the node back.
  public var outputs: [String] = []
  /// The parameter or state that takes on this value after a run.
  public var replaces: [String] = []
  /// The value that this parameter or state takes on after a run.
  public var replacedBy: Mention?
  public var derivatives: [Derivative] = []
  public var group: Group?
  public var madeBy: [Change] = []
  public var bytes: Int?
  /// The node whose memory this is, when it is a view.
  public var viewOf: String?
  public var removal: Removal?
  /// The node that does the work of one that is not there any more.
  public var absorbedBy: Mention?

  /// Explains the node that bears `name`, or the output of that name, or `%12`.
  ///
  /// `journal` is that of the compiler that made `graph`; `sizes` come on top of the graph's
  /// defaults. Throws a diagnostic for a name that no stage of the graph has.
  public init(
    of name: String, in graph: Graph, stage: String, journal: PassJournal = PassJournal(),
    sizes: [String: Int] = [:]
  ) throws(Diagnostic) {
    self.graph = graph.name
    self.stage = stage
    self.name = name
    let history = History(journal.runs)
    guard let node = graph.value(named: name) else {
      let absorber = graph.nodes.first { $0.absorbed.contains(name) }.map { Mention($0, in: graph) }
      guard let removal = history.removal(of: name, from: graph) else {
        if let absorber {
          absorbedBy = absorber
          return
        }
        throw .notExplained(name, graph, history.names)
      }
      absorbedBy = absorber
      self.removal = removal
      source = removal.node.isGone(from: history)
      return
    }
    describe(node, graph, graph.sizes(binding: sizes))
    connect(node, graph)
    relate(node, graph)
    group = Explanation.group(of: node, in: graph, graph.sizes(binding: sizes))
    madeBy = history.makers(of: node.id)
  }

  private mutating func describe(_ node: Node, _ graph: Graph, _ sizes: [String: Int]) {
    name = node.label
    id = node.id.description
    aliases = node.aliases
    absorbed = node.absorbed
    type = "\(node.type)"
    shape = try? node.type.shape.evaluated(sizes)
    bytes = node.type.byteCount(sizes)
    op = node.definition?.name ?? graph.call(node)
    summary = node.definition?.summary
    line = graph.text(of: node)
    source = node.location.map(Source.init)
    scope = node.scope
    switch node.role {
    case .forward: role = "forward"
    case .update: role = "update"
    case .adjoint(let of, let root, let through):
      role = "adjoint"
      adjoint = Adjoint(
        of: of.map { graph[$0].mention }, root: root, through: through.map { graph[$0].mention })
    }
    if case .view(let place)? = node.definition?.storage,
      node.operands.indices.contains(place)
    {
      viewOf = graph[node.operands[place]].mention
    }
  }

  private mutating func connect(_ node: Node, _ graph: Graph) {
    if let definition = node.definition {
      operands = node.operands.enumerated().map { place, id in
        let edge = graph.edgeKind(of: place, into: node)
        let keyword = definition.operandSpec(at: place).name
        let kind = edge.rawValue.replacing("_", with: " ")
        return Mention(
          graph[id], in: graph,
          use: edge == .differentiable ? keyword : "\(keyword), \(kind)")
      }
    }
    for user in graph.nodes where user.operands.contains(node.id) {
      let places = user.operands.indices.filter { user.operands[$0] == node.id }
      let keywords = places.compactMap { user.definition?.operandSpec(at: $0).name }
      users.append(Mention(user, in: graph, use: "as " + keywords.joined(separator: " and ")))
    }
    outputs = graph.outputs.filter { $0.node == node.id }.map(\.name)
    replaces = graph.updates.filter { $0.value == node.id }.map { graph[$0.target].mention }
    replacedBy = graph.updates.first { $0.target == node.id }.map {
      Mention(graph[$0.value], in: graph)
    }
  }

  /// The last node of each (root, through) that is an adjoint of this one: what is summed and the
  /// sum, not the steps on the way.
  private mutating func relate(_ node: Node, _ graph: Graph) {
    var last: [Role: NodeID] = [:]
    for other in graph.nodes {
      if case .adjoint(node.id?, _, _) = other.role { last[other.role] = other.id }
    }
    derivatives = last.values.sorted().compactMap { id in
      guard case .adjoint(_, let root, let through) = graph[id].role else { return nil }
      return Derivative(
        node: Mention(graph[id], in: graph), root: root,
        through: through.map { graph[$0].mention })
    }
  }

  private static func group(
    of node: Node, in graph: Graph, _ sizes: [String: Int]
  ) -> Group? {
    guard let number = node.group, let group = graph.groups.first(where: { $0.number == number })
    else { return nil }
    let traffic = graph.traffic(sizes: sizes)[number]
    let isUsedOutside =
      graph.nodes.contains { $0.group != number && $0.operands.contains(node.id) }
      || graph.outputs.contains { $0.node == node.id }
      || graph.updates.contains { $0.value == node.id }
    return Group(
      number: number, members: group.members.map { Mention(graph[$0], in: graph) },
      trafficBefore: traffic?.before, trafficAfter: traffic?.after, isUsedOutside: isUsedOutside)
  }
}

extension Explanation.Mention {
  init(_ node: Node, in graph: Graph, use: String? = nil) {
    name = node.label
    id = node.id.description
    type = "\(node.type)"
    call = graph.call(node, depth: 1)
    self.use = use
  }

  /// Where the person wrote the node, that a pass removed.
  fileprivate func isGone(from history: History) -> Explanation.Source? {
    history.location(of: name).map(Explanation.Source.init)
  }
}

extension Explanation.Source {
  init(_ location: SourceLocation) {
    file = location.file.name
    line = location.line
    column = location.column
    let text = location.file.line(line, limit: 400)
    self.text = String(text.drop { $0 == " " || $0 == "\t" })
  }
}

extension Explanation.Change {
  init(_ replacement: Replacement) {
    pass = replacement.pass
    rule = replacement.rule
    pattern = replacement.pattern
    float = replacement.float.rawValue
    replaced = replacement.nodes
    result = replacement.result
    source = replacement.location.map(Explanation.Source.init)
  }
}

/// The passes that a graph went through, for asking where nodes came from and went.
///
/// Between runs a graph only grows: what one run leaves keeps its ids in the graph that the next
/// begins with.
private struct History {
  let runs: [PassRun]
  let steps: [PassStep]

  init(_ runs: [PassRun]) {
    self.runs = runs
    steps = runs.flatMap(\.steps)
  }

  /// Every name that a graph on the way had.
  var names: [String] { steps.flatMap(\.before.names) }

  /// The replacements that had a part in a node of the last graph, in the order in which they were
  /// made.
  func makers(of id: NodeID) -> [Explanation.Change] {
    var ids: Set<NodeID> = [id]
    var changes: [[Explanation.Change]] = []
    for run in runs.reversed() {
      ids = ids.filter { $0.index < run.graph.nodes.count }
      let made = Set(ids.flatMap { run.makers[$0] ?? [] }).sorted()
      changes.append(
        made.filter(run.replacements.indices.contains).map { .init(run.replacements[$0]) })
      ids = Set(ids.flatMap { run.origins[$0] ?? [] })
    }
    return changes.reversed().flatMap { $0 }
  }

  func location(of name: String) -> SourceLocation? {
    steps.lazy.compactMap { $0.before.node(named: name)?.location }.first
  }

  /// What became of a node that `graph` lacks; nil when no graph had it.
  func removal(of name: String, from graph: Graph) -> Explanation.Removal? {
    guard
      let index = steps.lastIndex(where: {
        node(name, in: $0.before) != nil && node(name, in: $0.after) == nil
      }), let node = node(name, in: steps[index].before)
    else { return nil }
    let step = steps[index]
    let heir = heir(of: node.id, from: index, in: graph)
    let own = steps[...index].flatMap { step in
      self.node(name, in: step.before).map { changes(of: $0, in: step) } ?? []
    }
    let users = heir == nil ? lastUsers(of: name, upTo: index, in: graph) : (changes: [], heirs: [])
    return Explanation.Removal(
      pass: step.pass.name, node: .init(node, in: step.before), changes: own,
      userChanges: users.changes, userHeirs: users.heirs,
      heir: heir.map { .init($0, in: graph) })
  }

  /// What stands in the last graph for a node with which the step at `index` began.
  private func heir(of id: NodeID, from index: Int, in graph: Graph) -> Node? {
    var place: NodeID? = id
    for step in steps[index...] {
      place = place.flatMap { step.places.indices.contains($0.index) ? step.places[$0.index] : nil }
    }
    return place.flatMap { graph.nodes.indices.contains($0.index) ? graph[$0] : nil }
  }

  /// The node of that name: an id means something in the last graph only.
  private func node(_ name: String, in graph: Graph) -> Node? {
    guard let node = graph.node(named: name), node.names.contains(name) else { return nil }
    return node
  }

  private func changes(of node: Node, in step: PassStep) -> [Explanation.Change] {
    let names = Set(node.names + [node.mention])
    return step.replacements.filter { !names.isDisjoint(with: $0.nodes) }.map { .init($0) }
  }

  /// The replacements of the nearest users that were replaced, in the last step that began with
  /// any users.
  /// With each what stands for the user now.
  private func lastUsers(
    of name: String, upTo index: Int, in graph: Graph
  ) -> (changes: [Explanation.Change], heirs: [String]) {
    for (place, step) in steps[...index].enumerated().reversed() {
      guard let node = node(name, in: step.before) else { continue }
      let users = step.before.users()
      if users[node.id.index].isEmpty { continue }
      var seen: Set<NodeID> = [node.id]
      var front = [node.id]
      while !front.isEmpty {
        front = front.flatMap { users[$0.index] }.filter { seen.insert($0).inserted }
        let found = front.map {
          (user: step.before[$0], changes: changes(of: step.before[$0], in: step))
        }
        .filter { !$0.changes.isEmpty }
        if found.isEmpty { continue }
        let heirs = found.map { user, _ in
          let heir = heir(of: user.id, from: place, in: graph)
          return "\(user.mention): now \(heir.map(\.mention) ?? "gone as well")"
        }
        return (found.flatMap(\.changes), heirs)
      }
      return ([], [])
    }
    return ([], [])
  }
}

extension Diagnostic {
  /// No stage of the graph has the node.
  fileprivate static func notExplained(
    _ name: String, _ graph: Graph, _ further: [String]
  ) -> Diagnostic {
    Diagnostic(
      "unknown-node", "graph '\(graph.name)' has no node '\(name)'", place: "graph '\(graph.name)'",
      expected: "the name of a node, of this stage or one before, or an id of this stage",
      got: "'\(name)'",
      fix: nearest(to: name, among: graph.names + further).map { "did you mean '\($0)'?" })
  }
}
