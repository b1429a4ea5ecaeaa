import Foundation
public import GraphIR

/// How the scale of a normal distribution is given.
public enum NormalScale: String, CaseIterable, Sendable {
  /// ln σ².
  case logVariance = "log_variance"
  /// σ.
  case standardDeviation = "stddev"
  /// ln σ.
  case logStandardDeviation = "log_stddev"

  /// σ as graph.
  public func standardDeviation(_ scale: Value) -> Value {
    switch self {
    case .logVariance: exp(0.5 * scale)
    case .standardDeviation: scale
    case .logStandardDeviation: exp(scale)
    }
  }

  /// σ as a number.
  public func standardDeviation(_ scale: Double) -> Double {
    switch self {
    case .logVariance: Foundation.exp(0.5 * scale)
    case .standardDeviation: scale
    case .logStandardDeviation: Foundation.exp(scale)
    }
  }

  /// The bounds of ln σ.
  func logStandardDeviation(_ scale: ValueRange) -> ValueRange {
    switch self {
    case .logVariance: ValueRange.exactly(0.5) * scale
    case .standardDeviation:
      ValueRange(Foundation.log(max(scale.low, 0)), Foundation.log(max(scale.high, 0)))
    case .logStandardDeviation: scale
    }
  }

  /// The attribute `scale`, whose values the type rule has checked.
  public init(_ attributes: Attributes) {
    self = NormalScale(rawValue: attributes.symbol("scale")) ?? .logVariance
  }
}

extension Hazard {
  /// What threatens ln N(x; m, σ²), which divides by σ² and has ln σ, at the operand that gives the
  /// scale.
  static func density(
    scaleAt operand: Int, when holds: @escaping @Sendable (Attributes) -> Bool = { _ in true }
  ) -> [Hazard] {
    [
      (.logVariance, .overflow(rate: -1)), (.standardDeviation, .scale),
      (.logStandardDeviation, .overflow(rate: -2)),
    ].map { (kind: NormalScale, hazard: Hazard.Kind) in
      Hazard(hazard, operand: operand) { NormalScale($0) == kind && holds($0) }
    }
  }
}

extension AttributeSpec {
  /// Which of the keywords `log_variance`, `stddev` and `log_stddev` the text used.
  static let normalScale = AttributeSpec(
    "scale", .symbol, default: .symbol("log_variance"),
    choices: NormalScale.allCases.map(\.rawValue), "how the scale is given")
}
