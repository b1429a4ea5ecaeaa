package import GraphIR

/// Where the costs of a graph's draws are: the values that score-function estimators multiply, and
/// over which several draws are averaged.
///
/// Costs are sought from each root, a scalar that the graph hands back or that nothing uses,
/// through weighted sums. A draw is a root only where there is no other. The way ends where a value
/// is no such sum, and not before addends that depend on no draw are left aside and the batch can
/// be told apart slice by slice: the reconstruction term of each image, not of the batch, and
/// without the divergence in closed form.
struct Costs {
  enum Place: Equatable {
    /// A weighted sum of costs.
    case way
    /// A cost.
    case cost
    /// A reduction whose operand is a cost, a slice of the batch at a time: summed over the axes
    /// `inner` first, which belong to one slice.
    case reduced(inner: [Int])
  }

  /// The draws with a score function or that are repeated, in graph order.
  let draws: [Node]
  /// How often what is repeated is drawn.
  let count: Int
  /// By node; nil for what is neither a cost nor leads to one.
  private(set) var places: [Place?]
  /// Whether a node has a value of its own for each draw.
  let isRepeated: [Bool]
  /// Whether anything uses a node's value as it is, unweighed.
  private(set) var needsPlain: [Bool] = []
  /// By draw, then by node: what is carried of the draw's axes.
  private let carried: [NodeID: [[Int?]?]]
  private let ranks: [Int]

  /// `unseen` are names that a tool gave.
  init(of graph: Graph, unseen: Set<String> = []) {
    let drawn = graph.nodes.filter { node in
      guard let operation = node.operation, let estimator = operation.estimator else {
        return false
      }
      return estimator.score != nil || operation.draws > 1
    }
    draws = drawn
    count = drawn.compactMap { $0.operation?.draws }.max() ?? 1
    places = Array(repeating: nil, count: graph.nodes.count)
    isRepeated = Costs.repeated(in: graph)
    ranks = graph.nodes.map(\.type.shape.rank)
    carried = Dictionary(
      drawn.map { ($0.id, graph.carriedAxes(from: $0.id)) }, uniquingKeysWith: { first, _ in first }
    )
    findPlaces(graph, unseen)
    needsPlain = plainNeeds(graph)
  }

  func isDownstream(_ id: NodeID, of draw: Node) -> Bool { carried[draw.id]?[id.index] != nil }

  /// For each axis of `draw` the axis of the node at `id` that carries it; nil where slices mix.
  func carriedAxes(_ id: NodeID, of draw: Node) -> [Int?] {
    (carried[draw.id]?[id.index]).flatMap { $0 }
      ?? Array(repeating: nil, count: draw.type.shape.rank)
  }

  /// What depends on a draw that is repeated, with the noise that each repetition needs.
  private static func repeated(in graph: Graph) -> [Bool] {
    var marks = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes {
      guard let operation = node.operation else { continue }
      if operation.draws > 1 || node.operands.contains(where: { marks[$0.index] }) {
        marks[node.id.index] = true
        if let sampling = operation.definition.sampling {
          let noise = node.operands[sampling.noiseOperand]
          if graph[noise].isNoise { marks[noise.index] = true }
        }
      }
    }
    return marks
  }

  /// The axes of `draw` along which no cost mixes slices.
  func separableAxes(of draw: Node, in graph: Graph) -> Set<Int> {
    var axes = Set(draw.type.shape.dims.indices)
    for (node, place) in zip(graph.nodes, places) where isDownstream(node.id, of: draw) {
      let carrier: NodeID
      switch place {
      case nil, .way: continue
      case .cost: carrier = node.id
      case .reduced: carrier = node.operands[0]
      }
      let carried = carriedAxes(carrier, of: draw)
      axes = axes.filter { carried[$0] != nil }
    }
    return axes
  }

  // MARK: Places

  /// The facts of one graph that the search needs.
  private struct Search {
    let graph: Graph
    let isDownstream: [Bool]
    let isConstant: [Bool]
    /// How many axes of draws a node carries.
    let carriedCount: [Int]
    /// The most that a node, or what it is a weighted sum of, carries.
    var reach: [Int]
    /// Whether a node is a weighted sum with addends that depend on no draw and are no constants.
    var isMixed: [Bool]

    /// The operands of which a node is a weighted sum, as far as they depend on draws; nil when the
    /// node is no weighted sum of them.
    func addends(_ node: Node) -> [NodeID]? {
      let moving = node.operands.filter { isDownstream[$0.index] }
      switch node.definition?.linearity {
      case .signedSum, .reduction: return moving
      case .product: return moving.count == 1 ? moving : nil
      case .quotient: return isDownstream[node.operands[1].index] ? nil : moving
      case nil: return nil
      }
    }
  }

  private mutating func findPlaces(_ graph: Graph, _ unseen: Set<String>) {
    let search = searching(graph)
    let users = graph.users()
    let handed = Set(graph.outputs.map(\.node))
    let roots = graph.nodes.filter { node in
      node.type.shape.rank == 0 && node.type.dtype.isFloating && search.isDownstream[node.id.index]
        && (users[node.id.index].isEmpty || handed.contains(node.id))
    }
    // A draw that is handed back beside a loss is looked at, it is no cost.
    let costs = roots.filter { $0.definition?.sampling == nil }
    var pending = (costs.isEmpty ? roots : costs).map(\.id)
    // What people call a term of the loss is a cost of its own, and keeps its value.
    let rule = TermRule(graph, unseen: unseen)
    let opened = pending.reduce(into: Set<NodeID>()) { opened, root in
      if rule.hasNamedTerm(root) { opened.formUnion(rule.opened(from: root)) }
    }
    while let id = pending.popLast() {
      let node = graph[id]
      guard search.isDownstream[id.index], places[id.index] == nil else { continue }
      let isDivided =
        search.isMixed[id.index] || search.reach[id.index] > search.carriedCount[id.index]
      guard let addends = search.addends(node), isDivided || opened.contains(id) else {
        places[id.index] = .cost
        continue
      }
      if node.definition?.linearity == .reduction, let operand = addends.first,
        !search.isMixed[operand.index], !opened.contains(id),
        search.carriedCount[operand.index] == search.reach[operand.index]
      {
        places[id.index] = .reduced(inner: innerAxes(of: node, operand))
      } else {
        places[id.index] = .way
        pending += addends
      }
    }
  }

  /// The axes that a reduction reduces within a slice.
  private func innerAxes(of node: Node, _ operand: NodeID) -> [Int] {
    var kept: Set<Int> = []
    for draw in draws { kept.formUnion(carriedAxes(operand, of: draw).compactMap { $0 }) }
    let rank = ranks[operand.index]
    let reduced = node.operation?.attributes.ints("axes") ?? []
    let axes = reduced.isEmpty ? Array(0..<rank) : reduced.map { $0 < 0 ? $0 + rank : $0 }
    return axes.sorted().filter { !kept.contains($0) }
  }

  private func searching(_ graph: Graph) -> Search {
    var isDownstream = [Bool](repeating: false, count: graph.nodes.count)
    var isConstant = isDownstream
    var count = [Int](repeating: 0, count: graph.nodes.count)
    for node in graph.nodes {
      for draw in draws where self.isDownstream(node.id, of: draw) {
        isDownstream[node.id.index] = true
        count[node.id.index] += carriedAxes(node.id, of: draw).count { $0 != nil }
      }
      switch node.body {
      case .leaf(.constant), .leaf(.size): isConstant[node.id.index] = true
      case .leaf: break
      case .operation:
        isConstant[node.id.index] = node.operands.allSatisfy { isConstant[$0.index] }
      }
    }
    var search = Search(
      graph: graph, isDownstream: isDownstream, isConstant: isConstant, carriedCount: count,
      reach: count, isMixed: [Bool](repeating: false, count: graph.nodes.count))
    for node in graph.nodes where isDownstream[node.id.index] {
      guard let addends = search.addends(node), !addends.isEmpty else { continue }
      for addend in addends {
        search.reach[node.id.index] = max(
          search.reach[node.id.index], search.reach[addend.index])
      }
      let isSum: Bool
      if case .signedSum = node.definition?.linearity {
        isSum = true
      } else {
        isSum = false
      }
      search.isMixed[node.id.index] =
        addends.contains { search.isMixed[$0.index] }
        || isSum && node.operands.contains { !isDownstream[$0.index] && !isConstant[$0.index] }
    }
    return search
  }

  private func plainNeeds(_ graph: Graph) -> [Bool] {
    var needs = places.map { $0 == nil || $0 == .cost }
    // A weighted sum may be used as it is too, and then what leads to it.
    for node in graph.nodes.reversed()
    where places[node.id.index] != .way || needs[node.id.index] {
      for operand in node.operands { needs[operand.index] = true }
    }
    return needs
  }
}

extension Graph {
  /// The axes of a draw along which slices go their own ways from the draw's parameters to the
  /// costs: what one slice draws changes no gradient of another. The batch axis, as a rule.
  package func separableAxes(of draw: NodeID) -> Set<Int> {
    guard let name = self[draw].name,
      let scored = try? choosing(estimator: Estimator.score.name, draws: 1, of: name),
      let node = scored.node(named: name)
    else { return [] }
    let shape = node.type.shape
    return Costs(of: scored).separableAxes(of: node, in: scored).filter { axis in
      node.operands.allSatisfy { operand in
        let own = scored[operand].type.shape
        let place = axis - (shape.rank - own.rank)
        return place >= 0 && own.dims[place] == shape.dims[axis]
      }
    }
  }
}

extension Node {
  /// What a draw is called as a cost of its own: the value that a loss adds up is weighed, the one
  /// that goes on, which has the name, is not.
  package var nameAsCost: String { "\(label).cost" }
}
