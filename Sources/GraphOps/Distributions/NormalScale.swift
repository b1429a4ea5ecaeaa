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

  /// ln σ² as graph.
  func logVariance(_ scale: Value) -> Value {
    switch self {
    case .logVariance: scale
    case .standardDeviation: 2 * log(scale)
    case .logStandardDeviation: 2 * scale
    }
  }

  /// The attribute `scale`, whose values the type rule has checked.
  public init(_ attributes: Attributes) {
    self = NormalScale(rawValue: attributes.symbol("scale")) ?? .logVariance
  }
}

extension AttributeSpec {
  /// Which of the keywords `log_variance`, `stddev` and `log_stddev` the text used.
  static let normalScale = AttributeSpec(
    "scale", .symbol, default: .symbol("log_variance"),
    choices: NormalScale.allCases.map(\.rawValue), "how the scale is given")
}
