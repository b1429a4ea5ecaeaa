import GraphIR
import GraphOps

/// `±n₀ · n₁ ⋯ / (d₀ · d₁ ⋯)`: a value taken apart down to what is no product.
private struct Product {
  var isNegative = false
  var numerators: [Value] = []
  var denominators: [Value] = []

  /// What two factors are together.
  enum Merged {
    case factor(Value)
    case one
  }

  /// Beyond so many factors a product is one factor.
  static let limit = 8

  init(_ site: RewriteSite) {
    var pending = [(site.value, isInverse: false)]
    while let (value, isInverse) = pending.popLast() {
      let isOpen = numerators.count + denominators.count + pending.count < Product.limit
      if isOpen, let x = site.operands(of: value, .mul) {
        pending += [(x[1], isInverse), (x[0], isInverse)]
      } else if isOpen, let x = site.operands(of: value, .div) {
        pending += [(x[1], !isInverse), (x[0], isInverse)]
      } else if isOpen, let x = site.operand(of: value, .neg) {
        isNegative.toggle()
        pending.append((x, isInverse))
      } else if isInverse {
        denominators.append(value)
      } else {
        numerators.append(value)
      }
    }
  }

  /// The product as graph; nil when it has lost the site's shape.
  func value(_ site: RewriteSite) -> Value? {
    var result = numerators.first ?? site.constant(1)
    for factor in numerators.dropFirst() { result = result * factor }
    for factor in denominators { result = result / factor }
    guard result.type == site.type else { return nil }
    return isNegative ? -result : result
  }

  /// The product with the first two factors, one from each list, merged by `match`, in the place of
  /// the first.
  func merging(
    _ site: RewriteSite, with list: KeyPath<Product, [Value]>, _ match: (Value, Value) -> Merged?
  ) -> Value? {
    let isOneList = list == \Product.numerators
    for (i, a) in numerators.enumerated() {
      for (j, b) in self[keyPath: list].enumerated() where !isOneList || i != j {
        guard let merged = match(a, b) else { continue }
        var product = self
        if !isOneList { product.denominators.remove(at: j) }
        switch merged {
        case .factor(let factor): product.numerators[i] = factor
        case .one: product.numerators.remove(at: i)
        }
        if isOneList { product.numerators.remove(at: j) }
        if let result = product.value(site) { return result }
      }
    }
    return nil
  }
}

extension RewriteSite {
  /// Whether the value is part of a derivative: there a factor may go without a thought for what
  /// is connected to it.
  fileprivate var isAdjoint: Bool {
    if case .adjoint = builder.role(of: value.id) { true } else { false }
  }
}

extension Stabilization {
  /// Pairs of factors, also with others between them.
  static let products: [RewriteRule] = [
    RewriteRule(
      "exp_times_sigmoid", "exp(x) * sigmoid(-x) => sigmoid(x)", .reassociating, on: [.mul, .div]
    ) { site in
      Product(site).merging(site, with: \.numerators) { a, b in
        guard let x = site.operand(of: a, .exp), let y = site.operand(of: b, .sigmoid),
          site.areOpposite(x, y)
        else { return nil }
        return .factor(sigmoid(x))
      }
    },

    RewriteRule(
      "sigmoid_odds", "sigmoid(x) / sigmoid(-x) => exp(x)", .reassociating, on: [.mul, .div]
    ) { site in
      Product(site).merging(site, with: \.denominators) { a, b in
        guard let x = site.operand(of: a, .sigmoid), let y = site.operand(of: b, .sigmoid),
          site.areOpposite(x, y)
        else { return nil }
        return .factor(exp(x))
      }
    },

    // d log(sigmoid(x)) is written c / s * s * (1 - s), which is 0/0 where s underflows.
    RewriteRule(
      "cancel_positive", "c / p * p => c in an adjoint, p positive by its op", .reassociating,
      on: [.mul, .div]
    ) { site in
      guard site.isAdjoint else { return nil }
      return Product(site).merging(site, with: \.denominators) { a, b in
        a.id == b.id && site.isPositive(a) ? .one : nil
      }
    },

    // d sqrt(x²) is written c / abs(x) * x, which is 0/0 at 0.
    RewriteRule(
      "over_abs", "x / abs(x) => sign(x) in an adjoint", .reassociating, on: [.mul, .div]
    ) { site in
      guard site.isAdjoint else { return nil }
      return Product(site).merging(site, with: \.denominators) { a, b in
        site.operand(of: b, .abs)?.id == a.id ? .factor(sign(a)) : nil
      }
    },
  ]
}
