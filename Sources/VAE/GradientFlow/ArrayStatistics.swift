public import Ayatori

/// What is known of one array. Sums and products are taken in double.
public struct ArrayStatistics: Sendable, Hashable, Encodable {
  public let shape: [Int]
  /// √Σ x².
  public let norm: Double
  /// √(Σ x² / count).
  public let rms: Double
  public let mean: Double
  public let standardDeviation: Double
  /// NaN when any element is.
  public let minimum: Double
  public let maximum: Double
  /// The share of elements that are 0, in percent.
  public let zeroPercent: Double
  public let nan: Int
  public let positiveInfinity: Int
  public let negativeInfinity: Int
  /// The index of the first element that is not finite; nil when all are.
  public let firstNonFinite: [Int]?

  public var nonFinite: Int { nan + positiveInfinity + negativeInfinity }

  public init(_ array: NDArray) { self.init(array.doubles, shape: array.shape) }

  /// Misuse traps: as many values as the shape has places.
  public init(_ values: [Double], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values for \(shape)")
    self.shape = shape
    let count = Double(max(values.count, 1))
    let average = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + $1 * $1 }
    mean = average
    norm = squares.squareRoot()
    rms = (squares / count).squareRoot()
    standardDeviation =
      (values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / count).squareRoot()
    // A NaN anywhere is what there is to see: `min` would pass over it.
    let isNumeric = !values.contains(where: \.isNaN)
    minimum = isNumeric ? values.min() ?? .nan : .nan
    maximum = isNumeric ? values.max() ?? .nan : .nan
    zeroPercent = Double(values.count { $0 == 0 }) / count * 100
    nan = values.count(where: \.isNaN)
    positiveInfinity = values.count { $0 == .infinity }
    negativeInfinity = values.count { $0 == -.infinity }
    firstNonFinite = NonFiniteElement(values, shape: shape)?.index
  }
}
