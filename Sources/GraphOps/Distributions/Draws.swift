import GraphIR

// What all sampling ops have in common.

/// Why nothing flows back into noise.
let noiseReason = "noise: nothing flows into randomness"

extension AttributeSpec {
  static func estimator(_ known: [Estimator], default estimator: Estimator) -> AttributeSpec {
    AttributeSpec(
      "estimator", .symbol, default: .symbol(estimator.name),
      choices: known.map(\.name).filter { $0 != Estimator.surrogate.name },
      reserved: [Estimator.surrogate.name], "how derivatives get past the draw")
  }

  static let draws = AttributeSpec(
    "draws", .int, default: .int(1), "over how many draws the costs downstream are averaged")
}

extension TypeRule.Context {
  /// The noise at `index` has the shape of the draw.
  func requireNoise(at index: Int, of shape: Shape) throws(TypeError) {
    guard self[index].shape == shape else {
      throw .shape(
        self, index, "the noise has another shape than the draw", expected: "\(shape)")
    }
  }

  /// The number of draws is one that the estimator can do with.
  func requireDraws() throws(TypeError) {
    let draws = attributes.int("draws")
    let needsOthers = attributes.symbol("estimator") == Estimator.scoreLeaveOneOut.name
    let least = needsOthers ? 2 : 1
    guard draws >= least, draws <= 1_024 else {
      throw TypeError(
        "'\(definition.name)' cannot be drawn \(draws) times"
          + (needsOthers ? " with the estimator 'score_leave_one_out'" : ""),
        expected: "draws: \(least) to 1024", got: "draws: \(draws)",
        fix: needsOthers ? "the baseline of a draw is the mean of the others: draws: 4" : nil)
    }
  }
}

/// What a draw takes its values from, as far as derivatives care.
enum DrawFamily {
  case continuous, discrete

  /// The estimators that a person would turn to, from `Estimator.continuous` and `.discrete`.
  fileprivate var openers: [Estimator] {
    switch self {
    case .continuous: [.pathwise]
    case .discrete: [.score, .straightThrough, .gumbelSoftmax]
    }
  }

  fileprivate var stopped: String {
    switch self {
    case .continuous: "stopped_estimator"
    case .discrete: "stopped_discrete_estimator"
    }
  }
}

/// Why nothing passes a draw with the estimator `stopped`, and what would.
func stoppedReason(_ family: DrawFamily) -> String {
  let names = family.openers.map { "'\($0.name)'" }
  let listed =
    names.count == 1
    ? names[0] : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  return "the estimator 'stopped' cuts the path; \(listed) would open it"
}

/// What a draw's operands get when its estimator lets nothing pass; nil when derivatives pass.
func refusal(_ attributes: Attributes, _ family: DrawFamily) -> OperandGradient? {
  let name = attributes.symbol("estimator")
  if name == Estimator.stopped.name { return .notConnected(because: stoppedReason(family)) }
  if name == Estimator.surrogate.name { return .rerouted(because: surrogateReason) }
  return name.hasPrefix(Estimator.score.name)
    ? .rerouted(because: "the estimator '\(name)' carries the derivative in the costs downstream")
    : nil
}

/// `draw`, cut off where its estimator lets nothing pass.
func stopped(_ draw: Value, _ attributes: Attributes, _ family: DrawFamily) -> Value {
  guard refusal(attributes, family) != nil else { return draw }
  let isPlain = attributes.symbol("estimator") == Estimator.stopped.name
  return draw.builder.make(
    .stopGradient, [draw],
    ["because": .symbol(isPlain ? family.stopped : "surrogate_estimator")])
}
