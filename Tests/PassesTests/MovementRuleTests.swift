import Passes
import Testing

private let strict = RuleTester(pass: .simplify, float: .strict, sizes: ["N": 3, "Z": 2])
private let tester = RuleTester(pass: .simplify, sizes: ["N": 3, "Z": 2])
private let cube = "x y: f64[2, 3, 4]"
private let matrices = "N; a: f64[N, 2]; b: f64[N, 4]; c: f64[4, N]"

@Suite struct TransposeRuleTests {
  @Test func ordersOfOrders() throws {
    try strict.expect(
      "transpose_identity", cube, "transpose(x, permutation: [0, -2, 2])", "x")
    try strict.dont("transpose_identity", cube, "transpose(x)")
    try strict.expect("transpose_transpose", cube, "transpose(transpose(x))", "x")
    try strict.expect(
      "transpose_transpose", cube,
      "transpose(transpose(x, permutation: [1, 2, 0]), permutation: [0, 2, 1])",
      "transpose(x, permutation: [1, 0, 2])")
    try strict.dont("transpose_transpose", cube, "transpose(x)")
    try strict.expect(
      "transpose_of_ones", "N; x: f64[1, N, 1, 2]", "transpose(x, permutation: [1, 2, 3, 0])",
      "reshape(x, shape: [N, 1, 2, 1])")
    try strict.dont(
      "transpose_of_ones", "N; x: f64[1, N, 1, 2]", "transpose(x, permutation: [3, 2, 1, 0])")
  }

  @Test func productsTransposeThemselves() throws {
    try tester.expect(
      "matmul_of_transpose", matrices, "matmul(transpose(a), b)", "matmul(a, b, transpose_a: true)")
    try tester.expect(
      "matmul_of_transpose", matrices,
      "matmul(b, transpose(a), transpose_a: true, transpose_b: true)",
      "matmul(b, a, transpose_a: true)")
    try tester.expect(
      "matmul_of_transpose", matrices, "matmul(a, transpose(c), transpose_a: true)",
      "matmul(a, c, transpose_a: true, transpose_b: true)")
    try tester.expect(
      "matmul_of_transpose", "a b: f64[2, 3, 4]",
      "matmul(a, transpose(b, permutation: [0, 2, 1]))", "matmul(a, b, transpose_b: true)")
    try strict.dont("matmul_of_transpose", matrices, "matmul(transpose(a), b)")
    // The batch moves too.
    try tester.dont(
      "matmul_of_transpose", "a: f64[2, 3, 4]; b: f64[4, 2, 3]",
      "matmul(a, transpose(b, permutation: [1, 0, 2]))")
    try tester.dont(
      "matmul_of_transpose", "a: f64[2, 3, 4]; b: f64[4, 5, 2]",
      "matmul(a, transpose(b, permutation: [2, 0, 1]))")
  }

  @Test func productsAreTransposed() throws {
    try tester.expect(
      "transpose_of_matmul", matrices, "transpose(matmul(c, a))",
      "matmul(a, c, transpose_a: true, transpose_b: true)")
    try tester.expect(
      "transpose_of_matmul", matrices, "transpose(matmul(a, b, transpose_a: true))",
      "matmul(b, a, transpose_a: true)")
    try strict.dont("transpose_of_matmul", matrices, "transpose(matmul(c, a))")
    try tester.dont(
      "transpose_of_matmul", matrices, "transpose(matmul(c, a))", also: "matmul(c, a)")
    try tester.dont(
      "transpose_of_matmul", "a: f64[2, 3, 4]; b: f64[4, 5]", "transpose(matmul(a, b))")
    try tester.dont(
      "transpose_of_matmul", "a: f64[2, 3, 4]; b: f64[4, 5]",
      "transpose(matmul(a, b), permutation: [2, 0, 1])")
  }

  @Test func pointwiseOpsBeforeTransposes() throws {
    try strict.expect("transpose_after_op", cube, "transpose(exp(transpose(x)))", "exp(x)")
    try strict.expect(
      "transpose_after_op", "x y: f64[2, 3]; s: f64[]", "transpose(x) * s + transpose(y)",
      "transpose(x * s + y, permutation: [1, 0])")
    try strict.dont("transpose_after_op", "x: f64[2, 3]; y: f64[3, 2]", "transpose(x) + y")
    try strict.dont("transpose_after_op", cube, "exp(transpose(x))", also: "transpose(x)")
    try strict.dont(
      "transpose_after_op", "x: f64[2, 2, 3]",
      "transpose(x, permutation: [1, 0, 2]) + transpose(sin(x), permutation: [0, 1, 2])")
    try strict.dont(
      "transpose_after_op", "x y: f64[2, 2, 2]",
      "transpose(x, permutation: [1, 0, 2]) + transpose(y, permutation: [2, 1, 0])")
    try strict.dont(
      "transpose_after_op", "x: f64[2, 3]; y: f64[2, 1]", "transpose(x) + transpose(y)")
  }
}

@Suite struct ReshapeRuleTests {
  @Test func shapesOfShapes() throws {
    try strict.expect("reshape_to_same", cube, "reshape(x, shape: [2, 3, -1])", "x")
    try strict.dont("reshape_to_same", cube, "reshape(x, shape: [2, 12])")
    try strict.expect(
      "reshape_reshape", cube, "reshape(reshape(x, shape: [24]), shape: [4, 6])",
      "reshape(x, shape: [4, 6])")
    try strict.expect(
      "reshape_reshape", cube, "reshape(reshape(x, shape: [24]), shape: [2, 3, 4])", "x")
    try strict.dont("reshape_reshape", cube, "reshape(transpose(x), shape: [24])")
  }

  @Test func pointwiseOpsBeforeReshapes() throws {
    try strict.expect(
      "reshape_after_op", cube, "reshape(exp(reshape(x, shape: [24])), shape: [2, 3, 4])",
      "exp(x)")
    try strict.expect(
      "reshape_after_op", cube,
      "select(reshape(x, shape: [24]) < 0, reshape(y, shape: [24]), 1)",
      "reshape(select(x < 0, y, 1), shape: [24])")
    try strict.dont(
      "reshape_after_op", cube, "exp(reshape(x, shape: [24]))",
      also: "reshape(x, shape: [24])")
    try strict.dont("reshape_after_op", "x: f64[24]; y: f64[2, 12]", "x + reshape(y, shape: [24])")
    try strict.dont(
      "reshape_after_op", "x: f64[4, 6]; y: f64[2, 12]",
      "reshape(x, shape: [24]) + reshape(y, shape: [24])")
    // What is reshaped here is stretched there.
    try strict.dont(
      "reshape_after_op", "x: f64[4]; y: f64[2, 4]; c: f64[2, 2]",
      "reshape(c, shape: [4, 1]) + reshape(x, shape: [1, 4])")
  }

  @Test func barriers() throws {
    try strict.expect(
      "stop_stop", cube, "exp(stop_gradient(stop_gradient(x))) * y", "exp(stop_gradient(x)) * y")
    try strict.dont("stop_stop", cube, "exp(stop_gradient(x)) * y")
  }
}

@Suite struct SliceRuleTests {
  let rows = "N; Z; x: f64[7, 2]; n: f64[N, 2]; z: f64[3*Z]"

  @Test func wholeAxes() throws {
    try strict.expect("slice_of_all", rows, "slice(x, axis: 0, stop: 7)", "x")
    try strict.expect("slice_of_all", rows, "slice(n, axis: -2, stop: N)", "n")
    try strict.dont("slice_of_all", rows, "slice(x, axis: 0, stop: 6)")
    try strict.dont("slice_of_all", rows, "slice(x, axis: 0, stop: 7, step: 2)")
    try strict.dont("slice_of_all", "x: f64[7]", "slice(x, start: 1, stop: 7)")
  }

  @Test func slicesOfSlices() throws {
    try strict.expect(
      "slice_of_slice", rows, "slice(slice(x, start: 1, stop: 6), start: 2, stop: 4)",
      "slice(x, start: 3, stop: 5)")
    try strict.expect(
      "slice_of_slice", rows,
      "slice(slice(x, start: 1, stop: 6, step: 2), start: 0, stop: 3, step: 2)",
      "slice(x, start: 1, stop: 6, step: 4)")
    try strict.expect(
      "slice_of_slice", rows, "slice(slice(z, start: Z, stop: 3*Z), start: Z, stop: 2*Z)",
      "slice(z, start: 2*Z, stop: 3*Z)")
    try strict.expect(
      "slice_of_slice", rows, "slice(slice(x, start: 1, stop: 6), start: 2, stop: 2)",
      "slice(x, start: 3, stop: 3)")
    try strict.dont(
      "slice_of_slice", rows, "slice(slice(x, start: 1, stop: 6), axis: 1, start: 1, stop: 2)")
    // N could be 0: then the inner slice is refused.
    try strict.dont(
      "slice_of_slice", rows, "slice(slice(n, start: 1, stop: N), start: 1, stop: 2)")
    try strict.dont(
      "slice_of_slice", "N; Z; x: f64[N]", "slice(slice(x, start: 0, stop: Z), start: 0, stop: 1)")
  }

  @Test func slicesOfConcatenations() throws {
    let parts = "N; a: f64[N, 2]; b: f64[3, 2]; c: f64[4, 2]"
    try strict.expect(
      "slice_of_concat", parts, "slice(concat(a, b, c), start: N, stop: N + 3)", "b")
    try strict.expect(
      "slice_of_concat", parts, "slice(concat(a, b, c), start: N + 4, stop: N + 7, step: 2)",
      "slice(c, start: 1, stop: 4, step: 2)")
    try strict.expect("slice_of_concat", parts, "slice(concat(a, b), start: 0, stop: N)", "a")
    try strict.dont(
      "slice_of_concat", parts, "slice(concat(a, b, c), start: N + 2, stop: N + 4)")
    try strict.dont(
      "slice_of_concat", parts, "slice(concat(a, b), axis: 1, start: 0, stop: 1)")
    // Whether 2 is in a depends on N.
    try strict.dont("slice_of_concat", parts, "slice(concat(a, b), start: 0, stop: 2)")
  }

  @Test func slicesOfPads() throws {
    try strict.expect(
      "slice_of_pad", rows, "slice(pad(n, low: 2, high: 1), start: 2, stop: N + 2)", "n")
    try strict.expect(
      "slice_of_pad", rows, "slice(pad(x, low: 2, high: 1), start: 3, stop: 5)",
      "slice(x, start: 1, stop: 3)")
    try strict.expect(
      "slice_of_pad", rows + "; zero: f64 = 0", "slice(pad(x, low: 2, high: 1), start: 0, stop: 2)",
      "broadcast_to(zero, shape: [2, 2])")
    try strict.expect(
      "slice_of_pad", rows + "; zero: f64 = 0",
      "slice(pad(x, low: 2, high: 4), start: 10, stop: 12)", "broadcast_to(zero, shape: [2, 2])")
    try strict.expect(
      "slice_of_pad", rows, "slice(pad(x, low: 2, interior: 1), start: 2, stop: 15, step: 2)", "x")
    try strict.dont(
      "slice_of_pad", rows, "slice(pad(x, low: 2, high: 1), start: 1, stop: 3)")
    try strict.dont(
      "slice_of_pad", rows, "slice(pad(x, low: 2, high: 1), axis: 1, start: 0, stop: 1)")
    try strict.dont(
      "slice_of_pad", rows, "slice(pad(x, low: 2, interior: 1), start: 2, stop: 14, step: 3)")
    // Of an empty axis, such a pad is refused.
    try strict.dont(
      "slice_of_pad", "N; n: f64[N]",
      "slice(pad(n, low: 2, interior: 1), start: 2, stop: 2*N + 1, step: 2)")
    try strict.dont(
      "slice_of_pad", "N; n: f64[N]", "slice(pad(n, low: N - 1), start: N - 1, stop: 2*N - 1)")
  }

  @Test func padsOfNothing() throws {
    try strict.expect("pad_with_nothing", rows, "pad(n, low: 0, high: 0)", "n")
    try strict.expect("pad_with_nothing", "x: f64[1]", "pad(x, interior: 3)", "x")
    try strict.dont("pad_with_nothing", rows, "pad(n, low: 1)")
    try strict.dont("pad_with_nothing", rows, "pad(n, high: 1)")
    try strict.dont("pad_with_nothing", rows, "pad(x, interior: 1)")
  }

  @Test func padsOfPads() throws {
    try strict.expect(
      "pad_of_pad", rows, "pad(pad(n, low: 1, high: 2), low: 3, high: Z)",
      "pad(n, low: 4, high: Z + 2)")
    try strict.dont("pad_of_pad", rows, "pad(pad(x, low: 1), axis: 1, low: 1)")
    try strict.dont("pad_of_pad", rows, "pad(pad(x, low: 1), interior: 1)")
    try strict.dont("pad_of_pad", rows, "pad(pad(x, interior: 1), low: 1)")
    // N − 1 could be negative, and the sum not.
    try strict.dont("pad_of_pad", rows, "pad(pad(n, low: N - 1), low: 1)")
  }

  @Test func concatenations() throws {
    try strict.expect("concat_of_one", rows, "concat(n)", "n")
    try strict.dont("concat_of_one", rows, "concat(n, x)")
    try strict.expect(
      "concat_of_slices", rows, "concat(slice(x, start: 0, stop: 3), slice(x, start: 3, stop: 7))",
      "x")
    try strict.expect(
      "concat_of_slices", rows,
      "concat(n, slice(x, start: 1, stop: 3), slice(x, start: 3, stop: 6), x)",
      "concat(n, slice(x, start: 1, stop: 6), x)")
    try strict.expect(
      "concat_of_slices", rows,
      "concat(slice(z, stop: Z), slice(z, start: Z, stop: 2*Z), slice(z, start: 2*Z, stop: 3*Z))",
      "z")
    try strict.dont(
      "concat_of_slices", rows, "concat(slice(x, start: 3, stop: 7), slice(x, start: 0, stop: 3))")
    try strict.dont(
      "concat_of_slices", rows, "concat(slice(x, start: 0, stop: 3), slice(x, start: 2, stop: 7))")
    try strict.dont(
      "concat_of_slices", rows, "concat(slice(x, stop: 3), slice(x, start: 3, stop: 7, step: 2))")
    try strict.dont(
      "concat_of_slices", rows,
      "concat(slice(x, start: 0, stop: 3), slice(x, start: 3, stop: 6), axis: 1)")
    try strict.dont(
      "concat_of_slices", "x y: f64[7]", "concat(slice(x, stop: 3), slice(y, start: 3, stop: 7))")
    // Whether Z is within N is seen at the binding.
    try strict.dont(
      "concat_of_slices", "N; Z; x: f64[N]",
      "concat(slice(x, start: 0, stop: Z), slice(x, start: Z, stop: N))")
  }
}
