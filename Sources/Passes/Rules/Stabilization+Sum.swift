import GraphIR
import GraphOps

/// `f₀ · v₀ + f₁ · v₁ + … + constant`: a value taken apart down to what is no sum.
struct SignedSum {
  struct Term {
    var factor: Double
    var value: Value
  }

  var terms: [Term] = []
  var constant = 0.0

  /// Beyond so many terms a sum is one term: what a rule looks for stands close together.
  private static let limit = 8

  init() {}

  /// `value` times `factor`.
  init(_ value: Value, times factor: Double = 1, _ site: RewriteSite) {
    var pending = [(value, factor)]
    while let (value, factor) = pending.popLast() {
      let (own, inner) = site.scaled(value)
      let factor = factor * own
      let isOpen = terms.count + pending.count < SignedSum.limit
      if let number = site.coefficient(inner) {
        constant += factor * number
      } else if isOpen, site.isUse(inner, of: .add) {
        pending.append((site.operand(1, of: inner), factor))
        pending.append((site.operand(0, of: inner), factor))
      } else if isOpen, site.isUse(inner, of: .sub) {
        pending.append((site.operand(1, of: inner), -factor))
        pending.append((site.operand(0, of: inner), factor))
      } else {
        terms.append(Term(factor: factor, value: inner))
      }
    }
  }

  static func + (a: SignedSum, b: SignedSum) -> SignedSum {
    var result = a
    result.terms += b.terms
    result.constant += b.constant
    return result
  }

  /// The sum with terms gone and `term` in the place of the first of them.
  func replacing(_ places: [Int], with term: Term?) -> SignedSum {
    var result = self
    for place in places.sorted().reversed() { result.terms.remove(at: place) }
    if let term { result.terms.insert(term, at: places.min() ?? 0) }
    return result
  }

  /// The sum as graph; nil when it has lost the type.
  func value(_ site: RewriteSite, _ type: ValueType) -> Value? {
    // A term to start from that needs no sign, if there is one.
    let first = terms.firstIndex { $0.factor > 0 } ?? 0
    var ordered = terms
    if ordered.indices.contains(first) { ordered.insert(ordered.remove(at: first), at: 0) }
    var result: Value?
    for term in ordered {
      let size = Swift.abs(term.factor)
      let scaled = size == 1 ? term.value : site.constant(size) * term.value
      if let sum = result {
        result = term.factor < 0 ? sum - scaled : sum + scaled
      } else {
        result = term.factor < 0 ? -scaled : scaled
      }
    }
    if constant != 0, let sum = result { result = sum + site.constant(constant) }
    return result?.type == type ? result : nil
  }

  /// The first pair of terms, in either order, of which `match` makes one.
  func pairing(_ match: (Term, Term) -> Term?) -> SignedSum? {
    for i in terms.indices {
      for j in terms.indices where i != j {
        if let term = match(terms[i], terms[j]) { return replacing([i, j], with: term) }
      }
    }
    return nil
  }
}

extension RewriteSite {
  /// A value as a product of a number and factors, `-2`, `x` and `y` of `x * -(2 * y)`.
  func factors(_ value: Value) -> (number: Double, factors: [Value]) {
    if let known = products[value.id] { return known }
    var (number, factors): (Double, [Value]) = (1, [])
    defer { products[value.id] = (number, factors) }
    var pending = [value]
    while let value = pending.popLast() {
      let (own, inner) = scaled(value)
      number *= own
      if factors.count + pending.count < 6, isUse(inner, of: .mul) {
        pending.append(operand(1, of: inner))
        pending.append(operand(0, of: inner))
      } else {
        factors.append(inner)
      }
    }
    return (number, factors)
  }

  /// The ops that compute the factors of a sum's terms, each once.
  func factorOps(of sum: SignedSum) -> [OpDefinition] {
    var ops: [OpDefinition] = []
    for term in sum.terms {
      for factor in factors(term.value).factors {
        if let op = op(of: factor), !ops.contains(op) { ops.append(op) }
      }
    }
    return ops
  }

  /// `number` · f₀ · f₁ ⋯ as a term.
  func term(_ number: Double, _ factors: [Value]) -> SignedSum.Term? {
    guard let first = factors.first else { return nil }
    return SignedSum.Term(factor: number, value: factors.dropFirst().reduce(first) { $0 * $1 })
  }

  /// The sum of the site with one pair of its terms replaced, of which one has a use of one of
  /// `ops` as a factor.
  func pairing(
    with ops: OpDefinition..., match: (SignedSum.Term, SignedSum.Term) -> SignedSum.Term?
  ) -> Value? {
    guard ops.contains(where: hasTerm) else { return nil }
    return sum.pairing(match)?.value(self, type)
  }
}
