import Ayatori
import Foundation
import Testing

/// Two different things never look alike in the formulas of one graph.
@Suite struct FormulaNameTests {
  /// Names that people may give, and what they may be taken for.
  static let adversaries = [
    // Letters and their names; the same signs by other code points.
    "sigma", "σ", "eps", "epsilon", "ε", "beta", "β", "mu", "μ", "µ", "pi", "π", "ς", "ϵ", "Σ",
    "Ω", "𝛼", "α", "alpha", "ａ", "a", "ﬁ", "fi", "é", "x", "х",
    // Parts, draws, shares, indices.
    "t1", "t2", "u1", "s1", "f", "t_1", "1.t", "z.s", "s.z", "h2", "2.h", "h_2", "h.2", "z#2",
    "#2.z", "z.#2", "z#02", "bce", "bce_N", "N.bce", "bce#1", "bce_N#1", "a.b.c", "c.a.b", "b.c",
    // Numbers, operators, formulas, derivatives.
    "1", "1e5", "0.5", "-1", "∞", "infinity", "a+b", "a-b", "a−b", "a·b", "a*b", "a^b", "xᵀ", "x²",
    "∂loss/∂x", "d_loss/d_x", "[x > 0]", "exp(x)", "√x", "⊙", "(a)", "a,b", "N(0, 1)",
    // Quotes, blanks, controls, what LaTeX reads.
    "\"", "''", "'", "\"a\"", "\"sigma\"", "a b", "a  b", "a\tb", "a\nb", "a\\nb", " a", "a ", "\\",
    "\\sigma", "\\mathit{a}", "\\u{b5}", "{a}", "{", "}", "$a$", "a_b", "a\\_b", "%", "50%", "&",
    "a~b", "a∼b", "\u{200B}", "a\u{200B}", "a\u{FE0F}", "\u{3164}", "\u{202E}a", "日本", "😀",
  ]

  /// What is left to see when compatible characters are one and grouping is not shown.
  private static func look(latex: String) -> String {
    var seen = latex.replacingOccurrences(of: "\\mathit", with: "")
      .replacingOccurrences(of: "\\mbox", with: "")
    seen = seen.replacingOccurrences(of: "\\{", with: "\u{1}")
      .replacingOccurrences(of: "\\}", with: "\u{2}")
    seen.removeAll { $0 == "{" || $0 == "}" }
    return seen.precomposedStringWithCompatibilityMapping
  }

  /// A graph with nodes of these names, of which the first half is constants.
  private static func graph(_ names: [String]) -> Graph {
    let builder = GraphBuilder("g")
    builder.dimension("N", default: 3)
    var total = builder.input("loss'", .f64, [.symbol("N")])
    for (index, name) in names.enumerated() {
      let isConstant = index < names.count / 2
      total =
        total
        * (isConstant
          ? builder.constant(.float(Double(index) + 2), .f64).named(name)
          : builder.input(name, .f64, [.symbol("N")]))
    }
    builder.output("loss", sum(total).named("total loss"))
    return builder.build()
  }

  private func expectDistinct(_ graph: Graph, _ comment: String) throws {
    var texts: [String: String] = [:]
    var latex: [String: String] = [:]
    let formulas = try GradientFormulas(
      of: graph, loss: "total loss", withRespectTo: ["loss'"], depth: nil)
    var symbols: [FormulaSymbol] = formulas.derivatives.flatMap(\.formula.symbols)
    symbols += formulas.meanings.map(\.symbol)
    #expect(symbols.count >= graph.nodes.count { $0.name != nil } - 2, "\(comment)")
    for symbol in Set(symbols) {
      let text = symbol.text.precomposedStringWithCompatibilityMapping
      let math = Self.look(latex: symbol.latex)
      #expect(
        texts[text] == nil, "\(comment): '\(symbol.name)' and '\(texts[text] ?? "")': \(text)")
      #expect(
        latex[math] == nil, "\(comment): '\(symbol.name)' and '\(latex[math] ?? "")': \(math)")
      #expect(isBalanced(symbol.latex), "\(symbol.latex)")
      texts[text] = symbol.name
      latex[math] = symbol.name
    }
  }

  @Test func namesDiffer() throws {
    try expectDistinct(Self.graph(Self.adversaries), "all")
    try expectDistinct(Self.graph(Self.adversaries.reversed()), "all, the other way round")
  }

  @Test(arguments: 0..<80)
  func fewNamesDiffer(seed: Int) throws {
    var generator = FormulaGenerator(seed: seed)
    let names = Array(Self.adversaries.shuffled(using: &generator).prefix(2 + seed % 9))
    try expectDistinct(Self.graph(names), "seed \(seed): \(names)")
  }

  /// What a name is taken for decides what it looks like; all formulas say the same.
  @Test(arguments: [
    // (what claims the letter, σ in text, its LaTeX)
    ("input q: f64[]", "σ", "\\sigma"), ("input σ: f64[]", "z.sigma", "{\\sigma}_{z}"),
    ("input sigma: f64[]", "z.sigma", "{\\sigma}_{z}"),
    ("const sigma: f64 = 2.0", "z.sigma", "{\\sigma}_{z}"),
    ("dim sigma = 3", "z.sigma", "{\\sigma}_{z}"),
  ])
  func theLetterOfADraw(other: String, text: String, latex: String) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          \(other)
          input m: f64[]
          input s: f64[]
          z ~ normal(mean: m, log_variance: s)
          loss = square(z)
          output loss
        }
        """)
    let whole = try GradientFormulas(of: graph, withRespectTo: ["s"])
    let local = try LocalDerivatives(of: "z", in: graph)
    #expect(local.value.text == "m + \(text)·ε")
    #expect(local.value.latex == "m + \(latex)\\,\\varepsilon")
    #expect(whole.derivatives[0].formula.text == "0.5·\(text)·ε·∂loss/∂z")
    let said = Set(local.meanings.map(\.statement))
    #expect(said.isSubset(of: whole.meanings.map(\.statement)), "\(said)")
  }

  /// Of two draws neither has the letters, whichever is looked at.
  @Test(arguments: ["a", "b"])
  func bothDrawsKeepTheirNames(node: String) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input s: f64[]
          input s1: f64[]
          a ~ normal(mean: s1, log_variance: s)
          b ~ normal(mean: a, log_variance: s1)
          loss = a * b
          output loss
        }
        """)
    let whole = try GradientFormulas(of: graph, withRespectTo: ["s", "s1"])
    let local = try LocalDerivatives(of: node, in: graph)
    let said = local.meanings.map(\.statement)
    #expect(said.count == 2 && Set(said).isSubset(of: whole.meanings.map(\.statement)))
    #expect(local.value.text.contains("\(node).sigma·\(node).eps"))
    #expect(local.entries.last?.symbol.text == "∂\(node)/∂\(node).eps")
  }

  @Test func wordsAndLettersInLaTeX() throws {
    let builder = GraphBuilder("g")
    let word = builder.input("sigma", .f64, [])
    let letter = builder.input("σ", .f64, [])
    let micro = builder.input("µ", .f64, [])
    let mu = builder.input("μ", .f64, [])
    let y = word * letter * micro * mu
    builder.output("y", y)
    let formula = builder.build().formula(of: y.id)
    #expect(formula.text == #"sigma·σ·"\u{b5}"·"\u{3bc}""#)
    #expect(
      formula.latex == #"\mathit{sigma}\,\sigma\,\mathit{\mbox{"}\backslash u\{b5\}\mbox{"}}\,"#
        + #"\mathit{\mbox{"}\backslash u\{3bc\}\mbox{"}}"#)
  }

  /// A share of a cost makes way for a node that is called as it would be.
  @Test(arguments: [
    (other: "other", share: "bce_N#1", latex: "{\\mathit{bce}}_{N,\\,\\#1}"),
    (other: "bce_N", share: "bce_(N, 1)", latex: "{\\mathit{bce}}_{N,\\,\\#1}"),
    (other: "\"bce_N#1\"", share: "bce_(N, 1)", latex: "{\\mathit{bce}}_{N,\\,\\#1}"),
    (other: "\"N.bce\"", share: "bce_N#1", latex: "{\\mathit{bce}}_{(N,\\,1)}"),
  ])
  func sharesMakeWay(other: String, share: String, latex: String) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim N
          input x: f64[N, 4]
          param w: f64[3, 4] init zeros
          input \(other): f64[]
          l = matmul(x, transpose(w))
          c ~ categorical(logits: l, draws: 2) estimator score
          bce = sum(square(matmul(c, w) - x))
          loss = bce + \(other) * sum(l)
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["l"])
    let symbols = formulas.meanings.map(\.symbol)
    let first = symbols.first { $0.kind == .share }
    #expect(first?.text == share && first?.latex == latex, "\(formulas.text)")
    try FormulaCheck(formulas.graph, sizes: ["N": 2], seed: 9).expectEqual(formulas)
  }

  /// So does the cost of one draw.
  @Test func drawsMakeWay() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input m: f64[]
          input "recon#2": f64[]
          z ~ normal(mean: m, stddev: 0.5, draws: 2) estimator score
          recon = square(z - 1)
          loss = recon + "recon#2" * m
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["m"])
    let symbols = Set(formulas.derivatives[0].formula.symbols)
    let second = symbols.filter { $0.name == "recon#2" }
    #expect(Set(second.map(\.text)) == ["recon#2", "recon_(2)"], "\(formulas.text)")
    #expect(
      Set(second.map(\.latex)) == ["{\\mathit{recon}}_{\\#2}", "{\\mathit{recon}}_{(2)}"])
  }

  /// Parts without a name, and operands without one, are called what nothing else is called.
  @Test func partsMakeWay() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim u1 = 2
          input t1: f64[u1]
          input x: f64[u1]
          h = relu(t1 * x)
          output h
        }
        """)
    #expect(try LocalDerivatives(of: "h", in: graph).meanings.map(\.symbol.text) == ["u2"])
    let builder = GraphBuilder("doubling")
    builder.dimension("t2", default: 1)
    var value = builder.input("t1", .f64, [])
    for _ in 0..<20 { value = sin(value) * value + value }
    builder.output("loss", value.named("loss"))
    let parts = try GradientFormulas(of: builder.build(), withRespectTo: ["t1"]).meanings
      .map(\.symbol.text)
    #expect(parts.contains("t3") && !parts.contains("t1") && !parts.contains("t2"), "\(parts)")
  }
}
