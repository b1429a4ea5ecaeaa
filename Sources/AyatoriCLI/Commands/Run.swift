import ArgumentParser
import Ayatori
import Foundation
import GraphIR

struct Run: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Compiles a graph and runs it once.",
    discussion: """
      Prints every output: scalars as numbers, arrays as a summary. With -o they go into a .npz \
      file under their names, gradients as d_<loss>/d_<name>.
      """)
  static let example =
    "ayatori run Graphs/rsample.aya --seed 1 --outputs z,z.eps --grad z --wrt mu,sigma"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var arrays: ArrayOptions

  @Option(name: .long, help: "Nodes to hand back, separated by commas; by default the outputs.")
  var outputs: NameList?

  @Option(name: .long, help: "A scalar to differentiate; needs --wrt.")
  var grad: String?

  @Option(name: .long, help: "Nodes to differentiate by, separated by commas.")
  var wrt: NameList?

  @Option(name: .long, help: "The step at which noise is drawn.")
  var step: UInt64 = 0

  @Option(name: .shortAndLong, help: "Writes the results to this .npz file.")
  var output: String?

  func validate() throws {
    if (grad == nil) != (wrt == nil) { throw ValidationError("--grad and --wrt go together") }
    if let output, !output.hasSuffix(".npz") {
      throw ValidationError("-o takes a .npz file, not '\(output)'")
    }
  }

  func run() throws {
    let source = try graph.load()
    let inputs = try arrays.loadInputs()
    let parameters = try arrays.loadParameters(for: source)
    let compiled = try CompiledGraph(
      source, outputs: outputs?.names, gradientsOf: grad, withRespectTo: wrt?.names ?? [],
      feeding: Set(inputs.keys))
    let results = try compiled.run(
      inputs: inputs, parameters: parameters, seed: arrays.seed, step: step)
    let named = compiled.program.outputs.compactMap { output in
      results[output.name].map { (name: output.name, array: $0) }
    }
    if let output { try writeNPZ(named, to: output) }
    for (name, array) in named { Console.result("\(name) = \(summary(array))") }
    if let output { Console.error("wrote \(named.count) arrays to \(output)") }
  }

  /// A scalar's value, or an array's type with its range.
  private func summary(_ array: NDArray) -> String {
    let values = array.doubles
    if array.shape.isEmpty { return text(values[0], array.dtype) }
    let shape = array.shape.map(String.init).joined(separator: ", ")
    guard let low = values.min(), let high = values.max() else { return "\(array.dtype)[\(shape)]" }
    if values.count <= 8 {
      return "\(array.dtype)[\(shape)] "
        + values.map { text($0, array.dtype) }.joined(separator: " ")
    }
    let mean = values.reduce(0, +) / Double(values.count)
    let bad = values.count { !$0.isFinite }
    return "\(array.dtype)[\(shape)] min \(text(low, array.dtype)) "
      + "mean \(String(format: "%.6g", mean)) max \(text(high, array.dtype))"
      + (bad > 0 ? "  (\(bad) not finite)" : "")
  }

  private func text(_ value: Double, _ dtype: DType) -> String {
    switch dtype {
    case .f32: "\(Float(value))"
    case .f64: "\(value)"
    case .i32, .i64: String(format: "%.0f", value)
    case .bool: value == 0 ? "false" : "true"
    }
  }
}
