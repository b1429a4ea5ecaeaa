import GraphIR
import GraphOps

extension Complaint {
  static let unary: [Complaint] =
    [
      "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tanh",
      "sigmoid", "softplus", "erf", "flush_subnormals", "heaviside",
    ].flatMap { op in
      [
        dtype(op, [.i32(N)], 0, "x", "f32 or f64"), dtype(op, [.bool()], 0, "x", "f32 or f64"),
      ]
    }
    + ["neg", "abs", "sign", "square", "relu"].map {
      dtype($0, [.bool(N)], 0, "x", "f32, f64, i32 or i64")
    } + [dtype("logical_not", [.f32(N)], 0, "x", "bool")]

  static let binaries: [Complaint] =
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

  static let reductions: [Complaint] =
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

  static let products: [Complaint] =
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
}
