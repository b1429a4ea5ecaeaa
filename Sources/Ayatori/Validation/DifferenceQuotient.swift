import Foundation

/// A numeric derivative of t ↦ f(x + t·u) at t = 0 with an estimate of its error, and how it
/// compares with a symbolic one.
///
/// Central differences at h and h/2 make a Richardson step: R = (4·D(h/2) − D(h)) / 3, whose
/// truncation error is O(h⁴) (Richardson 1911). The tolerance is |D(h/2) − D(h)| / 3, which is the
/// truncation error of D(h/2) and more than that of R, and what rounding of f can make of R. The
/// first step is ε^(1/3)·max(1, |x|), which balances the two errors of D (Dennis & Schnabel 1983,
/// section 5.4); smaller and larger ones are tried where that leaves the question open.
struct DifferenceQuotient {
  /// The function at one point, and on which pieces of what is not smooth in it.
  struct Sample {
    var value: Double
    /// The first place where the pieces are not those at t = 0, in words.
    var kink: String?
  }

  /// What the probe is about, and what it is measured by.
  struct Question {
    var place: GradientCheck.Probe.Place
    var symbolic: Double
    /// The size that a derivative at this target has: below 1 % of it nothing matters.
    var scale: Double
    /// max(1, |x|).
    var unit: Double
  }

  /// ε^(1/3).
  static let step = 0x1p-52.cubeRoot
  /// Steps to try, in units of the first one. Smaller ones come first: they stay clear of kinks.
  static let ladder = [1, 0x1p-3, 0x1p-6, 0x1p3, 0x1p6, 0x1p-9]
  /// Rounding errors of f in units of ε·|f|. Sums of thousands of terms lose some digits.
  static let rounding = 16.0
  /// A tolerance below this share of the scale ends the search, below the second one it will do.
  static let sharp = 1e-4
  static let blunt = 1e-2

  private struct Estimate {
    var step: Double
    var value: Double
    var tolerance: Double
  }

  private enum Attempt {
    case estimate(Estimate)
    case refused(String)
  }

  let origin: Double
  let evaluate: (_ t: Double) throws -> Sample

  /// Throws what evaluating throws.
  func probe(_ question: Question) throws -> GradientCheck.Probe {
    var estimates: [Estimate] = []
    var refusals: [String] = []
    for factor in DifferenceQuotient.ladder {
      switch try attempt(DifferenceQuotient.step * question.unit * factor, question) {
      case .refused(let reason): refusals.append(reason)
      case .estimate(let estimate):
        let limit = limit(question, estimate)
        if estimate.tolerance <= limit.sharp, agrees(question, estimate) {
          return probe(question, estimate, .agrees)
        }
        if estimate.tolerance <= limit.blunt { estimates.append(estimate) }
      }
    }
    // A right derivative agrees at some step; a wrong one agrees at none but by chance.
    if let estimate = estimates.first(where: { agrees(question, $0) }) {
      return probe(question, estimate, .agrees)
    }
    if let best = estimates.min(by: { $0.tolerance < $1.tolerance }) {
      return probe(question, best, .differs)
    }
    // Steps that kept clear of kinks and poles were of no use; the smallest says most.
    let reason = refusals.last ?? "rounding and curvature hide the derivative at every step"
    return GradientCheck.Probe(
      place: question.place, symbolic: question.symbolic, numeric: .nan,
      step: DifferenceQuotient.step * question.unit, tolerance: .infinity, verdict: .refused(reason)
    )
  }

  private func attempt(_ h: Double, _ question: Question) throws -> Attempt {
    var values: [Double] = []
    for t in [h, -h, h / 2, -h / 2] {
      let sample = try evaluate(t)
      let side = t > 0 ? "x + h" : "x − h"
      guard sample.value.isFinite else { return .refused("the loss is not finite at \(side)") }
      if let kink = sample.kink { return .refused("kink between x and \(side) at \(kink)") }
      values.append(sample.value)
    }
    let whole = (values[0] - values[1]) / (2 * h)
    let half = (values[2] - values[3]) / h
    let value = (4 * half - whole) / 3
    let size = values.reduce(abs(origin)) { max($0, abs($1)) }
    let noise = DifferenceQuotient.rounding * 0x1p-52 * size / h
    // D(h) is off by `noise`, D(h/2) by twice that.
    let tolerance = abs(half - whole) / 3 + 3 * noise + 1e-9 * abs(value)
    // The slopes on either side differ by h·f″ where f is smooth, so by half as much at h/2; by as
    // much where there is a kink at x that no op has told of: √(x²) at 0.
    let bend = (values[0] + values[1] - 2 * origin) / h
    let halfBend = 2 * (values[2] + values[3] - 2 * origin) / h
    if abs(halfBend) > 0.75 * abs(bend), abs(halfBend) > 16 * noise {
      let (left, right) = (2 * (origin - values[3]) / h, 2 * (values[2] - origin) / h)
      return .refused("kink: the slope is \(short(left)) on the left, \(short(right)) on the right")
    }
    return .estimate(Estimate(step: h, value: value, tolerance: tolerance))
  }

  /// Which tolerances still say something. Where all derivatives of the target are 0, the function
  /// itself is the measure.
  private func limit(_ question: Question, _ estimate: Estimate) -> (sharp: Double, blunt: Double) {
    let symbolic = question.symbolic.isFinite ? abs(question.symbolic) : 0
    let scale = max(question.scale, symbolic, abs(estimate.value))
    guard question.scale > 0 || symbolic > 0 else {
      let least = 1e-6 * max(abs(origin), 0.01)
      return (
        max(least, DifferenceQuotient.sharp * scale), max(least, DifferenceQuotient.blunt * scale)
      )
    }
    return (DifferenceQuotient.sharp * scale, DifferenceQuotient.blunt * scale)
  }

  private func agrees(_ question: Question, _ estimate: Estimate) -> Bool {
    abs(question.symbolic - estimate.value) <= estimate.tolerance
  }

  private func probe(
    _ question: Question, _ estimate: Estimate, _ verdict: GradientCheck.Verdict
  ) -> GradientCheck.Probe {
    GradientCheck.Probe(
      place: question.place, symbolic: question.symbolic, numeric: estimate.value,
      step: estimate.step, tolerance: estimate.tolerance, verdict: verdict)
  }

  private func short(_ value: Double) -> String { String(format: "%.6g", value) }
}

extension Double {
  fileprivate var cubeRoot: Double { Foundation.cbrt(self) }
}
