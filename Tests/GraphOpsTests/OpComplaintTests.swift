import GraphIR
import GraphOps
import Testing

/// One use that a type rule must refuse, with its words.
struct Complaint: Sendable, CustomTestStringConvertible {
  var op: String
  var types: [ValueType]
  var attributes: Attributes
  var message: String
  var expected: String?
  var got: String?
  var operand: Int?

  init(
    _ op: String, _ types: [ValueType], _ message: String, expected: String?, got: String?,
    operand: Int? = nil
  ) {
    self.init(op, types, .none, message, expected: expected, got: got, operand: operand)
  }

  init(
    _ op: String, _ types: [ValueType], _ attributes: Attributes, _ message: String,
    expected: String?, got: String?, operand: Int? = nil
  ) {
    self.op = op
    self.types = types
    self.attributes = attributes
    self.message = message
    self.expected = expected
    self.got = got
    self.operand = operand
  }

  var testDescription: String { "\(op): \(message)" }

  /// The message without numbers, dtypes and dims: what kind of complaint it is.
  static func kind(_ op: String, _ message: String) -> String {
    let plain = message.replacing(/\b(f32|f64|i32|i64|bool)\b/, with: "dtype")
      .replacing(/-?\d+/, with: "#")
    return "\(op): \(plain)"
  }

  // MARK: Families

  private static func dtype(
    _ op: String, _ types: [ValueType], _ index: Int, _ name: String, _ expected: String,
    _ attributes: Attributes = .none
  ) -> Complaint {
    Complaint(
      op, types, attributes, "'\(op)' does not take \(types[index].dtype) as '\(name)'",
      expected: expected,
      got: "\(types[index])", operand: index)
  }

  private static func differing(
    _ op: String, _ types: [ValueType], _ name: String, at index: Int = 1, from start: Int = 0
  ) -> Complaint {
    Complaint(
      op, types, "the operands of '\(op)' differ in dtype",
      expected: "\(types[start].dtype), as '\(name)'", got: "\(types[index])", operand: index)
  }

  private static func unbroadcastable(
    _ op: String, _ types: [ValueType], at index: Int = 1
  ) -> Complaint {
    Complaint(
      op, types, "the shapes of '\(op)' do not broadcast",
      expected: "a shape that fits \(types[0].shape)", got: "\(types[index])", operand: index)
  }

  private static func axis(
    _ op: String, _ types: [ValueType], _ attributes: Attributes, _ axis: Int, _ expected: String
  ) -> Complaint {
    Complaint(
      op, types, attributes, "the axis \(axis) of '\(op)' does not exist", expected: expected,
      got: "\(axis) for \(types[0])", operand: 0)
  }

  private static let unary: [Complaint] =
    [
      "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tanh",
      "sigmoid", "softplus", "erf",
    ].flatMap { op in
      [
        dtype(op, [.i32(N)], 0, "x", "f32 or f64"), dtype(op, [.bool()], 0, "x", "f32 or f64"),
      ]
    }
    + ["neg", "abs", "sign", "square", "relu"].map {
      dtype($0, [.bool(N)], 0, "x", "f32, f64, i32 or i64")
    } + [dtype("logical_not", [.f32(N)], 0, "x", "bool")]

  private static func binary(
    _ op: String, _ a: String, _ b: String, refused: [ValueType], _ good: ValueType, _ set: String
  ) -> [Complaint] {
    refused.flatMap {
      [dtype(op, [$0, good], 0, a, set), dtype(op, [good, $0], 1, b, set)]
    } + [
      unbroadcastable(op, [ValueType(good.dtype, [3]), ValueType(good.dtype, [4])]),
      unbroadcastable(op, [ValueType(good.dtype, [N]), ValueType(good.dtype, [D])]),
    ]
  }

  private static let binaries: [Complaint] =
    ["add", "sub", "mul", "div", "maximum", "minimum"].flatMap { op in
      binary(op, "a", "b", refused: [.bool(N)], .f32(N), "f32, f64, i32 or i64")
        + [differing(op, [.f32(N), .f64(N)], "a"), differing(op, [.i64(), .i32()], "a")]
    }
    + binary("pow", "a", "b", refused: [.i32(), .bool()], .f32(), "f32 or f64")
    + [differing("pow", [.f32(), .f64()], "a")]
    + binary(
      "kl_normal", "mean", "log_variance", refused: [.i64(), .bool()], .f64(), "f32 or f64")
    + [differing("kl_normal", [.f32(), .f64()], "mean")]
    + binary("bernoulli_nll", "x", "logits", refused: [.i64(), .bool()], .f64(), "f32 or f64")
    + [differing("bernoulli_nll", [.f32(), .f64()], "x")]
    + ["logical_and", "logical_or", "logical_xor"].flatMap {
      binary($0, "a", "b", refused: [.f32(), .i64()], .bool(), "bool")
    }
    + ["equal", "not_equal"].flatMap {
      [differing($0, [.f32(), .bool()], "a"), unbroadcastable($0, [.bool(3), .bool(2)])]
    }
    + ["less", "less_equal", "greater", "greater_equal"].flatMap {
      [
        dtype($0, [.bool(), .bool()], 0, "a", "f32, f64, i32 or i64"),
        differing($0, [.f32(), .bool()], "a"), unbroadcastable($0, [.i32(3), .i32(2)]),
      ]
    }

  private static let reductions: [Complaint] =
    ["sum", "max", "min", "argmax"].map { dtype($0, [.bool(N)], 0, "x", "f32, f64, i32 or i64") }
    + ["mean", "logsumexp"].map { dtype($0, [.i32(N)], 0, "x", "f32 or f64") }
    + ["sum", "max", "min", "argmax", "mean", "logsumexp"].flatMap { op in
      [
        axis(op, [.f32(N, 3)], ["axes": .ints([2])], 2, "-2 to 1"),
        axis(op, [.f32(N, 3)], ["axes": .ints([0, -3])], -3, "-2 to 1"),
        axis(op, [.f32()], ["axes": .ints([0])], 0, "no axis: the operand is a scalar"),
        Complaint(
          op, [.f32(N, 3)], ["axes": .ints([1, -1])], "the axis -1 of '\(op)' is named twice",
          expected: "each axis once", got: "axes: [1, -1]"),
      ]
    } + [
      dtype("log_softmax", [.i32(N)], 0, "x", "f32 or f64"),
      axis("log_softmax", [.f32(N)], ["axis": .int(1)], 1, "-1 to 0"),
    ]

  private static let products: [Complaint] =
    [0, 1].flatMap { index -> [Complaint] in
      let name = index == 0 ? "a" : "b"
      var integers = [ValueType.f32(2, 2), .f32(2, 2)]
      integers[index] = .i32(2, 2)
      var vectors = [ValueType.f32(2, 2), .f32(2, 2)]
      vectors[index] = .f32(2)
      return [
        dtype("matmul", integers, index, name, "f32 or f64"),
        Complaint(
          "matmul", vectors, "a matrix has two axes or more in 'matmul'",
          expected: "[…, rows, columns]", got: "f32[2]", operand: index),
      ]
    } + [
      differing("matmul", [.f32(2, 2), .f64(2, 2)], "a"),
      Complaint(
        "matmul", [.f32(N, 3), .f32(4, D)], "the inner extents of 'matmul' differ",
        expected: "3 rows in 'b'", got: "4 rows in f32[4, D]", operand: 1),
      Complaint(
        "matmul", [.f32(N, 3), .f32(3, D)], ["transpose_b": .bool(true)],
        "the inner extents of 'matmul' differ", expected: "3 rows in 'b'",
        got: "D rows in f32[3, D]", operand: 1),
      Complaint(
        "matmul", [.f32(2, N, 3), .f32(4, 3, D)], "the outer axes of 'matmul' do not broadcast",
        expected: "axes that fit [2]", got: "[4] of f32[4, 3, D]", operand: 1),
      dtype("linear", [.i32(N, 3), .f32(4, 3), .f32(4)], 0, "x", "f32 or f64"),
      dtype("linear", [.f32(N, 3), .bool(4, 3), .f32(4)], 1, "W", "f32 or f64"),
      dtype("linear", [.f32(N, 3), .f32(4, 3), .i64(4)], 2, "b", "f32 or f64"),
      differing("linear", [.f32(N, 3), .f32(4, 3), .f64(4)], "x", at: 2),
      Complaint(
        "linear", [.f32(), .f32(4, 3), .f32(4)],
        "there is no axis to apply the layer to in 'linear'",
        expected: "[…, inputs]", got: "f32[]", operand: 0),
      Complaint(
        "linear", [.f32(N, 3), .f32(3), .f32(4)], "a weight has two axes in 'linear'",
        expected: "[outputs, inputs]", got: "f32[3]", operand: 1),
      Complaint(
        "linear", [.f32(N, 3), .f32(3, 4), .f32(3)], "the layer takes another number of inputs",
        expected: "a last axis of 4, from the weight f32[3, 4]", got: "f32[N, 3]", operand: 0),
      Complaint(
        "linear", [.f32(N, 3), .f32(4, 3), .f32(3)], "the bias does not fit the weight in 'linear'",
        expected: "[4]", got: "f32[3]", operand: 2),
    ]

  private static let huge = Dim(Int.max)

  private static let movements: [Complaint] = [
    Complaint(
      "reshape", [.f32(2, 3)], ["shape": .dims([-1, -1])],
      "more than one extent of 'reshape' is -1", expected: "at most one", got: "[-1, -1]"),
    Complaint(
      "reshape", [.f32(2, 3)], ["shape": .dims([4, -1])],
      "the -1 of 'reshape' cannot be worked out", expected: "6 divisible by 4", got: "f32[2, 3]",
      operand: 0),
    Complaint(
      "reshape", [.f32(N, 3)], ["shape": .dims([N, 4])],
      "'reshape' would change the number of elements", expected: "3*N elements",
      got: "4*N in [N, 4]", operand: 0),
    Complaint(
      "reshape", [.f32(2, 3)], ["shape": .dims([huge, huge])],
      "the shape of 'reshape' is too large: the size \(Int.max)*\(Int.max) does not fit in 64 bits",
      expected: nil, got: nil),
    Complaint(
      "transpose", [.f32(N, 3)], ["permutation": .ints([0, 0])],
      "the permutation of 'transpose' does not fit", expected: "each of 0..<2 once",
      got: "[0, 0] for f32[N, 3]", operand: 0),
    Complaint(
      "broadcast_to", [.f32(N, 3)], ["shape": .dims([N, 4])],
      "the shape does not stretch in 'broadcast_to'", expected: "a shape that fits [N, 4]",
      got: "f32[N, 3]", operand: 0),
    axis("slice", [.f32(N)], ["axis": .int(1), "stop": .dim(1)], 1, "-1 to 0"),
    Complaint(
      "slice", [.f32(4)], ["stop": .dim(4), "step": .int(0)], "a slice goes forward",
      expected: "a step of 1 or more", got: "0"),
    Complaint(
      "slice", [.f32(4)], ["start": .dim(-1), "stop": .dim(4)], "a slice starts inside its axis",
      expected: "start from 0 on", got: "-1"),
    Complaint(
      "slice", [.f32(4)], ["stop": .dim(5)], "the slice leaves its axis", expected: "stop up to 4",
      got: "5", operand: 0),
    Complaint(
      "slice", [.f32(4)], ["start": .dim(3), "stop": .dim(2)],
      "the slice ends before it starts", expected: "start ≤ stop", got: "3 and 2"),
    Complaint(
      "slice", [.f32(N)], ["start": .dim(huge), "stop": .dim(-2)],
      "the bounds of the slice are too large: the size -2 + -\(Int.max) does not fit in 64 bits",
      expected: nil, got: nil),
    Complaint(
      "slice", [.f32(N)], ["stop": .dim(N), "step": .int(2)],
      "a slice with a step needs bounds whose distance is known",
      expected: "stop − start to be a number", got: "N"),
    dtype("pad", [.bool(N)], 0, "x", "f32, f64, i32 or i64"),
    axis("pad", [.f32(N)], ["axis": .int(-2)], -2, "-1 to 0"),
    Complaint(
      "pad", [.f32(N)], ["interior": .int(-1)], "'pad' takes a count of zeros",
      expected: "interior from 0 on", got: "-1"),
    Complaint(
      "pad", [.f32(N)], ["low": .dim(-1)], "'pad' takes a count of zeros",
      expected: "low from 0 on", got: "-1"),
    Complaint(
      "pad", [.f32(N)], ["high": .dim(-2)], "'pad' takes a count of zeros",
      expected: "high from 0 on", got: "-2"),
    Complaint(
      "pad", [.f32(4)], ["low": .dim(huge)],
      "the extent of 'pad' is too large: the size 4 + \(Int.max) does not fit in 64 bits",
      expected: nil, got: nil),
    differing("concat", [.f32(N), .f64(N)], "x"),
    axis("concat", [.f32(), .f32()], .none, 0, "no axis: the operand is a scalar"),
    Complaint(
      "concat", [.f32(N, 3), .f32(N)], "the ranks differ in 'concat'", expected: "2 axes",
      got: "f32[N]", operand: 1),
    Complaint(
      "concat", [.f32(N, 3), .f32(N, 4)], "an axis other than 0 differs in 'concat'",
      expected: "[N, 3] but for axis 0", got: "f32[N, 4]", operand: 1),
    Complaint(
      "concat", [.f32(huge), .f32(1)],
      "the extent of 'concat' is too large: the size \(Int.max) + 1 does not fit in 64 bits",
      expected: nil, got: nil),
    dtype("gather", [.f32(N), .f32(3)], 1, "index", "i32 or i64"),
    axis("gather", [.f32(N), .i32(3)], ["axis": .int(1)], 1, "-1 to 0"),
    dtype("scatter_add", [.i32(3), .i32(3)], 0, "x", "f32 or f64", ["size": .dim(3)]),
    dtype("scatter_add", [.f32(3), .bool(3)], 1, "index", "i32 or i64", ["size": .dim(3)]),
    Complaint(
      "scatter_add", [.f32(3, 4), .i64(4)], ["size": .dim(7)],
      "the axes from 0 on are not those of the index in 'scatter_add'", expected: "[…, 4, …]",
      got: "f32[3, 4]", operand: 0),
    Complaint(
      "scatter_add", [.f32(3), .i64(3)], ["size": .dim(7), "axis": .int(.max)],
      "the axes from \(Int.max) on are not those of the index in 'scatter_add'",
      expected: "[…, 3, …]", got: "f32[3]", operand: 0),
    dtype("one_hot", [.f32(N)], 0, "index", "i32 or i64", ["depth": .dim(3)]),
    dtype("select", [.f32(N), .f32(N), .f32(N)], 0, "condition", "bool"),
    differing("select", [.bool(N), .f32(N), .i32(N)], "a", at: 2, from: 1),
    unbroadcastable("select", [.bool(N), .f32(D), .f32(D)]),
  ]

  private static let draws: [Complaint] =
    [
      dtype("normal", [.i32(N), .f32(N), .f32(N)], 0, "mean", "f32 or f64"),
      dtype("normal", [.f32(N), .bool(N), .f32(N)], 1, "log_variance", "f32 or f64"),
      dtype("normal", [.f32(N), .f32(N), .i64(N)], 2, "noise", "f32 or f64"),
      differing("normal", [.f32(N), .f64(N), .f32(N)], "mean"),
      unbroadcastable("normal", [.f32(N), .f32(D), .f32(N)]),
      Complaint(
        "normal", [.f32(N, D), .f32(D), .f32(D)],
        "the noise has another shape than the draw in 'normal'", expected: "[N, D]", got: "f32[D]",
        operand: 2),
      Complaint(
        "normal", [.f32(N), .f32(N), .f32(N)], ["draws": .int(0)],
        "'normal' cannot be drawn 0 times", expected: "draws: 1 to 1024", got: "draws: 0"),
      Complaint(
        "normal", [.f32(N), .f32(N), .f32(N)], ["estimator": .symbol("score_leave_one_out")],
        "'normal' cannot be drawn 1 times with the estimator 'score_leave_one_out'",
        expected: "draws: 2 to 1024", got: "draws: 1"),
    ]
    + ["bernoulli", "categorical"].flatMap { op in
      [
        dtype(op, [.i32(N), .f32(N)], 0, "logits", "f32 or f64"),
        dtype(op, [.f32(N), .i64(N)], 1, "noise", "f32 or f64"),
        differing(op, [.f32(N), .f64(N)], "logits"),
        Complaint(
          op, [.f32(N, D), .f32(D)], "the noise has another shape than the draw in '\(op)'",
          expected: "[N, D]", got: "f32[D]", operand: 1),
        Complaint(
          op, [.f32(N), .f32(N)], ["draws": .int(1025)], "'\(op)' cannot be drawn 1025 times",
          expected: "draws: 1 to 1024", got: "draws: 1025"),
        Complaint(
          op, [.f32(N), .f32(N)], ["temperature": .scalar(.float(0))],
          "the temperature of '\(op)' does not make sense", expected: "a number above 0",
          got: "temperature: 0.0"),
      ]
    }
    + ["bernoulli", "categorical"].map { op in
      Complaint(
        op, [.f32(N), .f32(N)],
        ["draws": .int(0), "estimator": .symbol("score_leave_one_out")],
        "'\(op)' cannot be drawn 0 times with the estimator 'score_leave_one_out'",
        expected: "draws: 2 to 1024", got: "draws: 0")
    } + [
      Complaint(
        "categorical", [.f32(), .f32()], "there is no category to choose in 'categorical'",
        expected: "[…, categories]", got: "f32[]", operand: 0)
    ]

  private static let densities: [Complaint] =
    ["kl_bernoulli", "kl_categorical"].flatMap { op in
      [
        dtype(op, [.i32(3), .f32(3)], 0, "logits", "f32 or f64"),
        dtype(op, [.f32(3), .bool(3)], 1, "prior_logits", "f32 or f64"),
        differing(op, [.f32(3), .f64(3)], "logits"),
      ]
    } + [
      unbroadcastable("kl_bernoulli", [.f32(3), .f32(2)]),
      unbroadcastable("kl_categorical", [.f32(2, 3), .f32(4, 3)]),
      Complaint(
        "kl_categorical", [.f32(3), .f32(1)], "the prior has other categories in 'kl_categorical'",
        expected: "a last axis of 3", got: "f32[1]", operand: 1),
      Complaint(
        "kl_categorical", [.f32(), .f32(3)], "there is no category to choose in 'kl_categorical'",
        expected: "[…, categories]", got: "f32[]", operand: 0),
      dtype("categorical_log_prob", [.i32(3), .f32(3)], 0, "x", "f32 or f64"),
      dtype("categorical_log_prob", [.f32(3), .bool(3)], 1, "logits", "f32 or f64"),
      differing("categorical_log_prob", [.f32(3), .f64(3)], "x"),
      unbroadcastable("categorical_log_prob", [.f32(2, 3), .f32(4, 3)]),
      Complaint(
        "categorical_log_prob", [.f32(), .f32(4, 3)],
        "the choice is one of other categories in 'categorical_log_prob'",
        expected: "a last axis of 3", got: "f32[]", operand: 0),
      Complaint(
        "categorical_log_prob", [.f32(4, 3), .f32(4, 1)],
        "the choice is one of other categories in 'categorical_log_prob'",
        expected: "a last axis of 1", got: "f32[4, 3]", operand: 0),
      Complaint(
        "categorical_log_prob", [.f32(3), .f32(0)],
        "there is no category to choose in 'categorical_log_prob'", expected: "[…, categories]",
        got: "f32[0]", operand: 1),
      dtype("normal_log_prob", [.i32(3), .f32(3), .f32(3)], 0, "x", "f32 or f64"),
      dtype("normal_log_prob", [.f32(3), .bool(3), .f32(3)], 1, "mean", "f32 or f64"),
      dtype("normal_log_prob", [.f32(3), .f32(3), .i64(3)], 2, "log_variance", "f32 or f64"),
      differing("normal_log_prob", [.f32(3), .f64(3), .f32(3)], "x"),
      unbroadcastable("normal_log_prob", [.f32(3), .f32(2), .f32(3)]),
      differing("kl_normals", [.f32(3), .f32(3), .f64(3), .f32(3)], "mean", at: 2),
      unbroadcastable("kl_normals", [.f32(3), .f32(3), .f32(3), .f32(2)], at: 3),
    ]
    + ["mean", "log_variance", "prior_mean", "prior_log_variance"].enumerated().map { place, name in
      var types: [ValueType] = Array(repeating: .f32(3), count: 4)
      types[place] = .bool(3)
      return dtype("kl_normals", types, place, name, "f32 or f64")
    }

  /// Every complaint of every type rule.
  static let all: [Complaint] =
    unary + binaries + reductions + products + movements + draws + densities
}

@Suite("What type rules refuse")
struct OpComplaintTests {
  @Test("Words, expectation and finding", arguments: Complaint.all)
  func words(_ complaint: Complaint) throws {
    let op = try #require(Dialect.standard.op(named: complaint.op))
    let error = try #require(Self.refusal(op, complaint.types, complaint.attributes))
    #expect(error.message == complaint.message)
    #expect(error.expected == complaint.expected)
    #expect(error.got == complaint.got)
    #expect(error.operand == complaint.operand)
  }

  private static func refusal(
    _ op: OpDefinition, _ types: [ValueType], _ attributes: Attributes
  ) -> TypeError? {
    // As the builder asks, but for operands too: it makes no leaf of a size that cannot be.
    do {
      let complete = try op.completed(attributes)
      try op.checkOperandCount(types.count)
      _ = try op.type(
        TypeRule.Context(definition: op, operands: types, attributes: complete))
      return nil
    } catch {
      return error
    }
  }

  /// Random operands and attributes: whatever a rule says must stand in the table above, so that a
  /// new complaint needs its test.
  @Test("No complaint is without a test, and no rule traps", arguments: Dialect.standard.ops)
  func completeness(_ op: OpDefinition) throws {
    let known = Set(
      Complaint.all.filter { $0.op == op.name }.map { Complaint.kind($0.op, $0.message) })
    var generator = SeededGenerator(state: 11)
    var accepted = 0
    for _ in 0..<(op.sampling == nil ? 1500 : 8000) {
      let variadic = op.isVariadic ? Int.random(in: 0...2, using: &generator) : 0
      let types = (0..<(op.operands.count + variadic)).map { _ in Self.randomType(&generator) }
      let entries = op.attributes.map { ($0.name, Self.value($0, &generator)) }
      var attributes = Attributes.none
      for (name, value) in entries { attributes[name] = value }
      guard let error = Self.refusal(op, types, attributes) else {
        accepted += 1
        continue
      }
      #expect(error.expected != "" && error.got != "")
      // The builder's own complaints have their tests among the guards.
      if error.message.hasPrefix("the result of '") || error.message.contains("too large") {
        continue
      }
      let kind = Complaint.kind(op.name, error.message)
      #expect(
        known.contains(kind), "untested: \(error.message), for \(types) \(attributes.entries)")
    }
    #expect(accepted > 0, "the pool never fits '\(op.name)'")
  }

  private static func randomType(_ generator: inout SeededGenerator) -> ValueType {
    // Half of the draws are f32 and square, so that shapes get past the dtype checks.
    let dtypes: [DType] = [.f32, .f32, .f32, .f32, .f64, .i32, .i64, .i64, .bool, .bool]
    let shapes: [Shape] = [
      [], [], [3], [3], [4], [3, 3], [3, 3], [3, 4], [2, 3, 3], [N], [N], [N, 3], [D, N],
      [1, 1, 1, 1, 1, 1, 1, 1], [Dim(Int.max)], [0],
    ]
    return ValueType(
      dtypes[Int.random(in: 0..<dtypes.count, using: &generator)],
      shapes[Int.random(in: 0..<shapes.count, using: &generator)])
  }

  private static func value(
    _ spec: AttributeSpec, _ generator: inout SeededGenerator
  ) -> AttributeValue {
    func pick<T>(_ options: [T]) -> T {
      options[Int.random(in: 0..<options.count, using: &generator)]
    }
    let dim: [Dim] = [0, 0, 1, 3, 4, -1, N, Dim(Int.max), Dim(Int.min)]
    return switch spec.kind {
    case .bool: .bool(pick([true, false]))
    case .int: .int(pick([0, 0, 1, 1, 2, -1, -7, 9, .max, .min]))
    case .scalar: .scalar(.float(1))
    case .symbol: .symbol(pick(spec.choices))
    case .dtype: .dtype(pick(DType.allCases))
    case .ints: .ints(pick([[], [0], [1], [1, 0], [0, 0], [-1], [7], [.min], [.max, 0]]))
    case .dims:
      .dims(
        pick([[], [3], [4, 3], [2, 3, 3], [N, 3], [-1], [3, -1], [-1, -1], [Dim(Int.max), 2]]))
    case .dim: .dim(pick(dim))
    }
  }

  // MARK: What holds for every op

  @Test("Operand counts and attributes are checked", arguments: Dialect.standard.ops)
  func framework(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    let (types, attributes) = (example.typical.types, example.typical.attributes)
    let none = try #require(Self.refusal(op, [], attributes))
    #expect(none.message.hasPrefix("'\(op.name)' takes ") && none.got == "0 operands")
    if !op.isVariadic {
      let more = try #require(Self.refusal(op, types + [.f32()], attributes))
      #expect(more.message.hasPrefix("'\(op.name)' takes \(op.operands.count) operand"))
      #expect(more.expected == op.operands.map(\.name).joined(separator: ", "))
    }
    var unknown = attributes
    unknown["nonsense"] = .int(1)
    let stray = try #require(Self.refusal(op, types, unknown))
    #expect(stray.message == "'\(op.name)' has no attribute 'nonsense'")
    #expect(stray.got == "nonsense: 1")
    for spec in op.attributes {
      var wrong = attributes
      wrong[spec.name] = spec.kind == .scalar ? .bool(true) : .scalar(.float(0.5))
      let kind = try #require(Self.refusal(op, types, wrong))
      #expect(kind.message == "the attribute '\(spec.name)' of '\(op.name)' is of the wrong kind")
      #expect(kind.expected == spec.kind.rawValue)
      if !spec.choices.isEmpty {
        wrong[spec.name] = .symbol("nonsense")
        let choice = try #require(Self.refusal(op, types, wrong))
        #expect(choice.message == "'nonsense' is no \(spec.name) of '\(op.name)'")
        #expect(choice.expected == "one of " + spec.choices.joined(separator: ", "))
      }
      if spec.defaultValue == nil {
        wrong[spec.name] = nil
        let missing = try #require(Self.refusal(op, types, wrong))
        #expect(missing.message == "'\(op.name)' needs the attribute '\(spec.name)'")
      }
      #expect(!spec.summary.isEmpty)
    }
  }
}
