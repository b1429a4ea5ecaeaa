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

    mutating func append(_ base: Formula, _ exponent: Double) {
      let place = factors.firstIndex {
        $0.base == base && ($0.isExtent || ($0.exponent < 0) == (exponent < 0))
      }
      guard let place else {
        // (a − b)·(b − a) is −(a − b)².
        if exponent == exponent.rounded(), case .sum(let addends) = base.body,
          let opposite = factors.firstIndex(where: { $0.base.isOpposite(of: addends) })
        {
          func isOdd(_ value: Double) -> Bool { value.truncatingRemainder(dividingBy: 2) != 0 }
          // The way round that is read more easily stays.
          if (base.standing ?? 0) > (factors[opposite].base.standing ?? 0),
            factors[opposite].exponent == factors[opposite].exponent.rounded()
          {
            if isOdd(factors[opposite].exponent) { coefficient.negate() }
            factors[opposite].base = base
          } else if isOdd(exponent) {
            coefficient.negate()
          }
          return append(factors[opposite].base, exponent)
        }
        return factors.append(Factor(base: base, exponent: exponent))
      }
      factors[place].exponent += exponent
      if factors[place].exponent == 0 { factors.remove(at: place) }
    }

    /// The same with sums turned round that stand in a term the other way round: b − a as −(a − b).
    func turned(like terms: [Factors]) -> Factors {
      var result = self
      for (place, factor) in factors.enumerated() where factor.exponent == 1 {
        guard case .sum(let addends) = factor.base.body, addends.contains(where: \.isNegative)
        else { continue }
        for base in terms.lazy.flatMap(\.factors).map(\.base) where base.isOpposite(of: addends) {
          result.factors[place].base = base
          result.coefficient.negate()
          break
        }
      }
      return result
    }

    /// Two differences turned round at once, where that puts first what is read first:
    /// (b − cost)·(p − x) is (cost − b)·(x − p).
    private mutating func turnPairs() {
      let places = factors.indices.filter {
        factors[$0].exponent == 1 && factors[$0].base.standing != nil
      }
      guard places.count == 2 else { return }
      let standing = places.compactMap { factors[$0].base.standing }.reduce(0, +)
      guard standing < 0 else { return }
      for place in places {
        guard case .sum(let addends) = factors[place].base.body else { continue }
        factors[place].base = ordered(addends.map { product([.number(-1), $0]) })
      }
    }

    func multiplied(by other: Factors) -> Factors {
      var result = self
      result.coefficient *= other.coefficient
      for factor in other.factors { result.append(factor.base, factor.exponent) }
      return result
    }

    /// What is left without the factors of `other`; nil when these are not all there.
    func divided(by other: Factors) -> Factors? {
      guard other.coefficient != 0 else { return nil }
      var result = self
      result.coefficient /= other.coefficient
      for factor in other.factors {
        guard
          let place = result.factors.firstIndex(where: {
            $0.base == factor.base && ($0.exponent < 0) == (factor.exponent < 0)
              && abs($0.exponent) >= abs(factor.exponent)
          })
        else { return nil }
        result.factors[place].exponent -= factor.exponent
        if result.factors[place].exponent == 0 { result.factors.remove(at: place) }
      }
      return result
    }

    /// Whether the factors are the same, in any order.
    func isSame(as other: Factors) -> Bool {
      coefficient == other.coefficient && isLike(other)
    }

    /// Whether there is a sum and a number, and nothing else.
    var isMultipleOfSum: Bool {
      guard factors.count == 1, factors[0].exponent == 1 else { return false }
      return factors[0].base.isSum
    }

    /// Whether the factors but for the number are the same, in any order.
    func isLike(_ other: Factors) -> Bool {
      factors.count == other.factors.count && factors.allSatisfy(other.factors.contains)
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
      turned.turnPairs()
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

  /// Whether this is the sum of the addends, each with the other sign.
  fileprivate func isOpposite(of addends: [Formula]) -> Bool {
    guard case .sum(let others) = body, others.count == addends.count,
      others.contains(where: \.isNegative) || addends.contains(where: \.isNegative)
    else { return false }
    return addends.allSatisfy { addend in
      others.contains(Formula.product([.number(-1), addend]))
    }
  }

  var isSum: Bool {
    if case .sum = body { return true }
    if case .product(let parts) = body, parts.count == 2, parts[0].number == -1 {
      return parts[1].isSum
    }
    return false
  }

  /// By how much what a difference begins with is more of a subject than what it takes away: costs
  /// before values, values before functions of them; of two of a kind what comes later in the
  /// graph, but the earlier of two draws. Nil for what is no difference.
  fileprivate var standing: Int? {
    guard case .sum(let addends) = body, let first = addends.first, !first.isNegative,
      first.number == nil, let last = addends.first(where: \.isNegative)
    else { return nil }
    let weights = first.weight - last.weight
    guard let a = first.symbols.first, let b = last.symbols.first else { return 4 * weights }
    let (draw, other) = (DrawName(a.name), DrawName(b.name))
    if draw.base == other.base {
      return 4 * weights + ((other.number ?? 1) - (draw.number ?? 1)).signum()
    }
    let distance = (a.node?.index ?? 0) - (b.node?.index ?? 0)
    return 4 * weights + 2 * distance.signum()
  }

  private var weight: Int {
    switch body {
    case .symbol(let symbol): symbol.kind == .share ? 2 : symbol.kind == .value ? 1 : 0
    case .product(let parts): parts.map(\.weight).max() ?? 0
    default: 0
    }
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

  // MARK: Conditions

  static func bracket(_ condition: Formula, negated: Bool = false, _ dtype: DType) -> Formula {
    Formula(.bracket(condition, negated: negated), ValueType(dtype, condition.shape))
  }
}
