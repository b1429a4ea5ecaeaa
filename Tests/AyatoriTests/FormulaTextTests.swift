import Ayatori
import Testing

/// Formulas as people read them.
@Suite struct FormulaTextTests {
  private static func report(
    _ name: String, _ targets: [String], of loss: String? = nil, depth: Int? = 1
  ) throws -> String {
    try GradientFormulas(
      of: try Oracle.graph(name), loss: loss, withRespectTo: targets, depth: depth
    ).text
  }

  @Test func theArticleOfChainer() throws {
    #expect(
      try Self.report("vae_chainer", ["z_mu", "z_ln_var"]) == """
        ∂loss/∂z_mu
          through z:            ∂loss/∂z
          through latent loss:  C·z_mu/N
          = ∂loss/∂z + C·z_mu/N

        ∂loss/∂z_ln_var
          through z:            0.5·σ ⊙ ε ⊙ ∂loss/∂z
          through latent loss:  0.5·C·(exp(z_ln_var) − 1)/N
          = 0.5·σ ⊙ ε ⊙ ∂loss/∂z + 0.5·C·(exp(z_ln_var) − 1)/N

        where
          ∂loss/∂z = (sigmoid(z · ld1.Wᵀ + ld1.b) ⊙ ∂loss/∂dec_h1) · ld1.W
          C = 1
          σ = exp(z_ln_var/2)   (z.sigma)
          ε ~ N(0, 1)           (z.eps)

        """)
  }

  @Test func theReconstructionError() throws {
    #expect(
      try Self.report("vae_chainer", ["dec_h3"], of: "reconstruction error")
        == "∂\"reconstruction error\"/∂dec_h3 = (sigmoid(dec_h3) − x)/N\n")
  }

  @Test func theArticleOfPyTorch() throws {
    #expect(
      try Self.report("vae_pytorch", ["mu", "logvar", "z", "logits", "fc3.W", "fc3.b"]) == """
        ∂loss/∂mu
          through z:    ∂loss/∂z
          through kld:  β·mu
          = ∂loss/∂z + β·mu

        ∂loss/∂logvar
          through z:    0.5·σ ⊙ ε ⊙ ∂loss/∂z
          through kld:  0.5·β·(exp(logvar) − 1)
          = 0.5·σ ⊙ ε ⊙ ∂loss/∂z + 0.5·β·(exp(logvar) − 1)

        ∂loss/∂z = ([h2 > 0] ⊙ ∂loss/∂h2) · fc2.W

        ∂loss/∂logits = recon − x

        ∂loss/∂fc3.W = (∂loss/∂logits)ᵀ · h2

        ∂loss/∂fc3.b = Σ_N ∂loss/∂logits

        where
          ∂loss/∂h2 = ∂loss/∂logits · fc3.W
          β = 1               (beta)
          σ = exp(logvar/2)   (z.sigma)
          ε ~ N(0, 1)         (z.eps)

        """)
  }

  @Test func linearGaussian() throws {
    #expect(
      try Self.report("linear_gaussian", ["mu", "logvar"]) == """
        ∂loss/∂mu
          through z:   ∂loss/∂z
          through kl:  β·mu
          = ∂loss/∂z + β·mu

        ∂loss/∂logvar
          through z:   0.5·σ·ε·∂loss/∂z
          through kl:  0.5·β·(exp(logvar) − 1)
          = 0.5·σ·ε·∂loss/∂z + 0.5·β·(exp(logvar) − 1)

        where
          ∂loss/∂z = z − x
          β = 1               (beta)
          σ = exp(logvar/2)   (z.sigma)
          ε ~ N(0, 1)         (z.eps)
          x = 2

        """)
  }

  /// Losses as people first write them come out as the stable ones.
  @Test func naive() throws {
    let stable = try Self.report("vae_pytorch", ["mu", "logvar", "logits", "h1"], depth: nil)
    #expect(try Self.report("vae_naive", ["mu", "logvar", "logits", "h1"], depth: nil) == stable)
    #expect(stable.contains("= ∂loss/∂mu · fc_mu.W + ∂loss/∂logvar · fc_logvar.W\n"))
  }

  @Test func depthSaysHowFar() throws {
    func symbols(_ depth: Int?) throws -> [String] {
      try GradientFormulas(
        of: try Oracle.graph("vae_chainer"), withRespectTo: ["z_mu"], depth: depth
      ).meanings.map(\.symbol.text)
    }
    #expect(try symbols(0) == ["C"])
    #expect(try symbols(1) == ["∂loss/∂z", "C"])
    #expect(try symbols(2) == ["∂loss/∂z", "∂loss/∂dec_h1", "C"])
    let all = ["z", "dec_h1", "dec_h2", "dec_h3"].map { "∂loss/∂\($0)" } + ["C"]
    #expect(try symbols(nil) == all)
    #expect(try symbols(9) == all)
  }

  @Test func twoDrawsKeepTheirNames() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input mu: f64[3]
          input s: f64[3]
          a ~ normal(mean: mu, log_variance: s)
          b ~ normal(mean: a, stddev: s)
          loss = sum(a * b)
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["s"])
    #expect(
      formulas.derivatives[0].formula.text
        == "0.5·a.sigma ⊙ a.eps ⊙ ∂loss/∂a + b.eps ⊙ ∂loss/∂b")
    #expect(
      formulas.derivatives[0].formula.latex.hasPrefix(
        "\\frac{1}{2}\\,{\\sigma}_{a} \\odot {\\varepsilon}_{a} \\odot "))
    try FormulaCheck(formulas.graph, seed: 1).expectEqual(formulas)
  }

  /// A way that parts and meets again is called by where it meets.
  @Test func waysThatPartAgain() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input x: f64[]
          y = sin(square(x)) * square(x)
          w = exp(x)
          loss = y + w
          output loss
        }
        """)
    let formulas = try GradientFormulas(of: graph, withRespectTo: ["x"])
    let ways = formulas.derivatives[0].ways.map { "\($0.through): \($0.formula.text)" }
    #expect(ways == ["y: 2·x·(sin(x²) + x²·cos(x²))", "w: w"])
    try FormulaCheck(formulas.graph, seed: 2).expectEqual(formulas)
  }

  /// A derivative of a derivative: that of linear_gaussian by mu is z − x + β·mu.
  @Test func secondDerivatives() throws {
    let first = try Compiler().stage(
      .gradient, of: try Oracle.graph("linear_gaussian", dtype: .f64), withRespectTo: ["mu"])
    let formulas = try GradientFormulas(
      of: first, loss: "d_loss/d_mu", withRespectTo: ["mu", "logvar"])
    let texts = formulas.derivatives.map(\.formula.text)
    #expect(texts == ["1 + β", "0.5·σ·ε"])
    try FormulaCheck(formulas.graph, seed: 4).expectEqual(formulas)
  }

  /// A name that would end its line stands in quotes, and ends no comment of LaTeX.
  @Test func hostileNames() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x\n\u{202E}{", .f64, [])
    let first = sin(x).named("a\nb")
    builder.output("loss", (first * cos(x).named("50%")).named("loss"))
    let formulas = try GradientFormulas(of: builder.build(), withRespectTo: ["x\n\u{202E}{"])
    #expect(
      formulas.text == #"""
        ∂loss/∂"x\n\u{202e}{"
          through "a\nb":  "50%"·∂loss/∂"a\nb"
          through 50%:     −"a\nb"·∂loss/∂"50%"
          = "50%"·∂loss/∂"a\nb" − "a\nb"·∂loss/∂"50%"

        where
          ∂loss/∂"a\nb" = "50%"
          ∂loss/∂"50%" = "a\nb"

        """#)
    for line in formulas.latex.split(separator: "\n") where !line.hasPrefix("%") {
      #expect(line.hasPrefix("\\[ ") && line.hasSuffix(" \\]"), "\(line)")
      #expect(isBalanced(String(line.dropFirst(2).dropLast(2))), "\(line)")
    }
  }

  // MARK: Local derivatives

  @Test(arguments: [
    ("log_variance", "exp(s/2)", "0.5·σ ⊙ ε"), ("log_stddev", "exp(s)", "σ ⊙ ε"),
  ])
  func localToADraw(scale: String, sigma: String, slope: String) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          dim N
          input x: f64[N, 3]
          input s: f64[3]
          z ~ normal(mean: 2 * x, \(scale): s)
          output z
        }
        """)
    let local = try LocalDerivatives(of: "z", in: graph)
    // The mean has no name and goes by its keyword; s is stretched, which sums nothing here.
    #expect(
      local.text == """
        z = mean + σ ⊙ ε
          ∂z/∂mean = 1
          ∂z/∂s    = \(slope)
          ∂z/∂ε    blocked (noise: nothing flows into randomness)

        where
          \("σ = \(sigma)".padding(to: 11))   (z.sigma)
          \("ε ~ N(0, 1)".padding(to: 4 + sigma.count))   (z.eps)
          mean = 2·x

        """)
  }

  @Test func localToAStoppedDraw() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input mu: f64[]
          z ~ normal(mean: mu, stddev: mu) estimator stopped
          output z
        }
        """)
    let local = try LocalDerivatives(of: "z", in: graph)
    #expect(local.entries.map(\.operand.name) == ["mu", "mu", "z.eps"])
    #expect(local.entries.map(\.symbol.place) == ["mean", "stddev", nil])
    #expect(local.entries.compactMap(\.formula) == [])
    #expect(local.entries.first?.blocked?.contains("'stopped' cuts the path") == true)
  }

  /// The same node in two places: each row says which is meant.
  @Test func localToTwoPlaces() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input "w": f64[]
          z ~ normal(mean: w, stddev: w)
          output z
        }
        """)
    let local = try LocalDerivatives(of: "z", in: graph)
    #expect(
      local.text == """
        z = w + w·ε
          ∂z/∂w (mean)   = 1
          ∂z/∂w (stddev) = ε
          ∂z/∂ε          blocked (noise: nothing flows into randomness)

        where
          ε ~ N(0, 1)   (z.eps)

        """)
    #expect(
      local.latex.hasPrefix(
        """
        \\[ z = w + w\\,\\varepsilon \\]
        \\[ \\left.\\frac{\\partial z}{\\partial w}\\right|_{\\mathrm{mean}} = 1 \\]
        \\[ \\left.\\frac{\\partial z}{\\partial w}\\right|_{\\mathrm{stddev}} = \\varepsilon \\]

        """))
    for line in local.latex.split(separator: "\n") where !line.hasPrefix("%") {
      #expect(isBalanced(String(line)), "\(line)")
    }
  }

  /// What has no name goes by a sign that is explained; a number is itself.
  @Test func localToWhatHasNoName() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input x: f64[3]
          input u1: f64[3]
          h = relu(x * u1)
          k = 2.0 * u1
          output h, k
        }
        """)
    #expect(
      try LocalDerivatives(of: "h", in: graph).text == """
        h = relu(u2)
          ∂h/∂u2 = [h > 0]

        where
          u2 = x ⊙ u1

        """)
    #expect(try LocalDerivatives(of: "k", in: graph).text == "k = 2·u1\n  ∂k/∂u1 = 2\n")
  }

  /// z is a draw, not a cost, whatever its estimator; the score stands by what it replaces.
  @Test(arguments: ["score", "score_mean_baseline", "score_best_baseline", "score_leave_one_out"])
  func localToAScore(estimator: String) throws {
    let draws = estimator == "score_leave_one_out" ? 2 : 1
    let graph = try Oracle.graph("linear_gaussian")
      .choosing(estimator: estimator, draws: draws, of: "z")
    let reason =
      "(the estimator is a score function: the costs downstream carry the derivative (at 'z'))"
    #expect(
      try LocalDerivatives(of: "z", in: graph).text == """
        z = mu + σ·ε
          ∂z/∂mu        blocked \(reason)
          ∂ln q/∂mu     = (z − mu)/σ²
          ∂z/∂logvar    blocked \(reason)
          ∂ln q/∂logvar = 0.5·((z − mu)²/σ² − 1)
          ∂z/∂ε         blocked (noise: nothing flows into randomness)

        where
          σ = exp(logvar/2)   (z.sigma)
          ε ~ N(0, 1)         (z.eps)

        """)
  }

  @Test func localToArithmetic() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          input a: f64[3]
          input b: f64[3]
          q = a / b
          n = sum(q)
          i = a < b
          output n, i
        }
        """)
    let local = try LocalDerivatives(of: "q", in: graph)
    let slopes = local.entries.compactMap { $0.formula?.text }
    #expect(slopes == ["1/b", "−q/b"])
    for name in ["n", "i", "a"] {
      let refused = #expect(throws: Diagnostics.self) {
        try LocalDerivatives(of: name, in: graph)
      }
      #expect(refused?.all.map(\.id) == ["no-local-derivatives"])
    }
    let unknown = #expect(throws: Diagnostics.self) { try LocalDerivatives(of: "c", in: graph) }
    #expect(unknown?.all.map(\.id) == ["unknown-node"])
  }

  /// ∂z/∂x at frozen noise, by central differences through the whole sampling node.
  @Test func localDerivativesAreThoseOfTheNode() throws {
    let local = try LocalDerivatives(of: "z", in: try Oracle.graph("vae_2d", dtype: .f64))
    var generator = FormulaGenerator(seed: 5)
    let sizes = local.graph.sizes(binding: ["N": 2])
    let feeds = try generator.feeds(local.graph, sizes)
    func values(_ feeds: [String: ReferenceArray]) throws -> [NodeID: ReferenceArray] {
      try ReferenceInterpreter(local.graph).evaluate(
        local.graph.nodes.map(\.id), feeds: feeds, sizes: sizes)
    }
    let at = try values(feeds)
    let z = try #require(local.graph.node(named: "z")?.id)
    var checked = 0
    for entry in local.entries {
      guard let formula = entry.formula else { continue }
      let h = 1e-5
      let name = entry.operand.name
      let ends = try [h, -h].map { step in
        let moved = feeds.mapValues { $0 }.merging(
          feeds.filter { $0.key == name }.mapValues { array in
            ReferenceArray(shape: array.shape, values: array.values.map { $0 + step })
          }, uniquingKeysWith: { $1 })
        return try #require(try values(moved)[z]).values
      }
      let slopes = zip(ends[0], ends[1]).map { ($0 - $1) / (2 * h) }
      let got = try formula.evaluated(at, sizes: sizes).values
      let all = got.count == 1 ? slopes.map { _ in got[0] } : got
      let far = zip(all, slopes).filter { abs($0 - $1) > 1e-8 }
      #expect(all.count == slopes.count && far.isEmpty, "\(name): \(far)")
      checked += 1
    }
    #expect(checked == 2)
  }
}

extension String {
  fileprivate func padding(to count: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, count - self.count))
  }
}
