import Foundation
public import GraphIR

extension Formula {
  /// The formula's value in double, at the values of its symbols, which `values` gives by node, and
  /// at `sizes`.
  ///
  /// Slow and plain, for checking formulas. The result is of the formula's shape, which broadcasts
  /// to that of the value it describes. Throws a `RunError` for a symbol without a value, an
  /// extent without a size, and what an op reports.
  public func evaluated(
    _ values: [NodeID: ReferenceArray], sizes: [String: Int]
  ) throws -> ReferenceArray {
    switch body {
    case .number(let value): return ReferenceArray(scalar: value)
    case .symbol(let symbol):
      if let extent = symbol.extent {
        return ReferenceArray(scalar: Double(try extent.evaluated(sizes)))
      }
      guard let value = symbol.node.flatMap({ values[$0] }) else {
        throw RunError("the symbol '\(symbol.name)' has no value")
      }
      // What is kept for a batch is a formula without leading 1s.
      return ReferenceArray(
        shape: Array(value.shape.suffix(shape.rank)), values: value.values)
    case .sum(let parts):
      return try elementwise(parts, values, sizes) { $0.reduce(0, +) }
    case .product(let parts):
      return try elementwise(parts, values, sizes) { $0.reduce(1, *) }
    case .power(let base, let exponent):
      return try elementwise([base, exponent], values, sizes) { pow($0[0], $0[1]) }
    case .bracket(let condition, let negated):
      return try elementwise([condition], values, sizes) { ($0[0] != 0) != negated ? 1 : 0 }
    case .stretched(let inner):
      let array = try inner.evaluated(values, sizes: sizes)
      return array.broadcast(to: try shape.evaluated(sizes))
    case .call(let operation, let operands):
      let arrays = try operands.map { try $0.evaluated(values, sizes: sizes) }
      return try operation.definition.reference(
        ReferenceRule.Context(
          operands: arrays, operandTypes: operands.map(\.type), attributes: operation.attributes,
          type: type, shape: try shape.evaluated(sizes), sizes: sizes))
    }
  }

  private func elementwise(
    _ parts: [Formula], _ values: [NodeID: ReferenceArray], _ sizes: [String: Int],
    _ combine: ([Double]) -> Double
  ) throws -> ReferenceArray {
    let shape = try shape.evaluated(sizes)
    let arrays = try parts.map { part in
      try part.evaluated(values, sizes: sizes).broadcast(to: shape).values
    }
    return ReferenceArray(
      shape: shape,
      values: (0..<shape.reduce(1, *)).map { index in combine(arrays.map { $0[index] }) })
  }
}

extension ReferenceArray {
  /// The array stretched to `shape`, by NumPy's rules. Misuse traps: the shapes must fit.
  func broadcast(to target: [Int]) -> ReferenceArray {
    if target == shape { return self }
    let missing = target.count - shape.count
    precondition(missing >= 0, "\(shape) does not broadcast to \(target)")
    var strides = [Int](repeating: 0, count: target.count)
    var stride = 1
    for axis in shape.indices.reversed() {
      precondition(
        shape[axis] == 1 || shape[axis] == target[axis + missing],
        "\(shape) does not broadcast to \(target)")
      if shape[axis] != 1 { strides[axis + missing] = stride }
      stride *= shape[axis]
    }
    var result: [Double] = []
    result.reserveCapacity(target.reduce(1, *))
    for place in 0..<target.reduce(1, *) {
      var (rest, offset) = (place, 0)
      for axis in target.indices.reversed() {
        offset += rest % target[axis] * strides[axis]
        rest /= target[axis]
      }
      result.append(values[offset])
    }
    return ReferenceArray(shape: target, values: result)
  }
}
