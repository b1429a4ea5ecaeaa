import Foundation
import GraphIR
import Testing

// MARK: A small dialect

private func op(
  _ name: String, _ operands: [OperandSpec], _ attributes: [AttributeSpec] = [],
  sampling: SamplingSpec? = nil, type: TypeRule
) -> OpDefinition {
  OpDefinition(
    name, "an op of the tests", operands: operands, attributes: attributes, type: type,
    gradient: .notDifferentiable(because: "a test"),
    reference: ReferenceRule { _ throws(RunError) in throw RunError("a test") },
    kernel: .none, drawing: DrawingSpec(.elementwise), sampling: sampling)
}

extension TypeRule {
  fileprivate static let first = TypeRule { context throws(TypeError) in context[0] }

  /// Equal dtypes, broadcast shapes; `bool` when it compares.
  fileprivate static func broadcast(result: DType? = nil) -> TypeRule {
    TypeRule { context throws(TypeError) in
      var shape = Shape.scalar
      for (index, operand) in context.operands.enumerated() {
        guard operand.dtype == context[0].dtype else {
          throw TypeError(
            "'\(context.definition.name)' takes one dtype", expected: "\(context[0].dtype)",
            got: "\(operand)", operand: index)
        }
        guard let common = shape.broadcast(with: operand.shape) else {
          throw TypeError(
            "shapes do not fit", expected: "\(shape)", got: "\(operand.shape)", operand: index)
        }
        shape = common
      }
      return ValueType(result ?? context[0].dtype, shape)
    }
  }
}

private let scale = AttributeSpec(
  "scale", .symbol, default: .symbol("log_variance"), choices: ["log_variance", "stddev"], "")

/// Enough ops for every kind of operand and attribute.
let testDialect: Dialect = {
  let linear = op(
    "linear", ["x", "weight", "bias"],
    type: TypeRule { context throws(TypeError) in
      let (x, w) = (context[0], context[1])
      guard w.shape.rank == 2 else { throw TypeError("the weight is no matrix", operand: 1) }
      guard x.shape.rank == 2, x.shape.dims[1] == w.shape.dims[1] else {
        throw TypeError(
          "the features do not fit the weight", expected: "[…, \(w.shape.dims[1])]",
          got: "\(x.shape)", operand: 0)
      }
      return ValueType(x.dtype, [x.shape.dims[0], w.shape.dims[0]])
    })
  let add = op("add", ["x", "y"], type: .broadcast())
  let less = op("less", ["x", "y"], type: .broadcast(result: .bool))
  let infix: [String: OpDefinition] = [
    "+": add, "-": op("sub", ["x", "y"], type: .broadcast()),
    "*": op("mul", ["x", "y"], type: .broadcast()),
    "/": op("div", ["x", "y"], type: .broadcast()),
    "**": op("pow", ["x", "y"], type: .broadcast()), "<": less,
    "==": op("equal", ["x", "y"], type: .broadcast(result: .bool)),
  ]
  let neg = op("neg", ["x"], type: .first)
  let ops =
    infix.keys.sorted().compactMap { infix[$0] } + [
      neg, linear, op("relu", ["x"], type: .first), op("tanh", ["x"], type: .first),
      op(
        "sum", ["x"],
        [
          AttributeSpec("axes", .ints, default: .ints([]), ""),
          AttributeSpec("keepdims", .bool, default: .bool(false), ""),
        ], type: TypeRule { context throws(TypeError) in ValueType(context[0].dtype) }),
      op(
        "concat", [OperandSpec("inputs", isVariadic: true)], [AttributeSpec("axis", .int, "")],
        type: .first),
      op(
        "reshape", ["x"], [AttributeSpec("shape", .dims, "the new shape")],
        type: TypeRule { context throws(TypeError) in
          ValueType(context[0].dtype, Shape(context.attributes.dims("shape")))
        }),
      op(
        "cast", ["x"], [AttributeSpec("dtype", .dtype, "")],
        type: TypeRule { context throws(TypeError) in
          ValueType(context.attributes.dtype("dtype"), context[0].shape)
        }),
      op(
        "clip", ["x"], [AttributeSpec("limit", .scalar, default: .scalar(.float(1)), "")],
        type: .first),
      op(
        "arange", ["x"], [AttributeSpec("size", .dim, "")],
        type: TypeRule {
          context throws(TypeError) in
          ValueType(context[0].dtype, [context.attributes.dim("size")])
        }),
      op(
        "pad", ["x"], [AttributeSpec("mode", .symbol, default: .symbol("zero"), "")],
        type: .first),
      op(
        "select", ["condition", "x", "y"],
        type: TypeRule { context throws(TypeError) in
          guard context[0].dtype == .bool else {
            throw TypeError(
              "a condition is a truth value", expected: "bool", got: "\(context[0])", operand: 0)
          }
          guard context[1] == context[2] else {
            throw TypeError(
              "both choices have one type", expected: "\(context[1])", got: "\(context[2])",
              operand: 2)
          }
          return context[1]
        }),
      op(
        "kl", ["mean", OperandSpec("log_variance", alternatives: ["stddev"], choice: "scale")],
        [scale], type: .broadcast()),
      op(
        "normal",
        [
          "mean", OperandSpec("log_variance", alternatives: ["stddev"], choice: "scale"),
          OperandSpec("noise", edge: .noise),
        ],
        [
          scale,
          AttributeSpec(
            "estimator", .symbol, default: .symbol("pathwise"),
            choices: ["pathwise", "score", "stopped"], ""),
          AttributeSpec("draws", .int, default: .int(1), ""),
        ],
        sampling: SamplingSpec(
          noiseOperand: 2, noise: .normal, estimatorAttribute: "estimator",
          drawsAttribute: "draws", estimators: [.pathwise, .score, .stopped],
          logProbability: { value, _ in value }, scores: { _, c in c.operands.map { _ in nil } }),
        type: .broadcast()),
    ]
  let layer = LayerDefinition(
    name: "linear", summary: "", arguments: ["in", "out"], schemes: ["torch", "zeros"], op: linear
  ) { arguments, scheme in
    let initializer = scheme == "zeros" ? Initializer.zeros : .torchLinear(fanIn: arguments[0])
    return [
      .init("W", [arguments[1], arguments[0]], initializer), .init("b", [arguments[1]], .zeros),
    ]
  }
  return Dialect(ops: ops, layers: [layer], infix: infix, negation: neg)
}()

// MARK: Reading

func parsed(
  _ text: String, dialect: Dialect = testDialect, overrides: Overrides = .init()
) -> ParseResult {
  parse(SourceFile(name: "test.aya", text: text), dialect: dialect, overrides: overrides)
}

/// The graph of a text that must be right.
func graph(
  _ text: String, dialect: Dialect = testDialect, overrides: Overrides = .init(),
  sourceLocation: Testing.SourceLocation = #_sourceLocation
) throws -> Graph {
  let result = parsed(text, dialect: dialect, overrides: overrides)
  let messages = result.diagnostics.map { $0.rendered() }.joined(separator: "\n")
  return try #require(result.graph, "\(messages)", sourceLocation: sourceLocation)
}

/// The statements inside `graph g { … }`.
func body(_ statements: String, overrides: Overrides = .init()) throws -> Graph {
  try graph("graph g {\n\(statements)\n}", overrides: overrides)
}

/// The ids of the diagnostics for some statements.
func complaints(_ statements: String) -> [String] {
  parsed("graph g {\n\(statements)\n}").diagnostics.map(\.id)
}

/// The lines of a graph's canonical text between the first and the last, without indentation.
func lines(_ graph: Graph) -> [String] {
  graph.text().split(separator: "\n").dropFirst().dropLast().map {
    $0.trimmingCharacters(in: .whitespaces)
  }
}

// MARK: Comparing graphs

/// What tells two graphs apart, places in the text aside; nil when they are equal.
func difference(_ a: Graph, _ b: Graph) -> String? {
  if a.name != b.name { return "name \(a.name) / \(b.name)" }
  if a.dimensions != b.dimensions { return "dimensions \(a.dimensions) / \(b.dimensions)" }
  if a.nodes.count != b.nodes.count { return "\(a.nodes.count) / \(b.nodes.count) nodes" }
  for (x, y) in zip(a.nodes, b.nodes) {
    guard x.id == y.id, x.body == y.body, x.operands == y.operands, x.type == y.type,
      x.name == y.name, x.aliases == y.aliases, x.scope == y.scope, x.role == y.role
    else { return "\(x) / \(y)" }
  }
  if a.outputs != b.outputs { return "outputs \(a.outputs) / \(b.outputs)" }
  if a.updates != b.updates { return "updates \(a.updates) / \(b.updates)" }
  return nil
}

/// Checks that a graph's text reads back as the same graph, and prints the same.
func expectRoundTrip(
  _ graph: Graph, dialect: Dialect = testDialect, _ comment: Comment? = nil,
  sourceLocation: Testing.SourceLocation = #_sourceLocation
) {
  let text = graph.text()
  let result = parsed(text, dialect: dialect)
  guard let again = result.graph else {
    let messages = result.diagnostics.map { $0.rendered() }.joined(separator: "\n")
    Issue.record(
      "\(comment.map { "\($0)\n" } ?? "")\(text)\n\(messages)", sourceLocation: sourceLocation)
    return
  }
  #expect(difference(graph, again) == nil, comment, sourceLocation: sourceLocation)
  #expect(again.text() == text, comment, sourceLocation: sourceLocation)
  #expect(verify(again).isEmpty, comment, sourceLocation: sourceLocation)
}

// MARK: Random numbers

/// SplitMix64: a failing seed replays.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
