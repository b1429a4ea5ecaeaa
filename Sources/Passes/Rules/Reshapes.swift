import GraphIR
import GraphOps

// Reshapes, which are views: merged, and moved behind pointwise ops towards others of their kind.
// And barriers, which are views too.

extension RewriteRule {
  static let reshapes: [RewriteRule] = [
    RewriteRule("reshape_to_same", "reshape(x) to the shape of x => x", .exact, on: [.reshape]) {
      site in site.fitting(site[0])
    },
    RewriteRule("reshape_reshape", "reshape(reshape(x)) => reshape(x)", .exact, on: [.reshape]) {
      site in
      site.operand(of: site[0], .reshape).map { reshape($0, site.shape) }
    },
    RewriteRule(
      "reshape_after_op",
      "f(reshape(x), reshape(y), s) => reshape(f(x, y, s)) for pointwise f, x and y of one shape, "
        + "scalars s  (no other uses)", .exact, on: OpDefinition.pointwise
    ) { site in
      site.before(.reshape).map { reshape($0, site.shape) }
    },
    RewriteRule(
      "stop_stop", "stop_gradient(stop_gradient(x)) => stop_gradient(x)", .exact,
      on: [.stopGradient]
    ) { site in
      site.operand(of: site[0], .stopGradient).map {
        site.builder.make(.stopGradient, [$0], site.attributes)
      }
    },
  ]
}
