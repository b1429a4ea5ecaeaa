public import Ayatori
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime

/// The gradient round a sampling node: what flows where, how much of it is noise, and what other
/// estimators would make of it.
public struct GradientFlow: Sendable {
  /// What to look at and how closely.
  public struct Options: Sendable {
    /// The sampling node; nil for the graph's only one.
    public var node: String?
    /// The scalar to differentiate; nil for the graph's `loss`.
    public var loss: String?
    /// Draws for means and variances.
    public var draws = 64
    /// Expectations by quadrature or enumeration, in f64, instead of from draws.
    public var isExact = false
    /// Var_x μ from which a latent counts as active (Burda et al. 2015: 0.01).
    public var activeAbove = 0.01
    /// Whether estimators are compared; it takes most of the time.
    public var comparesEstimators = true
    /// Whether gradients are compared with difference quotients.
    public var checksNumerically = true
    /// A value put into the search for values that are not finite.
    public var plant: Plant?

    public init() {}
  }

  /// How the loss has the divergence of the draw's distribution from its prior.
  public enum DivergenceForm: String, Sendable, Encodable {
    case analytic
    /// ln q(z) − ln p(z), by the estimator.
    case sampled
    case none
  }

  public let options: Options
  public let seed: UInt64
  public let site: SamplingSite
  public let divergence: DivergenceForm
  /// At one draw; in exact mode the expectation over all.
  public let split: GradientSplit
  /// How far quadrature may be from the expected loss; nil where nothing is left out.
  public let lossError: Double?
  public let comparison: EstimatorComparison?
  public let variances: [VarianceSplit]
  /// Whether parameters were given: what initialisers make says nothing of collapse.
  public let isTrained: Bool
  public let latents: [LatentStatistics]
  public let parity: FlowParity
  public let births: [NonFiniteBirth]
  /// Where the draw's standard deviation is none.
  public let scaleFault: ScaleFault?
  /// How the loss treats the images of the batch; nil without a batch.
  public let reduction: FlowReduction?
  public let evidence: Evidence?
  /// The derivatives at the node as mathematics: of the draw by what it is drawn from, and of the
  /// loss by the distribution's parameters.
  public let formulas: FormulaReport
  /// What `formulas` calls a scalar that depends on the draw in any way; nil where it needs none.
  public let costSymbol: String?
  /// What a reader has to know of how the numbers were taken.
  public let notes: [String]
  /// The gradients against difference quotients with the noise frozen; nil when not asked for.
  public let check: GradientCheck?

  /// ln ∫ e^−cost p(z) dz, which the loss, a cost and a divergence of weight 1, is a bound on:
  /// ln p(x) where the cost is −ln p(x|z).
  public struct Evidence: Sendable, Encodable {
    /// In nats.
    public let logProbability: Double
    /// loss + ln ∫: of a likelihood KL(q ‖ posterior).
    public let gap: Double
    /// The name of the cost.
    public let cost: String
    /// Whether the cost is known to be −ln p(x|z).
    public let isLikelihood: Bool

    /// `log p(x)`, or what it is of a cost that is no likelihood.
    public var title: String { isLikelihood ? "log p(x)" : "log E exp(−\(cost)) at z ~ N(0, 1)" }
  }

  /// Analyses a source graph. Throws diagnostics for a graph without a sampling node, a loss that
  /// is not clear, feeds that do not fit, and a draw too large for exact expectations.
  public init(_ source: Graph, feeds: Feeds, options: Options = Options()) throws {
    self.options = options
    seed = feeds.seed
    let graph = options.isExact ? source.retyped(from: .f32, to: .f64) : source
    let written = try SamplingSite(cutting: graph, at: feeds, node: options.node)
    let program = try SplitProgram(written, loss: options.loss)
    let site = program.site
    self.site = site
    let compiled = try program.compiled(feeding: feeds.inputs.keys)
    let bound = try compiled.bind(feeds, of: program.graph)
    try bound.run(step: feeds.step)
    let values = SplitProgram.outputs(of: bound)
    let known = site.parameters.indices.compactMap { values["value.\($0)"] }
    let shape = values["value.\(site.parameters.count)"]?.shape ?? []
    guard !shape.contains(0) else { throw Diagnostics([.emptyDraw(site, shape)]) }
    let scaleFault = ScaleFault(site, known: known)
    self.scaleFault = scaleFault
    let hasClosed = !site.graph.closedDivergences(of: site.node.id).isEmpty
    divergence =
      hasClosed ? (site.estimator.divergence == .closed ? .analytic : .sampled) : .none

    var points = EstimatorComparison.Points.draws(options.draws)
    var expectation: GridExpectation?
    if options.isExact {
      try GradientFlow.checkExact(site, program)
      let grid = try NoiseGrid(
        site, shape: shape, parameters: known,
        carried: site.graph.separableAxes(of: site.node.id))
      expectation = try GridExpectation(settling: program, feeds, grid)
      points = .grid(expectation?.grid ?? grid)
    }
    var variances: [VarianceSplit] = []
    if options.comparesEstimators, site.isCompared(feeds, isExact: options.isExact) {
      let images = site.batchAxis.map { shape[$0] } ?? 1
      var feeds = feeds
      for (index, name) in program.heldDraws.enumerated() {
        feeds.inputs[name] = values["held.\(index)"]
      }
      let isExact = options.isExact
      comparison = try EstimatorComparison(
        site, loss: program.loss, known: known, feeds: feeds, points: &points,
        undefinedDensity: scaleFault?.reason
      ) { measurement in
        for (place, moments) in measurement.moments.enumerated()
        where site.distinctPlaces.contains(place)
          && site.hasImagesFirst(place, images, known[place].shape)
        {
          if let split = VarianceSplit(
            site.parameters[place].name, moments, images: images,
            draws: measurement.program.draws, isExact: isExact)
          {
            variances.append(split)
          }
        }
      }
    } else {
      comparison = nil
    }
    self.variances = variances
    notes = site.notes(feeds, program, options)
    if case .grid(let grid) = points, let first = expectation, first.grid.summary != grid.summary {
      // All of a report is taken at the same points.
      expectation = try GridExpectation(settling: program, feeds, grid)
    }
    split = expectation?.split ?? GradientSplit(program, values)
    (lossError, evidence) = (expectation?.lossError, expectation?.evidence)
    isTrained = !feeds.parameters.isEmpty || graph.parameters.isEmpty
    latents = LatentStatistics.all(
      site, [split], activeAbove: options.activeAbove, isTrained: isTrained)
    parity = try FlowParity(program, feeds: feeds, optimized: values)
    births = try NonFiniteBirth.find(in: program.graph, feeds: feeds, plant: options.plant)
    reduction = FlowReduction(program)
    let local = try GradientFlow.unlessRefused {
      try LocalDerivatives(of: written.name, in: written.graph)
    }
    costSymbol = local?.cotangent?.root
    formulas = FormulaReport(
      try GradientFlow.unlessRefused {
        try GradientFormulas(
          of: written.graph, loss: program.loss, withRespectTo: site.parameters.map(\.name))
      },
      local: local)
    check =
      options.checksNumerically
      ? try GradientFlow.numericCheck(site, program.loss, feeds, shape) : nil
  }

  /// Exact expectations are over one draw of one node, and not of a smooth one in a discrete one's
  /// place. Throws a diagnostic for what would leave other noise at a single value.
  private static func checkExact(
    _ site: SamplingSite, _ program: SplitProgram
  ) throws(Diagnostics) {
    let loss = site.graph.value(named: program.loss).map { [$0.id] } ?? []
    guard site.graph.needed(by: loss)[site.node.id.index] else {
      throw Diagnostics([.unusedDraw(site, program.loss)])
    }
    let others = site.graph.draws.filter { $0.id != site.node.id }.map(\.label)
    let estimator = site.estimator
    let isSmooth = estimator == .gumbelSoftmax || estimator == .straightThroughGumbelSoftmax
    let reason: String? =
      if !others.isEmpty {
        "other draws: \(others.joined(separator: ", "))"
      } else if site.operation.draws > 1 {
        "\(site.operation.draws) draws of '\(site.name)'"
      } else if isSmooth {
        "the estimator '\(estimator.name)', whose gradient depends on the noise itself"
      } else {
        nil
      }
    if let reason { throw Diagnostics([.notExact(site, reason)]) }
  }

  /// Nil where a derivative is refused: the split says why.
  private static func unlessRefused<T>(_ body: () throws -> T) throws -> T? {
    do {
      return try body()
    } catch is Diagnostics {
      return nil
    }
  }

  /// Two directions and a few entries each of the parameters and the draw.
  private static func numericCheck(
    _ site: SamplingSite, _ loss: String, _ feeds: Feeds, _ shape: [Int]
  ) throws -> GradientCheck {
    var options = GradientCheck.Options()
    options.directions = 2
    options.entries = 2
    let inputs = feeds.inputs.filter { name, _ in site.graph.node(named: name) != nil }
    return try GradientCheck(
      site.graph, loss: loss, withRespectTo: (site.parameters + [site.draw]).map(\.name),
      inputs: inputs, parameters: feeds.parameters, sizes: feeds.sizes, seed: feeds.seed,
      step: feeds.step, options: options)
  }
}

extension Diagnostic {
  static func emptyDraw(_ site: SamplingSite, _ shape: [Int]) -> Diagnostic {
    Diagnostic(
      "empty-draw", "'\(site.name)' has no elements: no gradient flows round it",
      at: site.node.location, place: "gradflow", expected: "a draw of one number or more",
      got: "the shape \(shape)")
  }

  static func notExact(_ site: SamplingSite, _ got: String) -> Diagnostic {
    Diagnostic(
      "not-exact", "expectations over '\(site.name)' alone would not be exact",
      at: site.node.location, place: "--exact",
      expected: "one draw of one sampling node, from its distribution", got: got,
      fix: "estimate: --draws 10000")
  }

  static func unusedDraw(_ site: SamplingSite, _ loss: String) -> Diagnostic {
    Diagnostic(
      "unused-draw", "'\(loss)' does not depend on '\(site.name)'", at: site.node.location,
      place: "--exact", expected: "a loss with an expectation over '\(site.name)'",
      got: "a loss that no draw changes", fix: "ask for another scalar: --loss NAME")
  }

  static func noNoise(_ site: SamplingSite) -> Diagnostic {
    Diagnostic(
      "no-noise", "'\(site.name)' has no noise of its own to integrate over",
      at: site.node.location, place: "--exact", expected: "a noise leaf '\(site.name).eps'",
      got: "another value in its place")
  }
}
