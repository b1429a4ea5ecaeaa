/// Mean and variance of arrays that come one after another, element by element, each with a weight
/// (West 1979).
public struct Moments: Sendable {
  public private(set) var weight = 0.0
  public private(set) var count = 0
  public private(set) var mean: [Double]
  /// The mean of the magnitudes: beside it a mean that is 0 but for rounding is seen as that.
  public private(set) var magnitude: [Double]
  private var squares: [Double]
  /// The most that one array added to the squares of all elements.
  private var largest = 0.0

  public init(count: Int) {
    mean = Array(repeating: 0, count: count)
    magnitude = mean
    squares = mean
  }

  /// Misuse traps: all arrays have the same number of elements.
  public mutating func add(_ values: [Double], weight: Double = 1) {
    precondition(values.count == mean.count, "\(values.count) values for \(mean.count)")
    if weight == 0 { return }
    count += 1
    self.weight += weight
    let share = weight / self.weight
    var added = 0.0
    for index in values.indices {
      let difference = values[index] - mean[index]
      mean[index] += share * difference
      magnitude[index] += share * (abs(values[index]) - magnitude[index])
      let square = weight * difference * (values[index] - mean[index])
      squares[index] += square
      added += square
    }
    largest = max(largest, added)
  }

  /// The share of the summed variance that a single array brought; 0 where there is none.
  var largestShare: Double {
    let sum = squares.reduce(0, +)
    return sum > 0 ? largest / sum : 0
  }

  /// The variance of a distribution whose points all came, by their weights.
  public var variance: [Double] { squares.map { weight > 0 ? atLeastZero($0 / weight) : .nan } }

  /// The unbiased estimate of the variance that draws were taken from; NaN for fewer than two.
  public var sampleVariance: [Double] {
    squares.map { count > 1 ? atLeastZero($0 / Double(count - 1)) : .nan }
  }

  /// Without what rounding took away; what is not a number stays that.
  private func atLeastZero(_ value: Double) -> Double { value < 0 ? 0 : value }
}
