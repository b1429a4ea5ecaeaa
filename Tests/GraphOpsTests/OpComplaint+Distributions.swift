import GraphIR
import GraphOps

extension Complaint {
  static let draws: [Complaint] =
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
    // A scale goes by the keyword that was used.
    + ["stddev", "log_stddev"].flatMap { word in
      [
        dtype(
          "normal", [.f32(N), .bool(N), .f32(N)], 1, word, "f32 or f64", ["scale": .symbol(word)]),
        dtype(
          "normal_log_prob", [.f32(3), .f32(3), .i64(3)], 2, word, "f32 or f64",
          ["scale": .symbol(word)]),
      ]
    }
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

  static let densities: [Complaint] =
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
}
