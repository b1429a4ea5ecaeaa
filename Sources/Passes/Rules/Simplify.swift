import GraphIR
import GraphOps

extension Pass {
  /// Algebra, canonical forms and movement, to a fixpoint. Each rule leaves no more to compute than
  /// before; none undoes another.
  public static let simplify = Pass(
    "simplify", "x * 1 => x, transposes into matmul, … : what computes the same with less",
    rules: RewriteRule.canonicalization + RewriteRule.identities + RewriteRule.negations
      + RewriteRule.literals + RewriteRule.powers + RewriteRule.idempotence + RewriteRule.choices
      + RewriteRule.reductions + RewriteRule.broadcasts + RewriteRule.transposes
      + RewriteRule.reshapes + RewriteRule.slices)
}
