import Ayatori
import Foundation
import GraphIR
import GraphOps

/// An op, or several one on the other, that are flat beyond a bound, with a kink there.
struct Clamp {
  let node: NodeID
  /// The bound at which the outermost op is flat.
  let bound: Double
  /// What is clamped.
  let inner: NodeID
  /// Where all of them hold it.
  let range: ValueRange

  /// The first clamp on the way from `scale` to what it is computed from.
  init?(of scale: NodeID, _ context: LintContext) {
    var id = scale
    while let operand = context.moving(id) {
      if let held = context.held(id, operand) {
        var (inner, range) = (operand, held)
        while let next = context.moving(inner), let held = context.held(inner, next) {
          range = range.intersection(held)
          inner = next
        }
        self.node = id
        self.bound = held.low.isFinite ? held.low : held.high
        self.inner = inner
        self.range = range
        return
      }
      // Scaling, shifting and functions of one value leave a clamp behind them what it is.
      guard case .elementwise? = context.graph[id].definition?.fusion else { return nil }
      id = operand
    }
    return nil
  }

  /// The same bounds without a kink, as text.
  func smooth(_ context: LintContext) -> String {
    let (low, high) = (range.low, range.high)
    switch (low.isFinite, high.isFinite) {
    case (true, true) where low < high:
      let (middle, half) = ((low + high) / 2, number((high - low) / 2))
      return middle == 0
        ? "\(half) * tanh(\(context.term(inner)) / \(half))"
        : "\(number(middle)) + \(half) * tanh((\(shifted(by: -middle, context))) / \(half))"
    case (false, true):
      return "\(number(high)) - softplus(\(number(high)) - \(context.term(inner)))"
    default:
      return low == 0
        ? "softplus(\(context.expression(inner)))"
        : "\(number(low)) + softplus(\(shifted(by: -low, context)))"
    }
  }

  private func number(_ value: Double) -> String { String(format: "%g", value) }

  private func shifted(by offset: Double, _ context: LintContext) -> String {
    "\(context.term(inner)) \(offset < 0 ? "-" : "+") \(number(abs(offset)))"
  }
}

extension LintContext {
  /// The only operand of a node that is no constant.
  fileprivate func moving(_ id: NodeID) -> NodeID? {
    let moving = graph[id].operands.filter { !constants.contains($0) }
    return moving.count == 1 ? moving.first : nil
  }

  /// Where a node holds its operand: up to the end of the node's range that the operand's range
  /// goes beyond, where the node is flat beyond; nil for what is no clamp.
  fileprivate func held(_ id: NodeID, _ operand: NodeID) -> ValueRange? {
    let definition = graph[id].definition
    guard definition?.linearity == nil, definition?.pieces != nil else { return nil }
    let (own, inner) = (ranges[id.index], ranges[operand.index])
    for (end, beyond) in [(own.low, inner.low < own.low), (own.high, inner.high > own.high)]
    where end.isFinite && beyond {
      let far = end == own.low ? end - 1e3 : end + 1e3
      if let a = value(graph[id], operand, at: far), a == value(graph[id], operand, at: 2 * far) {
        return end == own.low ? ValueRange(end, .infinity) : ValueRange(-.infinity, end)
      }
    }
    return nil
  }

  /// An elementwise op of one moving operand at a number, by its reference.
  private func value(_ node: Node, _ operand: NodeID, at x: Double) -> Double? {
    guard let operation = node.operation else { return nil }
    let operands = node.operands.map { id in
      ReferenceArray(scalar: id == operand ? x : ranges[id.index].low)
    }
    return try? operation.definition.reference(
      ReferenceRule.Context(
        operands: operands, operandTypes: node.operands.map { graph[$0].type },
        attributes: operation.attributes, type: ValueType(node.type.dtype, []), shape: [],
        sizes: [:])
    ).values.first
  }
}
