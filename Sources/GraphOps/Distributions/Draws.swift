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

extension AttributeSpec {
  static let temperature = AttributeSpec(
    "temperature", .scalar, default: .scalar(.float(1)),
    "how smooth the draws of 'gumbel_softmax' are")
}

extension Value {
  /// This value, through which derivatives pass as if it were `smooth`.
  func straightThrough(to smooth: Value) -> Value { self + (smooth - stopForEstimator(smooth)) }
}

extension TypeRule.Context {
  /// The temperature is a positive number.
  func requireTemperature() throws(TypeError) {
    let temperature = attributes.scalar("temperature")
    guard temperature.doubleValue > 0, temperature.doubleValue.isFinite else {
      throw TypeError(
        "the temperature of '\(definition.name)' does not make sense",
        expected: "a number above 0", got: "temperature: \(temperature)")
    }
  }

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

/// Whether a discrete draw jumps from outcome to outcome: not under Gumbel-softmax.
func isHard(_ context: OpContext) -> Bool {
  context.attributes.symbol("estimator") != Estimator.gumbelSoftmax.name
}

/// Why nothing passes a draw under its estimator, and what would; nil when derivatives pass.
func stoppedReason(_ attributes: Attributes) -> String? {
  let name = attributes.symbol("estimator")
  if name == Estimator.stopped.name { return stoppedEstimatorReason }
  if name == Estimator.surrogate.name { return surrogateReason }
  return name.hasPrefix(Estimator.score.name)
    ? "the estimator '\(name)' carries the derivative in the costs downstream" : nil
}

/// `draw`, cut off where its estimator lets nothing pass.
func stopped(_ draw: Value, _ attributes: Attributes) -> Value {
  guard stoppedReason(attributes) != nil else { return draw }
  let isPlain = attributes.symbol("estimator") == Estimator.stopped.name
  return draw.builder.make(
    .stopGradient, [draw],
    ["because": .symbol(isPlain ? "stopped_estimator" : "surrogate_estimator")])
}
