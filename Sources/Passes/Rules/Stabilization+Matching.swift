import GraphIR
import GraphOps

// What the rules of `Pass.stabilize` look for. None of it looks into kept nodes.

extension RewriteSite {
  /// x of `op(x)`, also where the result was reshaped, transposed or sliced: then the operand is.
  func movedOperand(of value: Value, _ op: OpDefinition) -> Value? {
    if let found = operand(of: value, op) { return found }
    for move in [OpDefinition.reshape, .transpose, .slice] {
      guard let inner = operand(of: value, move) else { continue }
      guard let found = movedOperand(of: inner, op) else { return nil }
      return builder.make(move, [found], attributes(of: value))
    }
    return nil
  }

  /// The number that a value is everywhere, as `number`, also one with its sign changed.
  func coefficient(_ value: Value) -> Double? {
    if let number = number(value) { return number }
    return operand(of: value, .neg).flatMap(number).map { -$0 }
  }

  // MARK: Signs

  /// −x; x of a value that is −x already.
  func negated(_ value: Value) -> Value { operand(of: value, .neg) ?? -value }

  /// Whether one is written as the negative of the other.
  func areOpposite(_ a: Value, _ b: Value) -> Bool {
    operand(of: a, .neg)?.id == b.id || operand(of: b, .neg)?.id == a.id
  }

  /// The number that multiplies a value, and what it multiplies: −2 and x of `-(2 * x)`.
  func scaled(_ value: Value) -> (factor: Double, operand: Value) {
    var (factor, inner) = (1.0, value)
    while true {
      var next: (Double, Value)?
      if let x = operand(of: inner, .neg) {
        next = (-1, x)
      } else if isUse(inner, of: .mul) {
        let (a, b) = (operand(0, of: inner), operand(1, of: inner))
        if let number = coefficient(a) {
          next = (number, b)
        } else if let number = coefficient(b) {
          next = (number, a)
        }
      } else if isUse(inner, of: .div), let number = coefficient(operand(1, of: inner)) {
        next = (1 / number, operand(0, of: inner))
      }
      guard let next, next.1.type == value.type else { return (factor, inner) }
      (factor, inner) = (factor * next.0, next.1)
    }
  }

  // MARK: Sums with one

  /// y of `1 + y`.
  func onePlus(_ value: Value) -> Value? {
    guard let (sign, operand, shift) = shifted(value), sign == 1, shift == 1 else { return nil }
    return operand
  }

  /// y of `1 - y`.
  func oneMinus(_ value: Value) -> Value? {
    guard let (sign, operand, shift) = shifted(value), sign == -1, shift == 1 else { return nil }
    return operand
  }

  /// y of `y - 1`.
  func lessOne(_ value: Value) -> Value? {
    guard let (sign, operand, shift) = shifted(value), sign == 1, shift == -1 else { return nil }
    return operand
  }

  /// The parts of `sign * operand + shift`, where the operand has the value's own shape.
  private func shifted(_ value: Value) -> (sign: Double, operand: Value, shift: Double)? {
    func parts(_ sign: Double, _ y: Value, _ shift: Double) -> (Double, Value, Double)? {
      guard y.type == value.type else { return nil }
      if let inner = operand(of: y, .neg) { return (-sign, inner, shift) }
      return (sign, y, shift)
    }
    let isSum = isUse(value, of: .add)
    guard isSum || isUse(value, of: .sub) else { return nil }
    let (a, b) = (operand(0, of: value), operand(1, of: value))
    if let shift = coefficient(a) { return parts(isSum ? 1 : -1, b, shift) }
    if let shift = coefficient(b) { return parts(1, a, isSum ? shift : -shift) }
    return nil
  }

  /// x of `square(x)`, `x * x` and `x ** 2`.
  func squareRoot(of value: Value) -> Value? {
    if let x = operand(of: value, .square) { return x }
    let isProduct = isUse(value, of: .mul)
    guard isProduct || isUse(value, of: .pow) else { return nil }
    let (x, y) = (operand(0, of: value), operand(1, of: value))
    if isProduct { return x.id == y.id ? x : nil }
    return coefficient(y) == 2 && x.type == value.type ? x : nil
  }

  // MARK: Ranges

  /// Whether the value is above zero, over the reals, whatever is fed.
  func isPositive(_ value: Value, depth: Int = 6) -> Bool {
    if let number = number(value) { return number > 0 }
    guard depth > 0, !isKept(value), let op = op(of: value) else { return false }
    let x = builder.operands(of: value.id).map { Value(builder: builder, id: $0) }
    switch op {
    case .exp, .sigmoid, .softplus: return true
    case .mul, .div: return x.allSatisfy { isPositive($0, depth: depth - 1) }
    case .add:
      return isPositive(x[0], depth: depth - 1) && isNonnegative(x[1], depth: depth - 1)
        || isNonnegative(x[0], depth: depth - 1) && isPositive(x[1], depth: depth - 1)
    case .sqrt, .reciprocal, .broadcastTo, .reshape: return isPositive(x[0], depth: depth - 1)
    default: return false
    }
  }

  /// Whether the value is zero or more, over the reals, whatever is fed.
  func isNonnegative(_ value: Value, depth: Int = 6) -> Bool {
    if let number = number(value) { return number >= 0 }
    guard depth > 0, !isKept(value), let op = op(of: value) else { return false }
    if squareRoot(of: value) != nil { return true }
    let x = builder.operands(of: value.id).map { Value(builder: builder, id: $0) }
    switch op {
    case .abs, .relu, .sqrt: return true
    case .add, .mul: return x.allSatisfy { isNonnegative($0, depth: depth - 1) }
    case .sum, .mean, .broadcastTo, .reshape: return isNonnegative(x[0], depth: depth - 1)
    default: return isPositive(value, depth: depth)
    }
  }

  // MARK: Reductions

  /// The axes that a reduction reduces, counted from the front and sorted.
  func reducedAxes(of reduction: Value, rank: Int) -> [Int] {
    let axes = attributes(of: reduction).ints("axes")
    return axes.isEmpty ? Array(0..<rank) : axes.map { $0 < 0 ? $0 + rank : $0 }.sorted()
  }

  /// The axes of a reduction `op` of `x` that meets x as if it were taken with `keepdims`: with it,
  /// over leading axes, or with the 1s or the whole shape put back. Nil when it is something else.
  func keptAxes(of value: Value, _ op: OpDefinition, over x: Value) -> [Int]? {
    let shape = x.shape
    if value.shape == shape, let inner = operand(of: value, .broadcastTo) {
      return keptAxes(of: inner, op, over: x)
    }
    if let inner = operand(of: value, .reshape), operand(of: inner, op)?.id == x.id {
      let axes = reducedAxes(of: inner, rank: shape.rank)
      var dims = shape.dims
      for axis in axes { dims[axis] = 1 }
      return value.shape.dims == dims ? axes : nil
    }
    guard operand(of: value, op)?.id == x.id else { return nil }
    let axes = reducedAxes(of: value, rank: shape.rank)
    let isAligned = attributes(of: value).bool("keepdims") || axes == Array(0..<axes.count)
    return isAligned ? axes : nil
  }
}
