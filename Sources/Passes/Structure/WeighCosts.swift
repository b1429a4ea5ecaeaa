import GraphIR
import GraphOps

/// Multiplies each cost downstream of a score-function draw by `exp(ln q − stop_gradient(ln q))`,
/// subtracts baselines, and averages costs over draws.
func weighCosts(of graph: Graph, _ context: PassContext) -> PassResult {
  let costs = Costs(of: graph, unseen: context.options.unseen)
  guard !costs.draws.isEmpty else { return .unchanged(graph) }
  var rewriting = CostRewriting(graph, costs)
  return rewriting.run(context)
}

/// The new graph while it is built.
///
/// Each node has a plain value, and one for each further draw where it depends on a draw that is
/// repeated; what leads from the costs to the roots has a weighed value too, which takes over the
/// name.
struct CostRewriting {
  let graph: Graph
  let costs: Costs
  let builder: GraphBuilder
  private var plain: [Value?]
  private var weighed: [Value?]
  /// Values under the second, third, … draw.
  private var copies: [[Value?]]
  private var makers: [NodeID: [Int]] = [:]
  private var baselines: [Baseline] = []
  private var states: [String: Value] = [:]
  /// The dimensions in the shapes of parameters and state.
  private let modelDimensions: Set<String>

  /// A running mean that a run of the graph moves on.
  private struct Baseline {
    var state: Value
    var observed: Value
  }

  init(_ graph: Graph, _ costs: Costs) {
    self.graph = graph
    self.costs = costs
    modelDimensions = Set(
      graph.nodes.filter(\.isPersistent).flatMap { $0.type.shape.dims.flatMap(\.symbols) })
    builder = GraphBuilder(graph.name)
    builder.reserve(graph.names)
    for dimension in graph.dimensions {
      builder.dimension(dimension.name, default: dimension.defaultSize)
    }
    plain = Array(repeating: nil, count: graph.nodes.count)
    weighed = plain
    copies = Array(repeating: plain, count: costs.count - 1)
  }

  mutating func run(_ context: PassContext) -> PassResult {
    for node in graph.nodes {
      let cost = costs.places[node.id.index]
      let firstNew = builder.nodeCount
      builder.with(scope: node.scope, role: node.role, location: node.location) {
        // A draw that is a cost is first of all the draw.
        let keepsName = cost == nil || node.definition?.sampling != nil
        if costs.needsPlain[node.id.index] { build(node, isNamed: keepsName) }
        guard let cost else { return }
        let value = weighed(node, cost)
        weighed[node.id.index] = value
        if !keepsName {
          name(value, as: node)
        } else if value.name == nil {
          value.named(builder.freeName(node.nameAsCost))
        }
        guard cost != .way else { return }
        let index = record(node, value, context)
        for new in firstNew..<builder.nodeCount { makers[NodeID(new)] = [index] }
      }
    }
    finishBaselines()
    for output in graph.outputs {
      if let value = value(output.node) { builder.output(output.name, value) }
    }
    for update in graph.updates {
      if let target = value(update.target), let value = value(update.value) {
        builder.update(target, to: value)
      }
    }
    return PassResult(
      graph: builder.build(), places: graph.nodes.map { value($0.id)?.id }, makers: makers)
  }

  private func value(_ id: NodeID) -> Value? { weighed[id.index] ?? plain[id.index] }

  private func record(_ node: Node, _ value: Value, _ context: PassContext) -> Int {
    let draws = costs.draws.filter { costs.isDownstream(node.id, of: $0) }
    let scores = draws.compactMap { $0.operation?.estimator }.filter { $0.score != nil }
    return context.record(
      rule: "estimator_\(scores.first?.name ?? "draws")",
      pattern: scores.isEmpty ? "f(z) => mean of f(zₖ)" : "f(z) => f(z)·exp(ln q − stop(ln q))",
      float: .reassociating, nodes: [node.mention] + draws.map(\.mention),
      result: builder.phrase(of: value.id), location: draws.first?.location ?? node.location)
  }

  // MARK: Plain values

  private mutating func build(_ node: Node, isNamed: Bool) {
    let value = built(node, draw: 0)
    plain[node.id.index] = value
    if isNamed { name(value, as: node) }
    guard costs.isRepeated[node.id.index] else { return }
    // Where the mean over the draws has the node's name, the first draw's part is `kl#1`.
    if !isNamed, value.name == nil, let name = node.name {
      let first = "\(name)#1"
      if builder.freeName(first) == first { value.named(first) }
    }
    for draw in 1..<costs.count {
      let copy = built(node, draw: draw)
      copies[draw - 1][node.id.index] = copy
      if copy.name == nil, let name = node.name { copy.named(builder.freeName(name)) }
    }
  }

  /// The node under a draw. Misuse traps: its operands must have been built.
  private func built(_ node: Node, draw: Int) -> Value {
    switch node.body {
    case .leaf(let leaf):
      return builder.leaf(
        leaf, node.type, name: draw == 0 ? node.name : builder.freeName(node.label))
    case .operation(let operation):
      return builder.make(
        operation.definition, node.operands.map { under(draw, $0) }, operation.applied.attributes)
    }
  }

  private func under(_ draw: Int, _ id: NodeID) -> Value {
    let copy = draw > 0 ? copies[draw - 1][id.index] : nil
    guard let value = copy ?? plain[id.index] else {
      preconditionFailure("'\(graph[id].label)' has no plain value")
    }
    return value
  }

  private func name(_ value: Value, as node: Node) {
    for name in (node.name.map { [$0] } ?? []) + node.aliases
    where builder.value(named: name)?.id != value.id {
      // A cost that is a name already: a product by 1 that the builder shared.
      value.named(name)
    }
    builder.absorb(node.absorbed, into: value.id)
  }

  // MARK: Weighed values

  private mutating func weighed(_ node: Node, _ place: Costs.Place) -> Value {
    switch place {
    case .way:
      guard let operation = node.operation else {
        preconditionFailure("the leaf '\(node.label)' is no way to a cost")
      }
      let operands = node.operands.map { weighed[$0.index] ?? under(0, $0) }
      return builder.make(operation.definition, operands, operation.attributes)
    case .cost:
      return average((0..<costs.count).map { under($0, node.id) }, of: node, carried: node.id)
    case .reduced(let inner):
      // Sum within a slice first: each slice of the batch has a cost of its own.
      guard let operation = node.operation, let operand = node.operands.first else {
        preconditionFailure("the leaf '\(node.label)' is no reduction")
      }
      let slices = (0..<costs.count).map { draw in
        let value = under(draw, operand)
        return inner.isEmpty
          ? value
          : builder.make(
            operation.definition, [value], ["axes": .ints(inner), "keepdims": .bool(true)])
      }
      let mean = average(slices, of: node, carried: operand)
      return builder.make(operation.definition, [mean], operation.attributes)
    }
  }

  /// The mean over the draws of each one's weighed cost. `carrier` is the node whose axes say which
  /// slices of a draw a cost depends on.
  private mutating func average(
    _ values: [Value], of node: Node, carried carrier: NodeID
  ) -> Value {
    let draws = costs.draws.filter { costs.isDownstream(node.id, of: $0) }
    let isRepeated = costs.isRepeated[carrier.index]
    let values = isRepeated ? values : [values[0]]
    let scores = draws.filter { $0.operation?.estimator?.score != nil }
    let comparesDraws = scores.contains { $0.operation?.estimator?.score == .leaveOneOut }
    // What a slice of the batch costs in all: the constant to compare it with is one a slice.
    let slices = scores.isEmpty ? values : values.map { sliceTotal($0, carrier, scores) }
    let others = comparesDraws ? meansOfOthers(slices) : []
    let terms = values.indices.map { index -> Value in
      var term = values[index]
      guard !scores.isEmpty else { return term }
      let logs = scores.map { logProbability($0, draw: index, at: carrier, in: values[index]) }
      term = term * box(logs.dropFirst().reduce(logs[0], +))
      for (score, log) in zip(scores, logs) {
        guard let control = control(score, log, slices, others, index, carrier) else { continue }
        term = term + control.spread(over: slices[index], in: values[index])
      }
      return term
    }
    let sum = terms.dropFirst().reduce(terms[0], +)
    for score in scores { observe(score, slices, carrier) }
    return sum.shared(among: terms.count)
  }

  /// exp(x − stop_gradient(x)): 1, with the derivative of x, to every order.
  private func box(_ log: Value) -> Value { exp(log - stopForEstimator(log)) }

  /// The sum of a cost over the axes that no scoring draw's slices are carried along, with 1s in
  /// their places.
  private func sliceTotal(_ cost: Value, _ carrier: NodeID, _ scores: [Node]) -> Value {
    let carried = Set(scores.flatMap { costs.carriedAxes(carrier, of: $0).compactMap { $0 } })
    let rest = cost.shape.dims.indices.filter { !carried.contains($0) && cost.shape.dims[$0] != 1 }
    return rest.isEmpty ? cost : sum(cost, axes: rest, keepdims: true)
  }

  /// ln q of a draw, summed over all but the axes along which the cost is carried, and placed along
  /// the cost's axes, in the cost's dtype, which may be another than the draw's.
  private func logProbability(
    _ node: Node, draw: Int, at carrier: NodeID, in cost: Value
  ) -> Value {
    guard let operation = node.operation, let sampling = operation.definition.sampling else {
      preconditionFailure("'\(node.label)' is no draw")
    }
    // The score is by the distribution's parameters: where the draw fell is a fact.
    let value = stopForEstimator(under(drawn(node, draw), node.id))
    let log = sampling.logProbability(value, opContext(node, operation, drawn(node, draw)))
    return cast(placed(log, of: node, at: carrier, in: cost), to: cost.dtype)
  }

  private func drawn(_ node: Node, _ draw: Int) -> Int {
    costs.isRepeated[node.id.index] ? draw : 0
  }

  private func opContext(_ node: Node, _ operation: Operation, _ draw: Int) -> OpContext {
    OpContext(
      builder: builder, operands: node.operands.map { under(draw, $0) },
      attributes: operation.attributes, type: node.type, name: node.name)
  }

  /// A value with the leading axes of a draw, summed over those along which the cost is not
  /// carried, and with the others in the cost's places.
  private func placed(_ value: Value, of node: Node, at carrier: NodeID, in cost: Value) -> Value {
    let axes = Array(costs.carriedAxes(carrier, of: node).prefix(value.shape.rank))
    let mixed = axes.indices.filter { axes[$0] == nil }
    let own = mixed.isEmpty ? value : sum(value, axes: mixed)
    let targets = axes.compactMap { $0 }
    let order = targets.indices.sorted { targets[$0] < targets[$1] }
    let sorted = order == Array(targets.indices) ? own : transpose(own, order)
    var dims = [Dim](repeating: 1, count: cost.shape.rank)
    for (place, axis) in targets.sorted().enumerated() { dims[axis] = sorted.shape.dims[place] }
    return sorted.shape.dims == dims ? sorted : reshape(sorted, Shape(dims))
  }

  // MARK: Baselines

  /// What a baseline adds to a slice's cost: zero, with a derivative that is zero on average.
  private mutating func control(
    _ node: Node, _ log: Value, _ slices: [Value], _ others: [Value], _ index: Int,
    _ carrier: NodeID
  ) -> Value? {
    switch node.operation?.estimator?.score {
    case nil, .some(.none): return nil
    case .leaveOneOut:
      return others.isEmpty ? nil : stopForEstimator(others[index]) * (1 - box(log))
    case .mean:
      return baseline(node, "baseline", .scalar, for: slices) * (1 - box(log))
    case .best: return bestControl(node, slices, index, carrier)
    }
  }

  /// For each draw the mean cost of the others: sums from both ends, so that none takes away what
  /// it had added.
  private func meansOfOthers(_ slices: [Value]) -> [Value] {
    guard slices.count > 1 else { return [] }
    func sums(_ values: some Sequence<Value>) -> [Value] {
      values.reduce(into: []) { sums, value in sums.append(sums.last.map { $0 + value } ?? value) }
    }
    let before = sums(slices.dropLast())
    let after = Array(sums(slices.dropFirst().reversed()).reversed())
    return slices.indices.map { index in
      let sum =
        index == 0
        ? after[0]
        : index == slices.count - 1 ? before[index - 1] : before[index - 1] + after[index]
      return sum.shared(among: slices.count - 1)
    }
  }

  /// Each element of a parameter has a baseline of its own: Σ b·(1 − exp(s − stop s)) with s its
  /// own part of ln q.
  private mutating func bestControl(
    _ node: Node, _ slices: [Value], _ index: Int, _ carrier: NodeID
  ) -> Value? {
    guard let operation = node.operation, let sampling = operation.definition.sampling else {
      return nil
    }
    let draw = drawn(node, index)
    let value = stopForEstimator(under(draw, node.id))
    var total: Value?
    for (places, name) in parameters(of: node) {
      var own = opContext(node, operation, draw)
      own = OpContext(
        builder: builder,
        operands: own.operands.enumerated().map { places.contains($0) ? $1 : stopForEstimator($1) },
        attributes: own.attributes, type: own.type, name: own.name)
      let log = cast(sampling.elementLogProbability(value, own), to: slices[index].dtype)
      let shape = stateShape(node)
      let weighed = baseline(node, "\(name).cost", shape, for: slices)
      let squares = baseline(node, "\(name).square", shape, for: slices)
      // Before the first step both are 0, and so is the baseline.
      let best = weighed / maximum(squares, squares.builder.constant(.float(1e-30), squares.dtype))
      let control = placed(best * (1 - box(log)), of: node, at: carrier, in: slices[index])
      total = total.map { $0 + control } ?? control
    }
    return total
  }

  /// The operands that have a score, each with its places and the keyword that the text gives the
  /// first: what is mean and standard deviation at once has one score.
  private func parameters(of node: Node) -> [(places: [Int], name: String)] {
    guard let operation = node.operation, let sampling = operation.definition.sampling else {
      return []
    }
    let places = node.operands.indices.filter { $0 != sampling.noiseOperand }
    return places.compactMap { place in
      let alike = places.filter { node.operands[$0] == node.operands[place] }
      if alike[0] != place { return nil }
      let spec = operation.definition.operandSpec(at: place)
      return (alike, spec.choice.map { operation.attributes.symbol($0) } ?? spec.name)
    }
  }

  /// The draw's axes whose extents are the model's: numbers, and what parameters are as long as.
  /// The others are of the batch, whether their extents have a default or not.
  private func stateShape(_ node: Node) -> Shape {
    Shape(
      node.type.shape.dims.map { dim in
        dim.symbols.allSatisfy(modelDimensions.contains) ? dim : 1
      })
  }

  /// The state, of the costs' dtype, that is part of a draw's baseline for one of its costs, which
  /// may go into several sums.
  private mutating func baseline(
    _ node: Node, _ part: String, _ shape: Shape, for slices: [Value]
  ) -> Value {
    let key = "\(node.id) \(part) \(slices[0].id)"
    if let known = states[key] { return known }
    let name = builder.freeName("\(node.label).\(part)")
    let state = builder.state(name, ValueType(slices[0].dtype, shape), .zeros)
    states[key] = state
    return state
  }

  /// Takes down what this step's costs say of the draw's baselines.
  private mutating func observe(_ node: Node, _ slices: [Value], _ carrier: NodeID) {
    guard let operation = node.operation, let sampling = operation.definition.sampling else {
      return
    }
    let mean = slices.dropFirst().reduce(slices[0], +).shared(among: slices.count)
    switch operation.estimator?.score {
    case nil, .some(.none), .leaveOneOut: return
    case .mean:
      let state = baseline(node, "baseline", .scalar, for: slices)
      if isObserved(state) { return }
      baselines.append(Baseline(state: state, observed: GraphOps.mean(mean)))
    case .best:
      for (places, name) in parameters(of: node) {
        var cost: Value?
        var square: Value?
        for index in slices.indices {
          let draw = drawn(node, index)
          let scores = sampling.scores(
            under(draw, node.id), opContext(node, operation, draw))
          let parts = places.compactMap { scores[$0] }
          guard let first = parts.first else { continue }
          let score = cast(parts.dropFirst().reduce(first, +), to: slices[index].dtype)
          let squared = GraphOps.square(score)
          let f = alongDraw(slices[index], node, carrier)
          cost = cost.map { $0 + f * squared } ?? f * squared
          square = square.map { $0 + squared } ?? squared
        }
        guard let cost, let square else { continue }
        let shape = stateShape(node)
        let costs = baseline(node, "\(name).cost", shape, for: slices)
        let squares = baseline(node, "\(name).square", shape, for: slices)
        if isObserved(costs) { return }
        for (state, sum) in [(costs, cost), (squares, square)] {
          let mean = sum.shared(among: slices.count).averaged(to: shape)
          baselines.append(Baseline(state: state, observed: mean))
        }
      }
    }
  }

  private func isObserved(_ state: Value) -> Bool {
    baselines.contains { $0.state.id == state.id }
  }

  /// A slice's cost along the axes of the draw; what is carried of other draws has one baseline.
  private func alongDraw(_ slice: Value, _ node: Node, _ carrier: NodeID) -> Value {
    let axes = costs.carriedAxes(carrier, of: node)
    let others = slice.shape.dims.indices.filter { axis in
      !axes.contains(axis) && slice.shape.dims[axis] != 1
    }
    let slice = others.isEmpty ? slice : GraphOps.mean(slice, axes: others, keepdims: true)
    var order: [Int] = []
    var dims: [Dim] = []
    for axis in axes {
      dims.append(axis.map { slice.shape.dims[$0] } ?? 1)
      if let axis { order.append(axis) }
    }
    let rest = slice.shape.dims.indices.filter { !order.contains($0) }
    let own = order == order.sorted() ? slice : transpose(slice, order + rest)
    return own.shape.dims == dims ? own : reshape(own, Shape(dims))
  }

  /// Each state moves towards what was observed: by 1/t at first, by a hundredth later on.
  private func finishBaselines() {
    guard let first = baselines.first else { return }
    let name = builder.freeName("baseline.steps")
    let steps = builder.state(name, ValueType(first.state.dtype), .zeros)
    builder.with(role: .update) {
      let next = steps + 1
      let rate = maximum(1 / next, builder.constant(.float(0.01), next.dtype))
      builder.update(steps, to: next)
      for baseline in baselines {
        let change = cast(rate, to: baseline.state.dtype) * (baseline.observed - baseline.state)
        builder.update(baseline.state, to: baseline.state + change)
      }
    }
  }
}

extension Value {
  fileprivate func shared(among count: Int) -> Value { count == 1 ? self : self / Double(count) }

  /// The share of each element of `cost` in what is added to its slice's total.
  fileprivate func spread(over slice: Value, in cost: Value) -> Value {
    var count: Dim = 1
    for (own, whole) in zip(slice.shape.dims, cost.shape.dims) where own != whole {
      guard let product = try? count.multiplied(by: whole) else {
        preconditionFailure("the extents of \(cost.type) overflow")
      }
      count = product
    }
    return count == 1 ? self : self / builder.size(count, dtype)
  }

  /// The mean over the axes that `shape` has as 1.
  fileprivate func averaged(to shape: Shape) -> Value {
    let axes = shape.dims.indices.filter { shape.dims[$0] == 1 && self.shape.dims[$0] != 1 }
    let mean = axes.isEmpty ? self : GraphOps.mean(self, axes: axes, keepdims: true)
    return mean.shape == shape ? mean : broadcast(mean, to: shape)
  }
}
