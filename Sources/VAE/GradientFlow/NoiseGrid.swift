import Ayatori
import Foundation
import GraphIR
import Passes

/// Noise for one sampling node at points that make an expectation exact: the product of rules of
/// quadrature for a normal draw, every outcome for a discrete one.
struct NoiseGrid {
  /// Points for the noise of a normal draw.
  enum Rule {
    /// Gauss–Hermite: exact for polynomials.
    case hermite
    /// Equidistant: as good for what is smooth, and far better where there are kinks and steps. For
    /// one or two numbers a slice.
    case equidistant
  }

  /// What each point is worth; they sum to 1.
  let weights: [Double]
  /// How the points were chosen, for the report.
  let summary: String
  /// Whether the points are equidistant, many to each number.
  let isDense: Bool
  /// Fewer points, by which one can tell how exact the expectations are; nil where nothing is left
  /// out.
  let coarser: (@Sendable () throws -> NoiseGrid)?
  private let shape: [Int]
  private let point: @Sendable (Int) -> [Double]

  /// The noise at a point, in the draw's shape.
  func noise(_ index: Int) -> NDArray { NDArray(point(index), shape: shape) }

  /// The same with the other rule, where there is one.
  let equidistant: (@Sendable () throws -> NoiseGrid)?

  /// By how much more than a coarser grid changes it an expectation may be off: at a step either
  /// may be the luckier one.
  static let caution = 4.0

  /// Of a gradient or a loss, by which a coarser grid may change it: more, and Gauss–Hermite's
  /// points are the wrong ones.
  static let settled = 1e-7

  /// The most points that are looked at.
  private static let limit = 20_000

  /// A grid for the site's draw, whose parameters have the given values, in the order of
  /// `site.parameters`. `carried` are the axes along which slices of the draw do not mix on their
  /// way to the loss: the same points serve all slices at once.
  ///
  /// Throws a diagnostic where the draw has too many elements.
  init(
    _ site: SamplingSite, shape: [Int], parameters: [NDArray], carried: Set<Int>,
    rule: Rule = .hermite, isCoarse: Bool = false
  ) throws(Diagnostic) {
    self.shape = shape
    isDense = rule == .equidistant
    let sampling = site.operation.definition.sampling
    switch sampling?.noise {
    case .normal, nil:
      let own = shape.indices.filter { !carried.contains($0) }
      let extents = own.map { shape[$0] }
      let dims = extents.reduce(1, *)
      let counts = isCoarse ? [1: 48, 2: 24, 3: 12, 4: 8] : [1: 64, 2: 32, 3: 16, 4: 11]
      coarser = {
        try NoiseGrid(
          site, shape: shape, parameters: parameters, carried: carried, rule: rule, isCoarse: true)
      }
      let other: @Sendable () throws -> NoiseGrid = {
        try NoiseGrid(
          site, shape: shape, parameters: parameters, carried: carried, rule: .equidistant)
      }
      equidistant = dims > 2 || rule == .equidistant ? nil : other
      guard shape.reduce(1, *) == 0 || dims <= 4, let degree = counts[max(dims, 1)] else {
        throw .latentTooLarge(site, "\(dims) numbers a slice", "at most 4 numbers a slice")
      }
      let axis = rule == .hermite ? Axis(degree) : Axis(equidistant: dims, isCoarse: isCoarse)
      let count = axis.points.count
      let total = (0..<dims).reduce(1) { product, _ in product * count }
      @Sendable func digits(_ index: Int) -> [Int] {
        var rest = index
        return (0..<dims).map { _ in
          defer { rest /= count }
          return rest % count
        }
      }
      weights = (0..<total).map { digits($0).reduce(1) { $0 * axis.weights[$1] } }
      // Which of the slice's numbers each element of the draw is.
      let places = NoiseGrid.indices(of: shape).map { index in
        zip(own, extents).reduce(0) { $0 * $1.1 + index[$1.0] }
      }
      point = { index in
        let chosen = digits(index)
        return places.map { axis.points[chosen[$0]] }
      }
      summary =
        (rule == .hermite ? "Gauss–Hermite" : "equidistant quadrature") + ", \(count) points"
        + (dims > 1 ? " to the power of \(dims)" : "")
    case .uniform:
      (coarser, equidistant) = (nil, nil)
      let logits = parameters.first?.doubles ?? []
      let categories = sampling?.eventRank == 1 ? shape.last ?? 1 : 2
      let width = sampling?.eventRank == 1 ? categories : 1
      let events = logits.count / max(width, 1)
      var total = 1
      for _ in 0..<events where total <= NoiseGrid.limit { total *= categories }
      guard total <= NoiseGrid.limit else {
        throw .latentTooLarge(
          site, "\(events) draws of \(categories) outcomes", "at most \(NoiseGrid.limit) in all")
      }
      let chances = (0..<events).map { event in
        NoiseGrid.chances(Array(logits[(event * width)..<((event + 1) * width)]))
      }
      @Sendable func outcomes(_ index: Int) -> [Int] {
        var rest = index
        return (0..<events).map { _ in
          defer { rest /= categories }
          return rest % categories
        }
      }
      weights = (0..<total).map { index in
        zip(outcomes(index), chances).reduce(1) { $0 * $1.1[$1.0] }
      }
      point = { index in
        zip(outcomes(index), chances).flatMap { outcome, chances -> [Double] in
          // The middle of the stretch of u that brings the outcome about.
          if width == 1 { return [outcome == 1 ? 1 - chances[1] / 2 : chances[0] / 2] }
          return chances.indices.map { $0 == outcome ? 1 - 1e-15 : 1e-300 }
        }
      }
      summary = "all \(total) outcomes"
    }
  }

  /// The points of one number, with weights that sum to 1.
  private struct Axis {
    let points: [Double]
    let weights: [Double]

    /// Gauss–Hermite.
    init(_ count: Int) {
      let rule = GaussHermite(count: count)
      points = rule.points
      weights = rule.weights
    }

    /// The trapezoidal rule under the normal density, which for smooth functions converges faster
    /// than any power of the step (Trefethen & Weideman 2014), at kinks and steps as its square and
    /// as itself. The coarse one covers less and has points elsewhere; none is at 0, where many a
    /// step is.
    init(equidistant dims: Int, isCoarse: Bool) {
      let reach = isCoarse ? 8.0 : dims == 1 ? 10 : 8.5
      let count = dims == 1 ? (isCoarse ? 3_000 : 8_000) : (isCoarse ? 50 : 80)
      points = (0..<count).map { reach * (2 * Double($0) / Double(count - 1) - 1) }
      let density = points.map { exp(-0.5 * $0 * $0) }
      let sum = density.reduce(0, +)
      weights = density.map { $0 / sum }
    }
  }

  /// The probabilities of the outcomes: of 0 and 1 for one logit, of each category for several.
  private static func chances(_ logits: [Double]) -> [Double] {
    if logits.count == 1 {
      let one = logits[0] >= 0 ? 1 / (1 + exp(-logits[0])) : exp(logits[0]) / (1 + exp(logits[0]))
      let zero = logits[0] >= 0 ? exp(-logits[0]) / (1 + exp(-logits[0])) : 1 / (1 + exp(logits[0]))
      return [zero, one]
    }
    let largest = logits.max() ?? 0
    let weights = logits.map { exp($0 - largest) }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }

  /// Every index of `shape` in row-major order.
  private static func indices(of shape: [Int]) -> [[Int]] {
    var all: [[Int]] = [[]]
    for extent in shape { all = all.flatMap { index in (0..<extent).map { index + [$0] } } }
    return all
  }
}

extension Diagnostic {
  static func latentTooLarge(
    _ site: SamplingSite, _ got: String, _ expected: String
  ) -> Diagnostic {
    Diagnostic(
      "latent-too-large", "'\(site.name)' is too large for exact expectations",
      at: site.node.location, place: "--exact", expected: expected, got: got,
      fix: "estimate: --draws 64")
  }
}
