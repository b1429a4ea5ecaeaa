import CKernels
public import GraphIR

/// The attributes that every reduction takes.
let reductionAttributes = [
  AttributeSpec(
    "axes", .ints, default: .ints([]), "axes to reduce, negative from the end; [] for all"),
  AttributeSpec("keepdims", .bool, default: .bool(false), "keep reduced axes with extent 1"),
]

extension GradientRule.Context {
  /// The axes this reduction reduces, from the front.
  var axes: [Int] { reducedAxes(attributes, rank: self[0].shape.rank) }
}

extension OpDefinition {
  /// `sum(x, axes: [], keepdims: false)`. Floats are added up in double; an empty sum is 0.
  public static let sum = OpDefinition(
    "sum", "Σ over axes", operands: ["x"], attributes: reductionAttributes,
    type: .reduction(.numeric),
    range: .sum,
    gradient: .rule { g in [g.cotangent.spread(over: g.axes, to: g[0].shape)] },
    reference: .reduction { $0.reduce(0, +) },
    kernel: .sum(
      .init(f32: ak_sum_f32, f64: ak_sum_f64, i32: ak_sum_i32, i64: ak_sum_i64), isMean: false),
    drawing: .init(
      .reduction, symbol: "Σ", chainer: "Sum",
      notation: .reduction(Notation.Sign("Σ", latex: "\\sum"), isTotal: true)),
    linearity: .reduction,
    axes: .reduced, fusion: .sum(isMean: false))

  /// `mean(x, axes: [], keepdims: false)`; an empty mean is NaN.
  public static let mean = OpDefinition(
    "mean", "average over axes", operands: ["x"], attributes: reductionAttributes,
    type: .reduction(.floating),
    range: .mean,
    gradient: .rule { g in
      let dims = g.axes.map { g[0].shape.dims[$0] }
      // The operand exists, so the product of its extents was checked already.
      guard let count = try? Shape(dims).elementCount() else {
        preconditionFailure("the extents \(dims) overflow")
      }
      let share = g.cotangent / g.builder.size(count, g.cotangent.dtype)
      return [share.spread(over: g.axes, to: g[0].shape)]
    },
    reference: .reduction { $0.reduce(0, +) / Double($0.count) },
    kernel: .sum(.init(f32: ak_mean_f32, f64: ak_mean_f64), isMean: true),
    drawing: .init(
      .reduction, symbol: "mean", chainer: "Average",
      notation: .reduction(.upright("mean"), isTotal: false)), linearity: .reduction,
    axes: .reduced,
    fusion: .sum(isMean: true))
}

/// Σ of `x` over `axes`; over all of them when empty.
public func sum(_ x: Value, axes: [Int] = [], keepdims: Bool = false) -> Value {
  x.builder.make(.sum, [x], ["axes": .ints(axes), "keepdims": .bool(keepdims)])
}

/// The mean of `x` over `axes`; over all of them when empty.
public func mean(_ x: Value, axes: [Int] = [], keepdims: Bool = false) -> Value {
  x.builder.make(.mean, [x], ["axes": .ints(axes), "keepdims": .bool(keepdims)])
}
