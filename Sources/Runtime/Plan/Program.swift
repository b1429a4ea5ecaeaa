public import GraphIR

/// What of a graph runs, in which order: the part of compiling that no size enters.
public struct Program: Sendable {
  public let graph: Graph
  /// What the run hands back.
  public let outputs: [Graph.Output]
  /// Labels of leaves whose values are handed in: all inputs, and the noise that is fed.
  public let fed: Set<String>
  /// The nodes that outputs and updates need.
  public let isNeeded: [Bool]

  /// Prepares a graph in which every op has a kernel or is a view.
  ///
  /// `outputs` are node names; nil stands for the graph's own outputs. `feeding` names noise leaves
  /// that will be fed. With `updating` false, parameters and state stay as they are. Throws for
  /// unknown names.
  public init(
    _ graph: Graph, outputs names: [String]? = nil, feeding: Set<String> = [],
    updating: Bool = true
  ) throws(Diagnostic) {
    var outputs: [Graph.Output] = []
    if let names {
      for name in names {
        if let output = graph.output(named: name) {
          outputs.append(output)
        } else if let node = graph.node(named: name) {
          outputs.append(Graph.Output(name: name, node: node.id))
        } else {
          throw .unknownOutput(name, graph)
        }
      }
    } else {
      outputs = graph.outputs
    }
    var fed = Set(graph.inputs.compactMap(\.name))
    for name in feeding.sorted() {
      guard let node = graph.node(named: name), node.isNoise || node.isInput else {
        throw .unknownFeed(name, graph)
      }
      fed.insert(node.label)
    }
    self.graph =
      updating
      ? graph
      : Graph(
        name: graph.name, dimensions: graph.dimensions, nodes: graph.nodes, outputs: graph.outputs,
        updates: [])
    self.outputs = outputs
    self.fed = fed
    isNeeded = graph.needed(
      by: outputs.map(\.node) + self.graph.updates.map(\.value) + self.graph.updates.map(\.target))
  }

  /// The node whose memory a node's value is in: itself, or what it is a view of.
  func root(of id: NodeID) -> NodeID {
    var id = id
    while let operation = graph[id].operation,
      case .view(let operand) = operation.definition.storage
    {
      id = graph[id].operands[operand]
    }
    return id
  }
}
