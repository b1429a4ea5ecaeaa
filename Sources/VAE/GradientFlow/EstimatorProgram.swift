import Ayatori
import Autodiff
import GraphIR
import GraphOps
import Passes
import Runtime

/// A graph under one estimator that gives the gradient at the parameters of a draw, again and again
/// for new noise; what lies before the draw is not computed anew.
final class EstimatorProgram {
  let estimator: Estimator
  let draws: Int
  /// Where no gradient reaches a parameter: why.
  let refusals: [String?]
  /// The running means that are the estimator's baselines, by the name of their state.
  let baselines: [String]
  private let graph: Graph
  private let compiled: CompiledGraph
  private var feeds: Feeds
  private let counts: [Int]
  private var bound: BoundProgram

  /// Floating-point operations of one run, with those of the forward pass alone.
  let flops: (run: Int, forward: Int)

  /// `known` are the values of the draw's parameters, in the order of `site.parameters`.
  ///
  /// Throws diagnostics where the distribution has no such estimator, and for feeds that do not
  /// fit.
  init(
    _ site: SamplingSite, _ estimator: Estimator, draws: Int, loss: String, known: [NDArray],
    feeds: Feeds
  ) throws {
    self.estimator = estimator
    self.draws = draws
    let names = site.parameters.map(\.name)
    counts = known.map(\.count)
    // Draws before this one stay what they were: another would have other parameters here.
    let held = site.drawsBefore.map(\.label).filter { feeds.inputs[$0] != nil }
    let source = try site.choosing(estimator, draws: draws).cut(at: Set(names + held))
    var feeds = feeds
    for (name, array) in zip(names, known) {
      if source.node(named: name)?.isPersistent == true {
        feeds.parameters[name] = array
      } else {
        feeds.inputs[name] = array
      }
    }
    // The noise of what is held is of no use any more.
    let isNeeded = source.needed(by: source.value(named: loss).map { [$0.id] } ?? [])
    feeds.inputs = feeds.inputs.filter { name, _ in
      source.node(named: name).map { !$0.isNoise || isNeeded[$0.id.index] } ?? true
    }
    let compiler = Compiler()
    let lowered = try compiler.stabilize(compiler.lower(source), keeping: names)
    guard let root = lowered.value(named: loss) else {
      throw Diagnostics([.unknownLoss(loss, lowered)])
    }
    feeds.holdNoise(in: lowered)
    let ids = names.compactMap { lowered.node(named: $0)?.id }
    let result = try ReverseMode.differentiate(
      lowered, root: ReverseMode.Root(root.id), withRespectTo: ids)
    refusals = ids.map { result.derivatives[$0]?.refusal }
    let builder = GraphBuilder(continuing: result.graph)
    builder.removeOutputs()
    builder.removeUpdates()
    builder.output("loss", Value(builder: builder, id: root.id))
    for (place, id) in ids.enumerated() {
      if case .node(let gradient)? = result.derivatives[id] {
        builder.output("gradient.\(place)", Value(builder: builder, id: gradient))
      }
    }
    // From the first step on a baseline's new value is what the step observed.
    var baselines: [String] = []
    for update in lowered.updates where lowered[update.target].type.dtype.isFloating {
      let name = lowered[update.target].label
      guard source.node(named: name) == nil else { continue }
      baselines.append(name)
      builder.output("next.\(name)", Value(builder: builder, id: update.value))
    }
    self.baselines = baselines.filter { !$0.hasPrefix("baseline.steps") }
    graph = builder.build()
    feeds = feeds.fitting(graph)
    self.feeds = feeds
    let optimized = try compiler.optimize(graph)
    compiled = try CompiledGraph(
      optimized: optimized, feeding: optimized.fedNoise(feeds.inputs.keys))
    bound = try compiled.bind(feeds, of: graph)
    let forward = GraphBuilder(continuing: lowered)
    forward.removeOutputs()
    forward.removeUpdates()
    forward.output("loss", Value(builder: forward, id: root.id))
    let plain = try CompiledGraph(optimized: Compiler().optimize(forward.build()))
      .bind(feeds.without(noise: lowered), of: lowered)
    flops = (bound.flops, plain.flops)
  }

  /// Feeds the noise of the draw instead of drawing it. Throws diagnostics.
  func feed(_ noise: NDArray, as name: String) throws {
    feeds.inputs[name] = noise.converted(to: graph.node(named: name)?.type.dtype ?? noise.dtype)
    guard !bound.program.fed.contains(name) else { return }
    bound = try CompiledGraph(optimized: compiled.program.graph, feeding: [name])
      .bind(feeds, of: graph)
  }

  /// Sets the baselines, by state name. Throws diagnostics.
  func set(baselines values: [String: [Double]]) throws {
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      guard let old = bound.state.array(name) else { continue }
      try bound.state.set(
        name, NDArray(converting: value, to: old.dtype, shape: old.shape))
    }
  }

  /// Draws with the noise of `step`, and gives the gradient at each parameter.
  func gradients(step: UInt64) throws -> [[Double]] {
    // A run may use what it was fed up.
    for (name, array) in feeds.inputs where bound.fedNames.contains(name) {
      try bound.feed(name, array)
    }
    try bound.run(step: step)
    return counts.enumerated().map { place, count in
      bound.output("gradient.\(place)")?.doubles ?? Array(repeating: 0, count: count)
    }
  }

  /// What the last run observed of each baseline.
  var observed: [String: [Double]] {
    Dictionary(
      uniqueKeysWithValues: baselines.map { ($0, bound.output("next.\($0)")?.doubles ?? []) })
  }
}

extension Feeds {
  /// Feeds what is given as a draw's noise to its further copies too, so that it is held in as many
  /// draws as an estimator takes.
  fileprivate mutating func holdNoise(in graph: Graph) {
    for node in graph.noises {
      let name = DrawName(node.label)
      guard name.number != nil, let given = inputs[name.base],
        graph.node(named: name.base)?.isNoise == true
      else { continue }
      inputs[node.label] = given
    }
  }

  /// The feeds without what is fed in the place of noise.
  fileprivate func without(noise graph: Graph) -> Feeds {
    var feeds = self
    for node in graph.noises { feeds.inputs[node.label] = nil }
    return feeds
  }
}

extension BoundProgram {
  /// Floating-point operations of one run: of products by their formula, one an element of the
  /// larger side for all else.
  var flops: Int {
    var total = 0
    for id in plan.steps.flatMap(\.nodes) {
      let node = program.graph[id]
      guard let operation = node.operation else { continue }
      let operands = node.operands.map { plan.shapes[$0.index] }
      let result = plan.shapes[id.index]
      total +=
        operation.definition.flops?(operands, result, operation.attributes)
        ?? max(result.reduce(1, *), operands.map { $0.reduce(1, *) }.max() ?? 0)
    }
    return total
  }
}
