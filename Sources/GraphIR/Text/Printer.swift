extension Graph {
  /// The graph in the language of `.aya` files: the one canonical text, the same at every stage.
  ///
  /// Every line makes one node, in order, so that reading the text back gives the same ids.
  public func text() -> String {
    var printer = Printer(self)
    return printer.print()
  }

  /// A node's line of the canonical text, without indentation or aliases.
  package func text(of node: Node) -> String { Printer(self).line(node) }
}

private struct Printer {
  private let graph: Graph
  private let dimensions: Set<String>
  private var text = ""
  private var scope: [String] = []
  private var group: Int?

  init(_ graph: Graph) {
    self.graph = graph
    dimensions = Set(graph.dimensions.map(\.name))
  }

  mutating func print() -> String {
    let title = Identifier.isPlain(graph.name) ? graph.name : Identifier.quoted(graph.name)
    text = "graph \(title) {\n"
    for dimension in graph.dimensions {
      put("dim \(dimension.name)" + (dimension.defaultSize.map { " = \($0)" } ?? ""))
    }
    let blocks = self.blocks()
    for (node, block) in zip(graph.nodes, blocks) {
      move(into: block)
      move(to: node.scope)
      put(line(node))
      for alias in node.aliases { put("\(spelled(alias)) = \(reference(node.id))") }
    }
    move(into: nil)
    move(to: [])
    if !graph.outputs.isEmpty {
      put("output " + graph.outputs.map(output).joined(separator: ", "))
    }
    for update in graph.updates {
      put("update \(reference(update.target)) = \(reference(update.value))")
    }
    return text + "}\n"
  }

  // MARK: Layout

  private mutating func put(_ line: String) {
    let depth = scope.count + (group == nil ? 1 : 2)
    text += String(repeating: "  ", count: depth) + line + "\n"
  }

  /// The fused group in whose block each node stands: its own, and for a leaf that of the members
  /// before and after it.
  private func blocks() -> [Int?] {
    var blocks = graph.nodes.map(\.group)
    var next: Int?
    for node in graph.nodes.reversed() {
      if node.operation != nil { next = node.group } else { blocks[node.id.index] = next }
    }
    var last: Int?
    for node in graph.nodes {
      if node.operation != nil {
        last = node.group
      } else if blocks[node.id.index] != last {
        blocks[node.id.index] = nil
      }
    }
    return blocks
  }

  /// Closes the block of one fused group and opens that of the next; scopes stand inside.
  private mutating func move(into target: Int?) {
    if group == target { return }
    move(to: [])
    if group != nil {
      group = nil
      put("}")
    }
    if let target {
      put("fused \(target) {")
      group = target
    }
  }

  /// Closes and opens scope blocks.
  private mutating func move(to target: [String]) {
    if scope == target { return }
    var common = 0
    while common < scope.count, common < target.count, scope[common] == target[common] {
      common += 1
    }
    while scope.count > common {
      scope.removeLast()
      put("}")
    }
    while scope.count < target.count {
      let name = target[scope.count]
      put("scope \(spelled(name)) {")
      scope.append(name)
    }
  }

  // MARK: Names

  private func spelled(_ name: String) -> String {
    Identifier.isPlain(name) && !dimensions.contains(name) ? name : Identifier.quoted(name)
  }

  private func reference(_ id: NodeID) -> String {
    graph[id].name.map(spelled) ?? id.description
  }

  private func output(_ output: Graph.Output) -> String {
    let node = graph[output.node]
    return node.name == output.name || node.aliases.contains(output.name)
      ? spelled(output.name) : "\(spelled(output.name)) = \(reference(node.id))"
  }

  // MARK: Nodes

  func line(_ node: Node) -> String {
    let name = reference(node.id)
    let body =
      switch node.body {
      case .leaf(let leaf): self.leaf(leaf, "\(name): \(node.type)", "\(name): \(node.type.dtype)")
      case .operation(let operation):
        "\(name): \(node.type) " + self.operation(operation, node.operands)
      }
    return body + absorption(node.absorbed) + annotation(node.role)
  }

  private func leaf(_ leaf: Leaf, _ typed: String, _ scalar: String) -> String {
    switch leaf {
    case .input: "input \(typed)"
    case .parameter(let initializer): "param \(typed) init \(initializer.text)"
    case .state(let initializer): "state \(typed) init \(initializer.text)"
    case .noise(let distribution): "noise \(typed) ~ \(distribution.rawValue)"
    case .constant(let value): "const \(scalar) = \(value)"
    case .size(let dim): "const \(scalar) = \(dim)"
    }
  }

  private func operation(_ operation: Operation, _ operands: [NodeID]) -> String {
    let definition = operation.definition
    var implied: Set<String> = []
    var arguments: [String] = []
    for (index, operand) in operands.enumerated() {
      let spec = definition.operandSpec(at: index)
      var keyword = spec.name
      if let choice = spec.choice, case .symbol(let chosen)? = operation.attributes[choice] {
        keyword = chosen
        implied.insert(choice)
      }
      let isPositional =
        definition.sampling == nil && spec.choice == nil && spec.alternatives.isEmpty
        || spec.isVariadic
      arguments.append(isPositional ? reference(operand) : "\(keyword): \(reference(operand))")
    }
    var suffix = ""
    for spec in definition.attributes {
      guard let value = operation.attributes[spec.name], value != spec.defaultValue,
        !implied.contains(spec.name)
      else { continue }
      if definition.sampling?.estimatorAttribute == spec.name {
        suffix = " estimator \(attribute(value))"
      } else {
        arguments.append("\(spec.name): \(attribute(value))")
      }
    }
    let sign = definition.sampling == nil ? "=" : "~"
    return "\(sign) \(definition.name)(\(arguments.joined(separator: ", ")))\(suffix)"
  }

  private func attribute(_ value: AttributeValue) -> String {
    guard case .symbol(let symbol) = value else { return value.description }
    return Identifier.isPlain(symbol) ? symbol : Identifier.quoted(symbol)
  }

  private func absorption(_ names: [String]) -> String {
    names.isEmpty ? "" : " @absorbs(\(names.map(spelled).joined(separator: ", ")))"
  }

  private func annotation(_ role: Role) -> String {
    switch role {
    case .forward: return ""
    case .update: return " @update"
    case .adjoint(let of, let root, let through):
      var parts = ["root: \(spelled(root))"]
      if let of { parts.insert("of: \(reference(of))", at: 0) }
      if let through { parts.append("through: \(reference(through))") }
      return " @adjoint(\(parts.joined(separator: ", ")))"
    }
  }
}
