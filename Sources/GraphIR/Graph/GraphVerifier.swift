/// Checks that a graph keeps what every stage relies on, and reports all that is broken.
///
///  V1  A node's id is its place.
///  V2  Operands stand before their users.
///  V3  Every op has the operands it declares.
///  V4  Every declared attribute is there, of its kind, and no other.
///  V5  A node's type is what its op's rule says.
///  V6  Names are non-empty and belong to one node each.
///  V7  Leaves have names, unless they are constants.
///  V8  Constants and sizes are scalars, and a constant's value fits its dtype; noise is floating.
///  V9  Every dimension that occurs is declared, once.
///  V10 Outputs have distinct names and existing nodes.
///  V11 Updates have a persistent target, each at most once, and a value of the target's type.
///  V12 Roles refer to nodes that exist.
///  V13 Equal pure operations are one node.
///  V14 Every type has few enough axes, and elements that can be counted.
///  V15 A fused group holds operations alone, and between two members stand only leaves: so no way
///      leaves the group and comes back.
///  V16 What a node absorbed is the name of no node, and went into one node.
///
/// Not checked here: that numbers are finite, that a fed shape fits (the runtime does).
public func verify(_ graph: Graph) -> [Diagnostic] {
  var verifier = Verifier(graph: graph)
  verifier.run()
  return verifier.found
}

private struct Verifier {
  let graph: Graph
  var found: [Diagnostic] = []
  private var owners: [String: NodeID] = [:]
  private var shared: [Key: NodeID] = [:]

  private let declared: Set<String>

  private struct Key: Hashable {
    var operation: Operation
    var operands: [NodeID]
  }

  init(graph: Graph) {
    self.graph = graph
    declared = Set(graph.dimensions.map(\.name))
    shared.reserveCapacity(graph.nodes.count)
  }

  mutating func run() {
    checkDimensions()
    for (index, node) in graph.nodes.enumerated() {
      if node.id.index != index {
        report(1, node, "has the id \(node.id) at place \(index)")
      }
      checkNames(node)
      checkRole(node)
      switch node.body {
      case .leaf(let leaf): checkLeaf(node, leaf)
      case .operation(let operation): checkOperation(node, operation, at: index)
      }
      checkDims(node)
      if let excess = node.type.excess {
        report(
          14, node, "has \(excess.message)", expected: excess.expected, got: "\(node.type)")
      }
    }
    checkAbsorbed()
    checkGroups()
    checkOutputs()
    checkUpdates()
  }

  private mutating func report(
    _ invariant: Int, _ node: Node?, _ message: String, expected: String? = nil, got: String? = nil
  ) {
    let subject = node.map { "node '\($0.label)' \(message)" } ?? message
    found.append(
      Diagnostic(
        "graph-v\(invariant)", subject, at: node?.location,
        place: "graph '\(graph.name)'", expected: expected, got: got))
  }

  private mutating func checkDimensions() {
    var seen: Set<String> = []
    for dimension in graph.dimensions where !seen.insert(dimension.name).inserted {
      report(9, nil, "the dimension '\(dimension.name)' is declared twice")
    }
  }

  private mutating func checkNames(_ node: Node) {
    if let name = node.name { checkName(name, node) }
    for alias in node.aliases { checkName(alias, node) }
  }

  private mutating func checkName(_ name: String, _ node: Node) {
    if name.isEmpty { report(6, node, "has an empty name") }
    if let owner = owners.updateValue(node.id, forKey: name) {
      report(6, node, "shares the name '\(name)' with \(owner)")
    }
  }

  /// What a node absorbed has no node any more, and went into one.
  private mutating func checkAbsorbed() {
    var places: [String: NodeID] = [:]
    for node in graph.nodes {
      for name in node.absorbed {
        if let owner = owners[name] {
          report(16, node, "absorbs '\(name)', which \(owner) still computes")
        }
        if let other = places.updateValue(node.id, forKey: name), other != node.id {
          report(16, node, "absorbs '\(name)', as does \(other)")
        }
      }
    }
  }

  private mutating func checkRole(_ node: Node) {
    guard case .adjoint(let of, _, let through) = node.role else { return }
    for id in [of, through].compactMap({ $0 }) where !graph.nodes.indices.contains(id.index) {
      report(12, node, "is the adjoint of \(id), which does not exist")
    }
  }

  private mutating func checkLeaf(_ node: Node, _ leaf: Leaf) {
    if !node.operands.isEmpty { report(3, node, "is a leaf with operands") }
    if case .constant(let scalar) = leaf, !scalar.fits(node.type.dtype) {
      report(8, node, "holds \(scalar)", expected: "a \(node.type.dtype)", got: "\(scalar)")
    }
    switch leaf {
    case .constant, .size:
      if node.type.shape.rank != 0 {
        report(8, node, "is a constant", expected: "a scalar", got: "\(node.type)")
      }
    case .noise:
      if !node.type.dtype.isFloating {
        report(8, node, "is noise", expected: "f32 or f64", got: "\(node.type)")
      }
      fallthrough
    case .input, .parameter, .state:
      if node.name == nil { report(7, node, "is a leaf without a name") }
    }
  }

  private mutating func checkOperation(_ node: Node, _ operation: Operation, at place: Int) {
    let definition = operation.definition
    guard node.operands.allSatisfy({ $0.index >= 0 && $0.index < place }) else {
      return report(
        2, node, "uses a node that does not stand before it",
        got: node.operands.map(\.description).joined(separator: ", "))
    }
    do {
      try definition.checkOperandCount(node.operands.count)
    } catch {
      return report(3, node, error.message, expected: error.expected, got: error.got)
    }
    do {
      if !definition.isComplete(operation.attributes),
        try definition.completed(operation.attributes) != operation.attributes
      {
        // A rule may ask for an attribute that is missing.
        return report(4, node, "has attributes out of order or missing")
      }
    } catch {
      return report(4, node, error.message, expected: error.expected, got: error.got)
    }
    do {
      let type = try definition.type(
        TypeRule.Context(
          definition: definition, operands: node.operands.map { graph[$0].type },
          attributes: operation.attributes))
      if type != node.type {
        report(
          5, node, "has a type that '\(definition.name)' does not give",
          expected: "\(type)", got: "\(node.type)")
      }
    } catch {
      report(5, node, error.message, expected: error.expected, got: error.got)
    }
    let key = Key(operation: operation, operands: node.operands)
    if let twin = shared.updateValue(NodeID(place), forKey: key) {
      report(13, node, "is the same operation as \(graph[twin].label)")
    }
  }

  private mutating func checkDims(_ node: Node) {
    var unknown: Set<String> = []
    func look(_ dims: [Dim]) {
      for dim in dims where dim.constant == nil {
        if let name = dim.symbolName {
          if !declared.contains(name) { unknown.insert(name) }
        } else {
          unknown.formUnion(dim.symbols.filter { !declared.contains($0) })
        }
      }
    }
    look(node.type.shape.dims)
    switch node.body {
    case .leaf(.size(let dim)): look([dim])
    case .leaf(.parameter(let initializer)), .leaf(.state(let initializer)):
      look(initializer.dims)
    case .leaf: break
    case .operation(let operation):
      for entry in operation.attributes.entries {
        switch entry.value {
        case .dim(let dim): look([dim])
        case .dims(let dims): look(dims)
        default: break
        }
      }
    }
    for name in unknown.sorted() {
      report(9, node, "uses the dimension '\(name)', which is not declared")
    }
  }

  private mutating func checkGroups() {
    var open: Int?
    var closed: Set<Int> = []
    for node in graph.nodes {
      guard node.operation != nil else {
        if node.group != nil { report(15, node, "is a leaf in a fused group") }
        continue
      }
      if node.group == open { continue }
      if let open { closed.insert(open) }
      open = node.group
      if let group = node.group, closed.contains(group) {
        report(15, node, "stands apart from the rest of the fused group \(group)")
      }
    }
  }

  private mutating func checkOutputs() {
    var names: Set<String> = []
    for output in graph.outputs {
      if !names.insert(output.name).inserted {
        report(10, nil, "the output '\(output.name)' is declared twice")
      }
      if !graph.nodes.indices.contains(output.node.index) {
        report(10, nil, "the output '\(output.name)' is \(output.node), which does not exist")
      }
    }
  }

  private mutating func checkUpdates() {
    var targets: Set<NodeID> = []
    for update in graph.updates {
      guard graph.nodes.indices.contains(update.target.index),
        graph.nodes.indices.contains(update.value.index)
      else {
        report(11, nil, "an update of \(update.target) by \(update.value) names a missing node")
        continue
      }
      let target = graph[update.target]
      if !target.isPersistent { report(11, target, "is updated but is no parameter or state") }
      if !targets.insert(update.target).inserted { report(11, target, "is updated twice") }
      if graph[update.value].type != target.type {
        report(
          11, target, "is updated by a value of another type", expected: "\(target.type)",
          got: "\(graph[update.value].type)")
      }
    }
  }
}
