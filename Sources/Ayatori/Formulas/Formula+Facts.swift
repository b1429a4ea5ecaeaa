import GraphIR

// What is known of an op besides its arithmetic, from its own notation.

extension Formula {
  // MARK: Logarithms

  /// exp(c·ln u) is uᶜ where u is known to be positive: a number or an extent.
  static func ofLogarithm(_ exponent: Formula) -> Formula? {
    let factors = Factors(exponent)
    guard factors.factors.count == 1, factors.factors[0].exponent == 1,
      case .call(let operation, let operands) = factors.factors[0].base.body,
      case .naturalLogarithm = operation.definition.notation,
      operands[0].number.map({ $0 > 0 }) ?? (operands[0].symbol?.kind == .size)
    else { return nil }
    return power(operands[0], number(factors.coefficient))
  }

  /// Whether the formula, stretched to `shape`, is the same all along an axis of it.
  func isEven(along axis: Int, of shape: Shape) -> Bool {
    let own = axis - (shape.rank - self.shape.rank)
    return own < 0 || self.shape.dims[own] == 1
  }

  // MARK: Positive parts

  /// The operands of a comparison: where it says the same of 0 and of what is below, a positive
  /// part is compared with 0 as its operand is. relu(x) > 0 is x > 0.
  static func withoutPositiveParts(_ comparison: Operation, _ operands: [Formula]) -> [Formula] {
    guard operands.count == 2 else { return operands }
    for (place, other) in [(0, 1), (1, 0)] where operands[other].number == 0 {
      guard case .call(let operation, let inner) = operands[place].body,
        case .positivePart = operation.definition.notation
      else { continue }
      func holds(_ value: Double) -> Double? {
        var numbers = operands.map { Formula.number(0, $0.type.dtype) }
        numbers[place] = .number(value, operands[place].type.dtype)
        let call = Formula(.call(comparison, numbers), ValueType(.bool))
        return try? call.evaluated([:], sizes: [:]).values.first
      }
      guard let atZero = holds(0), atZero == holds(-1) else { continue }
      var result = operands
      result[place] = inner[0]
      return result
    }
    return operands
  }

  // MARK: Shares

  /// The axis along which the elements are shares that add up to 1: of a softmax, and of a 1 at a
  /// position, which is taken to be there.
  var sharesAxis: Int? {
    switch body {
    case .symbol(let symbol): return symbol.sharesAxis
    case .call(let operation, let operands):
      switch operation.definition.notation {
      case .indicator where type.dtype.isFloating: return shape.rank - 1
      case .exponential:
        guard case .call(let inner, _) = operands[0].body,
          case .logarithm = inner.definition.notation
        else { return nil }
        return inner.attributes.axis(of: shape)
      default: return nil
      }
    default: return nil
    }
  }

  /// A total over one axis of which shares, that add up to 1, take the place of a factor:
  /// Σ p ⊙ (c + x) is c + Σ p ⊙ x. Nil where there is none.
  static func totalOfShares(
    _ operation: Operation, _ operand: Formula, along axis: Int, _ operandType: ValueType,
    _ type: ValueType
  ) -> Formula? {
    let keeps = operation.attributes.bool("keepdims")
    let whole = ValueType(type.dtype, operand.shape)
    func isFixed(_ part: Formula) -> Bool {
      part.isScalar
        || keeps && part.shape.rank == operand.shape.rank && part.shape.dims[axis] == 1
    }
    func total(_ part: Formula) -> Formula {
      .applying(operation.totalling(axis), [part], [whole], type)
    }
    if case .sum(let addends) = operand.body {
      let isSimpler = addends.contains { addend in
        addend.shape == operand.shape
          && totalOfShares(operation, addend, along: axis, operandType, type) != nil
      }
      let areWhole = addends.allSatisfy { $0.isScalar || $0.shape == operand.shape }
      return isSimpler && areWhole ? sum(addends.map(total)) : nil
    }
    var rest = Factors(operand)
    let place = rest.factors.firstIndex {
      $0.exponent == 1 && $0.base.sharesAxis == axis && $0.base.shape == operand.shape
    }
    guard let place else {
      // A sum of shares times what is the same for all of them.
      let inner = rest.factors.firstIndex {
        if case .sum = $0.base.body {
          $0.exponent == 1 && $0.base.shape == operand.shape
        } else {
          false
        }
      }
      guard let inner else { return nil }
      let addends = rest.factors.remove(at: inner).base
      guard isFixed(rest.formula),
        let found = totalOfShares(operation, addends, along: axis, operandType, type)
      else { return nil }
      return product([rest.formula, found])
    }
    let shares = rest.factors.remove(at: place).base
    if isFixed(rest.formula) { return rest.formula }
    let moving = rest.factors.filter { !isFixed($0.base) }
    guard moving.count == 1, moving[0].exponent == 1,
      case .sum(let addends) = moving[0].base.body, addends.contains(where: isFixed)
    else { return nil }
    rest.factors.removeAll { !isFixed($0.base) }
    let scale = rest.formula
    let fixed = addends.filter(isFixed).map { product([scale, $0]) }
    let others = sum(addends.filter { !isFixed($0) })
    return sum(fixed + [total(product([scale, shares, others]))])
  }
}

extension Operation {
  /// The same reduction over one axis.
  fileprivate func totalling(_ axis: Int) -> Operation {
    var attributes = attributes
    attributes.set("axes", to: .ints([axis]))
    return Operation(definition, attributes)
  }
}

extension Attributes {
  /// The attribute `axis`, from the front.
  func axis(of shape: Shape) -> Int {
    let axis = int("axis")
    return axis < 0 ? axis + shape.rank : axis
  }
}
