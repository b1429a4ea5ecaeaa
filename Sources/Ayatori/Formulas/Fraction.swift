/// A ratio of small whole numbers that six digits would not show: 1/3, 5/12.
struct Fraction {
  /// The largest denominator that people read as one.
  private static let largest = 4096

  let numerator: Int
  let denominator: Int

  /// Nil for what a short decimal says, and for what is no such ratio.
  init?(_ value: Double) {
    guard value.isFinite, value != 0, Swift.abs(value) < 1e6,
      Double(shortDecimal(value)) != value
    else { return nil }
    for denominator in 2...Fraction.largest where Fraction.isWhole(value * Double(denominator)) {
      numerator = Int((value * Double(denominator)).rounded())
      guard numerator != 0 else { return nil }
      self.denominator = denominator
      return
    }
    return nil
  }

  /// Whether a number is a whole one but for rounding.
  static func isWhole(_ value: Double) -> Bool {
    let whole = value.rounded()
    return whole != 0 && Swift.abs(value - whole) <= 4 * whole.ulp
  }
}
