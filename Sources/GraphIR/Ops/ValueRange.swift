/// The numbers that a value may take: from `low` to `high`, both included.
///
/// Of NaN it says nothing. An end that the real function only nears is an end that floats reach:
/// e^x lies in [0, ∞], since it rounds to 0; `isPositive` tells that the real function does not.
public struct ValueRange: Hashable, Sendable, CustomStringConvertible {
  public let low: Double
  public let high: Double
  /// Whether the value is above 0 over the reals, even where it rounds to 0.
  public let isPositive: Bool

  /// Misuse traps: `low` must not lie above `high`.
  public init(_ low: Double, _ high: Double, isPositive: Bool = false) {
    precondition(low <= high, "the range [\(low), \(high)]")
    self.low = low
    self.high = high
    self.isPositive = isPositive || low > 0
  }

  public static let everything = ValueRange(-.infinity, .infinity)
  /// Above 0, though it may round to 0.
  public static let positive = ValueRange(0, .infinity, isPositive: true)
  public static let nonnegative = ValueRange(0, .infinity)
  /// Probabilities.
  public static let unit = ValueRange(0, 1)

  public static func exactly(_ number: Double) -> ValueRange {
    number.isNaN ? everything : ValueRange(number, number)
  }

  public var isBounded: Bool { low.isFinite && high.isFinite }

  public func contains(_ number: Double) -> Bool { number >= low && number <= high }

  /// Whether the value can be 0 other than by rounding.
  public var canBeZero: Bool { contains(0) && !isPositive }

  public var description: String { "[\(low), \(high)]" }

  /// What lies in either.
  public func union(_ other: ValueRange) -> ValueRange {
    ValueRange(
      Swift.min(low, other.low), Swift.max(high, other.high),
      isPositive: isPositive && other.isPositive)
  }

  /// What lies in both; `self` where nothing does, which rounding alone brings about.
  public func intersection(_ other: ValueRange) -> ValueRange {
    let (a, b) = (Swift.max(low, other.low), Swift.min(high, other.high))
    return a <= b ? ValueRange(a, b, isPositive: isPositive || other.isPositive) : self
  }

  // MARK: Arithmetic

  // Rounding keeps order, so that the rounded results of the ends bound the rounded results between
  // them, in f32 once the ends are rounded to f32: `rounded(to:)`.

  public static func + (a: ValueRange, b: ValueRange) -> ValueRange {
    let low = a.low == -.infinity || b.low == -.infinity ? -.infinity : a.low + b.low
    let high = a.high == .infinity || b.high == .infinity ? .infinity : a.high + b.high
    let isPositive =
      a.isPositive && (b.isPositive || b.low >= 0) || b.isPositive && a.low >= 0
    return ValueRange(low, high, isPositive: isPositive)
  }

  public static prefix func - (a: ValueRange) -> ValueRange { ValueRange(-a.high, -a.low) }

  public static func - (a: ValueRange, b: ValueRange) -> ValueRange { a + -b }

  public static func * (a: ValueRange, b: ValueRange) -> ValueRange {
    // 0·∞ is 0 here: the end of a range is no value, only what values stay below.
    func product(_ x: Double, _ y: Double) -> Double { x == 0 || y == 0 ? 0 : x * y }
    let ends = [
      product(a.low, b.low), product(a.low, b.high), product(a.high, b.low),
      product(a.high, b.high),
    ]
    let (low, high) = (ends.min() ?? 0, ends.max() ?? 0)
    return ValueRange(low, high, isPositive: a.isPositive && b.isPositive)
  }

  /// 1/x; everything where x can be 0 other than by rounding.
  public var reciprocal: ValueRange {
    if isPositive {
      return ValueRange(
        high == .infinity ? 0 : 1 / high, low > 0 ? 1 / low : .infinity, isPositive: true)
    }
    if high < 0 { return -(-self).reciprocal }
    return .everything
  }

  /// The ends in a dtype: those of f32 round to f32.
  public func rounded(to dtype: DType) -> ValueRange {
    dtype == .f32
      ? ValueRange(Double(Float(low)), Double(Float(high)), isPositive: isPositive) : self
  }
}
