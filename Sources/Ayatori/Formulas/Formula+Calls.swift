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
    case .choice where type.dtype.isFloating:
      if operands[1].number == 0 {
        return product([bracket(operands[0], negated: true, type.dtype), operands[2]])
      }
      if operands[2].number == 0 {
        return product([bracket(operands[0], type.dtype), operands[1]])
      }
    case .reduction(_, isTotal: true) where type.dtype.isFloating:
      return total(operation, operands[0], of: operandTypes[0], type)
    case .matrixProduct: return linear(operation, operands, operandTypes, type)
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
