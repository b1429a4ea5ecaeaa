import GraphIR

// What becomes of an op in a formula, by the op's own notation.

extension Formula {
  /// An operation's value. `operands` may be of smaller shapes than `operandTypes`, which they
  /// broadcast to.
  static func applying(
    _ operation: Operation, _ operands: [Formula], _ operandTypes: [ValueType], _ type: ValueType
  ) -> Formula {
    switch operation.definition.notation {
    case .arithmetic(let term) where type.dtype.isFloating: return value(of: term, operands)
    case .stretching: return operands[0]
    case .conversion where type.dtype.isFloating:
      // In real numbers another float is the same number.
      return operandTypes[0].dtype == .bool ? bracket(operands[0], type.dtype) : operands[0]
    case .bracket(let comparison):
      let condition = applying(
        Operation(comparison, .none), [operands[0], number(0, type.dtype)],
        [operandTypes[0], ValueType(type.dtype)], ValueType(.bool, type.shape))
      return bracket(condition, type.dtype)
    case .choice where type.dtype.isFloating:
      if operands[1].number == 0 {
        return product([bracket(operands[0], negated: true, type.dtype), operands[2]])
      }
      if operands[2].number == 0 {
        return product([bracket(operands[0], type.dtype), operands[1]])
      }
    case .reduction(_, isTotal: true) where type.dtype.isFloating:
      return total(operation, operands[0], of: operandTypes[0], type)
    case .exponential where type.dtype.isFloating:
      if let power = ofLogarithm(operands[0]) { return power }
    case .logarithm(of: _, _, let even) where type.dtype.isFloating:
      let axis = operation.attributes.axis(of: operandTypes[0].shape)
      if operands[0].isEven(along: axis, of: operandTypes[0].shape) {
        return value(of: even, [extent(operandTypes[0].shape.dims[axis], type.dtype)])
      }
    case .infix:
      return call(operation, withoutPositiveParts(operation, operands), operandTypes, type)
    case .matrixProduct: return linear(operation, operands, operandTypes, type)
    case .reshaping where operands[0].shape == operandTypes[0].shape:
      return reshaped(operation, operands[0], type)
    case .transposition, .reshaping:
      if operands[0].isScalar { return operands[0] }
      if type.dtype.isFloating { return linear(operation, operands, operandTypes, type) }
    default: break
    }
    return call(operation, operands, operandTypes, type)
  }

  /// An op that nothing is known of but its shapes.
  private static func call(
    _ operation: Operation, _ operands: [Formula], _ operandTypes: [ValueType], _ type: ValueType
  ) -> Formula {
    if operation.definition.isElementwise {
      return folded(operation, operands, ValueType(type.dtype, broadcastType(operands).shape))
    }
    return Formula(
      .call(operation, zip(operands, operandTypes).map { stretched($0, to: $1) }), type)
  }

  /// An elementwise op; of numbers alone the number that it gives, when that is a whole one: e⁰ is
  /// 1, while ln 2 says more than its digits.
  private static func folded(
    _ operation: Operation, _ operands: [Formula], _ type: ValueType
  ) -> Formula {
    let call = Formula(.call(operation, operands), type)
    let areNumbers = operands.allSatisfy { $0.number != nil }
    guard areNumbers, type.dtype.isFloating, let value = try? call.evaluated([:], sizes: [:]),
      value.shape.isEmpty, let number = value.values.first, number == number.rounded()
    else { return call }
    return .number(number, type.dtype)
  }

  static func stretched(_ formula: Formula, to type: ValueType) -> Formula {
    formula.shape == type.shape ? formula : Formula(.stretched(formula), type)
  }

  private static func value(of term: Notation.Term, _ operands: [Formula]) -> Formula {
    switch term {
    case .operand(let index): return operands[index]
    case .number(let value): return number(value)
    case .sum(let terms): return sum(terms.map { value(of: $0, operands) })
    case .product(let terms): return product(terms.map { value(of: $0, operands) })
    case .power(let base, let exponent):
      return power(value(of: base, operands), value(of: exponent, operands))
    case .call(let definition, let terms):
      let values = terms.map { value(of: $0, operands) }
      return folded(Operation(definition, .none), values, broadcastType(values))
    }
  }

  // MARK: Linear operations

  /// A linear operation, with the scalar factors of its operands before it.
  private static func linear(
    _ operation: Operation, _ operands: [Formula], _ operandTypes: [ValueType], _ type: ValueType
  ) -> Formula {
    var outer: [Formula] = []
    let inner = operands.map { operand in
      let (scalars, rest) = operand.parted
      outer.append(scalars)
      return rest
    }
    return product(outer + [call(operation, inner, operandTypes, type)])
  }

  /// The elements of a formula in another shape. A reshape of a reshape is one, and none where the
  /// shape comes back; a total in whose place 1s stand keeps its axes.
  private static func reshaped(
    _ operation: Operation, _ operand: Formula, _ type: ValueType
  ) -> Formula {
    if operand.isScalar { return operand }
    if operand.shape == type.shape { return operand }
    switch operand.body {
    case .product(let factors) where type.dtype.isFloating:
      let scalars = factors.filter(\.isScalar)
      let inner = factors.filter { !$0.isScalar }
      // Every factor has the whole shape, or stands for all elements.
      if inner.contains(where: \.isReshaped), inner.allSatisfy({ $0.shape == operand.shape }) {
        return product(factors.map { reshaped(operation, $0, type) })
      }
      guard !scalars.isEmpty else { break }
      return product(scalars + [reshaped(operation, product(inner), type)])
    case .sum(let addends) where type.dtype.isFloating && addends.contains(where: \.isReshaped):
      guard addends.allSatisfy({ $0.isScalar || $0.shape == operand.shape }) else { break }
      return sum(addends.map { reshaped(operation, $0, type) })
    case .call(let inner, let operands):
      switch inner.definition.notation {
      case .reshaping: return reshaped(operation, operands[0], type)
      case .reduction:
        if let kept = inner.reducing(operands[0].shape, to: type.shape) {
          return Formula(.call(kept, operands), type)
        }
      default: break
      }
    default: break
    }
    return call(operation, [operand], [operand.type], type)
  }

  /// Whether a reshape of it is simpler than itself.
  private var isReshaped: Bool {
    guard case .call(let operation, _) = body else { return false }
    switch operation.definition.notation {
    case .reshaping, .reduction: return true
    default: return false
    }
  }

  /// The scalar factors, and what is left.
  private var parted: (scalars: Formula, rest: Formula) {
    // What holds one number everywhere still has the operation done to it.
    if isScalar { return (self, .number(1)) }
    guard case .product(let factors) = body else { return (.number(1), self) }
    return (
      .product(factors.filter(\.isScalar)), .product(factors.filter { !$0.isScalar })
    )
  }

  /// A total over axes. Axes along which the operand does not vary are a factor.
  private static func total(
    _ operation: Operation, _ operand: Formula, of operandType: ValueType, _ type: ValueType
  ) -> Formula {
    let rank = operandType.shape.rank
    let given = operation.attributes.ints("axes")
    let axes = given.isEmpty ? Array(0..<rank) : given.map { $0 < 0 ? $0 + rank : $0 }.sorted()
    let missing = rank - operand.shape.rank
    let counted = axes.filter { $0 < missing }
    let own = axes.filter { $0 >= missing }.map { $0 - missing }
    let stretches = operand.shape.dims.indices.contains {
      operand.shape.dims[$0] != operandType.shape.dims[$0 + missing]
    }
    let keeps = operation.attributes.bool("keepdims")
    // The smaller formula lacks leading axes only, and what lacks leading axes broadcasts.
    guard !stretches else { return linear(operation, [operand], [operandType], type) }
    let factor = product(counted.map { extent(operandType.shape.dims[$0], type.dtype) })
    guard !own.isEmpty else { return product([factor, operand]) }
    // A sum of one element that keeps its axes is that element.
    if keeps, own.allSatisfy({ operand.shape.dims[$0] == 1 }) {
      return product([factor, operand])
    }
    // What does not vary along the axes that are kept as 1 is a factor.
    if keeps, missing == 0, case .product(let factors) = operand.body {
      let fixed = factors.filter { part in
        !part.isScalar && part.shape.rank == rank && own.allSatisfy { part.shape.dims[$0] == 1 }
      }
      let rest = product(factors.filter { !fixed.contains($0) })
      if !fixed.isEmpty, rest.shape == operand.shape {
        return product(fixed + [total(operation, rest, of: operandType, type)])
      }
    }
    if own.count == 1,
      let simpler = totalOfShares(operation, operand, along: own[0], operandType, type)
    {
      return product([factor, simpler])
    }
    let attributes = Attributes(
      entries: operation.attributes.entries.map { entry in
        var entry = entry
        if entry.name == "axes" { entry.value = .ints(own) }
        return entry
      })
    let dims = operand.shape.dims.enumerated().compactMap { axis, dim -> Dim? in
      own.contains(axis) ? (keeps ? 1 : nil) : dim
    }
    return product([
      factor,
      linear(
        Operation(operation.definition, attributes), [operand],
        [ValueType(type.dtype, operand.shape)], ValueType(type.dtype, Shape(dims))),
    ])
  }
}

extension Operation {
  /// The reduction over the same axes of `shape` whose result has `target`, when reduced axes of
  /// extent 1 are all that tells it from this one's.
  fileprivate func reducing(_ shape: Shape, to target: Shape) -> Operation? {
    let axes = attributes.ints("axes").map { $0 < 0 ? $0 + shape.rank : $0 }
    let reduced = axes.isEmpty ? Array(0..<shape.rank) : axes
    for keeps in [false, true] {
      let dims = shape.dims.enumerated().compactMap { axis, dim -> Dim? in
        reduced.contains(axis) ? (keeps ? 1 : nil) : dim
      }
      guard dims == target.dims else { continue }
      var attributes = attributes
      attributes.set("keepdims", to: .bool(keeps))
      return Operation(definition, attributes)
    }
    return nil
  }
}
