import Autodiff
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// What `Pass.stabilize` is for, in units of the last place: values and derivatives of naive graphs
/// and of what becomes of them, run by the real kernels, against references of 50 digits.
///
/// The references are in Fixtures/stabilization (Tools/oracle/make_stabilization.py). Set
/// `AYATORI_SHOW_ULPS=1` to print the table.
@Suite("Stabilization in ulps")
struct StabilizationULPTests {
  /// The largest error, in ulps, that the stable form may have: value and derivative, f32 and f64.
  struct Bound: Sendable, CustomStringConvertible {
    var function: String
    var f32: (value: Double, derivative: Double)
    var f64: (value: Double, derivative: Double)
    /// Where a kernel or a gradient rule rounds a number larger than the result: that number.
    var scale: StabilizationFixture.Scale

    var description: String { function }

    init(
      _ function: String, f32: (Double, Double), f64: (Double, Double),
      scale: StabilizationFixture.Scale = .init()
    ) {
      self.function = function
      self.f32 = f32
      self.f64 = f64
      self.scale = scale
    }
  }

  static let bounds: [Bound] = [
    Bound("log_sigmoid", f32: (1, 1), f64: (1, 1)),
    Bound("log_one_minus_sigmoid", f32: (1, 1), f64: (1, 1)),
    Bound("log1p_minus_sigmoid", f32: (1, 1), f64: (1, 1)),
    Bound("log_one_plus_exp", f32: (1, 1), f64: (1, 1)),
    Bound("log1p_exp", f32: (1, 1), f64: (1, 1)),
    Bound("log_exp", f32: (0, 0), f64: (0, 0)),
    Bound("log_one_plus", f32: (1, 1), f64: (1, 1)),
    Bound("log_one_minus", f32: (1, 1), f64: (1, 1)),
    Bound("log_one_minus_exp", f32: (1, 2), f64: (1, 2)),
    Bound("exp_minus_one", f32: (1, 1), f64: (1, 1)),
    Bound("one_minus_exp", f32: (1, 1), f64: (1, 1)),
    Bound("log_square", f32: (1, 1), f64: (1, 1)),
    Bound("sqrt_square", f32: (0, 0), f64: (0, 0)),
    Bound("one_minus_sigmoid", f32: (1, 2), f64: (1, 2)),
    Bound("sigmoid_odds", f32: (1, 1), f64: (1, 1)),
    Bound("sigmoid_written_out", f32: (1, 2), f64: (1, 2)),
    Bound("sigmoid_by_reciprocal", f32: (1, 2), f64: (1, 2)),
    Bound("log_sigmoid_by_softplus", f32: (1, 1), f64: (1, 1)),
    Bound("log_odds", f32: (0, 0), f64: (0, 0)),
    // Functions of a − b, which is rounded before the exponential is taken.
    Bound("log_add_exp", f32: (2, 1), f64: (2, 1), scale: .init(derivative: exponent(gap))),
    // The derivative is exp(a − ln(eᵃ + eᵇ)), where the logarithm is rounded.
    Bound("log_sum_exp", f32: (1, 2), f64: (1, 2), scale: .init(derivative: exponent(size))),
    // The derivatives are differences of p and p·p, and of 1 and p, with p = softmax.
    Bound(
      "softmax", f32: (2, 2), f64: (2, 2),
      scale: .init(value: exponent(gap), derivative: { probability($1) * Swift.max(1, gap($1)) })),
    Bound(
      "log_softmax", f32: (1, 2), f64: (1, 2),
      scale: .init(value: { _, _ in 1 }, derivative: { _, _ in 1 })),
    // σ(l) − x in the gradient rule of `bernoulli_nll`.
    Bound(
      "binary_cross_entropy", f32: (1, 1), f64: (1, 1), scale: .init(derivative: { $1[0] })),
    // (eˢ − 1) − s in the kernel of `kl_normal`.
    Bound("kl_normal", f32: (1, 1), f64: (1, 1), scale: .init(value: { Swift.abs($1[1]) })),
  ]

  private static func gap(_ at: [Double]) -> Double { Swift.abs(at[0] - at[1]) }
  private static func probability(_ at: [Double]) -> Double { 1 / (1 + exp(at[1] - at[0])) }
  private static func size(_ at: [Double]) -> Double { at.map { Swift.abs($0) }.max() ?? 0 }

  /// What a rounded exponent of that size leaves uncertain in the result.
  private static func exponent(
    _ size: @escaping @Sendable ([Double]) -> Double
  ) -> @Sendable (Double, [Double]) -> Double {
    { wanted, at in Swift.abs(wanted) * size(at) }
  }

  @Test("Stable forms keep to their bounds and naive ones do not", arguments: bounds)
  func digits(_ bound: Bound) throws {
    let fixture = try StabilizationFixture(named: bound.function)
    var naiveFails = false
    for (dtype, limit) in [(DType.f32, bound.f32), (.f64, bound.f64)] {
      let naive = try fixture.errors(dtype, stabilized: false, bound.scale)
      let stable = try fixture.errors(dtype, stabilized: true, bound.scale)
      #expect(stable.value.ulps <= limit.value, "\(dtype) value \(stable.value)")
      #expect(
        stable.derivative.ulps <= limit.derivative, "\(dtype) derivative \(stable.derivative)")
      naiveFails = naiveFails || naive.value.ulps > limit.value
      naiveFails = naiveFails || naive.derivative.ulps > limit.derivative
      if ProcessInfo.processInfo.environment["AYATORI_SHOW_ULPS"] != nil {
        print(
          "| `\(fixture.expression)` | \(dtype) | \(naive.value.text) → \(stable.value.text) "
            + "| \(naive.derivative.text) → \(stable.derivative.text) |")
      }
    }
    #expect(naiveFails, "the naive graph is as good")
  }

  @Test("Second derivatives are finite, and right at a tie")
  func secondDerivatives() throws {
    for bound in Self.bounds {
      let fixture = try StabilizationFixture(named: bound.function)
      let seconds = try fixture.secondDerivatives()
      #expect(seconds.count == fixture.cases["f64"]?.count)
      for (point, got) in seconds {
        // e^1e4 is infinite, and so are its derivatives.
        if fixture.isInfinite(at: point) { continue }
        #expect(got.isFinite, "\(bound) at \(point)")
        // ∂²/∂a² ln(eᵃ + eᵇ) = σ(a − b) σ(b − a)
        if ["log_add_exp", "log_sum_exp"].contains(bound.function), Set(point).count == 1 {
          #expect(Swift.abs(got - 0.25) < 1e-11, "\(bound) at \(point): \(got)")
        }
      }
    }
  }

  @Test("Every fixture has a bound")
  func coverage() throws {
    let files = try FileManager.default.contentsOfDirectory(
      atPath: StabilizationFixture.directory.path)
    #expect(files.sorted() == Self.bounds.map { $0.function + ".json" }.sorted())
  }
}
