public import GraphIR

/// What of a graph runs, in which order: the part of compiling that no size enters.
public struct Program: Sendable {
  /// Nodes that run as one: an operation, a noise stream, or the members of a fused group.
  public struct Step: Sendable {
    public let nodes: [NodeID]
    /// How the group's members run together; nil for a node alone.
    public let layout: GroupLayout?
  }

  public let graph: Graph
  /// What the run hands back.
  public let outputs: [Graph.Output]
  /// Labels of leaves whose values are handed in: all inputs, and the noise that is fed.
  public let fed: Set<String>
  /// The nodes that outputs and updates need.
  public let isNeeded: [Bool]
  /// In the order of execution.
  public let steps: [Step]
  /// Scalar computations that constants and sizes determine: done once, when the program is bound.
  public let settled: [NodeID]
  /// Values that another step, an output or an update needs, by node index.
  let leavesStep: [Bool]
  /// Persistent leaves that lie side by side, so that what joins them is no copy.
  let joins: PersistentJoins
  /// The node whose memory holds a value directly, by node; nil where it is no view.
  private let views: [NodeID?]

  /// Prepares a graph in which every op has a kernel or is a view.
  ///
  /// `outputs` are node names; nil stands for the graph's own outputs. `feeding` names noise leaves
  /// that will be fed. With `updating` false, parameters and state stay as they are. Throws for
  /// unknown names and for fused groups that cannot run as one step.
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
    joins = PersistentJoins(graph)
    let settled = Program.settled(graph, isNeeded)
    self.settled = graph.nodes.map(\.id).filter { settled[$0.index] && graph[$0].leaf == nil }
    views = graph.views(joins)
    leavesStep = Program.leavesStep(self.graph, outputs, isNeeded, views)
    steps = try Program.steps(
      self.graph, isNeeded: isNeeded, isSettled: settled, leavesStep: leavesStep, fed: fed,
      views: views)
  }

  /// Whether an output is the fed leaf of that name itself, or a view of it: its memory is read
  /// after the run then.
  public func handsBack(_ name: String) -> Bool {
    outputs.contains { output in
      roots(of: output.node).contains { graph[$0].label == name }
    }
  }

  /// Marks of scalars that constants and sizes alone determine.
  private static func settled(_ graph: Graph, _ isNeeded: [Bool]) -> [Bool] {
    var marks = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes where isNeeded[node.id.index] && node.type.shape.rank == 0 {
      switch node.body {
      case .leaf(.constant), .leaf(.size): marks[node.id.index] = true
      case .leaf: break
      case .operation:
        marks[node.id.index] =
          node.group == nil && node.operands.allSatisfy { marks[$0.index] }
      }
    }
    return marks
  }

  private static func leavesStep(
    _ graph: Graph, _ outputs: [Graph.Output], _ isNeeded: [Bool], _ views: [NodeID?]
  ) -> [Bool] {
    var marks = [Bool](repeating: false, count: graph.nodes.count)
    for output in outputs { marks[output.node.index] = true }
    for update in graph.updates { marks[update.value.index] = true }
    for node in graph.nodes.reversed() where isNeeded[node.id.index] {
      for operand in node.operands
      where graph[operand].group == nil || graph[operand].group != node.group {
        marks[operand.index] = true
      }
      // A view that others need is memory that others need.
      if marks[node.id.index], let viewed = views[node.id.index] {
        marks[viewed.index] = true
      }
    }
    return marks
  }

  private static func steps(
    _ graph: Graph, isNeeded: [Bool], isSettled: [Bool], leavesStep: [Bool], fed: Set<String>,
    views: [NodeID?]
  ) throws(Diagnostic) -> [Step] {
    var steps: [Step] = []
    var members: [NodeID] = []
    var group: Int?

    func close() throws(Diagnostic) {
      guard let number = group, !members.isEmpty else { return }
      defer { members = [] }
      if members.count == 1 {
        if views[members[0].index] == nil { steps.append(Step(nodes: members, layout: nil)) }
        return
      }
      do throws(GroupLayout.Illegal) {
        let layout = try GroupLayout(graph, members: members) { leavesStep[$0.index] }
        steps.append(Step(nodes: members, layout: layout))
      } catch {
        throw .illegalGroup(number, error, graph)
      }
    }
    for node in graph.nodes where isNeeded[node.id.index] && !isSettled[node.id.index] {
      switch node.body {
      case .leaf(.noise):
        if !fed.contains(node.label) { steps.append(Step(nodes: [node.id], layout: nil)) }
      case .leaf: break
      case .operation:
        if node.group != group {
          try close()
          group = node.group
        }
        if node.group != nil {
          members.append(node.id)
        } else if views[node.id.index] == nil {
          steps.append(Step(nodes: [node.id], layout: nil))
        }
      }
    }
    try close()
    return steps
  }

  /// Where a node's memory is: in that of its root, from some element on.
  func root(of id: NodeID) -> NodeID {
    var id = id
    while let operand = viewed(id) { id = operand }
    return id
  }

  /// The node whose memory holds `id` directly, when it is a view; else nil.
  func viewed(_ id: NodeID) -> NodeID? { views[id.index] }

  /// Every persistent leaf whose memory a value reads when its root is read: the leaves that a
  /// join spans, or the root alone.
  func roots(of id: NodeID) -> [NodeID] {
    var id = id
    while true {
      if let leaves = joins.leaves(of: id) { return leaves }
      guard let next = viewed(id) else { return [id] }
      id = next
    }
  }

  /// Whether a value reads the memory of `root` when its own root is read.
  func reads(_ id: NodeID, memoryOf root: NodeID) -> Bool {
    var id = id
    while true {
      if let leaves = joins.leaves(of: id) { return leaves.contains(root) }
      guard let next = viewed(id) else { return id == root }
      id = next
    }
  }

  /// Where a value begins in the memory of its root, in elements.
  func offset(of id: NodeID, sizes: [String: Int]) throws(DimError) -> Int {
    var id = id
    var total = 0
    while let operand = viewed(id) {
      if let operation = graph[id].operation,
        case .stretch(let start) = operation.definition.storage,
        let dim = start(graph[id].operands.map { graph[$0].type }, operation.attributes)
      {
        total += try dim.evaluated(sizes)
      }
      id = operand
    }
    return total
  }
}

extension Graph {
  /// The node whose memory holds a value directly, by node; nil where it is no view.
  fileprivate func views(_ joins: PersistentJoins) -> [NodeID?] {
    nodes.map { node in
      guard let operation = node.operation else { return nil }
      switch operation.definition.storage {
      case .own, .over: return nil
      case .view(let operand): return node.operands[operand]
      case .stretch(let start):
        let types = node.operands.map { self[$0].type }
        return start(types, operation.attributes) == nil ? nil : node.operands[0]
      case .joined: return joins.leaves(of: node.id)?.first
      }
    }
  }
}
