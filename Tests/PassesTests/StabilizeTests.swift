import GraphIR
import GraphOps
import Passes
import Testing

/// Every rule of `Pass.stabilize`: structure, values and derivatives of what it makes, and what it
/// must leave alone. See `StabilizationCase`.
@Suite("Stabilize")
struct StabilizeTests {
  @Test("A rule applies, and nothing but the digits changes", arguments: StabilizationCase.all)
  func rule(_ given: StabilizationCase) throws {
    var tester = RuleTester(pass: .stabilize)
    tester.float = given.float
    tester.range = given.range
    tester.sizes = ["N": 4]
    let before = StabilizationCase.text(given.given, given.before)
    if let after = given.after {
      try tester.expect(
        given.rule, before, becomes: StabilizationCase.text(given.given, after))
    } else {
      try tester.dont(given.rule, before)
    }
  }

  @Test("Every rule has a case that fires and one that must not")
  func coverage() {
    let names = Set(Pass.stabilize.rules.map(\.name))
    #expect(names.count == Pass.stabilize.rules.count)
    let fires = StabilizationCase.all.filter { $0.after != nil }.map(\.rule)
    let donts = StabilizationCase.all.filter { $0.after == nil }.map(\.rule)
    #expect(Set(fires).symmetricDifference(names).sorted() == [])
    #expect(Set(donts).symmetricDifference(names).sorted() == [])
  }

  @Test("Strict mode leaves every digit alone")
  func strict() throws {
    for given in StabilizationCase.all where given.after != nil {
      var options = PassContext.Options()
      options.float = .strict
      let graph = try #require(
        parse(
          SourceFile(
            name: "strict.aya",
            text: "graph g {\n\(StabilizationCase.text(given.given, given.before))\n}\n"),
          dialect: .standard
        ).graph)
      let run = try PassManager([.stabilize], options: options).run(graph)
      #expect(run.replacements.map(\.rule) == [], "\(given)")
    }
  }

  /// A rule that looked through a kept node would take away its derivative.
  @Test(
    "Nothing looks into a node whose derivative is wanted",
    arguments: [
      ("p = sigmoid(x)", "log(p)", "log_sigmoid"), ("p = exp(x)", "1 + log(p)", "log_exp"),
      ("p = exp(x)", "p / sum(p)", "softmax"), ("p = sigmoid(x)", "1 - p", "one_minus_sigmoid"),
      ("p = softplus(x)", "p - x", "softplus_minus"), ("p = square(x)", "sqrt(p)", "sqrt_square"),
      ("const p: f64 = 1.0", "log(p + x)", "log_one_plus"),
    ])
  func kept(_ given: String, _ expression: String, _ rule: String) throws {
    let text = "graph g {\n\(StabilizationCase.text(given, expression))\n}\n"
    let graph = try #require(
      parse(SourceFile(name: "kept.aya", text: text), dialect: .standard).graph)
    for isKept in [true, false] {
      var options = PassContext.Options()
      options.kept = isKept ? ["p"] : []
      let run = try PassManager([.stabilize], options: options).run(graph)
      #expect(run.replacements.map(\.rule).contains(rule) == !isKept)
    }
  }

  @Test("A masked term −∞ and an infinite one keep their meaning in log(exp(a) + exp(b))")
  func infinities() throws {
    let text = """
      graph g {
        dim N
        input a: f64[N]
        input b: f64[N]
        y = log(exp(a) + exp(b))
        output y
      }
      """
    let graph = try #require(
      parse(SourceFile(name: "g.aya", text: text), dialect: .standard).graph)
    let stable = try run([.stabilize], on: graph)
    let inf = Double.infinity
    let feeds: Feeds = [
      "a": .init(shape: [7], values: [-inf, -inf, 2, inf, inf, .nan, 1]),
      "b": .init(shape: [7], values: [-inf, 3, -inf, inf, -inf, 1, .nan]),
    ]
    let values = try #require(try stable.outputValues(feeds, sizes: ["N": 7])["y"])
    #expect(Array(values[..<5]) == [-inf, 3, 2, inf, inf])
    #expect(values[5].isNaN && values[6].isNaN)
  }
}
