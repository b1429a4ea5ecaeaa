import GraphIR
import Testing

/// The tree under the output `y`, with names and literals at its leaves.
private func tree(_ expression: String) throws -> String {
  let graph = try body("input a: f32 input b: f32 input c: f32 output y = \(expression)")
  func spelled(_ id: NodeID) -> String {
    let node = graph[id]
    switch node.body {
    case .leaf(.constant(let scalar)): return scalar.description
    case .leaf(.size(let dim)): return dim.description
    case .leaf: return node.label
    case .operation(let operation):
      return operation.definition.name + "("
        + node.operands.map(spelled).joined(separator: " ") + ")"
    }
  }
  return try spelled(#require(graph.output(named: "y")).node)
}

@Suite("Expressions of the text language")
struct TextExpressionTests {
  @Test(
    "Operators bind as in mathematics",
    arguments: [
      ("a + b * c", "add(a mul(b c))"),
      ("a * b + c", "add(mul(a b) c)"),
      ("a - b - c", "sub(sub(a b) c)"),
      ("a / b * c", "mul(div(a b) c)"),
      ("a ** b ** c", "pow(a pow(b c))"),
      ("-a ** b", "neg(pow(a b))"),
      ("a ** -b", "pow(a neg(b))"),
      ("a ** -b ** c * a", "mul(pow(a neg(pow(b c))) a)"),
      ("-a * b", "mul(neg(a) b)"),
      ("a * -b + c", "add(mul(a neg(b)) c)"),
      ("a - -b", "sub(a neg(b))"),
      ("--a", "neg(neg(a))"),
      ("(a + b) * c", "mul(add(a b) c)"),
      ("a + b < b * c", "less(add(a b) mul(b c))"),
      ("a == b", "equal(a b)"),
      ("relu(a) * tanh(x: b)", "mul(relu(a) tanh(b))"),
      ("relu(-(a))", "relu(neg(a))"),
      ("sum(relu(a + b), axes: [0, -1])", "sum(relu(add(a b)))"),
      ("((((a))))", "a"),
    ])
  func precedence(_ source: String, _ expected: String) throws {
    #expect(try tree(source) == expected)
  }

  @Test(
    "Literals keep how they are written",
    arguments: [
      ("a + 0", "0"), ("a + 0.0", "0.0"), ("a + 1e-8", "1e-08"), ("a + 2.5E+3", "2500.0"),
      ("a + -3", "-3"), ("a + --3", "3"), ("a + inf", "inf"), ("a + -inf", "-inf"),
      ("a + nan", "nan"), ("a + -0.0", "-0.0"), ("a + -9223372036854775808", "\(Int64.min)"),
      ("a + 007", "7"),
    ])
  func literals(_ source: String, _ expected: String) throws {
    #expect(try tree(source) == "add(a \(expected))")
  }

  @Test("A literal takes the dtype of what stands beside it")
  func weakTypes() throws {
    let graph = try body(
      """
      dim N
      input i: i64[N] input d: f64[N] input q: bool[N] input f: f32
      y1 = 2 * i   y2 = i * (2 + N)   y3 = d / 2   y4 = N * d   y5 = 1 + 2
      y6 = concat(1, d, axis: 0)   y7 = select(q, d, -d)   y8 = kl(0, stddev: d)
      y9 = 1 < 2   y10 = N   y11 = -N   y12: i64 = 3   y13 = 2 < i
      """)
    func dtype(_ name: String) -> DType? { graph.node(named: name)?.type.dtype }
    #expect(dtype("y1") == .i64)
    #expect(dtype("y2") == .i64)
    #expect(dtype("y3") == .f64)
    #expect(dtype("y4") == .f64)
    #expect(dtype("y5") == .f32)
    #expect(dtype("y6") == .f32 || dtype("y6") == .f64)
    #expect(graph.node(named: "y6").map { graph[$0.operands[0]].type.dtype } == .f64)
    #expect(dtype("y8") == .f64)
    #expect(dtype("y9") == .bool)
    #expect(graph.node(named: "y10")?.leaf == .size(.symbol("N")))
    #expect(dtype("y11") == .f32)
    #expect(graph.node(named: "y12")?.leaf == .constant(.int(3)))
    #expect(dtype("y12") == .i64)
    #expect(dtype("y13") == .bool)
  }

  @Test("A condition does not make its neighbours truth values")
  func boolIsNoHint() throws {
    let graph = try body("input q: bool y = select(q, 1, 2.5) z = select(q, 0, 1.5)")
    #expect(graph.node(named: "y")?.type == ValueType(.f32))
  }

  @Test("An integer has no fraction")
  func fractions() {
    #expect(complaints("input i: i64 y = i + 0.5") == ["fraction-for-integer"])
    #expect(complaints("input i: i64 y = i + 2.0") == [])
    #expect(complaints("input i: i32 y = i + 3000000000") == ["literal-out-of-range"])
    #expect(complaints("const k = 1e300") == ["number-rounds"])
    #expect(complaints("const k: f64 = 1e300") == [])
  }

  @Test("A literal or size under a name is a named constant")
  func namedLiterals() throws {
    let graph = try body("dim N b = 0.5 c = -2 n = N input x: f32 y = x + 0.5 z = b + x")
    #expect(graph.node(named: "b")?.leaf == .constant(.float(0.5)))
    #expect(graph.node(named: "c")?.leaf == .constant(.int(-2)))
    #expect(graph.node(named: "n")?.leaf == .size(.symbol("N")))
    #expect(graph.nodes.count(where: { $0.leaf == .constant(.float(0.5)) }) == 2)
  }

  @Test("Attributes of every kind, positional and keyword operands")
  func attributes() throws {
    let graph = try body(
      """
      dim N, Z = 2
      input x: f32[N, Z]
      a = sum(x, axes: 1, keepdims: true)   b = concat(x, x, x, axis: -1)
      c = reshape(shape: [Z * N, 1], x: x)  d = cast(x, dtype: f64)
      e = clip(x, limit: -0.5)              f = arange(x, size: 2*N + 1)
      g = pad(x, mode: "odd one")           h = kl(x, stddev: x)
      i = reshape(x, shape: 2*N)            j = select(y: x, condition: x < x, x)
      """)
    #expect(
      lines(graph).dropFirst(3) == [
        "a: f32[] = sum(x, axes: [1], keepdims: true)", "b: f32[N, Z] = concat(x, x, x, axis: -1)",
        "c: f32[N*Z, 1] = reshape(x, shape: [N*Z, 1])", "d: f64[N, Z] = cast(x, dtype: f64)",
        "e: f32[N, Z] = clip(x, limit: -0.5)", "f: f32[2*N + 1] = arange(x, size: 2*N + 1)",
        "g: f32[N, Z] = pad(x, mode: \"odd one\")", "h: f32[N, Z] = kl(x, stddev: x)",
        "i: f32[2*N] = reshape(x, shape: [2*N])", "%10: bool[N, Z] = less(x, x)",
        "j: f32[N, Z] = select(%10, x, x)",
      ])
  }

  @Test("Several statements stand on a line")
  func juxtaposition() throws {
    let graph = try body(
      """
      dim N input x: f32[N] scope a { h = relu(x) scope b { g = tanh(h) } } k = g + h output k, g
      """)
    #expect(graph.node(named: "g")?.scope == ["a", "b"])
    #expect(graph.node(named: "k")?.scope == [])
    #expect(graph.outputs.map(\.name) == ["k", "g"])
  }
}
