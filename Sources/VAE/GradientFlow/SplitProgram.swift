import Ayatori
import Autodiff
import GraphIR
import GraphOps
import Passes
import Runtime

/// The graph that computes a gradient split: values, terms and weights, the whole gradient, and a
/// part for each term, as outputs `value.i`, `term.t`, `weight.t`, `total.i`, `part.t.i`, `loss`.
struct SplitProgram {
  let site: SamplingSite
  let loss: String
  /// Lowered, with derivatives; before the passes.
  let graph: Graph
  /// The distribution's parameters, then the draw.
  let targets: [SamplingSite.Place]
  /// By target the names of its values, one for each draw where it is drawn, or depends on a draw
  /// that is repeated; values of the second and further ones are outputs `value.i.k`, and
  /// gradients are summed over them.
  let copies: [[String]]
  let terms: [(name: String, isWeighted: Bool, hasBothSigns: Bool)]
  /// By term and target; nil where there is a gradient.
  let refusals: [[String?]]
  let blocked: [GradientSplit.Block]
  let unreached: [(name: String, reason: String)]

  /// Other draws that the distribution's parameters depend on; outputs `held.i`.
  let heldDraws: [String]
  private let pipeline: Pipeline

  /// Throws diagnostics for a loss that is not clear.
  init(_ site: SamplingSite, loss: String?, pipeline: Pipeline = .standard) throws {
    let loss = try loss ?? Compiler.lossName(of: site.graph)
    let (site, known) = site.namingTerms(of: loss)
    self.site = site
    self.loss = loss
    self.pipeline = pipeline
    heldDraws = site.drawsBefore.map(\.label)
    let compiler = SplitProgram.compiler(pipeline)
    let targets = site.parameters + [site.draw]
    self.targets = targets
    let expanded = try compiler.lower(site.graph)
    copies = targets.map { expanded.copies(of: $0.name, in: site.graph) }
    let lowered = try compiler.stabilize(expanded, keeping: copies.flatMap(\.self))
    guard let root = lowered.value(named: loss) else {
      throw Diagnostics([.unknownLoss(loss, lowered)])
    }
    let groups = copies.map { $0.compactMap { lowered.node(named: $0)?.id } }
    let ids = groups.flatMap(\.self)
    // A draw that is the loss itself is its own term: what computes it lies before the node.
    let terms =
      ids.contains(root.id)
      ? [FoundTerm(id: root.id, name: loss)]
      : lossTerms(of: lowered, loss: root.id, known: known, in: site.graph)
    let weighing = GraphBuilder(continuing: lowered)
    let sum = weighedTerms(lowered, loss: root.id, terms: terms.map(\.id), in: weighing)
    let weighed = sum.terms
    let one = weighing.constant(.float(1), root.type.dtype).id
    self.terms = zip(terms, weighed).map { term, weighed in
      (
        term.id == root.id ? loss : term.name ?? lowered.expression(term.id),
        weighed.weight != one, weighed.hasBothSigns
      )
    }

    // The whole in one pass.
    let parameters = lowered.parameters.map(\.id)
    let whole = try ReverseMode.differentiate(
      weighing.build(), root: ReverseMode.Root(root.id), withRespectTo: ids + parameters)
    var graph = whole.graph
    // One pass a term, seeded with its weight.
    var split: [[NodeID: Derivative]] = []
    for (term, name) in zip(weighed, self.terms.map(\.name)) {
      let part = try ReverseMode.differentiate(
        graph, root: ReverseMode.Root(term.root, seed: term.weight, title: name),
        withRespectTo: ids)
      graph = part.graph
      split.append(part.derivatives)
    }
    refusals = split.map { derivatives in
      groups.map { group in
        let answers = group.map { derivatives[$0] ?? .notConnected(because: "no path") }
        let isReached = answers.contains { $0.refusal == nil }
        return isReached ? nil : answers.first?.refusal
      }
    }
    // What an estimator stops within its own arithmetic is no way of the person's graph.
    let cuts = whole.blocked.filter { !$0.isRerouted || lowered[$0.user].name != nil }
    blocked = lowered.alike(cuts).map { cut in
      GradientSplit.Block(
        from: lowered[cut.first.operand].mention, to: lowered[cut.first.user].mention,
        reason: cut.first.reason, alike: cut.others.map { lowered[$0.user].mention })
    }
    unreached = parameters.compactMap { id in
      whole.derivatives[id]?.refusal.map { (lowered[id].label, $0) }
    }

    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    builder.removeUpdates()
    /// The loss is the mean over draws: so is the sum of what each draw's share has.
    func together(_ group: [NodeID], _ derivatives: [NodeID: Derivative]) -> Value? {
      let gradients = group.compactMap { id -> Value? in
        guard case .node(let gradient)? = derivatives[id] else { return nil }
        return Value(builder: builder, id: gradient)
      }
      return gradients.first.map { gradients.dropFirst().reduce($0, +) }
    }
    for (index, group) in groups.enumerated() {
      for (number, id) in group.enumerated() {
        builder.output(
          number == 0 ? "value.\(index)" : "value.\(index).\(number)",
          Value(builder: builder, id: id))
      }
      if let total = together(group, whole.derivatives) { builder.output("total.\(index)", total) }
      for (position, derivatives) in split.enumerated() {
        if let part = together(group, derivatives) {
          builder.output("part.\(position).\(index)", part)
        }
      }
    }
    builder.output("loss", Value(builder: builder, id: root.id))
    if let constant = sum.constant {
      builder.output("constant", Value(builder: builder, id: constant))
    }
    for (index, name) in heldDraws.enumerated() {
      if let draw = lowered.node(named: name) {
        builder.output("held.\(index)", Value(builder: builder, id: draw.id))
      }
    }
    for (position, term) in weighed.enumerated() {
      builder.output("term.\(position)", Value(builder: builder, id: term.root))
      builder.output("weight.\(position)", Value(builder: builder, id: term.weight))
    }
    self.graph = builder.build()
  }

  /// Ready to be bound, with the named noise fed.
  func compiled(feeding names: some Sequence<String>) throws -> CompiledGraph {
    let runnable = try SplitProgram.compiler(pipeline).optimize(graph)
    return try CompiledGraph(optimized: runnable, feeding: runnable.fedNoise(names))
  }

  private static func compiler(_ pipeline: Pipeline) -> Compiler {
    var options = CompilerOptions()
    options.pipeline = pipeline
    return Compiler(options)
  }

  static func outputs(of bound: BoundProgram) -> [String: NDArray] {
    var values: [String: NDArray] = [:]
    for output in bound.program.outputs { values[output.name] = bound.output(output.name) }
    return values
  }

  /// |Σ parts − total|∞ at the target, and the same in units in the last place of the largest part.
  static func partsError(_ values: [String: NDArray], _ index: Int) -> (Double, Double) {
    guard let total = values["total.\(index)"] else { return (0, 0) }
    let whole = total.doubles
    let gradients = values.filter { key, _ in
      key.hasPrefix("part.") && key.hasSuffix(".\(index)")
    }.sorted { $0.key < $1.key }.map(\.value.doubles)
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

extension Graph {
  /// The names that the value `name` of `source` has in this graph, in which draws are written out:
  /// `m`, `m#2`, … where it is drawn several times or depends on what is.
  func copies(of name: String, in source: Graph) -> [String] {
    let draws = source.draws.compactMap { $0.operation?.draws }.max() ?? 1
    let further = (2..<max(draws + 1, 2)).map { "\(name)#\($0)" }
    return [name] + further.filter { node(named: $0) != nil && source.node(named: $0) == nil }
  }
}

extension Diagnostic {
  static func unknownLoss(_ name: String, _ graph: Graph) -> Diagnostic {
    Diagnostic(
      "unknown-node", "graph '\(graph.name)' has no node '\(name)'", place: "--loss",
      expected: "the name of a scalar node", got: "'\(name)'",
      fix: nearest(to: name, among: graph.names).map { "did you mean '\($0)'?" })
  }
}
