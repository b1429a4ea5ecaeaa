// Sums in their simplest form: equal addends collected, what they have in common taken out.

extension Formula {
  static func sum(_ parts: [Formula]) -> Formula {
    var constant = 0.0
    var terms: [Factors] = []
    func add(_ part: Formula) {
      if let value = part.number {
        constant += value
        return
      }
      if case .sum(let addends) = part.body { return addends.forEach(add) }
      let factors = Factors(part).turned(like: terms)
      // ±(a + b) is taken apart.
      if Swift.abs(factors.coefficient) == 1, factors.factors.count == 1,
        factors.factors[0].exponent == 1, case .sum(let addends) = factors.factors[0].base.body
      {
        return addends.forEach { add(product([number(factors.coefficient), $0])) }
      }
      collect(factors, in: &terms)
    }
    parts.forEach(add)
    layOpen(&terms)
    terms.removeAll { $0.coefficient == 0 }
    guard !terms.isEmpty else { return number(constant) }
    if constant != 0 {
      var term = Factors()
      term.coefficient = constant
      terms.append(term)
    }
    putTogether(&terms)
    // All of them may have cancelled.
    guard !terms.isEmpty else { return number(0) }
    if terms.count == 1 { return terms[0].formula }
    let common = takeOut(&terms)
    let rest = terms.map(\.formula)
    // What was inside a factor that all had may cancel now, and so may what is left of terms that
    // are all that they have in common.
    let isLaidOpen =
      (common.coefficient != 1 || !common.factors.isEmpty)
      && (rest.contains(where: \.isSum) || rest.count { $0.number != nil } > 1)
    let sum = isLaidOpen ? Formula.sum(rest) : ordered(rest)
    return common.coefficient == 1 && common.factors.isEmpty
      ? sum : product([common.formula, sum])
  }

  /// Adds a term to those that it may be like.
  private static func collect(_ factors: Factors, in terms: inout [Factors]) {
    guard let place = terms.firstIndex(where: { $0.isLike(factors) }) else {
      return terms.append(factors)
    }
    let total = terms[place].coefficient + factors.coefficient
    // 3 · 0.1 − 0.3 is 0 but for rounding.
    let isNought = Swift.abs(total) <= 1e-13 * Swift.abs(factors.coefficient)
    terms[place].coefficient = isNought ? 0 : total
  }

  /// Takes multiples of sums apart where addends of several meet: 2·(a + b) − 2·a is 2·b.
  private static func layOpen(_ terms: inout [Factors]) {
    guard terms.count > 1, terms.count <= 32 else { return }
    var flat: [Factors] = []
    var leaves = 0
    for term in terms {
      guard term.isMultipleOfSum, case .sum(let addends) = term.factors[0].base.body else {
        leaves += 1
        collect(term, in: &flat)
        continue
      }
      leaves += addends.count
      if leaves > 128 { return }
      for addend in addends {
        var own = Factors(addend)
        own.coefficient *= term.coefficient
        collect(own, in: &flat)
      }
    }
    if flat.count(where: { $0.coefficient != 0 }) < leaves { terms = flat }
  }

  /// Takes out of the terms what they have in common: sign, size of the coefficients, factors.
  private static func takeOut(_ terms: inout [Factors]) -> Factors {
    var common = Factors()
    let sizes = Set(terms.map { Swift.abs($0.coefficient) })
    if sizes.count == 1, let size = sizes.first {
      common.coefficient = size
    } else if let least = sizes.min(), let share = Fraction(least), share.denominator > 1,
      sizes.allSatisfy({ Fraction.isWhole($0 / least) })
    {
      // a/4 − b/12 is (3·a − b)/12.
      common.coefficient = least
    } else if let least = sizes.min(), sizes.allSatisfy({ Fraction.isWhole($0 / least) }),
      terms.contains(where: { $0.isMultipleOfSum && Swift.abs($0.coefficient) == least })
    {
      // 0.2·a − 0.05·(b + c) is 0.05·(4·a − b − c): there are parentheses in any case.
      common.coefficient = least
    }
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
      let coefficient = terms[index].coefficient / common.coefficient
      terms[index].coefficient =
        Fraction.isWhole(coefficient) ? coefficient.rounded() : coefficient
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
  static func ordered(_ addends: [Formula]) -> Formula {
    let keys = addends.map { addend in
      addend.number.map { $0 < 0 ? 3 : 0 } ?? (addend.isNegative ? 2 : 1)
    }
    let sorted = zip(keys, addends).enumerated().sorted { a, b in
      (a.element.0, a.element.1.draw, a.offset) < (b.element.0, b.element.1.draw, b.offset)
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
}
