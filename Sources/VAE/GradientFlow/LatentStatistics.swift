import Ayatori
import Foundation
import GraphIR
import GraphOps
import Passes

/// One latent dimension of a normal draw over a batch: how much it tells and what pulls at it.
public struct LatentStatistics: Sendable, Encodable {
  public enum State: String, Sendable, Codable {
    /// Var_x μ is at least the threshold, and more than the mean of σ².
    case active
    /// Var_x μ and the divergence are below the threshold: whatever the image, the latent is as the
    /// prior has it.
    case collapsed
    /// Var_x μ is below the threshold, the divergence is not: whatever the image, the latent says
    /// the same, but not what the prior says.
    case constant
    /// Var_x μ is at least the threshold but below the mean of σ²: more noise than signal.
    case noisy

    /// Whether the latent tells images apart.
    public var isActive: Bool { self == .active || self == .noisy }

    /// `divergence` is nil where it is not that from the prior in the loss.
    init(meanVariance: Double, divergence: Double?, noise: Double, threshold: Double) {
      if meanVariance >= threshold {
        self = meanVariance < noise ? .noisy : .active
      } else {
        self = (divergence ?? 0) < threshold ? .collapsed : .constant
      }
    }
  }

  public let index: Int
  /// The mean over the batch, and over draws that the distribution depends on, of the divergence
  /// from N(0, 1), in nats; nil where a standard deviation is not positive, so that there is no
  /// distribution.
  public let divergence: Double?
  /// Var_x μ(x) (Burda, Grosse & Salakhutdinov 2015, section 5.2), the mean over draws that μ
  /// depends on, with what those draws add to it; nil for a batch of one.
  public let meanVariance: Double?
  public let meanSigma: Double
  /// √Σ_x of the square of ∂term/∂μ for each term of the loss; nil where no gradient comes. As in
  /// the split, of all draws that μ depends on.
  public let gradientNorms: [Double?]
  /// Nil for a batch of one, for parameters that were never trained, and without a distribution.
  public let state: State?
}

extension LatentStatistics {
  /// The latents of a site's normal draw, along its last axis; empty for other distributions.
  ///
  /// `splits` are of one graph at one point under several noises, over which means are taken too;
  /// gradients are those of the first.
  static func all(
    _ site: SamplingSite, _ splits: [GradientSplit], activeAbove threshold: Double,
    isTrained: Bool
  ) -> [LatentStatistics] {
    guard site.operation.definition == .normal, let split = splits.first, split.rows.count == 3
    else { return [] }
    let shape = split.rows[2].array.shape
    let kind = NormalScale(site.operation.attributes)
    let count = shape.last ?? 1
    let rows = shape.dropLast().reduce(1, *)
    let draws = splits.flatMap { split in
      (0..<max(split.rows[0].draws, split.rows[1].draws)).map { draw in
        (
          mean: broadcast(split.rows[0].array(under: draw), to: shape),
          sigma: broadcast(split.rows[1].array(under: draw), to: shape)
            .map { kind.standardDeviation($0) }
        )
      }
    }
    let parts = split.rows[0].parts.map { part -> [Double]? in
      guard let gradient = part.gradient, gradient.shape == shape else { return nil }
      return gradient.doubles
    }
    /// The mean over draws of what is added up over the batch.
    func mean(_ value: (_ mean: Double, _ sigma: Double) -> Double, at places: [Int]) -> Double {
      draws.reduce(0) { sum, draw in
        sum + places.reduce(0) { $0 + value(draw.mean[$1], draw.sigma[$1]) } / Double(rows)
      } / Double(draws.count)
    }
    return (0..<count).map { latent in
      let places = Array(stride(from: latent, to: rows * count, by: max(count, 1)))
      // Of each draw by itself: of the mean over draws it would be the less, the more draws.
      let variance =
        rows > 1
        ? draws.reduce(0) { $0 + LatentStatistics.variance($1.mean, at: places) }
          / Double(draws.count) : nil
      let noise = mean({ $1 * $1 }, at: places)
      let isDistribution = draws.allSatisfy { draw in places.allSatisfy { draw.sigma[$0] > 0 } }
      let divergence =
        isDistribution ? mean({ 0.5 * ($0 * $0 + $1 * $1 - 1) - log($1) }, at: places) : nil
      return LatentStatistics(
        index: latent, divergence: divergence, meanVariance: variance,
        meanSigma: mean({ $1 }, at: places),
        gradientNorms: parts.map { part in
          part.map { part in
            places.reduce(0) { $0 + part[$1] * part[$1] }.squareRoot()
          }
        },
        state: isTrained && isDistribution
          ? variance.map {
            State(
              meanVariance: $0, divergence: divergence, noise: noise, threshold: threshold)
          } : nil)
    }
  }

  /// Whether the loss has the divergence of the draw's distribution from N(0, 1), which is what is
  /// told of each latent whatever the prior.
  static func hasStandardPrior(_ site: SamplingSite) -> Bool {
    let found = site.graph.closedDivergences(of: site.node.id)
    return !found.isEmpty && found.allSatisfy { $0.prior == .standard }
  }

  private static func variance(_ values: [Double], at places: [Int]) -> Double {
    let average = places.reduce(0) { $0 + values[$1] } / Double(places.count)
    return places.reduce(0) { $0 + (values[$1] - average) * (values[$1] - average) }
      / Double(places.count)
  }

  /// The elements of an array stretched to a shape that it broadcasts to.
  private static func broadcast(_ array: NDArray, to shape: [Int]) -> [Double] {
    let values = array.doubles
    if array.shape == shape { return values }
    let missing = shape.count - array.shape.count
    var result: [Double] = []
    for position in 0..<shape.reduce(1, *) {
      var (rest, place, stride) = (position, 0, 1)
      for axis in shape.indices.reversed() {
        let index = rest % shape[axis]
        rest /= shape[axis]
        guard axis >= missing else { continue }
        let extent = array.shape[axis - missing]
        place += (extent == 1 ? 0 : index) * stride
        stride *= extent
      }
      result.append(values[place])
    }
    return result
  }
}

extension GradientSplit.Row {
  /// The value under a draw; what depends on none is the same under each.
  fileprivate func array(under draw: Int) -> NDArray {
    draw == 0 || draw > furtherArrays.count ? array : furtherArrays[draw - 1]
  }
}
