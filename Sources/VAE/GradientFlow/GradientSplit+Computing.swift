public import Ayatori
import Autodiff
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime

/// Feeds for one evaluation of a graph: arrays by leaf name.
public struct Feeds: Sendable {
  /// Inputs, and noise that is not to be drawn.
  public var inputs: [String: NDArray]
  /// Parameters; those that are missing come from their initialisers.
  public var parameters: [String: NDArray]
  public var sizes: [String: Int]
  public var seed: UInt64
  public var step: UInt64

  public init(
    inputs: [String: NDArray] = [:], parameters: [String: NDArray] = [:],
    sizes: [String: Int] = [:], seed: UInt64 = 0, step: UInt64 = 0
  ) {
    self.inputs = inputs
    self.parameters = parameters
    self.sizes = sizes
    self.seed = seed
    self.step = step
  }
}

extension GradientSplit {
  /// Splits the gradient round the sampling node `name`, or the graph's only one.
  ///
  /// Throws diagnostics for a graph without such a node, a loss that is not clear, and feeds that
  /// do not fit. Other nodes than leaves may be fed: the graph is cut there.
  public init(_ source: Graph, node name: String? = nil, loss: String? = nil, feeds: Feeds) throws {
    let source = try source.cut(at: Set(feeds.inputs.keys))
    let sampling = try GradientSplit.samplingNode(source, name)
    let named = GradientSplit.namingOperands(source, of: sampling)
    let lowered = try Compiler().lower(named)
    let loss = try loss ?? Compiler.lossName(of: lowered)
    guard let root = lowered.value(named: loss) else {
      throw Diagnostics([.unknownLoss(loss, lowered)])
    }
    let node = named[sampling]
    let targets = GradientSplit.targets(node, named)
    let ids = targets.compactMap { lowered.node(named: $0.name)?.id }
    // A draw that is the loss itself is its own term: what computes it lies before the node.
    let terms = ids.contains(root.id) ? [root.id] : lossTerms(of: lowered, loss: root.id)
    let weighing = GraphBuilder(continuing: lowered)
    let weights = termWeights(lowered, loss: root.id, terms: terms, in: weighing)

    // The whole in one pass.
    let parameters = lowered.parameters.map(\.id)
    let whole = try ReverseMode.differentiate(
      weighing.build(), root: ReverseMode.Root(root.id), withRespectTo: ids + parameters)
    var graph = whole.graph
    // One pass a term, seeded with its weight.
    var split: [[Derivative]] = []
    for (term, weight) in zip(terms, weights) {
      let part = try ReverseMode.differentiate(
        graph, root: ReverseMode.Root(term, seed: weight), withRespectTo: ids)
      graph = part.graph
      split.append(ids.map { part.derivatives[$0] ?? .notConnected(because: "no path") })
    }

    let values = try GradientSplit.evaluate(graph, feeds) { builder in
      for (index, id) in ids.enumerated() {
        builder.output("value.\(index)", Value(builder: builder, id: id))
        if case .node(let total)? = whole.derivatives[id] {
          builder.output("total.\(index)", Value(builder: builder, id: total))
        }
        for (position, parts) in split.enumerated() {
          if case .node(let part) = parts[index] {
            builder.output("part.\(position).\(index)", Value(builder: builder, id: part))
          }
        }
      }
      builder.output("loss", Value(builder: builder, id: root.id))
      for (position, term) in terms.enumerated() {
        builder.output("term.\(position)", Value(builder: builder, id: term))
        builder.output("weight.\(position)", Value(builder: builder, id: weights[position]))
      }
    }

    func scalar(_ key: String) -> Double { values[key]?.doubles.first ?? .nan }
    self.graph = source.name
    self.node = node.label
    distribution = node.operation?.definition.name ?? ""
    scale = node.operation?.attributes["scale"]?.description ?? ""
    estimator = node.operation?.attributes["estimator"]?.description ?? ""
    self.loss = loss
    lossValue = scalar("loss")
    termValues = terms.enumerated().map {
      (lowered[$1].label, scalar("term.\($0)"), scalar("weight.\($0)"))
    }
    var rows: [Row] = []
    for (index, target) in targets.enumerated() {
      guard let value = values["value.\(index)"] else { continue }
      let parts = terms.enumerated().map { position, term in
        let gradient = values["part.\(position).\(index)"]
        return Part(
          term: lowered[term].label, weight: scalar("weight.\(position)"), gradient: gradient,
          refusal: split[position][index].refusal, statistics: gradient.map(Statistics.init))
      }
      let total = values["total.\(index)"]
      let (error, ulps) = GradientSplit.partsError(parts, total)
      rows.append(
        Row(
          role: target.role, name: target.name, value: Statistics(value), parts: parts,
          total: total.map(Statistics.init), partsError: error, partsErrorUlps: ulps))
    }
    self.rows = rows
    blocked = whole.blocked.map {
      (lowered[$0.operand].mention, lowered[$0.user].mention, $0.reason)
    }
    unreached = parameters.compactMap { id in
      whole.derivatives[id]?.refusal.map { (lowered[id].label, $0) }
    }
  }

  private static func samplingNode(_ graph: Graph, _ name: String?) throws(Diagnostics) -> NodeID {
    let candidates = graph.nodes.filter { $0.operation?.definition.sampling != nil }
    if let name {
      if let node = candidates.first(where: { $0.name == name || $0.aliases.contains(name) }) {
        return node.id
      }
      throw Diagnostics([.noSamplingNode(graph, name, candidates.map(\.label))])
    }
    guard candidates.count == 1 else {
      throw Diagnostics([.noSamplingNode(graph, nil, candidates.map(\.label))])
    }
    return candidates[0].id
  }

  /// Ids change when sampling is lowered, names do not: unnamed operands get one.
  private static func namingOperands(_ graph: Graph, of id: NodeID) -> Graph {
    let node = graph[id]
    let builder = GraphBuilder(continuing: graph)
    for (role, operand) in zip(roles(node), node.operands) where graph[operand].name == nil {
      Value(builder: builder, id: operand).named(builder.freeName("\(node.label).\(role)"))
    }
    if node.name == nil { Value(builder: builder, id: id).named(builder.freeName("draw")) }
    return builder.build()
  }

  /// What the operands of a sampling node are to it, by the keywords in use.
  private static func roles(_ node: Node) -> [String] {
    guard let operation = node.operation else { return [] }
    return node.operands.indices.map { index in
      let spec = operation.definition.operandSpec(at: index)
      return spec.choice.map { operation.attributes.symbol($0) } ?? spec.name
    }
  }

  private static func targets(_ node: Node, _ graph: Graph) -> [(role: String, name: String)] {
    zip(roles(node), node.operands).enumerated().compactMap { index, pair in
      node.operation?.definition.operandSpec(at: index).edge == .noise
        ? nil : (pair.0, graph[pair.1].label)
    } + [("draw", node.label)]
  }

  private static func evaluate(
    _ graph: Graph, _ feeds: Feeds, outputs: (GraphBuilder) -> Void
  ) throws -> [String: NDArray] {
    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    outputs(builder)
    let runnable = try Compiler().optimize(builder.build())
    return try CompiledGraph(optimized: runnable, feeding: runnable.fedNoise(feeds.inputs.keys))
      .run(
        inputs: feeds.inputs, parameters: feeds.parameters, sizes: feeds.sizes, seed: feeds.seed,
        step: feeds.step)
  }

  private static func partsError(_ parts: [Part], _ total: NDArray?) -> (Double, Double) {
    guard let total else { return (0, 0) }
    let whole = total.doubles
    let gradients = parts.compactMap { $0.gradient?.doubles }
    var worst = 0.0
    var largest = 0.0
    for index in whole.indices {
      let sum = gradients.reduce(0) { $0 + $1[index] }
      // A NaN stays: it is no agreement.
      let difference = abs(sum - whole[index])
      if difference.isNaN || difference > worst { worst = difference }
      for gradient in gradients { largest = max(largest, abs(gradient[index])) }
    }
    let unit = total.dtype == .f32 ? Double(Float(largest).ulp) : largest.ulp
    return (worst, worst == 0 ? 0 : worst / unit)
  }
}

extension Diagnostic {
  static func noSamplingNode(_ graph: Graph, _ name: String?, _ candidates: [String]) -> Diagnostic
  {
    let known = candidates.isEmpty ? "none" : candidates.joined(separator: ", ")
    guard let name else {
      return Diagnostic(
        "no-sampling-node",
        candidates.isEmpty
          ? "graph '\(graph.name)' has no sampling node"
          : "graph '\(graph.name)' has several sampling nodes",
        place: "graph '\(graph.name)'", expected: "one statement 'z ~ distribution(…)'", got: known,
        fix: candidates.isEmpty ? nil : "choose: --node \(candidates[0])")
    }
    return Diagnostic(
      "no-sampling-node", "'\(name)' is no sampling node of graph '\(graph.name)'",
      at: graph.node(named: name)?.location, place: "graph '\(graph.name)'",
      expected: "one of: \(known)", got: "'\(name)'",
      fix: nearest(to: name, among: candidates).map { "did you mean '\($0)'?" })
  }

  static func unknownLoss(_ name: String, _ graph: Graph) -> Diagnostic {
    Diagnostic(
      "unknown-node", "graph '\(graph.name)' has no node '\(name)'", place: "--loss",
      expected: "the name of a scalar node", got: "'\(name)'",
      fix: nearest(to: name, among: graph.names).map { "did you mean '\($0)'?" })
  }
}
