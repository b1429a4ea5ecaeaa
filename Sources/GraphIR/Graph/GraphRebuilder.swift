/// Builds a new graph from an old one, node by node in order: the one way passes change a graph.
///
/// Names, scopes, locations and roles go over; each old node maps to one new value.
package final class GraphRebuilder {
  package let old: Graph
  package let builder: GraphBuilder
  private var map: [Value?]

  package init(_ graph: Graph) {
    old = graph
    builder = GraphBuilder(graph.name)
    map = Array(repeating: nil, count: graph.nodes.count)
    builder.reserve(graph.names)
    for dimension in graph.dimensions {
      builder.dimension(dimension.name, default: dimension.defaultSize)
    }
  }

  /// The new value of an old node, if it has one yet.
  package func value(of id: NodeID) -> Value? { map[id.index] }

  /// The new operands of an old node. Misuse traps: operands must not have been dropped.
  package func operands(of node: Node) -> [Value] {
    node.operands.map { id in
      guard let value = map[id.index] else {
        preconditionFailure("\(old[id].label), an operand of \(node.label), was dropped")
      }
      return value
    }
  }

  /// Builds what stands for `node` inside `body`, under the node's scope, role and location, and
  /// hands the node's names on to it.
  @discardableResult
  package func replace(_ node: Node, _ body: () -> Value) -> Value {
    let value = builder.with(
      scope: node.scope, role: remapped(node.role), location: node.location,
      group: .some(node.group), body)
    map[node.id.index] = value
    for name in (node.name.map { [$0] } ?? []) + node.aliases {
      // Traps when another value bears the name: a pass must not lose one.
      value.named(name)
    }
    builder.absorb(node.absorbed, into: value.id)
    return value
  }

  /// Copies a node as it is, with another type for a leaf if given.
  @discardableResult
  package func copy(_ node: Node, leafType: ValueType? = nil) -> Value {
    replace(node) {
      switch node.body {
      case .leaf(let leaf): builder.leaf(leaf, leafType ?? node.type, name: node.name)
      case .operation(let operation):
        builder.make(operation.definition, operands(of: node), operation.attributes)
      }
    }
  }

  /// Where each old node went; nil for those that were dropped.
  package var places: [NodeID?] { map.map { $0?.id } }

  /// Copies outputs and updates whose nodes went over, and finishes.
  package func finish() -> Graph {
    for output in old.outputs {
      if let value = map[output.node.index] { builder.output(output.name, value) }
    }
    for update in old.updates {
      if let target = map[update.target.index], let value = map[update.value.index] {
        builder.appendUpdate(Graph.Update(target: target.id, value: value.id))
      }
    }
    return builder.build()
  }

  private func remapped(_ role: Role) -> Role {
    guard case .adjoint(let of, let root, let through) = role else { return role }
    return .adjoint(
      of: of.flatMap { map[$0.index]?.id }, root: root,
      through: through.flatMap { map[$0.index]?.id })
  }
}

extension Graph {
  /// The graph with every value of type `from` turned into `to`: `--dtype f64`.
  package func retyped(from: DType, to: DType) -> Graph {
    let rebuilder = GraphRebuilder(self)
    for node in nodes {
      switch node.body {
      case .leaf:
        var type = node.type
        if type.dtype == from { type.dtype = to }
        rebuilder.copy(node, leafType: type)
      case .operation(let operation):
        rebuilder.replace(node) {
          var attributes = operation.attributes
          for entry in attributes.entries where entry.value == .dtype(from) {
            attributes[entry.name] = .dtype(to)
          }
          return rebuilder.builder.make(
            operation.definition, rebuilder.operands(of: node), attributes)
        }
      }
    }
    return rebuilder.finish()
  }
}
