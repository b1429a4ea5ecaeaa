// Terms of a sum put together where that is shorter.

extension Formula {
  /// Gathers terms round the sums among their factors.
  static func putTogether(_ terms: inout [Factors]) {
    gather(&terms)
    share(&terms)
    distribute(&terms)
    merge(&terms)
  }

  /// Puts terms together into a sum that is a factor of another: c·a + c·b + (a + b)·d is
  /// (a + b)·c + (a + b)·d.
  private static func gather(_ terms: inout [Factors]) {
    guard terms.count > 2, terms.count <= 32 else { return }
    for place in terms.indices {
      for factor in terms[place].factors where factor.exponent == 1 {
        guard case .sum(let addends) = factor.base.body, addends.count < terms.count else {
          continue
        }
        let wanted = addends.map { Factors($0) }
        guard let (rest, places) = quotient(of: terms, besides: place, by: wanted) else { continue }
        var gathered = rest
        gathered.multiply(by: factor.base)
        // Where the first of them stood.
        let first = places.min() ?? place
        terms[first] = gathered
        for index in places.sorted(by: >) where index != first { terms.remove(at: index) }
        return
      }
    }
  }

  /// Puts two terms together whose sums cancel in part: p·(1 + x) − p·(1 + y) is p·(x − y).
  private static func merge(_ terms: inout [Factors]) {
    guard terms.count > 1, terms.count <= 32 else { return }
    for (place, term) in terms.enumerated() {
      for (index, factor) in term.factors.enumerated() where factor.exponent == 1 {
        guard case .sum(let addends) = factor.base.body, term.factors.count > 1 else { continue }
        var rest = term
        rest.factors.remove(at: index)
        let own = product([number(rest.coefficient), factor.base])
        rest.coefficient = 1
        for other in terms.indices where other != place {
          guard let left = terms[other].divided(by: rest)?.formula else { continue }
          let merged = sum([own, left])
          guard merged.addendCount < addends.count + left.addendCount else { continue }
          rest.multiply(by: merged)
          terms[min(place, other)] = rest
          terms.remove(at: max(place, other))
          if merged.number == 0 { terms.remove(at: min(place, other)) }
          return merge(&terms)
        }
      }
    }
  }

  /// How many addends there are, under a number as well; none of 0.
  private var addendCount: Int {
    switch body {
    case .number(0): 0
    case .sum(let addends): addends.count
    case .product(let parts) where parts.count == 2 && parts[0].number != nil:
      parts[1].addendCount
    default: 1
    }
  }

  /// c and the places of c·a, c·b, … among the terms.
  private static func quotient(
    of terms: [Factors], besides own: Int, by wanted: [Factors]
  ) -> (Factors, [Int])? {
    for start in terms.indices where start != own {
      guard let rest = terms[start].divided(by: wanted[0]) else { continue }
      var places = [start]
      for addend in wanted.dropFirst() {
        let product = rest.multiplied(by: addend)
        let place = terms.indices.first {
          $0 != own && !places.contains($0) && terms[$0].isSame(as: product)
        }
        guard let place else { break }
        places.append(place)
      }
      if places.count == wanted.count { return (rest, places) }
    }
    return nil
  }

  /// Takes a sum that some of the terms have as a factor out of these: a·(x + y)² + b·(x + y)² + c
  /// is (a + b)·(x + y)² + c. What all have in common is taken out later on.
  private static func share(_ terms: inout [Factors]) {
    guard terms.count > 2, terms.count <= 32 else { return }
    for factor in terms.flatMap(\.factors) where factor.base.isSum {
      let places = terms.indices.filter { terms[$0].factors.contains(factor) }
      guard places.count > 1, places.count < terms.count else { continue }
      let rests = places.map { place in
        var rest = terms[place]
        rest.factors.removeAll { $0 == factor }
        return rest.formula
      }
      var shared = Factors(sum(rests))
      // Where they cancel altogether, that has been seen.
      guard shared.coefficient != 0 else { continue }
      shared.append(factor.base, factor.exponent)
      terms[places[0]] = shared
      for place in places.dropFirst().reversed() { terms.remove(at: place) }
      return share(&terms)
    }
  }

  /// Gives addends to the products that they belong to, several of which may share them:
  /// 2·b − a − c + ((b − a)·x + (b − c)·y)/z is (b − a)·(1 + x/z) + (b − c)·(1 + y/z).
  private static func distribute(_ terms: inout [Factors]) {
    guard terms.count > 2, terms.count <= 32 else { return }
    var left: [Factors] = []
    var products: [(term: Factors, open: [Factors])] = []
    for term in terms {
      let open = laidOpen(term)
      if open.allSatisfy({ $0.innerSum != nil }) {
        products.append((term, open))
      } else {
        left.append(term)
      }
    }
    let before = left.count
    guard before > 1, !products.isEmpty, products.count <= 32 else { return }
    var taken = 0
    var result: [Factors] = []
    for (term, open) in products {
      var rest = left
      let own = open.compactMap { grown($0, from: &rest) }
      if own.count == open.count {
        left = rest
        taken += own.count
        result += own
      } else {
        result.append(term)
      }
    }
    // Each has got an addend: that many have to go, and more.
    guard taken > 0, before - left.count > taken else { return }
    terms = left + result
  }

  /// (a + b)·x with c·a and c·b of the terms, taken away from them, as (a + b)·(x + c); nil where
  /// they are not there.
  private static func grown(_ product: Factors, from terms: inout [Factors]) -> Factors? {
    guard let index = product.innerSum, case .sum(let addends) = product.factors[index].base.body,
      let multiple = multiple(of: addends.map { Factors($0) }, in: &terms)
    else { return nil }
    var rest = product
    rest.factors.remove(at: index)
    var own = Factors(sum([rest.formula, multiple.formula]))
    own.append(product.factors[index].base, 1)
    return own
  }

  /// A multiple of a sum of products as these: (a·x + b·y)/z as a·x/z and b·y/z; of another term
  /// the term itself.
  private static func laidOpen(_ term: Factors) -> [Factors] {
    for (place, factor) in term.factors.enumerated() where factor.exponent == 1 {
      guard case .sum(let addends) = factor.base.body else { continue }
      let inner = addends.map { Factors($0) }
      guard inner.allSatisfy({ $0.innerSum != nil }) else { continue }
      var rest = term
      rest.factors.remove(at: place)
      return inner.map { $0.multiplied(by: rest) }
    }
    return [term]
  }

  /// c of c·a + c·b where the terms have that and perhaps more of each; takes it away from them.
  private static func multiple(of addends: [Factors], in terms: inout [Factors]) -> Factors? {
    for addend in addends {
      for term in terms {
        guard let share = term.divided(by: addend) else { continue }
        var rest = terms
        let isThere = addends.allSatisfy { addend in
          let wanted = share.multiplied(by: addend)
          guard let place = rest.firstIndex(where: { $0.isLike(wanted) }) else { return false }
          let ratio = wanted.coefficient / rest[place].coefficient
          guard ratio > 0, ratio <= 1 + 1e-12 else { return false }
          if ratio >= 1 - 1e-12 {
            rest.remove(at: place)
          } else {
            rest[place].coefficient -= wanted.coefficient
          }
          return true
        }
        guard isThere else { continue }
        terms = rest
        return share
      }
    }
    return nil
  }
}

extension Formula.Factors {
  /// The place of the first sum among the factors, but for powers of it.
  fileprivate var innerSum: Int? {
    factors.firstIndex { $0.exponent == 1 && $0.base.isSum }
  }
}
