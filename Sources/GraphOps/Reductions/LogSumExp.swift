import CKernels
import Foundation
public import GraphIR

/// m + ln Σ exp(x − m) with m the maximum; −∞ for no elements.
private func logSumExp(_ values: some Collection<Double>) -> Double {
  if values.contains(where: \.isNaN) { return .nan }
  guard let largest = values.max(), largest.isFinite else { return values.max() ?? -.infinity }
  return largest + logTotal(values, largest)
}

/// ln Σ exp(x − m) with m the maximum, a number: one term is the 1 of ln(1 + …), whose digits would
/// be lost in the sum where the others are small.
private func logTotal(_ values: some Collection<Double>, _ largest: Double) -> Double {
  let ones = values.count { $0 == largest }
  let rest = values.reduce(0) { $1 == largest ? $0 : $0 + Foundation.exp($1 - largest) }
  return Foundation.log1p(Double(ones - 1) + rest)
}

/// x − ln Σ e^x of one line.
func logSoftmaxLine(_ line: [Double]) -> [Double] {
  // Not x − (m + ln Σ), whose error is of the size of x where the difference is small.
  let largest = line.reduce(-.infinity) { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }
  let logarithm = largest.isFinite ? logTotal(line, largest) : 0
  return line.map { ($0 - largest) - logarithm }
}

extension OpDefinition {
  /// `logsumexp(x, axes: [], keepdims: false)`, stable.
  public static let logsumexp = OpDefinition(
    "logsumexp", "ln Σ e^x over axes", operands: ["x"], attributes: reductionAttributes,
    type: .reduction(.floating),
    range: .logSumExp,
    gradient: .rule { g in
      let kept = g.result.keepingDims(g.axes, of: g[0].shape)
      return [g.cotangent.keepingDims(g.axes, of: g[0].shape) * GraphOps.exp(g[0] - kept)]
    },
    reference: .reduction { logSumExp($0) },
    kernel: .prepare { context in
      switch context[0].dtype {
      case .f32: KernelRule.reduction(context, ak_logsumexp_f32)
      case .f64: KernelRule.reduction(context, ak_logsumexp_f64)
      default: KernelRule.missing(context)
      }
    },
    drawing: .init(
      .reduction, chainer: "LogSumExp",
      notation: .reduction(.upright("logsumexp"), isTotal: false)),
    decomposition: Decomposition(.onRequest) { c in
      let x = c.operands[0]
      let axes = reducedAxes(c.attributes, rank: x.shape.rank)
      let largest = GraphOps.stopGradient(GraphOps.max(x, axes: axes, keepdims: true))
      let kept =
        largest + GraphOps.log(GraphOps.sum(GraphOps.exp(x - largest), axes: axes, keepdims: true))
      return kept.shape == c.type.shape ? kept : GraphOps.reshape(kept, c.type.shape)
    }, axes: .reduced)

  /// `log_softmax(x, axis: -1)`: x − logsumexp(x) along one axis.
  public static let logSoftmax = OpDefinition(
    "log_softmax", "x − ln Σ e^x along an axis", operands: ["x"],
    attributes: [AttributeSpec("axis", .int, default: .int(-1), "the axis, negative from the end")],
    type: TypeRule { context throws(TypeError) in
      try context.require(0, .floating)
      _ = try context.normalized(axis: context.attributes.int("axis"), rank: context[0].shape.rank)
      return context[0]
    },
    range: .within(ValueRange(-.infinity, 0)),
    gradient: .rule { g in
      let total = GraphOps.sum(g.cotangent, axes: [g.attributes.int("axis")], keepdims: true)
      return [g.cotangent - GraphOps.exp(g.result) * total]
    },
    reference: ReferenceRule { context throws(RunError) in
      let shape = context.shape
      let axis = context.attributes.axis(rank: shape.count)
      let step = rowMajorStrides(shape)[axis]
      var values = context[0].values
      for index in IndexSequence(shape) where index[axis] == 0 {
        let start = offset(index, rowMajorStrides(shape))
        let line = (0..<shape[axis]).map { start + $0 * step }
        let results = logSoftmaxLine(line.map { context[0].values[$0] })
        for (position, result) in zip(line, results) { values[position] = result }
      }
      return ReferenceArray(shape: shape, values: values)
    },
    kernel: .prepare { context in
      switch context[0].dtype {
      case .f32: lines(context, ak_log_softmax_f32, Float.self)
      case .f64: lines(context, ak_log_softmax_f64, Double.self)
      default: KernelRule.missing(context)
      }
    },
    storage: .over([0]),
    drawing: .init(
      .reduction, chainer: "LogSoftmax",
      notation: .logarithm(
        of: .upright("softmax"), .upright("log_softmax"), even: -.call(.log, [.x]))),
    decomposition: Decomposition(.onRequest) { c in
      c.operands[0]
        - GraphOps.logsumexp(c.operands[0], axes: [c.attributes.int("axis")], keepdims: true)
    }, axes: .besidesAxis)
}

private func lines<T>(
  _ context: KernelRule.Context,
  _ loop:
    @escaping (
      UnsafePointer<T>?, UnsafeMutablePointer<T>?, Int64, Int64, Int64, Int64, Int64
    ) -> Void, _ type: T.Type
) -> PreparedKernel {
  let shape = context.result.shape
  let axis = context.attributes.axis(rank: shape.count)
  let outer = shape[..<axis].reduce(1, *)
  let length = shape[axis]
  let inner = shape[(axis + 1)...].reduce(1, *)
  let x = context[0].typed(T.self)
  let y = context.result.typed(T.self)
  return PreparedKernel {
    loop(x, y, Int64(outer), Int64(length), Int64(inner), 0, Int64(outer * inner))
  }
}

/// ln Σ eˣ over `axes`; over all of them when empty.
public func logsumexp(_ x: Value, axes: [Int] = [], keepdims: Bool = false) -> Value {
  x.builder.make(.logsumexp, [x], ["axes": .ints(axes), "keepdims": .bool(keepdims)])
}

public func logSoftmax(_ x: Value, axis: Int = -1) -> Value {
  x.builder.make(.logSoftmax, [x], ["axis": .int(axis)])
}
