import Ayatori
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime

/// A gradient split as an expectation over the noise of a sampling node, by quadrature.
struct GridExpectation {
  /// The grid on which the expectations were taken.
  let grid: NoiseGrid
  let split: GradientSplit
  /// ln p(x), where it can be had.
  let evidence: GradientFlow.Evidence?
  /// How far the expected loss may be off, by the change from a coarser grid; nil where no outcome
  /// is left out.
  let lossError: Double?

  /// Takes `grid`, or equidistant points where those of `grid` do not settle: at kinks and steps.
  /// Throws diagnostics.
  init(settling program: SplitProgram, _ feeds: Feeds, _ grid: NoiseGrid) throws {
    var grid = grid
    var sums = try Sums(program, feeds, grid)
    var coarse = try grid.coarser.map { try Sums(program, feeds, $0()) }
    if let rough = coarse, !sums.isNear(rough, within: NoiseGrid.settled),
      let other = try grid.equidistant?()
    {
      grid = other
      sums = try Sums(program, feeds, grid)
      coarse = try grid.coarser.map { try Sums(program, feeds, $0()) }
    }
    self.grid = grid
    split = sums.split(program)
    evidence = try sums.evidence(program, feeds, loss: split.lossValue)
    lossError = coarse.map { NoiseGrid.caution * abs($0.loss - sums.loss) }
  }

  /// Sums over the points of one grid.
  private struct Sums {
    private var moments: [String: (shape: [Int], sum: Moments)] = [:]
    private var errors: [[Double]]
    private var ratios: [(weight: Double, logRatio: Double)] = []
    /// The term that is taken for −ln p(x|z).
    private var cost: Int?

    init(_ program: SplitProgram, _ feeds: Feeds, _ grid: NoiseGrid) throws {
      guard let noise = program.site.noise else { throw Diagnostics([.noNoise(program.site)]) }
      errors = Array(repeating: [0, 0], count: program.targets.count)
      var fed = feeds
      fed.inputs[noise] = grid.noise(0)
      let bound = try program.compiled(feeding: fed.inputs.keys).bind(fed, of: program.graph)
      let dtype = program.graph.node(named: noise)?.type.dtype ?? .f64
      for (index, weight) in grid.weights.enumerated() where weight > 0 {
        fed.inputs[noise] = grid.noise(index).converted(to: dtype)
        // A run may use what it was fed up.
        for (name, array) in fed.fitting(program.graph).inputs where bound.fedNames.contains(name) {
          try bound.feed(name, array)
        }
        try bound.run(step: feeds.step)
        add(SplitProgram.outputs(of: bound), weight, program)
      }
    }

    private mutating func add(
      _ values: [String: NDArray], _ weight: Double, _ program: SplitProgram
    ) {
      for (key, array) in values {
        moments[key, default: (array.shape, Moments(count: array.count))].sum
          .add(array.doubles, weight: weight)
      }
      for target in program.targets.indices {
        let (error, ulps) = SplitProgram.partsError(values, target)
        if !(error <= errors[target][0]) { errors[target] = [error, ulps] }
      }
      if let (ratio, cost) = logRatio(program, values) {
        ratios.append((weight, ratio))
        self.cost = cost
      }
    }

    var loss: Double { moments["loss"]?.sum.mean.first ?? .nan }

    /// Whether loss and gradients are those of another grid, but for a share of their magnitude.
    func isNear(_ other: Sums, within share: Double) -> Bool {
      moments.allSatisfy { key, own in
        guard key == "loss" || key.hasPrefix("total."), let there = other.moments[key] else {
          return true
        }
        let distance = norm(zip(own.sum.mean, there.sum.mean).map(-))
        return distance <= share * norm(own.sum.magnitude)
      }
    }

    private func norm(_ values: [Double]) -> Double {
      values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    func split(_ program: SplitProgram) -> GradientSplit {
      GradientSplit(
        program, moments.mapValues { NDArray($0.sum.mean, shape: $0.shape) }, errors: errors)
    }

    /// ln E_q[p(x|z) p(z)/q(z)].
    func evidence(
      _ program: SplitProgram, _ feeds: Feeds, loss: Double
    ) throws -> GradientFlow.Evidence? {
      guard let largest = ratios.map(\.logRatio).max(), largest.isFinite, let cost else {
        return nil
      }
      let sum = ratios.reduce(0) { $0 + $1.weight * exp($1.logRatio - largest) }
      let logProbability = largest + log(sum)
      let name = program.terms[cost].name
      let constant = moments["constant"]?.sum.mean.first ?? 0
      return GradientFlow.Evidence(
        logProbability: logProbability, gap: loss + logProbability,
        cost: constant == 0 ? name : "(\(name) + constant)",
        isLikelihood: try constant == 0 && program.site.isLikelihood(name, feeds: feeds))
    }
  }
}

/// ln p(x|z) + ln p(z) − ln q(z) at one draw, for a single normal draw from a standard prior
/// whose divergence is a term of weight 1; and which of the two terms is the other.
private func logRatio(
  _ program: SplitProgram, _ values: [String: NDArray]
) -> (ratio: Double, cost: Int)? {
  let site = program.site
  let divergences = site.graph.closedDivergences(of: site.node.id)
  guard site.operation.definition == .normal, site.graph.draws.count == 1,
    divergences.count == 1, divergences[0].prior == .standard,
    let mean = values["value.0"]?.doubles, let scale = values["value.1"]?.doubles,
    let draw = values["value.2"], draw.count == 1, mean.count == 1, scale.count == 1,
    program.terms.count == 2
  else { return nil }
  let kind = NormalScale(site.operation.attributes)
  let sigma = kind.standardDeviation(scale[0])
  let z = draw.doubles[0]
  let e = (z - mean[0]) / sigma
  let closed = 0.5 * (mean[0] * mean[0] + sigma * sigma - 1) - log(sigma)
  // Which term is the divergence: the one that no draw changes.
  let terms = program.terms.indices.map { values["term.\($0)"]?.doubles.first ?? .nan }
  let weights = program.terms.indices.map { values["weight.\($0)"]?.doubles.first ?? .nan }
  guard weights.allSatisfy({ $0 == 1 }), site.estimator.divergence == .closed,
    let own = terms.firstIndex(where: { abs($0 - closed) <= 1e-9 * max(1, abs(closed)) })
  else { return nil }
  let constant = values["constant"]?.doubles.first ?? 0
  return (-terms[1 - own] - constant - 0.5 * z * z + 0.5 * e * e + log(sigma), 1 - own)
}
