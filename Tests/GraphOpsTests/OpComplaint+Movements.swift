import GraphIR
import GraphOps

extension Complaint {
  private static let huge = Dim(Int.max)

  static let movements: [Complaint] = [
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
}
