import Foundation
import GraphIR

// The makers of formulas. Each gives the simplest form it knows of: constants collected, sums and
// products flat, equal addends and factors gathered, common factors taken out, signs in front.
//
// Simplification is that of real numbers: it holds wherever all parts are finite. A factor 0 makes
// a product 0. Factors are cancelled against their reciprocals only where they are extents.

extension Formula {
  static func number(_ value: Double, _ dtype: DType = .f64) -> Formula {
    Formula(.number(value), ValueType(dtype))
  }

  static func symbol(_ symbol: FormulaSymbol, _ type: ValueType) -> Formula {
    Formula(.symbol(symbol), type)
  }

  /// An extent as a product of its named dimensions.
  static func extent(_ dim: Dim, _ dtype: DType = .f64) -> Formula {
    var rest = dim
    var factors: [Formula] = []
    for name in dim.symbols {
      while rest.constant == nil, let quotient = rest.dividedExactly(by: .symbol(name)) {
        factors.append(extentSymbol(.symbol(name), dtype))
        rest = quotient
      }
    }
    if let value = rest.constant {
      factors.append(number(Double(value), dtype))
    } else {
      factors.append(extentSymbol(rest, dtype))
    }
    return product(factors)
  }

  private static func extentSymbol(_ dim: Dim, _ dtype: DType) -> Formula {
    let name = dim.symbolName ?? "(\(dim))"
    return symbol(
      FormulaSymbol(kind: .size, name: name, extent: dim),
      ValueType(dtype))
  }

  /// The shape and element type of elementwise arithmetic on `parts`.
  static func broadcastType(_ parts: [Formula]) -> ValueType {
    var shape = Shape.scalar
    for part in parts {
      guard let wider = shape.broadcast(with: part.shape) else {
        preconditionFailure("\(shape) and \(part.shape) do not broadcast")
      }
      shape = wider
    }
    let typed = parts.first { $0.number == nil } ?? parts.first
    return ValueType(typed?.type.dtype ?? .f64, shape)
  }

  // MARK: Powers

  static func power(_ base: Formula, _ exponent: Formula) -> Formula {
    guard let n = exponent.number else {
      return Formula(.power(base, exponent), broadcastType([base, exponent]))
    }
    if n == 1 { return base }
    if n == 0 { return number(1, base.type.dtype) }
    switch base.body {
    case .number(let value): return number(pow(value, n), base.type.dtype)
    case .power(let inner, let first) where n == n.rounded():
      if let first = first.number { return power(inner, number(first * n)) }
    case .product(let factors) where n == n.rounded():
      return product(factors.map { power($0, exponent) })
    default: break
    }
    return Formula(.power(base, exponent), base.type)
  }

  // MARK: Products

  /// A product taken apart: a number, and powers of what is no product.
  struct Factors {
    struct Factor: Equatable {
      var base: Formula
      var exponent: Double

      var formula: Formula { power(base, number(exponent)) }
      var isExtent: Bool { base.symbol?.kind == .size }
    }

    var coefficient = 1.0
    var factors: [Factor] = []

    init() {}

    init(_ formula: Formula) { multiply(by: formula) }

    mutating func multiply(by formula: Formula) {
      switch formula.body {
      case .number(let value): coefficient *= value
      case .product(let parts): for part in parts { multiply(by: part) }
      case .power(let base, let exponent):
        if let n = exponent.number { append(base, n) } else { append(formula, 1) }
      default: append(formula, 1)
      }
    }

    private mutating func append(_ base: Formula, _ exponent: Double) {
      let place = factors.firstIndex {
        $0.base == base && ($0.isExtent || ($0.exponent < 0) == (exponent < 0))
      }
      guard let place else { return factors.append(Factor(base: base, exponent: exponent)) }
      factors[place].exponent += exponent
      if factors[place].exponent == 0 { factors.remove(at: place) }
    }

    /// A sum among the factors turned round, where that takes a sign away: −(a − b) is b − a.
    private mutating func turnSign() {
      guard coefficient < 0 else { return }
      for (place, factor) in factors.enumerated() where factor.exponent == 1 {
        guard case .sum(let addends) = factor.base.body, addends.contains(where: \.isNegative)
        else { continue }
        coefficient = -coefficient
        factors[place].base = ordered(addends.map { product([.number(-1), $0]) })
        return
      }
    }

    var formula: Formula {
      if coefficient == 0 { return .number(0) }
      var turned = self
      turned.turnSign()
      return turned.written
    }

    private var written: Formula {
      let sorted = factors.enumerated().sorted { a, b in
        let (first, second) = (a.element.base.rank, b.element.base.rank)
        return first == second ? a.offset < b.offset : first.lexicographicallyPrecedes(second)
      }
      var parts = sorted.map(\.element.formula)
      if coefficient != 1 || parts.isEmpty { parts.insert(.number(coefficient), at: 0) }
      if parts.count == 1 { return parts[0] }
      return Formula(.product(parts), broadcastType(parts))
    }
  }

  static func product(_ parts: [Formula]) -> Formula {
    var factors = Factors()
    for part in parts { factors.multiply(by: part) }
    return factors.formula
  }

  /// Whether the formula would be written with a sign in front.
  var isNegative: Bool {
    switch body {
    case .number(let value): value < 0
    case .product(let parts): parts.first?.isNegative ?? false
    default: false
    }
  }

  /// Where a factor stands: scalars first, among equals by kind, cotangents last; then in graph
  /// order.
  private var rank: [Int] {
    switch body {
    case .symbol(let symbol):
      let isCotangent = symbol.kind == .derivative
      return [
        isCotangent ? 1 : 0, isScalar ? 0 : 1, symbol.kind.rawValue, symbol.node?.index ?? 0,
      ]
    case .power(let base, _): return base.rank
    case .number: return [0, 0, -1]
    default: return [isMadeOfCotangents ? 1 : 0, isScalar ? 0 : 1, 10]
    }
  }

  /// Whether a total or a transpose of a cotangent and nothing else.
  private var isMadeOfCotangents: Bool {
    guard case .call(_, let operands) = body, operands.count == 1 else { return false }
    return operands[0].symbol?.kind == .derivative || operands[0].isMadeOfCotangents
  }

  // MARK: Sums

  static func sum(_ parts: [Formula]) -> Formula {
    var constant = 0.0
    var terms: [Factors] = []
    func add(_ part: Formula) {
      if let value = part.number {
        constant += value
        return
      }
      if case .sum(let addends) = part.body { return addends.forEach(add) }
      let factors = Factors(part)
      // ±(a + b) is taken apart.
      if Swift.abs(factors.coefficient) == 1, factors.factors.count == 1,
        factors.factors[0].exponent == 1, case .sum(let addends) = factors.factors[0].base.body
      {
        return addends.forEach { add(product([number(factors.coefficient), $0])) }
      }
      if let place = terms.firstIndex(where: { $0.factors == factors.factors }) {
        terms[place].coefficient += factors.coefficient
      } else {
        terms.append(factors)
      }
    }
    parts.forEach(add)
    terms.removeAll { $0.coefficient == 0 }
    guard !terms.isEmpty else { return number(constant) }
    if constant != 0 {
      var term = Factors()
      term.coefficient = constant
      terms.append(term)
    }
    if terms.count == 1 { return terms[0].formula }
    let common = takeOut(&terms)
    let sum = ordered(terms.map(\.formula))
    return common.coefficient == 1 && common.factors.isEmpty
      ? sum : product([common.formula, sum])
  }

  /// Takes out of the terms what they have in common: sign, size of the coefficients, factors.
  private static func takeOut(_ terms: inout [Factors]) -> Factors {
    var common = Factors()
    let sizes = Set(terms.map { Swift.abs($0.coefficient) })
    if sizes.count == 1, let size = sizes.first { common.coefficient = size }
    if terms.allSatisfy({ $0.coefficient < 0 }) { common.coefficient.negate() }
    for factor in terms[0].factors {
      var least = factor.exponent
      let isEverywhere = terms.dropFirst().allSatisfy { term in
        let other = term.factors.first {
          $0.base == factor.base && ($0.exponent < 0) == (least < 0)
        }
        guard let other else { return false }
        if Swift.abs(other.exponent) < Swift.abs(least) { least = other.exponent }
        return true
      }
      if isEverywhere {
        common.factors.append(Factors.Factor(base: factor.base, exponent: least))
      }
    }
    for index in terms.indices {
      terms[index].coefficient /= common.coefficient
      for factor in common.factors {
        guard
          let place = terms[index].factors.firstIndex(where: {
            $0.base == factor.base
              && ($0.exponent < 0) == (factor.exponent < 0)
          })
        else { continue }
        terms[index].factors[place].exponent -= factor.exponent
        if terms[index].factors[place].exponent == 0 { terms[index].factors.remove(at: place) }
      }
    }
    return common
  }

  /// Addends as people write them: a positive number first, a negative one last, what is taken away
  /// after what is not.
  private static func ordered(_ addends: [Formula]) -> Formula {
    let keys = addends.map { addend in
      addend.number.map { $0 < 0 ? 3 : 0 } ?? (addend.isNegative ? 2 : 1)
    }
    let sorted = zip(keys, addends).enumerated().sorted { a, b in
      (a.element.0, a.offset) < (b.element.0, b.offset)
    }
    return plainSum(sorted.map(\.element.1))
  }

  /// The sum of what is to be seen addend by addend: nothing is gathered or taken out.
  static func plainSum(_ parts: [Formula]) -> Formula {
    let flat = parts.flatMap { part in
      if case .sum(let addends) = part.body { addends } else { [part] }
    }
    return flat.count == 1 ? flat[0] : Formula(.sum(flat), broadcastType(flat))
  }

  // MARK: Conditions

  static func bracket(_ condition: Formula, negated: Bool = false, _ dtype: DType) -> Formula {
    Formula(.bracket(condition, negated: negated), ValueType(dtype, condition.shape))
  }
}
