import GraphIR
import GraphOps

// What applied twice is as applied once, and functions that do not see a sign.

extension RewriteRule {
  static let idempotence: [RewriteRule] = [
    RewriteRule("relu_relu", "relu(relu(x)) => relu(x)", .exact, on: [.relu]) { site in
      site.operand(of: site[0], .relu).map { _ in site[0] }
    },
    RewriteRule("abs_abs", "abs(abs(x)) => abs(x)", .exact, on: [.abs]) { site in
      site.operand(of: site[0], .abs).map { _ in site[0] }
    },
    RewriteRule(
      // None of these ever gives −0; squares of integers may wrap, and so may |x|.
      "abs_of_nonnegative",
      "abs(y), relu(y) => y for a float y = exp, sigmoid, softplus, square, abs or relu of x",
      .exact, on: [.abs, .relu]
    ) { site in
      let isNonnegative = [OpDefinition.exp, .sigmoid, .softplus, .square, .abs, .relu].contains {
        site.operands(of: site[0], $0) != nil
      }
      return site.isFloating && isNonnegative ? site[0] : nil
    },
    RewriteRule(
      "even_of_neg", "abs(−x) => abs(x), square(−x) => square(x)", .exact, on: [.abs, .square]
    ) { site in
      site.operand(of: site[0], .neg).map { site.builder.make(site.operation.definition, [$0]) }
    },
    RewriteRule("square_of_abs", "square(abs(x)) => square(x)", .exact, on: [.square]) { site in
      site.operand(of: site[0], .abs).map { square($0) }
    },
    RewriteRule(
      "extreme_self", "maximum(x, x) => x, minimum(x, x) => x", .exact, on: [.maximum, .minimum]
    ) { site in
      site[0].id == site[1].id ? site[0] : nil
    },
    RewriteRule(
      // At a tie of 0 and −0 both give the one that the inner gave.
      "extreme_again", "maximum(maximum(a, b), b) => maximum(a, b), so minimum", .exact,
      on: [.maximum, .minimum]
    ) { site in
      guard let inner = site.operands(of: site[0], site.operation.definition),
        inner[1].id == site[1].id
      else { return nil }
      return site.fitting(site[0])
    },
  ]
}
