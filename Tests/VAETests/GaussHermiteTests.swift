import Foundation
import Testing
import VAE

/// Gauss–Hermite quadrature against moments.
@Suite struct GaussHermiteTests {
  /// Moments of the normal distribution: (2m − 1)!!.
  @Test(arguments: [1, 2, 3, 8, 33, 64]) func quadratureIsExact(count: Int) {
    let rule = GaussHermite(count: count)
    for degree in 0..<min(2 * count, 24) {
      let found = zip(rule.points, rule.weights).reduce(0) { $0 + $1.1 * pow($1.0, Double(degree)) }
      let wanted =
        degree % 2 == 1 ? 0 : stride(from: 1.0, to: Double(degree), by: 2).reduce(1, *)
      // Terms of odd degree cancel: what is left is rounding of the even moment beside them.
      let size = stride(from: 1.0, through: Double(degree), by: 2).reduce(1, *)
      #expect(abs(found - wanted) <= 1e-12 * size, "\(count) points, degree \(degree)")
    }
    #expect(zip(rule.points, rule.points.dropFirst()).allSatisfy { $0 < $1 })
  }
}
