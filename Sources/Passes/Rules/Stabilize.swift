import GraphIR
import GraphOps

extension Pass {
  /// Rewrites what overflows, underflows or cancels although its value does not.
  ///
  ///     bce = -sum(x * log(sigmoid(l)) + (1 - x) * log(1 - sigmoid(l)))
  ///     => bce = sum(bernoulli_nll(x, logits: l))
  ///
  /// Runs before derivatives are taken, so that they are those of the stable forms, and again
  /// after, for what adjoints bring. The forms follow PyTensor's list of stabilisations and
  /// Mächler, "Accurately computing log(1 − exp(−|a|))", 2012.
  public static let stabilize = Pass(
    "stabilize", "log(sigmoid(x)) => -softplus(-x), and other forms that keep their digits",
    rules: Stabilization.logarithms + Stabilization.exponentials + Stabilization.roots
      + Stabilization.sigmoids + Stabilization.normalizations + Stabilization.sums
      + Stabilization.losses + Stabilization.products)
}

/// The rules of `Pass.stabilize`, by topic; they build nodes of the site's dtype, which is floating
/// wherever one of them matches.
enum Stabilization {}
