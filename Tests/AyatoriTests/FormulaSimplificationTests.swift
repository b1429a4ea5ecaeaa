import Ayatori
import Testing

/// What is simplified, and what is not.
@Suite struct FormulaSimplificationTests {
  /// The formula of `y`, and its graph.
  private static func formula(_ expression: String, _ more: String = "") throws -> (Formula, Graph)
  {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim N
          const beta: f64 = 3.0
          input a: f64[N, 3]
          input b: f64[N, 3]
          input v: f64[3]
          input w: f64[3, 3]
          input s: f64[]
          input i: i64[3]
          \(more)
          y = \(expression)
          output y
        }
        """)
    let node = try #require(graph.node(named: "y"))
    let formula = graph.formula(of: node.id)
    try FormulaCheck(graph, sizes: ["N": 2], seed: 21).expectEqual(formula, node.id, expression)
    return (formula, graph)
  }

  static let simplified: [(String, String)] = [
    // Constants and signs.
    ("exp(a) * 0.5 - 0.5", "0.5·(exp(a) − 1)"), ("a * 1 + 0", "a"), ("-(-a)", "a"),
    ("-(a - b)", "b − a"), ("2 * a * 3", "6·a"), ("a * 0", "0"), ("-a - b", "−(a + b)"),
    ("0 - a", "−a"), ("1 - a * a", "1 − a²"), ("expm1(a)", "exp(a) − 1"),
    ("log1p(a)", "ln(1 + a)"), ("a - 1 + b", "a + b − 1"), ("a * -0.5", "−a/2"),
    ("0.1 * a + 0.1 * a + 0.1 * a - 0.3 * a", "0"),
    ("0.3 * (a + b) - 0.3 * a", "0.3·b"), ("2 * (a + b) + 3 * v", "2·(a + b) + 3·v"),
    ("a + (b - a)", "b"), ("a + a", "2·a"), ("-0.5 * (a - b)", "0.5·(b − a)"),
    ("a * exp(0.0 * s)", "a"), ("log1p(0.0 * s) + a", "a"),
    // Powers and quotients.
    ("square(a)", "a²"), ("a * a * a", "a³"), ("sqrt(exp(a))", "√(exp(a))"),
    ("reciprocal(exp(a))", "1/exp(a)"), ("rsqrt(2 + a * a)", "1/√(2 + a²)"), ("a / 2", "a/2"),
    ("a * (1 / N)", "a/N"), ("square(a + b) / N", "(a + b)²/N"), ("a ** 1.5", "a^1.5"),
    ("exp(a) ** b", "exp(a)^(b)"), ("square(square(a))", "a⁴"), ("N * a / N", "a"),
    // Factors in their order, and taken out.
    ("a * beta * 0.5 / N", "0.5·β·a/N"), ("a * s", "s·a"), ("a * b", "a ⊙ b"),
    ("a * b + a", "a ⊙ (1 + b)"), ("beta * a + beta * b", "β·(a + b)"),
    ("a / N + b / N", "(a + b)/N"),
    ("a * a * b + a * b * b", "a ⊙ b ⊙ (a + b)"),
    ("(a - b) * (b - a)", "−(b − a)²"), ("square(a - b) * (b - a)", "(b − a)³"),
    ("a * sin(b) + (a + b) * v + b * sin(b)", "(a + b) ⊙ (sin(b) + v)"),
    ("(a - b) * v - (b - a) * sin(v)", "(a − b) ⊙ (v + sin(v))"),
    // Fractions.
    ("a / 3", "a/3"), ("5 * a / 12", "5·a/12"), ("a / 4 - b / 12", "(3·a − b)/12"),
    // Shapes.
    ("reshape(reshape(v, shape: [3, 1]), shape: [3])", "v"),
    ("reshape(sum(a, axes: [0]), shape: [1, 3])", "Σ_N a"),
    ("reshape(sin(sum(a, axes: [1])), shape: [N, 1])", "sin(Σ_{axis 1} a)"),
    ("sum(reshape(2 * sum(a, axes: [1]), shape: [N, 1]), axes: [1])", "2·Σ_{axis 1} a"),
    (
      "sum(a * sum(b, axes: [1], keepdims: true), axes: [1], keepdims: true)",
      "(Σ_{axis 1} b) ⊙ (Σ_{axis 1} a)"
    ),
    ("exp(log_softmax(a))", "softmax(a)"),
    // Of equal elements, and of shares, which add up to 1.
    ("log_softmax(broadcast_to(s, shape: [3]))", "−ln(3)"),
    ("log_softmax(broadcast_to(v, shape: [N, 3]), axis: 0)", "−ln(N)"),
    ("exp(log_softmax(broadcast_to(s, shape: [3])))", "0.333333"),
    ("exp(2 * log_softmax(broadcast_to(v, shape: [N, 3]), axis: 0)) * a", "a/N²"),
    ("sum(exp(log_softmax(v)))", "1"), ("sum(exp(log_softmax(a)), axes: [1])", "1"),
    ("sum(exp(log_softmax(a, axis: 0)) * s, axes: [0])", "s"),
    ("sum(exp(log_softmax(v)) * (2 + s + v))", "2 + s + Σ (v ⊙ softmax(v))"),
    ("sum(s * (exp(log_softmax(v)) - exp(log_softmax(-v)) * v))", "s·(1 − Σ (v ⊙ softmax(−v)))"),
    ("sum(s * (exp(log_softmax(v)) - exp(log_softmax(2 * v))))", "0"),
    ("sum(s * exp(log_softmax(v)) * (2 + v))", "s·(2 + Σ (v ⊙ softmax(v)))"),
    ("sum(3 * exp(log_softmax(v)) * (1 - v))", "3·(1 − Σ (v ⊙ softmax(v)))"),
    ("sum(exp(log_softmax(v)) * (1 + v) + s * v)", "1 + Σ (v ⊙ softmax(v)) + s·Σ v"),
    (
      "sum(exp(log_softmax(a)) * sum(a, axes: [1], keepdims: true), axes: [1], keepdims: true)",
      "Σ_{axis 1} a"
    ),
    ("sum(one_hot(i, depth: 3, dtype: f64), axes: [1])", "1"),
    ("a * (1 + sin(b)) + v - a * (1 + cos(b))", "a ⊙ (sin(b) − cos(b)) + v"),
    ("a * (1 + sin(b)) + v - a", "a ⊙ sin(b) + v"),
    // A positive part is positive where its operand is.
    ("cast(relu(a - b) > 0, to: f64)", "[a − b > 0]"),
    ("select(relu(a) <= 0, 0, b)", "b ⊙ [a > 0]"),
    ("cast(0 < relu(a), to: f64)", "[0 < a]"), ("cast(relu(a) == 0, to: f64)", "[relu(a) = 0]"),
    // Axes and matrices.
    ("sum(a)", "Σ a"), ("sum(a, axes: [0])", "Σ_N a"), ("sum(a * 2, axes: [1])", "2·Σ_{axis 1} a"),
    ("sum(a + b)", "Σ (a + b)"), ("mean(a, axes: [0])", "mean_N(a)"),
    ("sum(broadcast_to(v, shape: [N, 3]), axes: [0])", "N·v"),
    ("sum(broadcast_to(s, shape: [N, 3]))", "3·N·s"),
    ("sum(broadcast_to(v, shape: [N, 3]))", "N·Σ v"),
    ("matmul(a, w)", "a · w"), ("matmul(a, w, transpose_b: true)", "a · wᵀ"),
    ("matmul(a * s, w)", "s·a · w"), ("matmul(a + b, w) * a", "a ⊙ ((a + b) · w)"),
    ("transpose(a)", "aᵀ"), ("linear(a, w, v)", "a · wᵀ + v"),
    ("matmul(a, w) / b", "(a · w)/b"), ("sum(a, axes: [0]) / v", "(Σ_N a)/v"),
    ("s * matmul(a, w) / b", "s·(a · w)/b"),
    // Conditions.
    ("select(a < b, a, 0)", "a ⊙ [a < b]"), ("select(a <= b, 0, a)", "a ⊙ [a > b]"),
    ("select(a < b, a, b)", "{a where a < b, else b}"), ("cast(a == b, to: f64)", "[a = b]"),
    ("select(logical_not(a < b), 0, a)", "a ⊙ [¬(¬(a < b))]"), ("abs(a - b)", "|a − b|"),
  ]

  @Test(arguments: simplified)
  func simplifies(expression: String, expected: String) throws {
    let text = try Self.formula(expression).0.text
    #expect(text == expected)
  }

  static let kept: [(String, String)] = [
    // x/x is 1 but where x is 0; √x² is |x|; unequal coefficients stay with their terms.
    ("a / a", "a/a"), ("sqrt(square(a))", "√(a²)"), ("2 * a + 3 * b", "2·a + 3·b"),
    ("a + v", "a + v"), ("exp(a) * exp(b)", "exp(a) ⊙ exp(b)"), ("log(exp(a))", "ln(exp(a))"),
    ("a * log(2.0 + 0.0 * s)", "ln(2)·a"),
    // Sums of products of sums are not multiplied out.
    ("(a + b) * (a - b)", "(a + b) ⊙ (a − b)"),
    // Integers divide in another way.
    ("i / 2", "div(i, 2)"), ("i * i", "mul(i, i)"),
    // What is stretched along an axis of its own is summed as it is.
    (
      "sum(broadcast_to(sum(a, axes: [1], keepdims: true), shape: [N, 3]), axes: [1])",
      "Σ_{axis 1} broadcast(Σ_{axis 1} a, [N, 3])"
    ),
    ("stop_gradient(a)", "stop(a)"), ("max(a, axes: [1])", "max_{axis 1}(a)"),
    ("gather(a, i * 0, axis: 1)", "gather(a, mul(i, 0), axis 1)"),
    // Two axes of three elements: which is which would be lost.
    ("reshape(v, shape: [3, 1])", "reshape(v, [3, 1])"),
    ("sum(reshape(v, shape: [3, 1]), axes: [1])", "Σ_{axis 1} reshape(v, [3, 1])"),
    ("reshape(a * v, shape: [3, N])", "reshape(a ⊙ v, [3, N])"),
    ("a * sin(b) + (a + b) * v + b * cos(b)", "a ⊙ sin(b) + v ⊙ (a + b) + b ⊙ cos(b)"),
    ("(a - b) / (b - a)", "(a − b)/(b − a)"), ("a * 0.2", "0.2·a"),
    ("exp(2 * log_softmax(a))", "exp(2·log_softmax(a))"),
    // Along another axis, of shares to another power, of what varies with them.
    ("log_softmax(broadcast_to(v, shape: [N, 3]))", "log_softmax(broadcast(v, [N, 3]))"),
    ("sum(exp(log_softmax(a)), axes: [0])", "Σ_N softmax(a)"),
    ("sum(square(exp(log_softmax(v))))", "Σ softmax(v)²"),
    ("sum(exp(log_softmax(v)) * v)", "Σ (v ⊙ softmax(v))"),
    ("sum(exp(log_softmax(v) + v))", "Σ exp(log_softmax(v) + v)"),
    (
      "sum(one_hot(i, depth: 3, dtype: f64), axes: [0])",
      "Σ_{axis 0} one_hot(i, depth 3, dtype f64)"
    ),
    ("exp(log(2.0 + a))", "exp(ln(2 + a))"),
    ("a * (1 + sin(b)) + v - a * (2.0 * s + cos(b))", "a ⊙ (1 + sin(b)) + v − a ⊙ (2·s + cos(b))"),
    // What a positive part is not.
    ("cast(relu(a) >= 0, to: f64)", "[relu(a) ≥ 0]"),
    ("cast(relu(a) > 1, to: f64)", "[relu(a) > 1]"),
    ("cast(relu(a) < 0, to: f64)", "[relu(a) < 0]"),
    ("cast(relu(a) > b, to: f64)", "[relu(a) > b]"),
    ("cast(abs(a) > 0, to: f64)", "[|a| > 0]"),
    // No shape as a suffix.
    ("mean(broadcast_to(0.5 * exp(0.0 * s), shape: [3]))", "mean(broadcast(0.5, [3]))"),
    ("sum(a * v, axes: [1], keepdims: true)", "Σ_{axis 1} (a ⊙ v)"),
  ]

  @Test(arguments: kept)
  func dont_simplify(expression: String, expected: String) throws {
    let text = try Self.formula(expression).0.text
    #expect(text == expected)
  }

  // MARK: Names

  @Test(arguments: [
    ("x", "x"), ("h2", "h_{2}"), ("z_ln_var", "\\mathit{z\\_ln\\_var}"), ("mu", "\\mu"),
    ("eps", "\\varepsilon"), ("logvar", "\\mathit{logvar}"), ("fc1.W", "{W}_{\\mathit{fc1}}"),
    ("latent loss", "\\mathit{latent\\ loss}"),
    ("50% #1 & {$}", "\\mathit{50\\%\\ \\#1\\ \\&\\ \\{\\$\\}}"),
    ("a\\b~", "\\mathit{\\mbox{\"}a\\backslash \\backslash b\\sim \\mbox{\"}}"),
    ("a-b", "\\mathit{\\mbox{\"}a-b\\mbox{\"}}"), ("1e5", "\\mathit{\\mbox{\"}1e5\\mbox{\"}}"),
    ("σ", "\\sigma"), ("Σ", "\\Sigma"), ("σ_z", "\\mathit{\\sigma \\_z}"),
    ("größe", "\\mathit{gr\\mbox{ö}\\mbox{ß}e}"),
  ])
  func namesInLaTeX(name: String, expected: String) throws {
    let builder = GraphBuilder("g")
    let x = builder.input(name, .f64, [])
    builder.output("out", x * x)
    let graph = builder.build()
    let formula = graph.formula(of: graph.outputs[0].node)
    #expect(formula.latex == "{\(expected)}^{2}")
    #expect(isBalanced(formula.latex))
  }

  @Test(arguments: FormulaOracleTests.graphs)
  func latexOfEveryGraphPairsUp(name: String, dims: [String: Int]) throws {
    let graph = try Oracle.graph(name, dims: dims)
    let targets =
      graph.parameters.isEmpty ? graph.inputs.filter(\.type.dtype.isFloating) : graph.parameters
    let formulas = try GradientFormulas(of: graph, withRespectTo: targets.map(\.label), depth: nil)
    for line in formulas.latex.split(separator: "\n") where !line.hasPrefix("%") {
      #expect(line.hasPrefix("\\[ ") && line.hasSuffix(" \\]"), "\(line)")
      #expect(isBalanced(String(line.dropFirst(2).dropLast(2))), "\(line)")
      let strange = line.filter { !$0.isASCII }
      #expect(strange.isEmpty, "\(line)")
    }
    #expect(formulas.latex.components("\\[") >= formulas.derivatives.count)
  }

  @Test func latexOfTheArticleOfChainer() throws {
    let formulas = try GradientFormulas(
      of: try Oracle.graph("vae_chainer"), withRespectTo: ["z_ln_var", "dec_h3"], depth: 0)
    #expect(
      formulas.latex == #"""
        % ∂loss/∂z_ln_var
        \[ \frac{\partial \mathit{loss}}{\partial \mathit{z\_ln\_var}} = \#
        \underbrace{\frac{1}{2}\,\sigma \odot \varepsilon \odot \#
        \frac{\partial \mathit{loss}}{\partial z}}_{\mathrm{through}\ z} + \#
        \underbrace{\frac{C\,\left(\exp\left(\mathit{z\_ln\_var}\right) - 1\right)}{2\,N}}\#
        _{\mathrm{through}\ \mathit{latent\ loss}} \]
        % ∂loss/∂dec_h3
        \[ \frac{\partial \mathit{loss}}{\partial \mathit{dec\_h3}} = \#
        \frac{\mathrm{sigmoid}\left(\mathit{dec\_h3}\right) - x}{N} \]
        % where
        \[ \sigma = \exp\left(\frac{\mathit{z\_ln\_var}}{2}\right) \]
        \[ \varepsilon \sim \mathcal{N}(0, 1) \]
        \[ C = 1 \]

        """#)
  }

  @Test func bracesAreCounted() {
    #expect(isBalanced("{a}_{b} \\{ \\left( \\right)"))
    #expect(!isBalanced("{a") && !isBalanced("}{") && !isBalanced("\\left( a"))
  }
}
