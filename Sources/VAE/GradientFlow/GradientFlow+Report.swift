import Ayatori
import GraphIR

extension GradientFlow {
  /// Everything that the analysis found, as JSON has it and as the text prints it.
  public struct Report: Encodable, Sendable {
    public struct Term: Encodable, Sendable {
      public let name: String
      public let value: Double
      public let weight: Double
      /// Whether the text writes the weight out.
      public let isWeighted: Bool
      /// Whether the loss adds it here and takes all of it away there.
      public let cancels: Bool
    }

    public struct Part: Encodable, Sendable {
      public let term: String
      public let gradient: ArrayStatistics?
      /// The norm's share of the norms' sum, from 0 to 1.
      public let share: Double?
      public let refusal: String?
    }

    public struct Row: Encodable, Sendable {
      public let name: String
      public let role: String
      /// Over how many draws of the graph the gradients are summed; `value` is of the first.
      public let draws: Int
      public let value: ArrayStatistics
      public let parts: [Part]
      public let total: ArrayStatistics?
      public let cosine: Double?
      /// The two terms that the cosine is of, the first that reach the node; nil where it is nil.
      public let cosineOf: [String]?
      public let partsError: Double
      public let partsErrorUlps: Double
    }

    public struct Edge: Encodable, Sendable {
      public let from: String
      public let to: String
      public let reason: String
      /// The same edge's users in further copies of a draw.
      public let alike: [String]
    }

    public struct Unreached: Encodable, Sendable {
      public let parameter: String
      public let reason: String
    }

    /// One gradient against difference quotients.
    public struct Check: Encodable, Sendable {
      public let name: String
      /// `agrees`, `differs`, or why nothing was compared.
      public let verdict: String
      /// The comparison that lies furthest apart: `mu[0, 3]`, or `mu along random direction 2`;
      /// nil where there is none.
      public let place: String?
      public let symbolic: Double?
      public let numeric: Double?
      /// The step of the difference quotient, and how far the two may lie apart.
      public let step: Double?
      public let tolerance: Double?
    }

    public let graph: String
    public let node: String
    public let distribution: String
    /// How the scale of a normal draw is given; nil for other distributions.
    public let scale: String?
    public let estimator: String
    /// Over how many draws of the node the costs are averaged in each run of the graph.
    public let nodeDraws: Int
    public let divergence: DivergenceForm
    public let seed: UInt64
    /// Nil in exact mode.
    public let draws: Int?
    public let isExact: Bool
    public let batch: Int?
    public let reduction: FlowReduction?
    public let loss: String
    public let lossValue: Double
    /// How far quadrature may be from it; nil with draws, and where no outcome is left out.
    public let lossError: Double?
    public let terms: [Term]
    /// What the loss adds to its terms; nil where that is nothing.
    public let constant: Double?
    /// What a reader has to know of how the numbers were taken.
    public let notes: [String]
    public let evidence: Evidence?
    public let rows: [Row]
    public let estimators: EstimatorComparison?
    public let variances: [VarianceSplit]
    public let activeAbove: Double
    public let isTrained: Bool
    /// Whether the latents' divergence, from N(0, 1), is the one in the loss.
    public let hasStandardPrior: Bool
    public let latents: [LatentStatistics]
    public let formulas: FormulaReport
    /// What the formulas call the cost downstream of the draw; nil where they need no such name.
    public let costSymbol: String?
    /// Nil when gradients were not compared with difference quotients.
    public let check: [Check]?
    /// What the difference quotients held at its value, as the graph's gradient takes it.
    public let checkHeld: String?
    public let parity: FlowParity
    public let blocked: [Edge]
    public let unreached: [Unreached]
    public let nonFinite: [NonFiniteBirth]
    /// Where the draw's standard deviation is not positive.
    public let scaleFault: ScaleFault?
  }

  public var report: Report {
    let shape = split.rows.last?.array.shape ?? []
    return Report(
      graph: split.graph, node: split.node, distribution: site.operation.definition.name,
      scale: site.operation.attributes["scale"]?.description, estimator: site.estimator.name,
      nodeDraws: site.operation.draws, divergence: divergence, seed: seed,
      draws: options.isExact ? nil : options.draws,
      isExact: options.isExact, batch: site.batchAxis.map { shape[$0] },
      reduction: reduction,
      loss: split.loss,
      lossValue: split.lossValue, lossError: lossError,
      terms: split.terms.map {
        Report.Term(
          name: $0.name, value: $0.value, weight: $0.weight,
          isWeighted: $0.isWeighted || $0.weight != 1, cancels: $0.cancels)
      }, constant: split.constant, notes: notes, evidence: evidence,
      rows: site.distinctPlaces.map { place in
        let row = split.rows[place]
        let norms = row.parts.reduce(0) { $0 + ($1.statistics?.norm ?? 0) }
        return Report.Row(
          name: row.name, role: site.roles(of: row.name), draws: row.draws, value: row.value,
          parts: row.parts.map { part in
            Report.Part(
              term: part.term, gradient: part.statistics,
              share: part.statistics.flatMap { norms > 0 ? $0.norm / norms : nil },
              refusal: part.refusal)
          }, total: row.total, cosine: row.cosine,
          cosineOf: row.cosine == nil
            ? nil : row.pair.map { [row.parts[$0.first].term, row.parts[$0.second].term] },
          partsError: row.partsError, partsErrorUlps: row.partsErrorUlps)
      }, estimators: comparison, variances: variances, activeAbove: options.activeAbove,
      isTrained: isTrained,
      hasStandardPrior: LatentStatistics.hasStandardPrior(site), latents: latents,
      formulas: formulas, costSymbol: costSymbol,
      check: check?.targets.map { target in
        let verdict =
          switch target.verdict {
          case .agrees: "agrees"
          case .differs: "differs"
          case .refused(let reason): reason
          }
        // Of a single number its gradient is shown, where no direction says worse.
        let own = target.probes.last { $0.place == .entry(target.shape.map { _ in 0 }) }
        let isNumber = target.shape.allSatisfy { $0 == 1 }
        let probe = isNumber && own?.verdict == target.worst?.verdict ? own : target.worst
        return Report.Check(
          name: target.name, verdict: verdict,
          place: probe.flatMap { check?.place(target, $0) }, symbolic: probe?.symbolic,
          numeric: probe?.numeric, step: probe?.step, tolerance: probe?.tolerance)
      }, checkHeld: check?.heldLine, parity: parity,
      blocked: split.blocked.map {
        Report.Edge(from: $0.from, to: $0.to, reason: $0.reason, alike: $0.alike)
      },
      unreached: split.unreached.map { Report.Unreached(parameter: $0.name, reason: $0.reason) },
      nonFinite: births, scaleFault: scaleFault)
  }
}
