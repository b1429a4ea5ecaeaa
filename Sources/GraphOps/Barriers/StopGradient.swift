public import GraphIR

extension OpDefinition {
  /// `stop_gradient(x, because: asked)`: x itself; no derivative flows back. `because` records
  /// whether the person asked for it or a sampling node's estimator did.
  public static let stopGradient = OpDefinition(
    "stop_gradient", "x, cut off from derivatives",
    operands: [OperandSpec("x", edge: .stopped)],
    attributes: [
      AttributeSpec(
        "because", .symbol, default: .symbol("asked"), choices: ["asked", "stopped_estimator"],
        "who cut the path")
    ], type: .sameAsOperand(.any),
    gradient: .partial { g in
      let reason =
        g.attributes.symbol("because") == "stopped_estimator"
        ? stoppedEstimatorReason : "stop_gradient cuts the path"
      return [.notConnected(because: reason)]
    },
    reference: .elementwise { $0 }, kernel: .none, storage: .view(of: 0),
    drawing: .init(.barrier, symbol: "stop"))

  /// `contribution(x, index: 0)`: x itself, as one of several addends of an adjoint, so that each
  /// can be seen and named even where they are the same value.
  public static let contribution = OpDefinition(
    "contribution", "x, as one addend of an adjoint", operands: ["x"],
    attributes: [AttributeSpec("index", .int, default: .int(0), "which addend")],
    type: .sameAsOperand(.any), gradient: .rule { g in [g.cotangent] },
    reference: .elementwise { $0 }, kernel: .none, storage: .view(of: 0),
    drawing: .init(.movement, symbol: "="), linearity: .signedSum([1]))
}

/// Why nothing passes a sampling node with that estimator, and what would.
let stoppedEstimatorReason = "the estimator 'stopped' cuts the path; 'pathwise' would open it"

public func stopGradient(_ x: Value) -> Value { x.builder.make(.stopGradient, [x]) }

package func contribution(_ x: Value, index: Int) -> Value {
  x.builder.make(.contribution, [x], ["index": .int(index)])
}
