/// How the finite values of an array are spread: counts in bins of equal width.
public struct Histogram: Sendable, Hashable, Encodable {
  /// The least and the greatest finite value.
  public let low: Double
  public let high: Double
  /// Values by bin; the last bin holds `high`. One bin where all values are equal.
  public let counts: [Int]
  /// How many values are 0, whichever bin they lie in.
  public let zeros: Int

  /// Nil without a finite value. Misuse traps: there is at least one bin.
  public init?(_ values: [Double], bins: Int = 32) {
    precondition(bins > 0, "\(bins) bins")
    var (low, high) = (Double.infinity, -Double.infinity)
    for value in values where value.isFinite { (low, high) = (min(low, value), max(high, value)) }
    guard low <= high else { return nil }
    var counts = [Int](repeating: 0, count: low < high ? bins : 1)
    for value in values where value.isFinite {
      // Halved first: the difference of two finite values may not be finite.
      let part = low < high ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0
      counts[min(counts.count - 1, Int(part * Double(counts.count)))] += 1
    }
    self.low = low
    self.high = high
    self.counts = counts
    zeros = values.count { $0 == 0 }
  }
}
