import Autodiff
import GraphIR

extension LintContext {
  /// A term of the loss with the weight of one element of it.
  fileprivate struct Term {
    var node: NodeID
    var weight: ReductionWeight
    /// The dimensions of what is summed.
    var dimensions: [String]
    /// The power of the batch size in the term as a whole: 1 for a sum, 0 for a mean.
    var batchPower: Int

    /// What an element counts, the batch left aside.
    func weight(besides batch: String) -> [String: Int] {
      weight.powers.filter { $0.key != batch }
    }

    /// Dimensions other than the batch over which the term is averaged.
    func averaged(besides batch: String) -> [String] {
      weight(besides: batch).filter { $0.value < 0 }.keys.sorted()
    }
  }

  /// The dimension of the batch: the one that is bound when the graph runs, else the first of the
  /// inputs'.
  fileprivate var batch: String? {
    graph.dimensions.first { $0.defaultSize == nil }?.name
      ?? graph.inputs.first { $0.type.dtype.isFloating && $0.type.shape.rank > 1 }
      .flatMap { $0.type.shape.dims[0].symbolName }
  }

  /// The terms that count examples; a penalty on weights does not.
  fileprivate func terms(_ batch: String) -> [Term] {
    guard let loss else { return [] }
    let ids = lossTerms(of: graph, loss: loss, areScalars: true)
    let factors = ReductionWeight.factors(of: ids, in: loss, graph)
    let parts = ids.flatMap { id in
      factors[id].map { ReductionWeight.parts(of: id, times: $0, in: graph) } ?? []
    }
    return parts.compactMap { id, factor in
      guard let weight = ReductionWeight.of(id, times: factor, in: graph) else { return nil }
      let dimensions = graph[weight.elements].type.shape.dims.map(\.description)
      guard dimensions.contains(batch) else { return nil }
      return Term(
        node: id, weight: weight, dimensions: dimensions,
        batchPower: 1 + (weight.powers[batch] ?? 0))
    }
  }

  fileprivate func name(_ term: Term) -> String { "'\(graph[term.node].mention)'" }
}

extension LintRule {
  /// About the loss as a whole.
  static let losses: [LintRule] = [
    LintRule(
      "mean-loss-sum-kl",
      why:
        "the weights of the terms against each other change with the batch size, and no β says so"
    ) { c in
      guard let batch = c.batch else { return [] }
      let terms = c.terms(batch)
      guard let mean = terms.min(by: { $0.batchPower < $1.batchPower }),
        let other = terms.first(where: { $0.batchPower != mean.batchPower })
      else { return [] }
      return [
        Match(
          node: other.node, others: [mean.node],
          message: "terms of the loss are reduced differently: an element counts "
            + "\(mean.weight.text) in \(c.name(mean)), \(other.weight.text) in \(c.name(other))",
          fix: "reduce both alike: sum each over all its axes, then divide by \(batch)")
      ]
    },

    LintRule(
      "hidden-beta",
      why: "averages over other extents than the other term's are a β that nobody chose and no "
        + "table shows"
    ) { c in
      guard let batch = c.batch else { return [] }
      let terms = c.terms(batch)
      // Two terms that are averaged alike weigh as two that are summed.
      func isOther(_ a: LintContext.Term, _ b: LintContext.Term) -> Bool {
        a.weight(besides: batch) != b.weight(besides: batch)
      }
      guard terms.allSatisfy({ $0.batchPower == terms[0].batchPower }),
        let hidden = terms.first(where: { term in
          !term.averaged(besides: batch).isEmpty && terms.contains { isOther(term, $0) }
        }), let other = terms.first(where: { isOther(hidden, $0) })
      else { return [] }
      func axes(_ term: LintContext.Term) -> String {
        term.averaged(besides: batch).joined(separator: "·")
      }
      let averaged = terms.filter { !$0.averaged(besides: batch).isEmpty }
      let sums = averaged.map { term in
        "over \(axes(term))" + (averaged.count > 1 ? " in \(c.name(term))" : "")
      }
      return [
        Match(
          node: hidden.node, others: [other.node],
          message: "\(c.name(hidden)) is averaged over \(axes(hidden)): an element counts "
            + "\(hidden.weight.text), \(other.weight.text) in \(c.name(other))",
          fix:
            "sum \(sums.joined(separator: " and ")); a weight that is meant goes by a name: "
            + "const beta = 1.0"
        )
      ]
    },

    LintRule("unreached-parameter", why: "it never changes: training is silent about it") { c in
      guard let loss = c.loss, c.graph[loss].type.shape.rank == 0,
        c.graph[loss].type.dtype.isFloating
      else { return [] }
      // A draw with a score function passes nothing itself: its costs do, once they are weighed.
      let graph = try c.applyingEstimators()
      guard let root = c.lossName.flatMap({ graph.value(named: $0) }) else { return [] }
      let targets = c.graph.parameters.filter(\.type.dtype.isFloating).compactMap { parameter in
        graph.node(named: parameter.label).map { (parameter, $0.id) }
      }
      let result = try ReverseMode.differentiate(
        graph, root: ReverseMode.Root(root.id), withRespectTo: targets.map(\.1))
      let isUsed = graph.needed(by: [root.id])
      return targets.compactMap { parameter, target in
        guard let reason = result.derivatives[target]?.shortRefusal else { return nil }
        return Match(
          node: parameter.id,
          message: "no gradient of '\(c.graph[loss].mention)' reaches the parameter "
            + "'\(parameter.label)': \(reason)",
          fix: isUsed[target.index]
            ? "open the way there, or make it an input"
            : "use it on the way to the loss, or make it an input")
      }
    },
  ]
}

extension Derivative {
  /// The refusal where it is said already that no gradient comes.
  fileprivate var shortRefusal: String? {
    if case .notConnected(let reason) = self { reason } else { refusal }
  }
}
