import GraphIR
import GraphOps
import Passes
import Testing

private let strict = RuleTester(pass: .foldConstants, float: .strict, sizes: ["N": 3])
private let tester = RuleTester(pass: .foldConstants)

@Suite struct FoldConstantsTests {
  /// What `text` becomes, with constants a and b of the dtype.
  private func folded(
    _ text: String, _ dtype: String = "f64", a: String = "2", b: String = "3",
    float: FloatMode = .strict
  ) throws -> Node {
    let source = """
      graph g {
        const a: \(dtype) = \(a)
        const b: \(dtype) = \(b)
        result = \(text)
        output result
      }
      """
    let graph = try #require(
      parse(SourceFile(name: "fold.aya", text: source), dialect: .standard).graph)
    var options = PassContext.Options()
    options.float = float
    let run = try PassManager([.foldConstants, .eliminateDeadNodes], options: options).run(graph)
    return run.graph[try #require(run.graph.output(named: "result")).node]
  }

  private func number(_ node: Node) -> Scalar? {
    if case .constant(let scalar)? = node.leaf { scalar } else { nil }
  }

  @Test func exactNumbers() throws {
    try strict.expect(
      "fold_exact", "x: f64[3]; a: f64 = 2; b: f64 = 3; c: f64 = 6", "x * (a * b)", "x * c")
    try strict.expect(
      "fold_exact", "x: f64[3]; a: f64 = 4; c: f64 = -2", "x + (-sqrt(a))", "x + c")
    try strict.dont("fold_exact", "x: f64[3]; a: f64 = 2", "x * a + x")
    // A number in many places is no number.
    try strict.dont("fold_exact", "a: f64 = 2", "broadcast_to(a, shape: [3])")
    try strict.dont("fold_exact", "N; a: f64 = 2", "a * N")
    #expect(number(try folded("a + b")) == .float(5))
    #expect(number(try folded("sum(a)")) == .float(2))
    #expect(number(try folded("0 / (a - a)"))?.doubleValue.isNaN == true)
    #expect(number(try folded("a / (b - b)")) == .float(.infinity))
    #expect(number(try folded("-(a - a)")) == .float(-0.0))
  }

  @Test func roundedNumbers() throws {
    // In f32, both products are rounded.
    let text = "exp(a) * exp(a) * exp(b)"
    #expect(try folded(text, "f32", a: "0.1", b: "0.7").operation != nil)
    let rounded = try folded(text, "f32", a: "0.1", b: "0.7", float: .standard)
    // e^0.9, to the last digits of a double.
    let value = try #require(number(rounded)).doubleValue
    #expect(abs(value - 2.45960311115695) < 1e-14)
    try tester.expect(
      "fold_rounded", "x: f32[]; a: f32 = 0.1; b: f32 = 0.7; c: f32 = 2.4596031111569503",
      "x * (exp(a) * exp(a) * exp(b))", "x * c")
    try strict.dont(
      "fold_rounded", "x: f32[]; a: f32 = 0.1; b: f32 = 0.7", "x * (exp(a) * exp(a) * exp(b))")
  }

  @Test func stepsThatAreTakenElsewhereStay() throws {
    // 0.1 + 0.2 is 0.3 in f32, and not in f64.
    let node = try folded("(a + b) == 0.3", "f32", a: "0.1", b: "0.2", float: .fast)
    #expect(node.definition == .equal)
    try tester.dont(
      "fold_rounded", "x: f32[]; a: f32 = 0.1; b: f32 = 0.2", "select(a + b == 0.3, x, x * 2)")
  }

  @Test func integersAndTruthValues() throws {
    #expect(number(try folded("a * b", "i32")) == .int(6))
    #expect(number(try folded("a * b", "i32", a: "65536", b: "65537")) == .int(65536))
    #expect(number(try folded("a / b", "i64", a: "-7", b: "2")) == .int(-3))
    #expect(number(try folded("a / b", "i64", b: "0")) == .int(0))
    #expect(
      number(try folded("a - b", "i64", a: "9007199254740993", b: "0"))
        == .int(9_007_199_254_740_993))
    // The reference, in doubles, cannot follow: so there would be two meanings.
    #expect(try folded("a * b", "i64", a: "9007199254740993", b: "9007199254740993").leaf == nil)
    #expect(number(try folded("a < b")) == .bool(true))
    #expect(number(try folded("logical_xor(a < b, b < a)")) == .bool(true))
    #expect(number(try folded("cast(a, to: i32)", a: "-2.7")) == .int(-2))
    #expect(number(try folded("cast(a, to: f32)", "i64")) == .float(2))
    #expect(number(try folded("select(a < b, a, b)")) == .float(2))
  }

  @Test func namesStay() throws {
    let source = """
      graph g {
        const a: f64 = 2
        input x: f64[3]
        scale = a * 3
        other = 2 * a + 2
        y = x * scale - other
        output y, scale
      }
      """
    let graph = try #require(
      parse(SourceFile(name: "fold.aya", text: source), dialect: .standard).graph)
    let new = try run([.foldConstants], on: graph)
    #expect(new.node(named: "scale")?.leaf == .constant(.float(6)))
    #expect(new.node(named: "other")?.leaf == .constant(.float(6)))
    #expect(new.output(named: "scale") != nil)
    #expect(verify(new).isEmpty)
  }

  @Test func keptNumbersStay() throws {
    let source = "graph g { const a: f64 = 2 b = a * 3 output b }"
    let graph = try #require(
      parse(SourceFile(name: "fold.aya", text: source), dialect: .standard).graph)
    var options = PassContext.Options()
    options.kept = ["a"]
    #expect(try run([.foldConstants], on: graph, options: options).text() == graph.text())
    #expect(try run([.simplify], on: graph, options: options).text() == graph.text())
  }

  @Test func everyOpThatGivesAScalarFolds() throws {
    var folded: Set<String> = []
    for op in Dialect.standard.ops
    where op.sampling == nil
      && op.attributes.allSatisfy({
        $0.defaultValue != nil || $0.kind == .dtype
      })
    {
      for dtype in [DType.f32, .f64, .i32, .i64, .bool] {
        let builder = GraphBuilder("g")
        let operands = op.operands.enumerated().map { index, spec in
          builder.constant(
            spec.name == "condition" || dtype == .bool
              ? .bool(index == 0) : dtype.isInteger ? .int(2) : .float(0.75),
            spec.name == "condition" ? .bool : dtype)
        }
        let attributes: Attributes =
          op.attributes.contains { $0.kind == .dtype } ? ["to": .dtype(.f64)] : .none
        guard let value = try? builder.apply(op, operands, attributes), value.shape.rank == 0
        else { continue }
        builder.output("y", value)
        let new = try run([.foldConstants], on: builder.build())
        let node = new[new.outputs[0].node]
        if node.leaf != nil { folded.insert(op.name) }
      }
    }
    let others = ["reshape", "stop_gradient", "contribution", "broadcast_to"]
    #expect(folded.count > 40, "\(folded.sorted())")
    #expect(folded.isDisjoint(with: others))
  }
}
