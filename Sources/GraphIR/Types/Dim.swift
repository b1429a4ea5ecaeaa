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

  /// Almost every dim is one number or one name: these take no memory of their own. A polynomial
  /// is never one of the two, so that equal dims have equal forms.
  private enum Form: Hashable, Sendable {
    case number(Int)
    case name(String)
    case polynomial([Term])
  }

  private var form: Form

  private struct Term: Hashable, Sendable {
    var monomial: Monomial
    var coefficient: Int
  }

  /// `(monomial, coefficient)`, higher degree first, then by name; no zero coefficients.
  private var terms: [Term] {
    switch form {
    case .number(let value): value == 0 ? [] : [Term(monomial: [], coefficient: value)]
    case .name(let name): [Term(monomial: [name], coefficient: 1)]
    case .polynomial(let terms): terms
    }
  }

  public init(integerLiteral value: Int) { self.init(value) }

  /// The named dimension: `["N", 784]` is a shape.
  public init(stringLiteral name: String) { self = .symbol(name) }

  public init(_ value: Int) {
    form = .number(value)
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
    let terms = collected.filter { $0.coefficient != 0 }
    if terms.count > Dim.mostTerms { throw .tooComplex }
    if terms.isEmpty {
      form = .number(0)
    } else if terms.count == 1, terms[0].monomial.isEmpty {
      form = .number(terms[0].coefficient)
    } else if terms.count == 1, terms[0].coefficient == 1, terms[0].monomial.count == 1 {
      form = .name(terms[0].monomial[0])
    } else {
      form = .polynomial(terms)
    }
  }

  private static func precedes(_ a: Term, _ b: Term) -> Bool {
    if a.monomial.count != b.monomial.count { return a.monomial.count > b.monomial.count }
    return a.monomial.lexicographicallyPrecedes(b.monomial)
  }

  /// The named dimension itself.
  public static func symbol(_ name: String) -> Dim {
    var dim = Dim(0)
    dim.form = .name(name)
    return dim
  }

  /// The value, when no named dimension takes part.
  public var constant: Int? {
    if case .number(let value) = form { value } else { nil }
  }

  /// The name, when this is just one named dimension.
  public var symbolName: String? {
    if case .name(let name) = form { name } else { nil }
  }

  /// Every named dimension that takes part, sorted.
  public var symbols: [String] {
    switch form {
    case .number: []
    case .name(let name): [name]
    case .polynomial(let terms): Array(Set(terms.flatMap(\.monomial))).sorted()
    }
  }

  public func adding(_ other: Dim) throws(DimError) -> Dim {
    if case .number(let a) = form, case .number(let b) = other.form {
      let (sum, overflow) = a.addingReportingOverflow(b)
      if overflow { throw .overflow("\(a) + \(b)") }
      return Dim(sum)
    }
    return try Dim(collecting: terms + other.terms)
  }

  public func subtracting(_ other: Dim) throws(DimError) -> Dim {
    try adding(other.multiplied(by: Dim(-1)))
  }

  public func multiplied(by other: Dim) throws(DimError) -> Dim {
    if case .number(let a) = form, case .number(let b) = other.form {
      let (product, overflow) = a.multipliedReportingOverflow(by: b)
      if overflow { throw .overflow("\(a)*\(b)") }
      return Dim(product)
    }
    let (terms, otherTerms) = (terms, other.terms)
    var products: [Term] = []
    if terms.count * otherTerms.count > Dim.mostTerms * 2 { throw .tooComplex }
    products.reserveCapacity(terms.count * otherTerms.count)
    for a in terms {
      for b in otherTerms {
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
    let divisors = divisor.terms
    guard divisors.count == 1 else { return nil }
    let by = divisors[0]
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
    if case .name(let name) = form {
      guard let size = sizes[name] else { throw .unbound(name) }
      if size < 0 { throw .negative(name, size) }
      return size
    }
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
    let terms = terms
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
