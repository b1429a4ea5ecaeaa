import Ayatori
import Testing

/// Formulas of expressions that nobody thought of, whose terms meet and cancel: whatever is
/// collected, taken out and laid open, the value stays.
@Suite struct FormulaRandomTests {
  /// An expression of few names, so that the same sums come up again.
  private static func expression(
    of names: [String], _ depth: Int, using generator: inout FormulaGenerator
  ) -> String {
    guard depth > 0, Int.random(in: 0..<6, using: &generator) > 0 else {
      let name = names[Int.random(in: names.indices, using: &generator)]
      // A number alone would have no dtype to go by.
      let numbers = ["0.3 * ", "0.05 * ", "2 * ", "beta * ", "1 + ", "0.3 - "]
      let leaves = [name, name, "\(name) / N"] + numbers.map { "(\($0)\(name))" }
      return leaves[Int.random(in: leaves.indices, using: &generator)]
    }
    func inner() -> String { expression(of: names, depth - 1, using: &generator) }
    switch Int.random(in: 0..<12, using: &generator) {
    case 0..<3: return "(\(inner()) + \(inner()))"
    case 3..<6: return "(\(inner()) - \(inner()))"
    case 6..<9: return "\(inner()) * \(inner())"
    case 9:
      // What is there twice cancels in part.
      let (shared, factor) = (inner(), inner())
      return "(\(factor) * (\(shared) + \(inner())) - \(factor) * (\(shared) - \(inner())))"
    case 10: return "square(\(inner()))"
    default: return "\(inner()) / (2 + square(s))"
    }
  }

  @Test func valuesStay() throws {
    let seed = Int.random(in: 0..<1_000_000)
    // A trap tells nothing.
    print("formulas of seed \(seed)")
    var generator = FormulaGenerator(seed: seed)
    for number in 0..<300 {
      let expression = Self.expression(of: ["a", "b", "v", "s"], 4, using: &generator)
      let graph = try Oracle.graph(
        text: """
          graph g {
            dim N
            const beta: f64 = 0.7
            input a: f64[N, 3]
            input b: f64[N, 3]
            input v: f64[3]
            input s: f64[]
            y = a * (\(expression))
            output y
          }
          """)
      let node = try #require(graph.node(named: "y"))
      try FormulaCheck(graph, sizes: ["N": 2], seed: seed).expectEqual(
        graph.formula(of: node.id), node.id, "seed \(seed), \(number): \(expression)")
    }
  }

  /// The derivatives of losses with several draws, in which costs and what is taken away from them
  /// come up again and again.
  @Test(arguments: [
    ("score", 1), ("score_mean_baseline", 3), ("score_best_baseline", 2),
    ("score_leave_one_out", 3), ("score_leave_one_out", 5), ("pathwise_mc_kl", 2),
  ])
  func derivativesStay(estimator: String, draws: Int) throws {
    let seed = Int.random(in: 0..<1_000_000)
    // A trap tells nothing.
    print("formulas of seed \(seed)")
    var generator = FormulaGenerator(seed: seed)
    for number in 0..<6 {
      let cost = Self.expression(of: ["z", "z", "m", "s"], 3, using: &generator)
      let source = try Oracle.graph(
        text: """
          graph g {
            dim N = 2
            const beta: f64 = 0.7
            param m: f64[] init zeros
            param s: f64[] init zeros
            z ~ normal(mean: m, stddev: 0.2 + square(s), draws: \(draws)) estimator \(estimator)
            cost = z + \(cost)
            kl = 0.5 * (m * m + square(0.2 + square(s)) - 1) - log(0.2 + square(s))
            loss = 0.3 * cost + 0.5 * kl
            output loss
          }
          """)
      _ = try FormulaCheck.everyDerivative(of: source, seed: seed) { formulas in
        #expect(!formulas.derivatives.isEmpty, "seed \(seed), \(number): \(cost)")
        // No two things go by one name.
        let names = formulas.meanings.map(\.symbol.text)
        #expect(Set(names).count == names.count, "seed \(seed), \(number): \(names)")
      }
    }
  }
}
