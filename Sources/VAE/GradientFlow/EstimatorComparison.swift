import Ayatori
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime

/// The estimators that a draw knows, measured on one graph at one point: mean and variance of the
/// gradient at the parameters of the draw.
public struct EstimatorComparison: Sendable, Encodable {
  /// One estimator's gradient at one parameter.
  public struct Target: Sendable, Encodable {
    public let parameter: String
    /// The mean where the parameter is one number, else the norm of the mean; of draws without what
    /// their noise adds to it, 0 where nothing else is left.
    public let mean: Double
    /// The variance of one draw, summed over the elements.
    public let variance: Double
    /// |mean| / √variance; infinite without variance.
    public let signalToNoise: Double
    /// Draws after which the mean is known to a tenth: (√variance / (0.1·|mean|))².
    public let drawsForTenPercent: Double
    /// The estimator with whose mean it was compared: of those that are not biased and agree with
    /// `reference`, the one of least variance. Nil for that one itself and where there is none.
    public let comparedWith: String?
    /// How many standard errors the two means lie apart along that of several fixed random
    /// directions in which they are furthest apart; nil where nothing is random.
    public let z: Double?
    /// Whether the two means are one, as far as can be told.
    public let agrees: Bool
    /// Why no gradient comes at all.
    public let refusal: String?
    /// How far quadrature may be from the mean: four times the change from a coarser grid.
    public let quadratureError: Double?
    /// How far it may be from the variance: a square has heavier tails than what is squared.
    public let varianceError: Double?

    /// The first as a share of the mean; nil without a grid. A mean of 0 has an error of rounding.
    public var relativeError: Double? {
      guard let quadratureError, mean != 0 || !isNought else {
        return quadratureError.map { _ in 0 }
      }
      return quadratureError / abs(mean)
    }

    /// Whether the mean is 0 up to the rounding of what cancels in it.
    let isNought: Bool
    /// The mean size of what the mean is taken of.
    let magnitude: Double
    /// What the point that matters most is of the variance; 0 where points are far apart.
    let largestShare: Double

    /// Whether a coarser grid gives another result altogether, as of an infinite integral: kinks
    /// move less, and what cancels in the mean does not count.
    var isUnsettled: Bool {
      guard let quadratureError else { return false }
      return !(quadratureError / NoiseGrid.caution < 0.5 * magnitude)
    }

    /// Whether a coarser grid gives another variance altogether, as of one that is infinite.
    var isVarianceUnsettled: Bool {
      guard let varianceError else { return false }
      // At a pole the point next to it is most of a variance.
      if largestShare > 0.1, varianceError > 0.1 * variance { return true }
      return !(varianceError / NoiseGrid.caution < 0.5 * variance) && varianceError > 0
    }

    private enum CodingKeys: String, CodingKey {
      case parameter, mean, variance, signalToNoise, drawsForTenPercent, comparedWith, z, agrees
      case refusal, quadratureError, varianceError
    }
  }

  /// One estimator.
  public struct Row: Sendable, Encodable {
    public let estimator: String
    public let title: String
    /// Whether the graph uses it.
    public let isOwn: Bool
    /// Whether its mean is another by its nature, whatever these numbers can tell.
    public let isBiased: Bool
    /// Over how many draws one gradient is an average; variances are per draw.
    public let draws: Int
    /// What a gradient costs, in forward passes from the draw on: by floating-point operations.
    public let passes: Double
    /// Why there are no numbers; nil where there are.
    public let undefined: String?
    public let targets: [Target]
  }

  public let rows: [Row]
  /// The estimator whose mean is right whatever the cost is, and which may be the noisiest.
  public let reference: String
  /// For each parameter the estimator of least variance among those that agree and are not biased.
  public let winners: [String?]
  /// Expectations by quadrature or enumeration, not from draws.
  public let isExact: Bool
  /// How the expectations were taken.
  public let method: String
}

extension EstimatorComparison {
  /// How expectations are taken.
  enum Points {
    case grid(NoiseGrid)
    /// From the given step of the noise streams on.
    case draws(Int)

    var count: Int {
      switch self {
      case .grid(let grid): grid.weights.count
      case .draws(let count): count
      }
    }

    var isExact: Bool {
      if case .grid = self { true } else { false }
    }

    var isDense: Bool {
      if case .grid(let grid) = self { grid.isDense } else { false }
    }

    var summary: String {
      switch self {
      case .grid(let grid): grid.summary
      case .draws(let count): "\(count) draws"
      }
    }

    /// The equidistant grid in the place of another; nil where there is none.
    func equidistant() throws -> Points? {
      guard case .grid(let grid) = self else { return nil }
      return try grid.equidistant.map { .grid(try $0()) }
    }
  }

  /// Draws in one step of the estimator that compares draws with each other, where the graph has no
  /// such.
  private static let leaveOneOutDraws = 4

  /// What was measured of one estimator.
  struct Measurement {
    var program: EstimatorProgram
    var moments: [Moments]
    /// By parameter, the moments on a coarser grid.
    var coarse: [Moments]?
    /// By parameter and fixed direction, the gradient of each draw along it.
    var projections: [[[Double]]]
    /// Whether the points lie close together, so that none should matter much.
    var isDense: Bool

    /// How far the mean of a parameter's gradient may be off by quadrature.
    func error(_ place: Int) -> Double {
      guard let coarse = coarse?[place] else { return 0 }
      let change = zip(moments[place].mean, coarse.mean).reduce(0) {
        $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
      }.squareRoot()
      return NoiseGrid.caution * change
    }

    /// How far the summed variance of a parameter's gradient may be off by quadrature.
    func varianceError(_ place: Int) -> Double {
      guard let coarse = coarse?[place] else { return 0 }
      return NoiseGrid.caution
        * abs(spread(place, isExact: true) - coarse.variance.reduce(0, +))
    }

    /// By element, of one gradient.
    func variances(_ place: Int, isExact: Bool) -> [Double] {
      isExact ? moments[place].variance : moments[place].sampleVariance
    }

    /// The summed variance of one gradient at a parameter.
    func spread(_ place: Int, isExact: Bool) -> Double {
      variances(place, isExact: isExact).reduce(0, +)
    }

    func isFinite(_ place: Int) -> Bool { moments[place].mean.allSatisfy(\.isFinite) }

    /// By what share of its magnitude another grid changes the mean that it changes most.
    var shift: Double {
      guard coarse != nil else { return 0 }
      let shifts = moments.indices.map { place in
        let size = moments[place].magnitude.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let change = error(place) / NoiseGrid.caution
        return change == 0 ? 0 : change / size
      }
      return shifts.contains { $0.isNaN } ? .infinity : shifts.max() ?? 0
    }
  }

  /// Points of a grid become equidistant where an estimator's mean does not settle on them and
  /// moves less on those: one grid serves all, whichever of them the graph uses.
  /// `undefinedDensity` says why ln q has no value at this point, if it has none; `own` receives
  /// the measurement of the estimator in use.
  init(
    _ site: SamplingSite, loss: String, known: [NDArray], feeds: Feeds, points: inout Points,
    undefinedDensity: String? = nil, own: (Measurement) -> Void = { _ in }
  ) throws {
    let hasDivergence = !site.graph.closedDivergences(of: site.node.id).isEmpty
    let isExact = points.isExact
    self.isExact = isExact
    let ownEstimator = site.estimator
    // Draws that are compared are as many as the graph has.
    let repeated = site.graph.draws.compactMap { $0.operation?.draws }.max() ?? 1
    let programs = try EstimatorComparison.candidates(site, hasDivergence, isExact)
      .map { estimator in
        let own =
          estimator == ownEstimator
          ? site.operation.draws
          : repeated > 1 ? repeated : EstimatorComparison.leaveOneOutDraws
        let draws = estimator.score == .leaveOneOut ? own : 1
        return try EstimatorProgram(
          site, estimator, draws: draws, loss: loss, known: known, feeds: feeds)
      }
    var measurements = try EstimatorComparison.measure(programs, site, known, points)
    let shift = EstimatorComparison.shift(measurements)
    if shift > NoiseGrid.settled, let other = try points.equidistant() {
      let there = try EstimatorComparison.measure(programs, site, known, other)
      if EstimatorComparison.shift(there) < shift { (points, measurements) = (other, there) }
    }
    method = points.summary
    for measurement in measurements where measurement.program.estimator == ownEstimator {
      own(measurement)
    }
    let reference =
      measurements.first { $0.program.estimator == (isExact ? .score : .scoreMeanBaseline) }
      ?? measurements[0]
    self.reference = reference.program.estimator.name
    let places = site.distinctPlaces.filter(site.parameters.indices.contains)
    let sharpest = site.parameters.indices.map {
      EstimatorComparison.sharpest(of: measurements, reference, $0, isExact)
    }
    rows = measurements.map { measurement in
      let estimator = measurement.program.estimator
      let takesDensity = estimator.score != nil || estimator.divergence != .closed
      return Row(
        estimator: estimator.name,
        title: EstimatorComparison.title(estimator, hasDivergence, measurement.program.draws),
        isOwn: estimator == ownEstimator, isBiased: estimator.isBiased,
        draws: measurement.program.draws,
        passes: Double(measurement.program.flops.run)
          / Double(max(measurement.program.flops.forward, 1)),
        undefined: takesDensity ? undefinedDensity : nil,
        targets: places.map {
          EstimatorComparison.target(
            measurement, sharpest[$0], $0, site.parameters[$0].name, isExact)
        })
    }
    let rows = rows
    winners = places.indices.map { place in
      rows.filter { row in
        let target = row.targets[place]
        return target.agrees && target.refusal == nil && !row.isBiased && target.mean.isFinite
          && target.variance.isFinite && !target.isVarianceUnsettled && row.undefined == nil
      }
      .min { $0.targets[place].variance < $1.targets[place].variance }?.title
    }
  }

  /// The estimators that are measured, in the order of the table.
  private static func candidates(
    _ site: SamplingSite, _ hasDivergence: Bool, _ isExact: Bool
  ) -> [Estimator] {
    (site.operation.definition.sampling?.estimators ?? []).filter { estimator in
      if estimator == site.estimator { return true }
      if estimator == .surrogate || estimator == .stopped { return false }
      if estimator.divergence != .closed { return hasDivergence }
      // What a smooth draw or further draws need is no point of the grid.
      let isSmooth = estimator == .gumbelSoftmax || estimator == .straightThroughGumbelSoftmax
      return !(isExact && (estimator.score == .leaveOneOut || isSmooth))
    }
  }

  private static func title(_ estimator: Estimator, _ hasDivergence: Bool, _ draws: Int) -> String {
    switch estimator {
    case .pathwise: hasDivergence ? "pathwise + analytic KL" : "pathwise"
    case .pathwiseSampledKL: "pathwise + MC KL (total)"
    case .stickingTheLanding: "STL"
    case .score: "score, no baseline"
    case .scoreMeanBaseline: "score, mean baseline"
    case .scoreBestBaseline: "score, best baseline"
    case .scoreLeaveOneOut: "score, leave-one-out (\(draws))"
    case .straightThrough: "straight-through"
    case .gumbelSoftmax: "Gumbel-softmax"
    case .straightThroughGumbelSoftmax: "straight-through Gumbel"
    default: estimator.name
    }
  }

  // MARK: Measuring

  private static func measure(
    _ programs: [EstimatorProgram], _ site: SamplingSite, _ known: [NDArray], _ points: Points
  ) throws -> [Measurement] {
    try programs.map { try measure($0, site, known, points) }
  }

  private static func measure(
    _ program: EstimatorProgram, _ site: SamplingSite, _ known: [NDArray], _ points: Points
  ) throws -> Measurement {
    if !program.baselines.isEmpty {
      // Baselines must not know the draws that they are subtracted from: theirs come later.
      var means: [String: Moments] = [:]
      try visit(points, program, site, firstStep: UInt64(points.count)) { weight, _ in
        for (name, values) in program.observed {
          means[name, default: Moments(count: values.count)].add(values, weight: weight)
        }
      }
      try program.set(baselines: means.mapValues(\.mean))
    }
    var moments = known.map { Moments(count: $0.count) }
    let directions = known.enumerated().map { place, array in
      (0..<(array.count == 1 ? 1 : directionCount)).map { number in
        NoiseStream(seed: 0, name: "direction \(place)")
          .values(.uniform, count: array.count, step: UInt64(number)).map { $0 < 0.5 ? -1.0 : 1 }
      }
    }
    var projections = directions.map { $0.map { _ in [Double]() } }
    try visit(points, program, site, firstStep: 0) { weight, gradients in
      for place in gradients.indices {
        moments[place].add(gradients[place], weight: weight)
        for (number, direction) in directions[place].enumerated() {
          projections[place][number].append(
            zip(gradients[place], direction).reduce(0) { $0 + $1.0 * $1.1 })
        }
      }
    }
    var coarse: [Moments]?
    if case .grid(let grid) = points, let coarser = try grid.coarser?() {
      var sums = known.map { Moments(count: $0.count) }
      try visit(.grid(coarser), program, site, firstStep: 0) { weight, gradients in
        for place in gradients.indices { sums[place].add(gradients[place], weight: weight) }
      }
      coarse = sums
    }
    return Measurement(
      program: program, moments: moments, coarse: coarse, projections: projections,
      isDense: points.isDense)
  }

  private static func shift(_ measurements: [Measurement]) -> Double {
    measurements.map(\.shift).max() ?? 0
  }

  private static func visit(
    _ points: Points, _ program: EstimatorProgram, _ site: SamplingSite, firstStep: UInt64,
    _ body: (_ weight: Double, _ gradients: [[Double]]) -> Void
  ) throws {
    switch points {
    case .draws(let count):
      for draw in 0..<UInt64(count) { body(1, try program.gradients(step: firstStep + draw)) }
    case .grid(let grid):
      guard let noise = site.noise else { return }
      for (index, weight) in grid.weights.enumerated() where weight > 0 {
        try program.feed(grid.noise(index), as: noise)
        body(weight, try program.gradients(step: 0))
      }
    }
  }

  // MARK: Comparing

  /// With whose mean the others at a parameter are compared: the reference is beyond doubt but may
  /// be too noisy to tell others apart, so of those that are right by nature and agree with it, as
  /// with every other score function, the one of least variance. Nil where none gives a number.
  private static func sharpest(
    of measurements: [Measurement], _ reference: Measurement, _ place: Int, _ isExact: Bool
  ) -> Measurement? {
    let usable = measurements.filter {
      !$0.program.estimator.isBiased && $0.program.refusals[place] == nil && $0.isFinite(place)
    }
    let isJudged = reference.isFinite(place)
    if isExact, isJudged { return reference }
    let judges = usable.filter { $0.program.estimator.score != nil }
    return usable.filter { candidate in
      let isSafe = candidate.program.estimator.score != nil
      return isSafe || !isJudged
        || judges.allSatisfy { agreement(candidate, $0, place, isExact).agrees }
    }.min { $0.spread(place, isExact: isExact) < $1.spread(place, isExact: isExact) }
  }

  private static func target(
    _ measurement: Measurement, _ other: Measurement?, _ place: Int, _ name: String,
    _ isExact: Bool
  ) -> Target {
    let moments = measurement.moments[place]
    let spread = measurement.spread(place, isExact: isExact)
    let variance = spread * Double(measurement.program.draws)
    var mean = moments.mean.count == 1 ? moments.mean[0] : norm(moments.mean)
    if moments.mean.count > 1, !isExact, mean.isFinite {
      // The norm of a noisy mean is too long by the noise's share.
      mean = max(0, mean * mean - spread / Double(max(moments.count, 1))).squareRoot()
    }
    // What quadrature leaves of a variance that is none.
    let isSilent = variance <= 1e-24 * max(mean * mean, 1e-300)
    let known = isSilent ? 0 : variance
    // What rounding leaves of a mean that is 0.
    let magnitude = norm(moments.magnitude)
    let isNought = abs(mean) <= 1e-12 * magnitude
    if isExact, isNought { mean = 0 }
    let isOther = other.map { $0.program.estimator != measurement.program.estimator } ?? false
    let (z, agrees) = other.map { agreement(measurement, $0, place, isExact) } ?? (nil, true)
    return Target(
      parameter: name, mean: mean, variance: known,
      signalToNoise: abs(mean) / known.squareRoot(),
      // Rounded up, but not for what rounding added.
      drawsForTenPercent: (known / (0.01 * mean * mean) * (1 - 1e-9)).rounded(.up),
      comparedWith: isOther ? other?.program.estimator.name : nil, z: z,
      agrees: agrees && measurement.isFinite(place),
      refusal: measurement.program.refusals[place],
      quadratureError: measurement.coarse == nil ? nil : measurement.error(place),
      varianceError: measurement.coarse == nil
        ? nil
        : isSilent ? 0 : measurement.varianceError(place) * Double(measurement.program.draws),
      isNought: isNought, magnitude: magnitude,
      largestShare: measurement.isDense ? moments.largestShare : 0)
  }

  private static func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// Fewer draws tell nothing of a mean.
  private static let fewest = 16

  /// How many standard errors are no chance, by the number of draws: what six are of a normal
  /// distribution (once in 500 million), of Student's (Gaver & Kafadar 1984, equation 3). Gradients
  /// have heavy tails: that much is asked.
  private static func farthest(_ draws: Int) -> Double {
    let (z, freedom) = (6.0, Double(draws - 1))
    let g = (freedom - 1.5) / ((freedom - 1) * (freedom - 1))
    return (freedom * (exp(z * z * g) - 1)).squareRoot()
  }

  private static func agreement(
    _ measurement: Measurement, _ reference: Measurement, _ place: Int, _ isExact: Bool
  ) -> (z: Double?, agrees: Bool) {
    if measurement.program.estimator == reference.program.estimator { return (nil, true) }
    let (own, other) = (measurement.moments[place], reference.moments[place])
    if isExact {
      let distance = norm(zip(own.mean, other.mean).map(-))
      // A mean of 0 is one up to the rounding of what cancels in it.
      let scale = max(norm(own.magnitude), norm(other.magnitude))
      let error = [measurement, reference].reduce(0) { $0 + $1.error(place) }
      return (nil, distance <= error + 1e-9 * scale)
    }
    let found = zip(measurement.projections[place], reference.projections[place])
      .map { standardErrors($0, $1) }
    // Along directions in which they are the same, draw by draw, nothing tells them apart.
    guard let z = found.compactMap(\.self).max(by: { abs($0) < abs($1) }) else {
      return (nil, true)
    }
    // A score function is right whatever the cost is: what differs is chance, or the other.
    let isSafe = measurement.program.estimator.score != nil
    let draws = own.count
    return (z, isSafe || draws < fewest || abs(z) <= farthest(draws))
  }

  /// How many directions gradients are compared along: where two differ in many elements, one
  /// direction may miss it.
  private static let directionCount = 16

  /// How many standard errors the means of two gradients along a direction lie apart; nil where
  /// they are the same, draw by draw.
  ///
  /// The same noise went into both: their difference is less random than either.
  private static func standardErrors(_ a: [Double], _ b: [Double]) -> Double? {
    var moments = Moments(count: 1)
    for (one, other) in zip(a, b) { moments.add([one - other]) }
    let error = (moments.sampleVariance[0] / Double(max(moments.count, 1))).squareRoot()
    if error > 0 { return moments.mean[0] / error }
    return moments.mean[0] == 0 ? nil : .infinity
  }
}
