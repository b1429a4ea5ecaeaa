/// What tells two graphs apart, node by node.
///
/// Nodes belong together when they bear the same name; the rest when they compute the same from
/// nodes that belong together, whatever their ids; and at last when the same op stands at the same
/// place of users that belong together. Numbers without a name are part of the expressions that use
/// them. Time is linear in the size of the graphs.
public struct GraphDiff: Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case removed, added, changed

    /// As lines and drawings show it.
    public var sign: String {
      switch self {
      case .removed: "−"
      case .added: "+"
      case .changed: "~"
      }
    }
  }

  /// A thing about a node that is not as it was.
  public struct Aspect: Hashable, Sendable {
    /// `op`, `attributes`, `operands`, `type`, `value`, `name`, `aliases`,
    /// `absorbed`, `scope` or `role`.
    public var name: String
    public var old: String
    public var new: String
  }

  public struct Entry: Sendable {
    public var kind: Kind
    /// The node in the old graph; nil for an added one.
    public var old: NodeID?
    /// The node in the new graph; nil for a removed one.
    public var new: NodeID?
    /// What changed; empty unless the kind is `changed`.
    public var aspects: [Aspect] = []
    /// Of a removed node: the node of the new graph that bears its name as an alias.
    public var heir: NodeID?
  }

  /// A difference between the graphs' declarations: the name, a dimension, an output, an update, a
  /// fused group.
  public struct Declaration: Hashable, Sendable {
    public var kind: Kind
    public var text: String
  }

  public let old: Graph
  public let new: Graph
  /// The node of the new graph that each old one belongs to, by index.
  public private(set) var counterparts: [NodeID?]
  /// The other way round.
  public private(set) var origins: [NodeID?]
  /// In the order of the graphs: what went stands before what followed it.
  public private(set) var entries: [Entry] = []
  public private(set) var declarations: [Declaration] = []

  public init(from old: Graph, to new: Graph) {
    self.old = old
    self.new = new
    counterparts = Array(repeating: nil, count: old.nodes.count)
    origins = Array(repeating: nil, count: new.nodes.count)
    let names = GraphDiff.owners(new)
    matchNames(names)
    let calls = GraphDiff.calls(new)
    matchCalls(calls)
    matchPlaces()
    matchCalls(calls)
    compareNodes(names)
    compareDeclarations()
  }

  /// Whether nothing tells the graphs apart.
  public var isEmpty: Bool { entries.isEmpty && declarations.isEmpty }

  public func count(of kind: Kind) -> Int { entries.count { $0.kind == kind } }

  /// Nodes that are in both graphs and did not change, numbers without a name aside.
  public var sameCount: Int {
    new.nodes.count {
      origins[$0.id.index] != nil && !GraphDiff.isPartOfUsers($0)
    } - count(of: .changed)
  }

  // MARK: Matching

  private struct Call: Hashable {
    var body: Node.Body
    var operands: [NodeID]
    var type: ValueType
  }

  private static func owners(_ graph: Graph) -> [String: NodeID] {
    var owners: [String: NodeID] = [:]
    for node in graph.nodes {
      for name in node.names { owners[name] = node.id }
    }
    return owners
  }

  /// The nodes that their bodies and operands tell apart from all others.
  private static func calls(_ graph: Graph) -> [Call: NodeID] {
    var calls: [Call: NodeID] = [:]
    for node in graph.nodes where node.operation != nil || isPartOfUsers(node) {
      let call = Call(body: node.body, operands: node.operands, type: node.type)
      if calls[call] == nil { calls[call] = node.id }
    }
    return calls
  }

  /// Numbers without a name, which stand in the expressions of their users.
  static func isPartOfUsers(_ node: Node) -> Bool {
    guard case .leaf(let leaf) = node.body else { return false }
    return leaf.isShareable && node.name == nil
  }

  private mutating func match(_ old: NodeID, _ new: NodeID) {
    counterparts[old.index] = new
    origins[new.index] = old
  }

  private mutating func matchNames(_ owners: [String: NodeID]) {
    for node in old.nodes {
      guard let name = node.name, let twin = owners[name], new[twin].name == name else { continue }
      match(node.id, twin)
    }
    for node in old.nodes where counterparts[node.id.index] == nil {
      let twin = node.names.lazy.compactMap { owners[$0] }.first { origins[$0.index] == nil }
      if let twin { match(node.id, twin) }
    }
  }

  private mutating func matchCalls(_ calls: [Call: NodeID]) {
    for node in old.nodes where counterparts[node.id.index] == nil {
      guard node.operation != nil || GraphDiff.isPartOfUsers(node) else { continue }
      let operands = node.operands.compactMap { counterparts[$0.index] }
      guard operands.count == node.operands.count,
        let twin = calls[Call(body: node.body, operands: operands, type: node.type)],
        origins[twin.index] == nil
      else { continue }
      match(node.id, twin)
    }
  }

  /// From users to operands: the same op without a name at the same place is the same node.
  private mutating func matchPlaces() {
    for node in old.nodes.reversed() {
      guard let twin = counterparts[node.id.index].map({ new[$0] }),
        let definition = node.definition, twin.definition == definition
      else { continue }
      for (a, b) in zip(node.operands, twin.operands) {
        guard counterparts[a.index] == nil, origins[b.index] == nil,
          let operation = old[a].operation, let other = new[b].operation,
          operation.definition == other.definition,
          old[a].name == nil || new[b].name == nil
        else { continue }
        match(a, b)
      }
    }
  }

  // MARK: Comparing

  private mutating func compareNodes(_ owners: [String: NodeID]) {
    var next = 0
    /// Lists what went up to the old node `end`, and no further than `isHere` says.
    func flush(upTo end: Int, while isHere: (Node) -> Bool = { _ in true }) {
      while next < end, isHere(old.nodes[next]) {
        let node = old.nodes[next]
        next += 1
        if counterparts[node.id.index] != nil || GraphDiff.isPartOfUsers(node) { continue }
        let heir = node.names.lazy.compactMap { owners[$0] }.first
        entries.append(Entry(kind: .removed, old: node.id, heir: heir))
      }
    }
    for node in new.nodes where !GraphDiff.isPartOfUsers(node) {
      if let twin = origins[node.id.index] {
        flush(upTo: twin.index)
        let aspects = aspects(old[twin], node)
        if !aspects.isEmpty {
          entries.append(Entry(kind: .changed, old: twin, new: node.id, aspects: aspects))
        }
      } else {
        // What stood in its place comes first.
        flush(upTo: old.nodes.count) { before in
          counterparts[before.id.index].map { $0 < node.id } ?? true
        }
        entries.append(Entry(kind: .added, new: node.id))
      }
    }
    flush(upTo: old.nodes.count)
  }

  private func aspects(_ a: Node, _ b: Node) -> [Aspect] {
    var aspects: [Aspect] = []
    func note(_ name: String, _ old: String, _ new: String) {
      aspects.append(Aspect(name: name, old: old, new: new))
    }
    switch (a.body, b.body) {
    case (.operation(let before), .operation(let after)):
      if before.definition != after.definition {
        note("op", before.definition.name, after.definition.name)
      } else if before.attributes != after.attributes {
        note("attributes", text(before.attributes), text(after.attributes))
      }
    case (.leaf(let before), .leaf(let after)):
      if before != after { note("value", Graph.text(of: before), Graph.text(of: after)) }
    case (.leaf, .operation), (.operation, .leaf):
      note("op", old.call(a, depth: 0), new.call(b, depth: 0))
    }
    if a.operands.map({ counterparts[$0.index] }) != b.operands {
      note("operands", operands(a, of: old), operands(b, of: new))
    }
    if a.type != b.type { note("type", "\(a.type)", "\(b.type)") }
    if a.name != b.name { note("name", a.name ?? "none", b.name ?? "none") }
    if a.aliases != b.aliases { note("aliases", list(a.aliases), list(b.aliases)) }
    if a.absorbed != b.absorbed { note("absorbed", list(a.absorbed), list(b.absorbed)) }
    if a.scope != b.scope { note("scope", path(a.scope), path(b.scope)) }
    if differ(a.role, b.role) { note("role", text(a.role, old), text(b.role, new)) }
    return aspects
  }

  private func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.joined(separator: ", ")
  }

  private func path(_ scope: [String]) -> String {
    scope.isEmpty ? "none" : scope.joined(separator: "/")
  }

  private func text(_ attributes: Attributes) -> String {
    attributes.entries.map { "\($0.name): \($0.value)" }.joined(separator: ", ")
  }

  private func operands(_ node: Node, of graph: Graph) -> String {
    "(" + graph.expressions(of: node.operands).joined(separator: ", ") + ")"
  }

  /// Whether nodes have roles that cannot be the same, nodes that are gone aside.
  private func differ(_ a: Role, _ b: Role) -> Bool {
    guard case .adjoint(let of, let root, let through) = a,
      case .adjoint(let newOf, let newRoot, let newThrough) = b
    else { return a != b }
    func moved(_ before: NodeID?, _ after: NodeID?) -> Bool {
      guard let before = before.flatMap({ counterparts[$0.index] }), let after else { return false }
      return before != after
    }
    return root != newRoot || moved(of, newOf) || moved(through, newThrough)
  }

  private func text(_ role: Role, _ graph: Graph) -> String {
    switch role {
    case .forward: return "forward"
    case .update: return "update"
    case .adjoint(let of, let root, let through):
      var text = "adjoint of " + (of.map { graph.expression($0) } ?? "a node that is gone")
      if let through { text += " through " + graph.expression(through) }
      return text + " from \(root)"
    }
  }

  // MARK: Declarations

  private mutating func compareDeclarations() {
    if old.name != new.name {
      declarations.append(Declaration(kind: .changed, text: "graph \(old.name) → \(new.name)"))
    }
    func size(_ dimension: Graph.Dimension) -> (String, String, String) {
      let size = dimension.defaultSize.map(String.init) ?? "unbound"
      return (dimension.name, size, size)
    }
    compare(old.dimensions.map(size), new.dimensions.map(size), "dim ")
    // A value is equal where the nodes belong together.
    func place(_ id: NodeID) -> String { counterparts[id.index].map { "\($0)" } ?? "old \(id)" }
    compare(
      old.outputs.map { ($0.name, old.expression($0.node), place($0.node)) },
      new.outputs.map { ($0.name, new.expression($0.node), "\($0.node)") }, "output ")
    compare(
      old.updates.map {
        (old.expression($0.target), old.expression($0.value), place($0.value))
      },
      new.updates.map { (new.expression($0.target), new.expression($0.value), "\($0.value)") },
      "update ")
    let before = old.groups.map { group in
      (group, Set(group.members.map { counterparts[$0.index] }))
    }
    let after = new.groups.map { ($0, Set($0.members.map(Optional.some))) }
    let (kept, known) = (Set(after.map(\.1)), Set(before.map(\.1)))
    for (group, members) in before where !kept.contains(members) {
      declarations.append(Declaration(kind: .removed, text: text(group, old)))
    }
    for (group, members) in after where !known.contains(members) {
      declarations.append(Declaration(kind: .added, text: text(group, new)))
    }
  }

  /// Compares entries by name; `key` says when two values are the same.
  private mutating func compare(
    _ before: [(name: String, value: String, key: String)],
    _ after: [(name: String, value: String, key: String)], _ word: String
  ) {
    func line(_ name: String, _ value: String) -> String {
      word + name + (name == value ? "" : " = " + value)
    }
    let first = Dictionary(before.map { ($0.name, $0) }, uniquingKeysWith: { old, _ in old })
    let second = Set(after.map(\.name))
    for entry in before where !second.contains(entry.name) {
      declarations.append(Declaration(kind: .removed, text: line(entry.name, entry.value)))
    }
    for entry in after {
      if let old = first[entry.name] {
        if old.key == entry.key { continue }
        declarations.append(
          Declaration(
            kind: .changed, text: "\(line(entry.name, old.value)) → \(entry.value)"))
      } else {
        declarations.append(Declaration(kind: .added, text: line(entry.name, entry.value)))
      }
    }
  }

  private func text(_ group: Graph.Group, _ graph: Graph) -> String {
    let members = group.members.map { graph.expression($0, depth: 1) }.joined(separator: ", ")
    return "fused #\(group.number) { \(members) }"
  }
}

extension Node {
  /// The name, if it has one, and the aliases.
  public var names: [String] { (name.map { [$0] } ?? []) + aliases }
}
