import GraphIR

/// A formula in a style: which parts stand in parentheses, in which order, under which sign.
struct FormulaLayout<Style: FormulaStyle> {
  /// A written formula, and how tightly its parts hold together.
  struct Written {
    var text: String
    var level: Level
  }

  enum Level: Int, Comparable {
    case relation, sum, product, quotient, power, atom

    static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  let style: Style

  func text(_ formula: Formula) -> String { write(formula).text }

  private func atLeast(_ level: Level, _ formula: Formula) -> String {
    let written = write(formula)
    return written.level >= level ? written.text : style.parenthesized(written.text)
  }

  private func write(_ formula: Formula) -> Written {
    switch formula.body {
    case .number(let value):
      return Written(text: style.number(value), level: value < 0 ? .sum : .atom)
    case .symbol(let symbol):
      return Written(
        text: style.symbol(symbol), level: symbol.kind == .derivative ? .quotient : .atom)
    case .sum(let parts): return sum(parts)
    case .product(let factors): return product(factors)
    case .power(let base, let exponent): return power(base, exponent)
    case .bracket(let condition, let negated):
      let text = negated ? opposite(condition) : write(condition).text
      return Written(text: style.bracketed(text), level: .atom)
    case .stretched(let inner):
      return function(
        style.sign(.upright("broadcast")), [write(inner).text, style.shape(formula.shape)])
    case .call(let operation, let operands): return call(operation, operands, formula)
    }
  }

  // MARK: Sums and products

  private func sum(_ parts: [Formula]) -> Written {
    var text = ""
    for (index, part) in parts.enumerated() {
      let isNegative = part.isNegative
      let size = isNegative ? part.withoutSign : part
      if isNegative {
        text += index == 0 ? style.minus : " \(style.minus) "
      } else if index > 0 {
        text += " + "
      }
      text += atLeast(.product, size)
    }
    return Written(text: text, level: .sum)
  }

  private func product(_ factors: [Formula]) -> Written {
    if factors.first?.isNegative ?? false {
      let size = Formula(.product(factors), .init(.f64)).withoutSign
      return Written(text: style.minus + atLeast(.product, size), level: .sum)
    }
    var coefficient = 1.0
    var above: [Formula] = []
    var below: [Formula] = []
    var cotangents: [Formula] = []
    for factor in factors {
      if let value = factor.number {
        coefficient = value
      } else if case .power(let base, let exponent) = factor.body, let n = exponent.number, n < 0 {
        below.append(.power(base, .number(-n)))
      } else if factor.symbol?.kind == .derivative {
        cotangents.append(factor)
      } else {
        above.append(factor)
      }
    }
    if let share = Fraction(coefficient) {
      coefficient = Double(share.numerator)
      below.insert(.number(Double(share.denominator)), at: 0)
    }
    if below.isEmpty {
      if coefficient == 0.5, above.count == 1, cotangents.isEmpty, above[0].symbol != nil {
        return fraction(above, over: [.number(2)])
      }
      return joined(coefficient, above + cotangents)
    }
    if coefficient == 0.5, style.halvesInDenominator {
      coefficient = 1
      below.insert(.number(2), at: 0)
    }
    if coefficient != 1 { above.insert(.number(coefficient), at: 0) }
    let quotient = fraction(above, over: below)
    if cotangents.isEmpty { return quotient }
    let isScalar = (above + below).allSatisfy(\.isScalar)
    let rest = joined(1, cotangents)
    let sign = isScalar || cotangents.allSatisfy(\.isScalar) ? style.times : style.elementwiseTimes
    return Written(text: quotient.text + sign + rest.text, level: .product)
  }

  /// Factors side by side, after a number that is left out when it is 1. What follows may be a
  /// stroke: then a product of matrices or a total stands in parentheses wherever it is.
  private func joined(
    _ coefficient: Double, _ factors: [Formula], isBesideStroke: Bool = false
  ) -> Written {
    var text = ""
    if coefficient != 1 || factors.isEmpty {
      text = coefficient == 0.5 ? style.half : style.number(coefficient)
    }
    if text.isEmpty, factors.count == 1 {
      let written = write(factors[0])
      guard isBesideStroke, written.level == .product else { return written }
      return Written(text: style.parenthesized(written.text), level: .atom)
    }
    if factors.isEmpty { return Written(text: text, level: .atom) }
    var hasArray = false
    for (index, factor) in factors.enumerated() {
      if !text.isEmpty {
        text += hasArray && !factor.isScalar ? style.elementwiseTimes : style.times
      }
      // After scalars alone a product of matrices or a total needs no parentheses.
      let isLast = index == factors.count - 1 && !hasArray && !isBesideStroke
      text += atLeast(isLast ? .product : .quotient, factor)
      if !factor.isScalar { hasArray = true }
    }
    return Written(text: text, level: .product)
  }

  /// One side of a fraction; the first factor may be a number.
  private func side(_ factors: [Formula]) -> Written {
    guard let value = factors.first?.number else {
      return joined(1, factors, isBesideStroke: style.hasStrokes)
    }
    return joined(value, Array(factors.dropFirst()), isBesideStroke: style.hasStrokes)
  }

  private func fraction(_ above: [Formula], over below: [Formula]) -> Written {
    let (numerator, denominator) = (side(above), side(below))
    return Written(
      text: style.fraction(
        numerator.text, denominator.text,
        isAtom: (
          numerator.level >= .product && numerator.level != .quotient,
          denominator.level >= .power
        )), level: .product)
  }

  private func power(_ base: Formula, _ exponent: Formula) -> Written {
    guard let n = exponent.number else {
      return Written(
        text: style.power(atLeast(.atom, base), write(exponent).text), level: .power)
    }
    if n < 0 { return fraction([], over: [.power(base, .number(-n))]) }
    if n == 0.5 {
      let inner = write(base)
      return Written(text: style.root(inner.text, isAtom: base.parts.isEmpty), level: .power)
    }
    return Written(text: style.power(atLeast(.atom, base), number: n), level: .power)
  }

  // MARK: Operations

  private func function(_ name: String, _ arguments: [String]) -> Written {
    Written(
      text: name + style.parenthesized(arguments.joined(separator: ", ")), level: .atom)
  }

  /// An op as a function of its operands, with the attributes that are not what they are when left
  /// out.
  private func function(_ name: String, of operation: Operation, _ operands: [Formula]) -> Written {
    var arguments = operands.map { write($0).text }
    for spec in operation.definition.attributes {
      guard let value = operation.attributes[spec.name], value != spec.defaultValue else {
        continue
      }
      arguments.append(style.attribute(spec.name, value.description))
    }
    return function(name, arguments)
  }

  private func call(_ operation: Operation, _ operands: [Formula], _ whole: Formula) -> Written {
    switch operation.definition.notation {
    case .arithmetic, .bracket:
      return function(
        style.sign(.upright(operation.definition.name)), of: operation, operands)
    case .exponential(let sign):
      if case .call(let inner, let arguments) = operands[0].body,
        case .logarithm(of: let whole, _, _) = inner.definition.notation
      {
        return function(style.sign(whole), of: inner, arguments)
      }
      return function(style.sign(sign), of: operation, operands)
    case .function(let sign), .naturalLogarithm(let sign), .logarithm(of: _, let sign, _),
      .positivePart(let sign), .indicator(let sign):
      return function(style.sign(sign), of: operation, operands)
    // A barrier's attributes say who put it there.
    case .barrier(let sign): return function(style.sign(sign), operands.map { write($0).text })
    case .infix(let sign, _): return relation(operands, sign)
    case .prefix(let sign):
      return Written(text: style.sign(sign) + atLeast(.atom, operands[0]), level: .power)
    case .fences(let sign):
      let fence = style.sign(sign)
      return Written(text: fence + write(operands[0]).text + fence, level: .atom)
    case .choice:
      let texts = operands.map { write($0).text }
      return Written(text: style.choice(texts[0], texts[1], texts[2]), level: .atom)
    case .reduction(let sign, isTotal: true):
      if isOfOneElement(operation, operands[0].shape) { return write(operands[0]) }
      let head = reduction(sign, operation, operands[0])
      return Written(text: "\(head) \(atLeast(.quotient, operands[0]))", level: .product)
    case .reduction(let sign, isTotal: false):
      return function(reduction(sign, operation, operands[0]), [write(operands[0]).text])
    case .matrixProduct(let transposes):
      let texts = zip(operands, transposes).map { operand, attribute in
        factor(operand, isTransposed: operation.attributes.bool(attribute))
      }
      return Written(text: texts.joined(separator: style.matrixTimes), level: .product)
    case .affine:
      let product =
        factor(operands[0], isTransposed: false) + style.matrixTimes
        + factor(operands[1], isTransposed: true)
      return Written(text: "\(product) + \(atLeast(.product, operands[2]))", level: .sum)
    case .transposition:
      let isPlain = operation.attributes.entries.contains {
        $0.value == .ints([]) || $0.value == .ints([1, 0])
      }
      if isPlain, operands[0].shape.rank == 2 {
        return Written(text: factor(operands[0], isTransposed: true), level: .power)
      }
      return function(style.sign(.upright(operation.definition.name)), of: operation, operands)
    case .reshaping where operands[0].shape.hasAxesOf(whole.shape): return write(operands[0])
    case .reshaping, .stretching:
      return function(
        style.sign(.upright(operation.definition.name)),
        [write(operands[0]).text, style.shape(whole.shape)])
    case .conversion:
      return function(
        style.sign(.upright(whole.type.dtype.description)), operands.map { write($0).text })
    }
  }

  /// `Σ_N`, `max_{axis 1}`.
  private func reduction(
    _ sign: Notation.Sign, _ operation: Operation, _ operand: Formula
  ) -> String {
    let index = axes(operation.attributes, operand.shape)
    return index.isEmpty ? style.sign(sign) : style.indexed(style.sign(sign), index)
  }

  private func factor(_ matrix: Formula, isTransposed: Bool) -> String {
    isTransposed ? style.transposed(atLeast(.atom, matrix)) : atLeast(.quotient, matrix)
  }

  private func relation(_ operands: [Formula], _ sign: Notation.Sign) -> Written {
    Written(
      text: operands.map { atLeast(.sum, $0) }.joined(separator: " \(style.sign(sign)) "),
      level: .relation)
  }

  /// The condition that holds where `condition` does not.
  private func opposite(_ condition: Formula) -> String {
    if case .call(let operation, let operands) = condition.body,
      case .infix(_, let opposite?) = operation.definition.notation
    {
      return relation(operands, opposite).text
    }
    return style.sign(Notation.Sign("¬", latex: "\\neg ")) + atLeast(.atom, condition)
  }

  /// Whether a total adds up one element each, and the axes that it leaves out are no loss.
  private func isOfOneElement(_ operation: Operation, _ shape: Shape) -> Bool {
    let given = operation.attributes.ints("axes").map { $0 < 0 ? $0 + shape.rank : $0 }
    guard !given.isEmpty, given.allSatisfy({ shape.dims[$0] == 1 }) else { return false }
    let left = Shape(shape.dims.indices.filter { !given.contains($0) }.map { shape.dims[$0] })
    return shape.hasAxesOf(left)
  }

  /// The axes that are reduced, by the names of their extents where these say which; nothing when
  /// all are.
  private func axes(_ attributes: Attributes, _ shape: Shape) -> String {
    let given = attributes.ints("axes").map { $0 < 0 ? $0 + shape.rank : $0 }.sorted()
    let most = shape.dims.indices.filter { shape.dims[$0] != 1 }
    if given.isEmpty || most.allSatisfy(given.contains) { return "" }
    let long = given.filter { shape.dims[$0] != 1 }
    return (long.isEmpty ? given : long).map { axis in
      let dim = shape.dims[axis]
      guard let name = dim.symbolName, shape.dims.count(where: { $0 == dim }) == 1 else {
        return style.attribute("axis", "\(axis)")
      }
      return style.extent(name)
    }.joined(separator: ", ")
  }
}

extension Formula {
  /// The formula times −1, for one that is negative: the sign is written by whoever asks.
  var withoutSign: Formula {
    switch body {
    case .number(let value): return .number(-value, type.dtype)
    case .product(var factors):
      guard let value = factors.first?.number else { return self }
      if value == -1 {
        factors.removeFirst()
      } else {
        factors[0] = .number(-value)
      }
      return factors.count == 1 ? factors[0] : Formula(.product(factors), type)
    default: return self
    }
  }
}

extension Shape {
  /// Whether the other shape differs in axes of extent 1 alone, and the extents of the rest tell
  /// which is which: a formula may then leave the change out.
  fileprivate func hasAxesOf(_ other: Shape) -> Bool {
    let own = dims.filter { $0 != 1 }
    return own == other.dims.filter { $0 != 1 } && own.allSatisfy { $0.symbolName != nil }
      && Set(own).count == own.count
  }
}
