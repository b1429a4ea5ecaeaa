import Ayatori
import Testing

/// Local derivatives of a draw whose elements mix: a matrix, told by what it does to a gradient.
@Suite struct FormulaMixingTests {
  private static func draw(
    _ estimator: String, shape: String = "3", temperature: String? = nil
  ) throws -> Graph {
    let options = temperature.map { ", temperature: \($0)" } ?? ""
    return try Oracle.graph(
      text: """
        graph g {
          param l: f64[\(shape)] init zeros
          c ~ categorical(logits: l\(options)) estimator \(estimator)
          output c
        }
        """)
  }

  @Test(arguments: [
    ("gumbel_softmax", "∂f/∂l = c ⊙ (∂f/∂c − Σ (c ⊙ ∂f/∂c))"),
    ("straight_through", "∂f/∂l = softmax(l) ⊙ (∂f/∂c − Σ (softmax(l) ⊙ ∂f/∂c))"),
  ])
  func isNoFactor(estimator: String, expected: String) throws {
    let local = try LocalDerivatives(of: "c", in: try Self.draw(estimator))
    #expect(local.cotangent?.text == "∂f/∂c")
    #expect(local.text.contains("\n  \(expected)\n"), "\(local.text)")
    #expect(local.text.contains("for any scalar f of c:\n"))
    #expect(local.latex.contains("% its elements mix"))
    #expect(FormulaReport(nil, local: local).cotangent == "∂f/∂c")
  }

  /// Σ fᵢ·cᵢ by central differences at frozen noise, for a temperature other than 1 as well.
  @Test(arguments: ["1", "0.5"], ["3", "2, 3"])
  func isThatOfTheNode(temperature: String, shape: String) throws {
    let source = try Self.draw("gumbel_softmax", shape: shape, temperature: temperature)
    let local = try LocalDerivatives(of: "c", in: source)
    let entry = try #require(local.entries.first)
    let formula = try #require(entry.formula)
    let seed = 3
    var generator = FormulaGenerator(seed: seed)
    let feeds = try generator.feeds(local.graph, [:])
    func values(_ feeds: [String: ReferenceArray]) throws -> [NodeID: ReferenceArray] {
      try ReferenceInterpreter(local.graph).evaluate(
        local.graph.nodes.map(\.id), feeds: feeds, sizes: [:])
    }
    let c = try #require(local.graph.node(named: "c")?.id)
    let weights = try #require(feeds["f"]).values
    let at = try #require(feeds["l"])
    func total(_ logits: [Double]) throws -> Double {
      let moved = feeds.merging(["l": ReferenceArray(shape: at.shape, values: logits)]) { $1 }
      return zip(try #require(try values(moved)[c]).values, weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let got = try formula.evaluated(try values(feeds), sizes: [:]).values
    let h = 1e-5
    let slopes = try at.values.indices.map { place in
      var (up, down) = (at.values, at.values)
      up[place] += h
      down[place] -= h
      return (try total(up) - total(down)) / (2 * h)
    }
    let far = zip(got, slopes).filter { abs($0 - $1) > 1e-8 }
    #expect(got.count == slopes.count && far.isEmpty, "seed \(seed): \(far)")
    #expect(slopes.contains { abs($0) > 1e-3 }, "seed \(seed)")
  }

  @Test(arguments: ["gumbel_softmax", "straight_through"])
  func dont_whereEachElementIsItsOwn(estimator: String) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param l: f64[3] init zeros
          b ~ bernoulli(logits: l) estimator \(estimator)
          output b
        }
        """)
    let local = try LocalDerivatives(of: "b", in: graph)
    #expect(local.cotangent == nil)
    #expect(local.entries.first?.symbol.text == "∂b/∂l")
  }

  /// Nothing passes a draw with a score function, so that nothing mixes on the way.
  @Test func dont_whereNothingPasses() throws {
    let local = try LocalDerivatives(of: "c", in: try Self.draw("score"))
    #expect(local.cotangent == nil)
  }

  /// ∂loss/∂mu is ∂loss/∂z, which is said.
  @Test(arguments: [1, 2, nil])
  func sameDerivativesAreExplained(depth: Int?) throws {
    let source = try Oracle.graph("linear_gaussian", dtype: .f64)
      .choosing(estimator: "sticking_the_landing", draws: 1, of: "z")
    let formulas = try GradientFormulas(
      of: source, withRespectTo: ["mu", "logvar"], depth: depth)
    let meanings = formulas.meanings.map(\.statement)
    let explained = meanings.filter { $0.hasPrefix("∂loss/∂z = ") }
    #expect(explained.count == 1, "\(meanings)")
    let alone = try GradientFormulas(of: source, withRespectTo: ["mu"], depth: depth)
    let also = alone.meanings.map(\.statement).filter { $0.hasPrefix("∂loss/∂z = ") }
    #expect(also.count == 1)
  }
}
