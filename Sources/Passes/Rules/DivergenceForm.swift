import Foundation
import GraphIR
import GraphOps

/// A polynomial in a mean m, a scale s, e^s and ln s.
struct DivergenceForm: Hashable {
  /// m^mean · s^scale · e^(exponent·s) · (ln s)^logarithm.
  struct Monomial: Hashable {
    var mean = 0
    var scale = 0
    var exponent = 0.0
    var logarithm = 0
  }

  /// Without zeros.
  var terms: [Monomial: Double]

  init(_ terms: [Monomial: Double]) { self.terms = terms.filter { $0.value != 0 } }
  init(_ number: Double) { self.init([Monomial(): number]) }

  static let mean = DivergenceForm([Monomial(mean: 1): 1])
  static let scale = DivergenceForm([Monomial(scale: 1): 1])

  /// ln σ² by the kind of scale.
  static func logVariance(_ kind: NormalScale) -> DivergenceForm {
    switch kind {
    case .logVariance: .scale
    case .standardDeviation: DivergenceForm([Monomial(logarithm: 1): 2])
    case .logStandardDeviation: DivergenceForm([Monomial(scale: 1): 2])
    }
  }

  /// ½ (m² + σ² − ln σ² − 1).
  static func divergence(_ kind: NormalScale) -> DivergenceForm {
    let variance =
      switch kind {
      case .logVariance: Monomial(exponent: 1)
      case .standardDeviation: Monomial(scale: 2)
      case .logStandardDeviation: Monomial(exponent: 2)
      }
    let rest = logVariance(kind) + DivergenceForm(1)
    let square = DivergenceForm([Monomial(mean: 2): 1, variance: 1])
    return (square - rest).scaled(0.5)
  }

  /// The most terms that are followed.
  private static let limit = 24

  /// c where this is c times `other`, as far as rounding of literals tells; nil when it is none.
  func multiple(of other: DivergenceForm) -> Double? {
    guard terms.count == other.terms.count, let first = other.terms.first,
      let own = terms[first.key]
    else { return nil }
    let factor = own / first.value
    for (monomial, value) in other.terms {
      guard let term = terms[monomial], abs(term - factor * value) <= 1e-12 * abs(factor * value)
      else { return nil }
    }
    return factor
  }

  func scaled(_ factor: Double) -> DivergenceForm {
    DivergenceForm(terms.mapValues { $0 * factor })
  }

  static func + (a: DivergenceForm, b: DivergenceForm) -> DivergenceForm {
    DivergenceForm(a.terms.merging(b.terms, uniquingKeysWith: +))
  }

  static func - (a: DivergenceForm, b: DivergenceForm) -> DivergenceForm { a + b.scaled(-1) }

  static func * (a: DivergenceForm, b: DivergenceForm) -> DivergenceForm {
    var product: [Monomial: Double] = [:]
    for (x, p) in a.terms {
      for (y, q) in b.terms {
        let both = Monomial(
          mean: x.mean + y.mean, scale: x.scale + y.scale, exponent: x.exponent + y.exponent,
          logarithm: x.logarithm + y.logarithm)
        product[both, default: 0] += p * q
      }
    }
    return DivergenceForm(product)
  }

  /// The number that this is; nil when it is none.
  private var number: Double? {
    if terms.isEmpty { return 0 }
    return terms.count == 1 ? terms[Monomial()] : nil
  }

  /// e to this, when it is k·s + a·ln s + c.
  private var exponential: DivergenceForm? {
    var result = Monomial()
    var constant = 0.0
    for (monomial, value) in terms {
      switch monomial {
      case Monomial(): constant = value
      case Monomial(scale: 1): result.exponent = value
      case Monomial(logarithm: 1):
        guard let power = Int(exactly: value), (1...4).contains(power) else { return nil }
        result.scale = power
      default: return nil
      }
    }
    return DivergenceForm([result: Foundation.exp(constant)])
  }

  /// The logarithm of this, when it is c·sᵃ·e^(k·s).
  private var logarithm: DivergenceForm? {
    guard terms.count == 1, let (monomial, value) = terms.first, value > 0, monomial.mean == 0,
      monomial.logarithm == 0
    else { return nil }
    return DivergenceForm([
      Monomial(): Foundation.log(value), Monomial(scale: 1): monomial.exponent,
      Monomial(logarithm: 1): Double(monomial.scale),
    ])
  }

  private func power(_ exponent: Double) -> DivergenceForm? {
    guard let whole = Int(exactly: exponent), (0...4).contains(whole) else { return nil }
    return (0..<whole).reduce(DivergenceForm(1)) { product, _ in product * self }
  }

  /// What an op makes of such forms; nil when it is no such form.
  static func applying(_ op: OpDefinition, _ operands: [DivergenceForm]) -> DivergenceForm? {
    func value() -> DivergenceForm? {
      let x = operands[0]
      switch op {
      case .add: return x + operands[1]
      case .sub: return x - operands[1]
      case .neg: return x.scaled(-1)
      case .mul: return x * operands[1]
      case .div: return operands[1].number.flatMap { $0 == 0 ? nil : x.scaled(1 / $0) }
      case .square: return x * x
      case .pow: return operands[1].number.flatMap(x.power)
      case .exp: return x.exponential
      case .expm1: return x.exponential.map { $0 - DivergenceForm(1) }
      case .log: return x.logarithm
      case .sqrt:
        guard x.terms.count == 1, let (monomial, value) = x.terms.first, value > 0,
          monomial.mean == 0, monomial.scale == 0, monomial.logarithm == 0
        else { return nil }
        return DivergenceForm([Monomial(exponent: monomial.exponent / 2): value.squareRoot()])
      case .klNormal:
        guard let variance = operands[1].exponential else { return nil }
        return (x * x + variance - operands[1] - DivergenceForm(1)).scaled(0.5)
      case .broadcastTo, .contribution: return x
      default: return nil
      }
    }
    guard !operands.isEmpty, let form = value(), form.terms.count <= limit else { return nil }
    return form
  }
}
