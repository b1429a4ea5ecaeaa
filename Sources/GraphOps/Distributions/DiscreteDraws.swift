import GraphIR

// What draws of a coin and of a category have in common.

extension AttributeSpec {
  /// The attributes of every discrete draw.
  static let discreteDraw: [AttributeSpec] = [
    .estimator(Estimator.discrete, default: .score), .draws,
    AttributeSpec(
      "temperature", .scalar, default: .scalar(.float(1)),
      "how smooth the draws of 'gumbel_softmax' are"),
  ]
}

extension TypeRule.Context {
  /// Logits and noise are floats of one dtype and shape; draws and temperature make sense.
  func requireDiscreteDraw() throws(TypeError) {
    for index in 0..<2 { try require(index, .floating) }
    try requireEqualDTypes(0..<2)
    try requireNoise(at: 1, of: self[0].shape)
    try requireDraws()
    try requireTemperature()
  }

  /// The temperature is a positive number.
  private func requireTemperature() throws(TypeError) {
    let temperature = attributes.scalar("temperature")
    guard temperature.doubleValue > 0, temperature.doubleValue.isFinite else {
      throw TypeError(
        "the temperature of '\(definition.name)' does not make sense",
        expected: "a number above 0", got: "temperature: \(temperature)")
    }
  }
}

/// Whether a discrete draw jumps from outcome to outcome: not under Gumbel-softmax.
func isHard(_ context: OpContext) -> Bool { isHard(context.attributes) }

func isHard(_ attributes: Attributes) -> Bool {
  attributes.symbol("estimator") != Estimator.gumbelSoftmax.name
}

/// What derivatives pass instead of a jump: `squash` of the logits, or the smooth draw, of the
/// logits with their noise, under Gumbel-softmax.
func smoothDraw(
  _ logits: Value, _ position: @autoclosure () -> Value, _ attributes: Attributes,
  _ squash: (Value) -> Value
) -> (draw: Value, temperature: Double) {
  if attributes.symbol("estimator") == Estimator.straightThrough.name { return (squash(logits), 1) }
  let temperature = attributes.scalar("temperature").doubleValue
  return (squash(position() / temperature), temperature)
}

/// The draw by its estimator: `hard` cut off, `smooth`, or `hard` with the derivative of `smooth`.
func discreteDraw(
  _ hard: Value, smooth: @autoclosure () -> Value, _ attributes: Attributes
) -> Value {
  if refusal(attributes, .discrete) != nil { return stopped(hard, attributes, .discrete) }
  return isHard(attributes) ? hard.straightThrough(to: smooth()) : smooth()
}

extension Value {
  /// This value, through which derivatives pass as if it were `smooth`, and on no way of its own.
  fileprivate func straightThrough(to smooth: Value) -> Value {
    stopForEstimator(self) + (smooth - stopForEstimator(smooth))
  }
}

/// A discrete draw with its own noise leaf `<name>.eps`.
func discreteDraw(
  _ op: OpDefinition, _ name: String, logits: Value, estimator: Estimator, draws: Int,
  temperature: Double
) -> Value {
  let noise = logits.builder.noise("\(name).eps", logits.type, .uniform)
  return logits.builder.make(
    op, [logits, noise],
    [
      "estimator": .symbol(estimator.name), "draws": .int(draws),
      "temperature": .scalar(.float(temperature)),
    ]
  ).named(name)
}
