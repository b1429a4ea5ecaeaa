import Foundation

/// Gauss–Hermite quadrature for the standard normal distribution: E f(ε) ≈ Σ weight·f(point), exact
/// for polynomials of degree 2·count − 1.
///
/// The points are the roots of the probabilists' Hermite polynomial He_n, found by bisection
/// between the roots of He_{n−1}, which separate them; the weights are 1 / Σ h_k(x)² over the
/// orthonormal polynomials h_0 … h_{n−1} (Golub & Welsch 1969, section 2).
public struct GaussHermite: Sendable {
  public let points: [Double]
  public let weights: [Double]

  /// Misuse traps: at least one point, at most 128.
  public init(count: Int) {
    precondition((1...128).contains(count), "\(count) points")
    var roots: [Double] = [0]
    for degree in stride(from: 2, through: count, by: 1) {
      // All roots of He_n lie within √(4n + 2).
      let bound = (4 * Double(degree) + 2).squareRoot()
      let walls = [-bound] + roots + [bound]
      roots = zip(walls, walls.dropFirst()).map { GaussHermite.root(degree, $0, $1) }
    }
    // Symmetric by nature; rounding should not say otherwise.
    points = roots.indices.map { (roots[$0] - roots[count - 1 - $0]) / 2 }
    let raw = points.map { x -> Double in
      1 / GaussHermite.orthonormal(count - 1, x).reduce(0) { $0 + $1 * $1 }
    }
    let total = raw.reduce(0, +)
    weights = raw.map { $0 / total }
  }

  /// h_0(x) … h_n(x): x·h_k = √(k+1)·h_{k+1} + √k·h_{k−1}.
  private static func orthonormal(_ degree: Int, _ x: Double) -> [Double] {
    var values = [1.0]
    for k in 0..<max(degree, 0) {
      let before = k > 0 ? Double(k).squareRoot() * values[k - 1] : 0
      values.append((x * values[k] - before) / Double(k + 1).squareRoot())
    }
    return values
  }

  /// The one root of h_degree between the walls.
  private static func root(_ degree: Int, _ low: Double, _ high: Double) -> Double {
    var (low, high) = (low, high)
    let sign = orthonormal(degree, high)[degree] > 0
    while true {
      let middle = (low + high) / 2
      if middle <= low || middle >= high { return middle }
      if (orthonormal(degree, middle)[degree] > 0) == sign { high = middle } else { low = middle }
    }
  }
}
