import GraphIR
import GraphOps

extension Pass {
  /// Replaces the marks on an adjoint's addends by what they mark, once derivatives are taken.
  /// Names become aliases.
  ///
  /// `stop_gradient` stays: it costs nothing when it runs, and the graph may be differentiated
  /// again.
  public static let forwardContributions = Pass(
    "forward_contributions", "contribution(x) => x",
    rules: [
      RewriteRule(
        "forward_contribution", "contribution(x) => x", .exact, on: [.contribution]
      ) { $0[0] }
    ])
}
