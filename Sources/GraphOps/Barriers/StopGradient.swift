public import GraphIR

extension OpDefinition {
  /// `stop_gradient(x, because: asked)`: x itself; no derivative flows back. `because` records
  /// whether the person asked for it or a sampling node's estimator did: its draw, or a part of
  /// what it puts in the draw's place.
  public static let stopGradient = OpDefinition(
    "stop_gradient", "x, cut off from derivatives",
    operands: [OperandSpec("x", edge: .stopped)],
    attributes: [
      AttributeSpec(
        "because", .symbol, default: .symbol("asked"),
        choices: [
          "asked", "stopped_estimator", "stopped_discrete_estimator", "surrogate_estimator",
          "estimator",
        ],
        "who cut the path")
    ], type: .sameAsOperand(.any),
    range: .operand,
    gradient: .partial { g in
      switch g.attributes.symbol("because") {
      case "stopped_estimator": [.notConnected(because: stoppedReason(.continuous))]
      case "stopped_discrete_estimator": [.notConnected(because: stoppedReason(.discrete))]
      case "surrogate_estimator": [.rerouted(because: surrogateReason)]
      case "estimator": [.rerouted(because: "part of an estimator, which stops it")]
      default: [.notConnected(because: "stop_gradient cuts the path")]
      }
    },
    reference: .elementwise { $0 }, kernel: .none, storage: .view(of: 0),
    drawing: .init(.barrier, symbol: "stop", notation: .barrier(.upright("stop"))), axes: .aligned)

  /// `contribution(x, index: 0)`: x itself, as one of several addends of an adjoint, so that each
  /// can be seen and named even where they are the same value.
  public static let contribution = OpDefinition(
    "contribution", "x, as one addend of an adjoint", operands: ["x"],
    attributes: [AttributeSpec("index", .int, default: .int(0), "which addend")],
    type: .sameAsOperand(.any),
    range: .operand,
    gradient: .rule { g in [g.cotangent] },
    reference: .elementwise { $0 }, kernel: .none, storage: .view(of: 0),
    drawing: .init(
      .movement, symbol: "=",
      notation: .arithmetic(.x)), linearity: .signedSum([1]), axes: .aligned)
}

/// Why nothing passes a draw whose costs carry the derivative.
let surrogateReason =
  "the estimator is a score function: the costs downstream carry the derivative"

public func stopGradient(_ x: Value) -> Value { x.builder.make(.stopGradient, [x]) }

/// `x` where an estimator wants its value alone.
package func stopForEstimator(_ x: Value) -> Value {
  x.builder.make(.stopGradient, [x], ["because": .symbol("estimator")])
}

package func contribution(_ x: Value, index: Int) -> Value {
  x.builder.make(.contribution, [x], ["index": .int(index)])
}
