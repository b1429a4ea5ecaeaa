import Passes
import Testing

private let strict = RuleTester(pass: .simplify, float: .strict, sizes: ["N": 3])

@Suite struct BroadcastRuleTests {
  let leaves = "N; x: f64[2]; a: f64[N, 2]; s: f64[]"

  @Test func stretchesOfStretches() throws {
    try strict.expect("broadcast_to_same", leaves, "broadcast_to(x, shape: [2])", "x")
    try strict.dont("broadcast_to_same", leaves, "broadcast_to(x, shape: [N, 2])")
    try strict.expect(
      "broadcast_broadcast", leaves,
      "broadcast_to(broadcast_to(s, shape: [2]), shape: [N, 2])", "broadcast_to(s, shape: [N, 2])")
    try strict.dont("broadcast_broadcast", leaves, "broadcast_to(x, shape: [N, 2])")
    try strict.expect(
      "broadcast_of_unsqueezed", leaves,
      "broadcast_to(reshape(x, shape: [1, 1, 2]), shape: [N, 3, 2])",
      "broadcast_to(x, shape: [N, 3, 2])")
    try strict.dont(
      "broadcast_of_unsqueezed", leaves,
      "broadcast_to(reshape(x, shape: [2, 1]), shape: [2, N])")
    try strict.dont(
      "broadcast_of_unsqueezed", "a: f64[2, 2]",
      "broadcast_to(reshape(a, shape: [1, 4]), shape: [3, 4])")
  }

  @Test func opsStretchThemselves() throws {
    try strict.expect(
      "broadcast_into_op", leaves, "a * broadcast_to(x, shape: [N, 2])", "a * x")
    try strict.expect(
      "broadcast_into_op", leaves, "select(a < broadcast_to(s, shape: [N, 2]), a, s)",
      "select(a < s, a, s)")
    try strict.expect(
      "broadcast_into_op", "a: f64[3, 2, 4]; b: f64[4, 2]",
      "matmul(a, broadcast_to(b, shape: [3, 4, 2]))", "matmul(a, b)")
    try strict.dont("broadcast_into_op", leaves, "exp(broadcast_to(x, shape: [N, 2]))")
    // The batch is in the stretch alone, or the rows are.
    try strict.dont(
      "broadcast_into_op", "a: f64[2, 4]; b: f64[4, 2]",
      "matmul(a, broadcast_to(b, shape: [3, 4, 2]))")
    try strict.dont(
      "broadcast_into_op", "a: f64[2, 4]; b: f64[1, 2]",
      "matmul(a, broadcast_to(b, shape: [4, 2]))")
  }

  @Test func opsBeforeStretches() throws {
    try strict.expect(
      "broadcast_after_op", leaves, "exp(broadcast_to(x, shape: [N, 2]))",
      "broadcast_to(exp(x), shape: [N, 2])")
    try strict.expect(
      "broadcast_after_op", leaves,
      "broadcast_to(x, shape: [N, 2]) * broadcast_to(s, shape: [N, 2])",
      "broadcast_to(x * s, shape: [N, 2])")
    try strict.expect(
      "broadcast_after_op", "x: f32[2]", "cast(broadcast_to(x, shape: [3, 2]), to: f64)",
      "broadcast_to(cast(x, to: f64), shape: [3, 2])")
    try strict.dont("broadcast_after_op", leaves, "a * broadcast_to(x, shape: [N, 2])")
    try strict.dont(
      "broadcast_after_op", leaves, "logsumexp(broadcast_to(x, shape: [N, 2]), axes: [1])")
  }

  @Test func movementsOfStretches() throws {
    let one = "N; x: f64[1, 1]; b: f64[2, 1]"
    try strict.expect(
      "reshape_of_broadcast", one, "reshape(broadcast_to(x, shape: [N, 4]), shape: [2, 2*N])",
      "broadcast_to(reshape(x, shape: []), shape: [2, 2*N])")
    try strict.dont(
      "reshape_of_broadcast", one, "reshape(broadcast_to(b, shape: [2, N]), shape: [2*N])")
    try strict.expect(
      "transpose_of_broadcast", one, "transpose(broadcast_to(b, shape: [2, N]))",
      "broadcast_to(reshape(b, shape: [1, 2]), shape: [N, 2])")
    try strict.expect(
      "transpose_of_broadcast", "x: f64[2, 3]",
      "transpose(broadcast_to(x, shape: [4, 2, 3]), permutation: [0, 2, 1])",
      "broadcast_to(transpose(x, permutation: [1, 0]), shape: [4, 3, 2])")
    try strict.dont("transpose_of_broadcast", one, "transpose(exp(b))")
  }
}
