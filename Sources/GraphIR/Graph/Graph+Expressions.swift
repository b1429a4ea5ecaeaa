extension Graph {
  /// The most operands that an expression shows.
  private static let shownOperands = 8

  /// A node in words that do not depend on ids: its name, its number, or its call with operands in
  /// the same way down to `depth` levels of unnamed ones: `exp(mul(0.5, logvar))`.
  public func expression(_ id: NodeID, depth: Int = 2) -> String {
    if let name = self[id].name { return name }
    return call(self[id], depth: depth)
  }

  /// What a node computes, whatever it is called.
  public func call(_ node: Node, depth: Int = 2) -> String {
    switch node.body {
    case .leaf(let leaf): return Graph.text(of: leaf)
    case .operation(let operation):
      let definition = operation.definition
      guard depth > 0 else { return "\(definition.name)(…)" }
      var parts = expressions(of: node.operands, depth: depth - 1)
      for spec in definition.attributes {
        guard let value = operation.attributes[spec.name], value != spec.defaultValue else {
          continue
        }
        parts.append("\(spec.name): \(value)")
      }
      return "\(definition.name)(\(parts.joined(separator: ", ")))"
    }
  }

  /// As `expression`, of as many nodes as people read.
  func expressions(of ids: [NodeID], depth: Int = 2) -> [String] {
    let rest = ids.count - Graph.shownOperands
    return ids.prefix(Graph.shownOperands).map { expression($0, depth: depth) }
      + (rest > 0 ? ["… \(rest) more"] : [])
  }

  /// A leaf without its name: `param init zeros`, `noise ~ normal`, `0.5`.
  static func text(of leaf: Leaf) -> String {
    switch leaf {
    case .input: "input"
    case .parameter(let initializer): "param init \(initializer.text)"
    case .state(let initializer): "state init \(initializer.text)"
    case .noise(let distribution): "noise ~ \(distribution.rawValue)"
    case .constant(let scalar): scalar.description
    case .size(let dim): dim.description
    }
  }
}
