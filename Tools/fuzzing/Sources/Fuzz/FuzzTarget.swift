import GraphIR
import GraphOps

/// A way from bytes into Ayatori, with what must hold of every answer.
struct FuzzTarget: Sendable {
  let name: String
  let summary: String
  /// Words that mutations may put in.
  var words: [String] = []
  /// What the bytes mean to this target, for a person: the text of a generated graph.
  var describe: @Sendable ([UInt8]) -> String = { "\($0.count) bytes" }
  /// Ends the process by `finding` when something does not hold.
  let run: @Sendable ([UInt8]) -> Void

  static let all: [FuzzTarget] = [
    .graph, .npy, .npz, .safetensors, .idx, .checkpoint, .json, .compile, .stages,
  ]

  static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }

  /// Names and signs of the language.
  static let language: [String] =
    [
      "graph g { ", "dim ", "const ", "input ", "param ", "state ", "noise ", "layer ", "scope ",
      "output ", "update ", "fused 1 { ", " init ", " estimator ", "zeros", "normal", "uniform",
      "@adjoint(", "@update", "of: ", "root: ", "axes: [", "axis: ", "keepdims: true", "nan", "inf",
      "f32[", "f64", "i64", "bool", " ~ ", " ** ", "%3", "9223372036854775807", "1e308", "//", "/*",
    ] + Dialect.standard.ops.map { "\($0.name)(" }
}
