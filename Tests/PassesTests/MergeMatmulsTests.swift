import GraphIR
import GraphOps
import Passes
import Testing

@Suite struct MergeMatmulsTests {
  private let tester = RuleTester(pass: .mergeMatmuls, sizes: ["N": 3])

  private let heads = """
    dim N
    input h: f64[N, 4]
    param W: f64[2, 4] init zeros
    param b: f64[2] init zeros
    param V: f64[3, 4] init zeros
    param c: f64[3] init zeros
    """

  @Test func headsOfOneLayer() throws {
    try tester.expect(
      "merge_heads", heads + "\n mu = linear(h, W, b)\n s = linear(h, V, c)\n output mu, s",
      becomes: heads + """

        all = linear(h, concat(W, V), concat(b, c))
        mu = slice(all, axis: 1, stop: 2)
        s = slice(all, axis: 1, start: 2, stop: 5)
        output mu, s
        """)
  }

  @Test func dont_mergeHeadsOfDifferentInputs() throws {
    try tester.dont(
      "merge_heads",
      heads + "\n mu = linear(h, W, b)\n s = linear(tanh(h), V, c)\n output mu, s")
  }

  @Test func dont_mergeComputedWeights() throws {
    // Joining them would be a copy.
    try tester.dont(
      "merge_heads", heads + "\n mu = linear(h, tanh(W), b)\n s = linear(h, V, c)\n output mu, s")
  }

  @Test func dont_mergeOneWeightTwice() throws {
    try tester.dont(
      "merge_heads",
      heads + "\n param d: f64[2] init zeros\n mu = linear(h, W, b)\n s = linear(h, W, d)"
        + "\n output mu, s")
  }

  @Test func dont_mergeInStrictMode() throws {
    var strict = tester
    strict.float = .strict
    strict.tolerance = 0
    try strict.dont(
      "merge_heads", heads + "\n mu = linear(h, W, b)\n s = linear(h, V, c)\n output mu, s")
  }

  @Test func productsOfOneOperand() throws {
    try tester.expect(
      "merge_products",
      heads + "\n u = matmul(h, W, transpose_b: true)\n v = matmul(h, V, transpose_b: true)"
        + "\n output u, v",
      becomes: heads + """

        all = matmul(h, concat(W, V), transpose_b: true)
        u = slice(all, axis: 1, stop: 2)
        v = slice(all, axis: 1, start: 2, stop: 5)
        output u, v
        """)
  }

  @Test func dont_mergeProductsOfUntransposedWeights() throws {
    // [A B] side by side is no stretch of memory.
    try tester.dont(
      "merge_products",
      """
      input h: f64[3, 2]
      param A: f64[2, 4] init zeros
      param B: f64[2, 5] init zeros
      u = matmul(h, A)
      v = matmul(h, B)
      output u, v
      """)
  }

  private let gradients = """
    dim N
    input p: f64[N, 2]
    input q: f64[N, 2]
    input x: f64[N, 4]
    param W: f64[2, 4] init zeros
    param V: f64[2, 4] init zeros
    """

  @Test func theSumOfTwoProducts() throws {
    try tester.expect(
      "merge_input_gradients", gradients + "\n dx = matmul(p, W) + matmul(q, V)\n output dx",
      becomes: gradients
        + "\n dx = matmul(concat(p, q, axis: 1), concat(W, V))\n output dx")
  }

  @Test func theSumOfTwoProductsAndMore() throws {
    try tester.expect(
      "merge_input_gradients",
      gradients + "\n dx = (matmul(p, W) + x) + matmul(q, V)\n output dx",
      becomes: gradients
        + "\n dx = matmul(concat(p, q, axis: 1), concat(W, V)) + x\n output dx")
  }

  @Test func dont_mergeAProductThatOthersUse() throws {
    try tester.dont(
      "merge_input_gradients",
      gradients + "\n a = matmul(p, W)\n dx = a + matmul(q, V)\n output dx, a")
  }

  @Test func dont_mergeProductsOfOneWeight() throws {
    try tester.dont(
      "merge_input_gradients", gradients + "\n dx = matmul(p, W) + matmul(q, W)\n output dx")
  }

  @Test func gradientsOfTheWeights() throws {
    try tester.expect(
      "merge_weight_gradients",
      gradients + """

        g = concat(p, q, axis: 1)
        dW = matmul(p, x, transpose_a: true)
        dV = matmul(q, x, transpose_a: true)
        output g, dW, dV
        """,
      becomes: gradients + """

        g = concat(p, q, axis: 1)
        all = matmul(g, x, transpose_a: true)
        dW = slice(all, stop: 2)
        dV = slice(all, start: 2, stop: 4)
        output g, dW, dV
        """)
  }

  @Test func dont_mergeSomeOfTheGradients() throws {
    try tester.dont(
      "merge_weight_gradients",
      gradients + """

        g = concat(p, q, axis: 1)
        dW = matmul(p, x, transpose_a: true)
        output g, dW
        """)
  }
}
