import GraphIR
import Testing

/// Evaluates what `Dim` prints, knowing only the grammar: terms of `*`-joined factors between ` + `
/// and ` - `. Nil for anything else.
private func evaluate(_ text: String, _ sizes: [String: Int]) -> Int128? {
  var total: Int128 = 0
  var sign: Int128 = 1
  for (index, word) in text.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
    if index % 2 == 1 {
      guard word == "+" || word == "-" else { return nil }
      sign = word == "+" ? 1 : -1
      continue
    }
    var factors = word
    if index == 0, word.first == "-" {
      sign = -1
      factors = word.dropFirst()
    }
    var product = sign
    for factor in factors.split(separator: "*", omittingEmptySubsequences: false) {
      if let number = Int128(factor) {
        guard number >= 0 else { return nil }
        product *= number
      } else if let size = sizes[String(factor)] {
        product *= Int128(size)
      } else {
        return nil
      }
    }
    total += product
  }
  return total
}

private func error<R>(_ body: () throws(DimError) -> R) -> DimError? {
  do throws(DimError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

private let N = Dim.symbol("N")
private let Z = Dim.symbol("Z")

@Suite struct DimTests {
  /// A random polynomial with its value under `sizes`, computed beside it.
  private static func random(
    _ depth: Int, _ sizes: [String: Int], _ generator: inout SeededGenerator
  ) throws(DimError) -> (dim: Dim, value: Int) {
    guard depth > 0, Int.random(in: 0..<5, using: &generator) > 0 else {
      if Bool.random(using: &generator) {
        let constant = Int.random(in: -3...3, using: &generator)
        return (Dim(constant), constant)
      }
      let name = ["A", "B", "C"][Int.random(in: 0..<3, using: &generator)]
      return (.symbol(name), sizes[name] ?? 0)
    }
    let a = try random(depth - 1, sizes, &generator)
    let b = try random(depth - 1, sizes, &generator)
    switch Int.random(in: 0..<3, using: &generator) {
    case 0: return (try a.dim.adding(b.dim), a.value + b.value)
    case 1: return (try a.dim.subtracting(b.dim), a.value - b.value)
    default: return (try a.dim.multiplied(by: b.dim), a.value * b.value)
    }
  }

  @Test(arguments: 0..<400) func evaluationIsAHomomorphism(seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed))
    let sizes = [
      "A": Int.random(in: 0...5, using: &generator), "B": Int.random(in: 0...5, using: &generator),
      "C": Int.random(in: 0...5, using: &generator),
    ]
    let (dim, value) = try Self.random(4, sizes, &generator)
    if value < 0 {
      #expect(
        error { () throws(DimError) in try dim.evaluated(sizes) }
          == .negative("\(dim)", value), "seed \(seed)")
    } else {
      #expect(try dim.evaluated(sizes) == value, "seed \(seed): \(dim) under \(sizes)")
    }
    #expect(evaluate(dim.description, sizes) == Int128(value), "seed \(seed): \(dim)")
    #expect(Set(dim.symbols).isSubset(of: ["A", "B", "C"]))
    #expect((dim.constant != nil) == dim.symbols.isEmpty)
  }

  /// Two polynomials of low degree that agree on a large enough grid are the same polynomial.
  @Test(arguments: 0..<300) func equalExactlyWhenEqualAsFunctions(seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed) + 1_000)
    let zero = ["A": 0, "B": 0, "C": 0]
    let a = try Self.random(2, zero, &generator).dim
    let b = try Self.random(2, zero, &generator).dim
    var agree = true
    for x in 0...4 {
      for y in 0...4 {
        for z in 0...4 where agree {
          let sizes = ["A": x, "B": y, "C": z]
          agree = evaluate("\(a)", sizes) == evaluate("\(b)", sizes)
        }
      }
    }
    #expect((a == b) == agree, "seed \(seed): \(a) and \(b)")
    if a == b { #expect(a.hashValue == b.hashValue && a.description == b.description) }
    #expect(try a.adding(b) == b.adding(a))
    #expect(try a.multiplied(by: b) == b.multiplied(by: a))
    #expect(try a.adding(b).subtracting(b) == a)
    #expect(try a.subtracting(a) == 0)
  }

  @Test func descriptionsAreTheTextSyntax() throws {
    let square = try N.multiplied(by: N)
    let all = try square.adding(N.multiplied(by: Z)).subtracting(Z.multiplied(by: 3)).adding(7)
    #expect("\(all)" == "N*N + N*Z - 3*Z + 7")
    #expect("\(try Dim(0).subtracting(N))" == "-N")
    #expect("\(try Dim(1).subtracting(N))" == "-N + 1")
    #expect("\(Dim(0))" == "0")
    #expect("\(Dim(-4))" == "-4")
    #expect("\(Dim(.min))" == "-9223372036854775808")
    #expect(N.symbolName == "N")
    #expect(try N.adding(1).symbolName == nil)
    #expect(try N.multiplied(by: 2).symbolName == nil)
  }

  @Test(arguments: 0..<200) func exactDivisionUndoesMultiplication(seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed) + 2_000)
    let zero = ["A": 0, "B": 0, "C": 0]
    let a = try Self.random(3, zero, &generator).dim
    let divisors: [Dim] = [
      -2, 3, N, try N.multiplied(by: Z).multiplied(by: 5), try N.multiplied(by: N),
    ]
    let divisor = divisors[Int.random(in: 0..<divisors.count, using: &generator)]
    #expect(try a.multiplied(by: divisor).dividedExactly(by: divisor) == a, "seed \(seed): \(a)")
  }

  @Test func divisionThatIsNotExactGivesNothing() throws {
    #expect(Dim(7).dividedExactly(by: 2) == nil)
    #expect(Dim(7).dividedExactly(by: 0) == nil)
    #expect(Dim(0).dividedExactly(by: 2) == 0)
    #expect(N.dividedExactly(by: Z) == nil)
    #expect(try N.adding(1).dividedExactly(by: N) == nil)
    #expect(try N.dividedExactly(by: N.multiplied(by: N)) == nil)
    #expect(try N.dividedExactly(by: N.adding(1)) == nil)
    #expect(Dim(.min).dividedExactly(by: -1) == nil)
    #expect(Dim(.min).dividedExactly(by: 2) == Dim(.min / 2))
  }

  @Test func errorsSayWhatWasWrong() throws {
    #expect(error { () throws(DimError) in try N.evaluated([:]) } == .unbound("N"))
    #expect(
      error { () throws(DimError) in try N.subtracting(3).evaluated(["N": 1]) }
        == .negative("N - 3", -2))
    let square = try N.multiplied(by: N)
    #expect(
      error { () throws(DimError) in try square.evaluated(["N": 1 << 32]) } == .overflow("N*N"))
    #expect(try square.evaluated(["N": 1 << 31]) == 1 << 62)
    #expect(DimError.unbound("N").description == "the dimension N has no value")
    #expect(DimError.negative("N - 3", -2).description == "the size N - 3 is negative (-2)")
    #expect(DimError.overflow("N*N").description == "the size N*N does not fit in 64 bits")
  }

  /// Every pair of extreme numbers: the exact answer, or `overflow`; never a trap, never a wrap.
  @Test func extremeNumbersNeverTrap() throws {
    let numbers = [
      Int.min, .min + 1, -(1 << 62), -(1 << 32), -2, -1, 0, 1, 2, 1 << 31, 1 << 62, .max - 1, .max,
    ]
    func fits(_ exact: Int128) -> Bool { Int(exactly: exact) != nil }
    for a in numbers {
      for b in numbers {
        let (x, y) = (Dim(a), Dim(b))
        let sum = try? x.adding(y)
        #expect(sum?.constant == Int(exactly: Int128(a) + Int128(b)), "\(a) + \(b)")
        let product = try? x.multiplied(by: y)
        let exact = Int128(a) * Int128(b)
        #expect(product?.constant == Int(exactly: exact), "\(a) * \(b)")
        let difference = Int128(a) - Int128(b)
        if let found = try? x.subtracting(y) {
          #expect(found.constant == Int(exactly: difference), "\(a) - \(b)")
        } else {
          // −Int.min itself does not fit: the one place where a difference may refuse early.
          #expect(!fits(difference) || b == .min)
        }
        if let quotient = x.dividedExactly(by: y)?.constant {
          #expect(Int128(quotient) * Int128(b) == Int128(a), "\(a) / \(b)")
        }
        let line = try? N.multiplied(by: x)
        let value = try? line?.evaluated(["N": b])
        if let value { #expect(Int128(value) == exact, "\(a)*N at N = \(b)") }
        if fits(exact), exact >= 0 { #expect(value == Int(exact), "\(a)*N at N = \(b)") }
      }
    }
  }

  @Test func hostileGrowthIsRefused() throws {
    var power = N
    var refusal: DimError?
    for _ in 0..<10 where refusal == nil {
      do { power = try power.multiplied(by: power) } catch { refusal = error }
    }
    #expect(refusal == .tooComplex)
    var sum: Dim = 1
    refusal = nil
    for index in 0..<12 where refusal == nil {
      do { sum = try sum.multiplied(by: Dim.symbol("D\(index)").adding(1)) } catch {
        refusal = error
      }
    }
    #expect(refusal == .tooComplex)
  }
}
