import CKernels
public import GraphIR

/// The gradient of a maximum or minimum over axes: shared evenly among the elements that attain it.
private let shareAmongTies = GradientRule.rule { g in
  let axes = g.axes
  let x = g[0]
  let attained = cast(equal(x, g.result.keepingDims(axes, of: x.shape)), to: x.dtype)
  let count = sum(attained, axes: axes, keepdims: true)
  return [attained * (g.cotangent.keepingDims(axes, of: x.shape) / count)]
}

/// Which elements attain the extreme over the reduced axes.
private func attaining(
  _ context: OpContext, _ extreme: (Value, [Int], Bool) -> Value
) -> [Value] {
  let x = context.operands[0]
  let axes = reducedAxes(context.attributes, rank: x.shape.rank)
  return [equal(x, extreme(x, axes, true))]
}

extension OpDefinition {
  /// `max(x, axes: [], keepdims: false)`: NaN wins; an empty maximum is −∞. Ties share the
  /// gradient.
  public static let max = OpDefinition(
    "max", "largest over axes", operands: ["x"], attributes: reductionAttributes,
    type: .reduction(.numeric),
    range: .operand,
    gradient: shareAmongTies,
    reference: .reduction { $0.contains(where: \.isNaN) ? .nan : $0.max() ?? -.infinity },
    kernel: .reduction(.init(f32: ak_max_f32, f64: ak_max_f64, i32: ak_max_i32, i64: ak_max_i64)),
    drawing: .init(
      .reduction, chainer: "Max",
      notation: .reduction(Notation.Sign("max", latex: "\\max"), isTotal: false)), axes: .reduced,
    pieces: .kinks { attaining($0, GraphOps.max) })

  /// `min(x, axes: [], keepdims: false)`: NaN wins; an empty minimum is ∞. Ties share the gradient.
  public static let min = OpDefinition(
    "min", "smallest over axes", operands: ["x"], attributes: reductionAttributes,
    type: .reduction(.numeric),
    range: .operand,
    gradient: shareAmongTies,
    reference: .reduction { $0.contains(where: \.isNaN) ? .nan : $0.min() ?? .infinity },
    kernel: .reduction(.init(f32: ak_min_f32, f64: ak_min_f64, i32: ak_min_i32, i64: ak_min_i64)),
    drawing: .init(
      .reduction, chainer: "Min",
      notation: .reduction(Notation.Sign("min", latex: "\\min"), isTotal: false)), axes: .reduced,
    pieces: .kinks { attaining($0, GraphOps.min) })

  /// `argmax(x, axes: [], keepdims: false)`: the i64 position of the first maximum among the
  /// reduced elements in row-major order; NaN counts as the maximum; −1 when there are none.
  public static let argmax = OpDefinition(
    "argmax", "position of the largest", operands: [OperandSpec("x", edge: .nondifferentiable)],
    attributes: reductionAttributes, type: .reduction(.numeric, result: .i64),
    gradient: .notDifferentiable(because: "a position is an integer"),
    reference: .reduction { values in
      if let nan = values.firstIndex(where: \.isNaN) { return Double(nan) }
      guard let largest = values.max(), let first = values.firstIndex(of: largest) else {
        return -1
      }
      return Double(first)
    },
    kernel: .prepare { context in
      switch context[0].dtype {
      case .f32: KernelRule.reduction(context, ak_argmax_f32)
      case .f64: KernelRule.reduction(context, ak_argmax_f64)
      case .i32: KernelRule.reduction(context, ak_argmax_i32)
      case .i64: KernelRule.reduction(context, ak_argmax_i64)
      case .bool: KernelRule.missing(context)
      }
    },
    drawing: .init(
      .reduction, chainer: "ArgMax",
      notation: .reduction(.upright("argmax"), isTotal: false)), axes: .reduced, pieces: .steps)
}

public func max(_ x: Value, axes: [Int] = [], keepdims: Bool = false) -> Value {
  x.builder.make(.max, [x], ["axes": .ints(axes), "keepdims": .bool(keepdims)])
}

public func min(_ x: Value, axes: [Int] = [], keepdims: Bool = false) -> Value {
  x.builder.make(.min, [x], ["axes": .ints(axes), "keepdims": .bool(keepdims)])
}

public func argmax(_ x: Value, axes: [Int] = [], keepdims: Bool = false) -> Value {
  x.builder.make(.argmax, [x], ["axes": .ints(axes), "keepdims": .bool(keepdims)])
}
