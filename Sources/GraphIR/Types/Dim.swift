/// What went wrong in arithmetic on dimensions.
public enum DimError: Error, Hashable, Sendable, CustomStringConvertible {
  case overflow(String)
  case unbound(String)
  case negative(String, Int)
  case tooComplex

  public var description: String {
    switch self {
    case .overflow(let text): "the size \(text) does not fit in 64 bits"
    case .unbound(let name): "the dimension \(name) has no value"
    case .negative(let text, let value): "the size \(text) is negative (\(value))"
    case .tooComplex: "the size has too many terms or factors"
    }
  }
}

/// The extent of one axis: an integer polynomial in named dimensions, such as `N`, `784` or
/// `2*Z + 1`.
///
/// Kept in a normal form (like monomials collected, zero terms dropped, sorted), so that two dims
/// are equal as values exactly when they are equal as polynomials. Arithmetic is checked: what
/// does not fit in `Int` throws, it never traps or wraps.
public struct Dim: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  /// A product of named dimensions, sorted by name; the empty product is the constant term.
  public typealias Monomial = [String]

  /// `(monomial, coefficient)`, higher degree first, then by name; no zero coefficients.
  private var terms: [Term]

  private struct Term: Hashable, Sendable {
    var monomial: Monomial
    var coefficient: Int
  }

  public init(integerLiteral value: Int) { self.init(value) }

  /// The named dimension: `["N", 784]` is a shape.
  public init(stringLiteral name: String) { self = .symbol(name) }

  public init(_ value: Int) {
    terms = value == 0 ? [] : [Term(monomial: [], coefficient: value)]
  }

  /// Bounds on terms and factors: what goes beyond comes from a hostile text, and would cost
  /// exponential memory.
  private static let mostTerms = 256
  private static let mostFactors = 64

  private init(collecting raw: [Term]) throws(DimError) {
    if raw.count > Dim.mostTerms * 2 || raw.contains(where: { $0.monomial.count > Dim.mostFactors })
    {
      throw .tooComplex
    }
    var collected: [Term] = []
    for term in raw.sorted(by: Dim.precedes) {
      if let last = collected.last, last.monomial == term.monomial {
        let (sum, overflow) = last.coefficient.addingReportingOverflow(term.coefficient)
        if overflow { throw .overflow("\(last.coefficient) + \(term.coefficient)") }
        collected[collected.count - 1].coefficient = sum
      } else {
        collected.append(term)
      }
    }
    terms = collected.filter { $0.coefficient != 0 }
    if terms.count > Dim.mostTerms { throw .tooComplex }
  }

  private static func precedes(_ a: Term, _ b: Term) -> Bool {
    if a.monomial.count != b.monomial.count { return a.monomial.count > b.monomial.count }
    return a.monomial.lexicographicallyPrecedes(b.monomial)
  }

  /// The named dimension itself.
  public static func symbol(_ name: String) -> Dim {
    var dim = Dim(0)
    dim.terms = [Term(monomial: [name], coefficient: 1)]
    return dim
  }

  /// The value, when no named dimension takes part.
  public var constant: Int? {
    if terms.isEmpty { return 0 }
    guard terms.count == 1, terms[0].monomial.isEmpty else { return nil }
    return terms[0].coefficient
  }

  /// The name, when this is just one named dimension.
  public var symbolName: String? {
    guard terms.count == 1, terms[0].coefficient == 1, terms[0].monomial.count == 1 else {
      return nil
    }
    return terms[0].monomial[0]
  }

  /// Every named dimension that takes part, sorted.
  public var symbols: [String] { Array(Set(terms.flatMap(\.monomial))).sorted() }

  public func adding(_ other: Dim) throws(DimError) -> Dim {
    try Dim(collecting: terms + other.terms)
  }

  public func subtracting(_ other: Dim) throws(DimError) -> Dim {
    try adding(other.multiplied(by: Dim(-1)))
  }

  public func multiplied(by other: Dim) throws(DimError) -> Dim {
    var products: [Term] = []
    if terms.count * other.terms.count > Dim.mostTerms * 2 { throw .tooComplex }
    products.reserveCapacity(terms.count * other.terms.count)
    for a in terms {
      for b in other.terms {
        let (product, overflow) = a.coefficient.multipliedReportingOverflow(by: b.coefficient)
        if overflow { throw .overflow("\(a.coefficient)*\(b.coefficient)") }
        products.append(
          Term(monomial: (a.monomial + b.monomial).sorted(), coefficient: product))
      }
    }
    return try Dim(collecting: products)
  }

  /// The quotient when `divisor` is one non-zero term that divides every term exactly, else nil.
  public func dividedExactly(by divisor: Dim) -> Dim? {
    guard divisor.terms.count == 1 else { return nil }
    let by = divisor.terms[0]
    var quotient: [Term] = []
    for term in terms {
      var rest = term.monomial
      for name in by.monomial {
        guard let index = rest.firstIndex(of: name) else { return nil }
        rest.remove(at: index)
      }
      // Int.min / -1 overflows.
      let (value, overflow) = term.coefficient.dividedReportingOverflow(by: by.coefficient)
      guard !overflow, term.coefficient % by.coefficient == 0 else { return nil }
      quotient.append(Term(monomial: rest, coefficient: value))
    }
    return try? Dim(collecting: quotient)
  }

  /// The extent under `sizes`.
  ///
  /// Throws `unbound` for a name that `sizes` lacks, `overflow`, and `negative` below zero.
  public func evaluated(_ sizes: [String: Int]) throws(DimError) -> Int {
    var total = 0
    for term in terms {
      var product = term.coefficient
      for name in term.monomial {
        guard let size = sizes[name] else { throw .unbound(name) }
        let (value, overflow) = product.multipliedReportingOverflow(by: size)
        if overflow { throw .overflow(description) }
        product = value
      }
      let (sum, overflow) = total.addingReportingOverflow(product)
      if overflow { throw .overflow(description) }
      total = sum
    }
    if total < 0 { throw .negative(description, total) }
    return total
  }

  /// Text that the parser reads back as the same dim: `N`, `784`, `2*N*Z + 1`, `N - 1`.
  public var description: String {
    if terms.isEmpty { return "0" }
    var text = ""
    for (index, term) in terms.enumerated() {
      let magnitude = term.coefficient.magnitude
      if index == 0 {
        if term.coefficient < 0 { text += "-" }
      } else {
        text += term.coefficient < 0 ? " - " : " + "
      }
      var factors = term.monomial
      if magnitude != 1 || factors.isEmpty { factors.insert(String(magnitude), at: 0) }
      text += factors.joined(separator: "*")
    }
    return text
  }
}
