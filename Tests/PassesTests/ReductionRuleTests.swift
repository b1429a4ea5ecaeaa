import Passes
import Testing

private let strict = RuleTester(pass: .simplify, float: .strict, sizes: ["N": 3])
private let tester = RuleTester(pass: .simplify, sizes: ["N": 3])
private let fast = RuleTester(pass: .simplify, float: .fast, sizes: ["N": 3])
private let rows = "N; x a: f64[N, 2]; s: f64[]"
private let cube = "x: f64[2, 3, 4]"

@Suite struct ReductionRuleTests {
  @Test func linearity() throws {
    try tester.expect("sum_of_neg", rows, "sum(-x, axes: [0])", "-sum(x, axes: [0])")
    try tester.expect("sum_of_neg", rows, "mean(-x)", "-mean(x)")
    try strict.dont("sum_of_neg", rows, "sum(-x)")
    try tester.dont("sum_of_neg", rows, "sum(-x)", also: "-x")
    try tester.dont("sum_of_neg", rows, "max(-x)")
    try tester.expect("sum_of_scaled", rows, "sum(x * s, axes: [1])", "sum(x, axes: [1]) * s")
    try tester.expect("sum_of_scaled", rows, "sum(3 * x)", "sum(x) * 3")
    try tester.expect(
      "sum_of_scaled", rows, "mean(x / s, keepdims: true)",
      "mean(x, keepdims: true) / s")
    try strict.dont("sum_of_scaled", rows, "sum(x * s)")
    try tester.dont("sum_of_scaled", rows, "sum(x * s)", also: "x * s")
    try tester.dont("sum_of_scaled", rows, "sum(s / x)")
    try tester.dont("sum_of_scaled", rows, "sum(x * a)")
    try tester.dont("sum_of_scaled", "x s: f64[]", "sum(x * s)")
    try tester.dont("sum_of_scaled", "x: i32[3]; s: i32[]", "sum(x / s)")
  }

  @Test func nestedReductions() throws {
    try tester.expect(
      "sum_of_sum", cube, "sum(sum(x, axes: [1]), axes: [-1])", "sum(x, axes: [1, 2])")
    try tester.expect(
      "sum_of_sum", cube, "sum(sum(x, axes: [0], keepdims: true), axes: [2])",
      "reshape(sum(x, axes: [0, 2]), shape: [1, 3])")
    try tester.expect(
      "sum_of_sum", cube, "mean(mean(x, axes: [2]), axes: [0], keepdims: true)",
      "reshape(mean(x, axes: [0, 2]), shape: [1, 3])")
    try tester.expect("sum_of_sum", cube, "sum(sum(x, axes: [1]))", "sum(x, axes: [0, 1, 2])")
    try strict.dont("sum_of_sum", cube, "sum(sum(x, axes: [1]))")
    try tester.dont("sum_of_sum", cube, "sum(sum(x, axes: [1]))", also: "sum(x, axes: [1])")
    try tester.dont("sum_of_sum", cube, "sum(mean(x, axes: [1]))")
    try strict.expect(
      "extreme_of_extreme", cube, "max(max(x, axes: [1]), axes: [1])", "max(x, axes: [1, 2])")
    try strict.expect(
      "extreme_of_extreme", "x: i32[2, 3]", "min(min(x, axes: [1]), axes: [0])",
      "min(x, axes: [0, 1])")
    try strict.dont("extreme_of_extreme", cube, "max(min(x, axes: [1]))")
    try strict.dont("extreme_of_extreme", cube, "max(max(x, axes: [1]))", also: "max(x, axes: [1])")
  }

  @Test func axesOfOne() throws {
    let leaves = "x: f64[2, 1, 3]; s: f64[]"
    try tester.expect(
      "sum_of_one", leaves, "sum(x, axes: [1])", "reshape(x, shape: [2, 3])")
    try tester.expect("sum_of_one", leaves, "mean(s)", "s")
    try strict.dont("sum_of_one", leaves, "sum(x, axes: [1])")
    try tester.dont("sum_of_one", leaves, "sum(x, axes: [1, 2])")
    try tester.dont("sum_of_one", rows, "sum(x, axes: [0])")
    try strict.expect(
      "extreme_of_one", leaves, "max(x, axes: [1])", "reshape(x, shape: [2, 3])")
    try strict.expect("extreme_of_one", leaves, "min(x, axes: [1], keepdims: true)", "x")
    try strict.dont("extreme_of_one", leaves, "max(x, axes: [0, 1])")
  }

  @Test func keptAxes() throws {
    try strict.expect(
      "keep_reduced_axes", cube, "reshape(sum(x, axes: [1]), shape: [2, 1, 4])",
      "sum(x, axes: [1], keepdims: true)")
    try strict.expect(
      "keep_reduced_axes", cube, "reshape(max(x, axes: [1], keepdims: true), shape: [2, 4])",
      "max(x, axes: [1])")
    try strict.dont(
      "keep_reduced_axes", cube, "reshape(sum(x, axes: [1]), shape: [2, 1, 4])",
      also: "sum(x, axes: [1])")
    try strict.dont("keep_reduced_axes", cube, "reshape(sum(x, axes: [1]), shape: [8])")
    try strict.dont("keep_reduced_axes", cube, "reshape(exp(x), shape: [2, 3, 4, 1])")
  }

  @Test func allElementsInAnotherShape() throws {
    try strict.expect(
      "reduce_all_of_reshape", cube, "sum(reshape(x, shape: [6, 4]))", "sum(x)")
    try strict.expect(
      "reduce_all_of_reshape", cube, "logsumexp(reshape(x, shape: [24]), keepdims: true)",
      "reshape(logsumexp(x), shape: [1])")
    try strict.expect(
      "reduce_all_of_reshape", cube, "argmax(reshape(x, shape: [24]))", "argmax(x)")
    try strict.dont("reduce_all_of_reshape", cube, "sum(reshape(x, shape: [6, 4]), axes: [0])")
    try strict.dont("reduce_all_of_reshape", cube, "sum(transpose(x))")
  }

  @Test func transposedOperands() throws {
    try tester.expect(
      "sum_of_transpose", rows, "sum(transpose(x), axes: [0])", "sum(x, axes: [1])")
    try tester.expect(
      "sum_of_transpose", cube, "sum(transpose(x, permutation: [2, 0, 1]), axes: [1])",
      "transpose(sum(x, axes: [0]), permutation: [1, 0])")
    try tester.expect(
      "sum_of_transpose", cube,
      "logsumexp(transpose(x, permutation: [1, 0, 2]), axes: [2, 0], keepdims: true)",
      "reshape(logsumexp(x, axes: [1, 2]), shape: [1, 2, 1])")
    try strict.dont("sum_of_transpose", rows, "sum(transpose(x), axes: [0])")
    try tester.dont("sum_of_transpose", rows, "argmax(transpose(x))")
    try strict.expect(
      "extreme_of_transpose", rows, "max(transpose(x), axes: [0])", "max(x, axes: [1])")
    try strict.dont("extreme_of_transpose", rows, "argmax(transpose(x))")
  }

  @Test func stretchedOperands() throws {
    let leaves = "N; x: f64[2]; s: f64[]; n: f64 = 3"
    try tester.expect(
      "sum_of_broadcast", leaves, "sum(broadcast_to(x, shape: [3, 2]), axes: [0])", "x * 3")
    try tester.expect(
      "sum_of_broadcast", leaves, "sum(broadcast_to(s, shape: [3, 2]))", "s * 6")
    try tester.expect(
      "sum_of_broadcast", leaves, "sum(broadcast_to(x, shape: [3, 2]))",
      "reshape(sum(x, axes: [0], keepdims: true) * 3, shape: [])")
    try tester.expect(
      "sum_of_broadcast", leaves, "sum(broadcast_to(s, shape: [3, 2]), axes: [0])",
      "broadcast_to(s * 3, shape: [2])")
    try strict.dont(
      "sum_of_broadcast", leaves, "sum(broadcast_to(x, shape: [3, 2]), axes: [0])")
    try tester.dont(
      "sum_of_broadcast", leaves, "sum(broadcast_to(x, shape: [3, 2]), axes: [1])")
    try tester.dont("sum_of_broadcast", leaves, "max(broadcast_to(x, shape: [3, 2]), axes: [0])")
  }

  @Test(arguments: [0, 1, 5]) func namedExtents(size: Int) throws {
    var sized = tester
    sized.sizes = ["N": size]
    try sized.expect(
      "sum_of_broadcast", "N; x: f64[2]", "sum(broadcast_to(x, shape: [N, 2]), axes: [0])", "x * N")
    try sized.dont(
      "mean_of_broadcast", "N; x: f64[2]", "mean(broadcast_to(x, shape: [N, 2]), axes: [0])")
    var exact = strict
    exact.sizes = ["N": size]
    try exact.dont(
      "extreme_of_broadcast", "N; x: f64[2]", "max(broadcast_to(x, shape: [N, 2]), axes: [0])")
    if size > 0 {
      sized.float = .fast
      try sized.expect(
        "mean_of_named_broadcast", "N; x: f64[2]",
        "mean(broadcast_to(x, shape: [N, 2]), axes: [0])", "x")
    }
  }

  @Test func averagesAndExtremesOfStretchedOperands() throws {
    let leaves = "x: f64[2]"
    try tester.expect(
      "mean_of_broadcast", leaves, "mean(broadcast_to(x, shape: [3, 2]), axes: [0])", "x")
    try tester.dont(
      "mean_of_broadcast", leaves, "mean(broadcast_to(x, shape: [0, 2]), axes: [0])")
    try strict.dont(
      "mean_of_broadcast", leaves, "mean(broadcast_to(x, shape: [3, 2]), axes: [0])")
    try tester.dont(
      "mean_of_broadcast", leaves, "mean(broadcast_to(x, shape: [3, 2]), axes: [1])")
    try tester.dont(
      "mean_of_named_broadcast", "N; x: f64[2]",
      "mean(broadcast_to(x, shape: [N, 2]), axes: [0])")
    try strict.expect(
      "extreme_of_broadcast", leaves, "max(broadcast_to(x, shape: [3, 2]), axes: [0])", "x")
    try strict.expect(
      "extreme_of_broadcast", leaves,
      "min(broadcast_to(x, shape: [3, 2]), axes: [0], keepdims: true)",
      "reshape(x, shape: [1, 2])")
    try strict.dont(
      "extreme_of_broadcast", leaves, "max(broadcast_to(x, shape: [0, 2]), axes: [0])")
    try strict.dont(
      "extreme_of_broadcast", leaves, "max(broadcast_to(x, shape: [3, 2]), axes: [1])")
  }
}
