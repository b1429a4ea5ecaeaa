import ArgumentParser
import Ayatori
import Foundation
import GraphIR

struct Run: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Compiles a graph and runs it once.",
    discussion: """
      Prints every output: scalars as numbers, arrays as a summary. With -o they go into a .npz \
      file under their names, gradients as d_<loss>/d_<name>. Exits with 2 when a value is not \
      finite.
      """)
  static let example =
    "ayatori run Graphs/rsample.aya --seed 1 --outputs z,z.eps --grad z --wrt mu,sigma"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var arrays: ArrayOptions
  @OptionGroup(title: "Passes") var passes: PassOptions

  @Option(name: .long, help: "Nodes to hand back, separated by commas; by default the outputs.")
  var outputs: NameList?

  @Option(name: .long, help: "A scalar to differentiate; needs --wrt.")
  var grad: String?

  @Option(name: .long, help: "Nodes to differentiate by, separated by commas.")
  var wrt: NameList?

  @Option(name: .long, parsing: .unconditional, help: "The step at which noise is drawn.")
  var step: UInt64 = 0

  @Option(name: .shortAndLong, help: "Writes the results to this .npz file.", transform: filePath)
  var output: String?

  func validate() throws {
    if (grad == nil) != (wrt == nil) { throw ValidationError("--grad and --wrt go together") }
    if let output, !output.hasSuffix(".npz") {
      throw ValidationError("-o takes a .npz file, not '\(output)'")
    }
  }

  func run() throws {
    try passes.check(
      reading: [NamedFile("the graph", graph.file)] + arrays.files,
      writing: [NamedFile("-o", output)])
    let source = try graph.load()
    let inputs = try arrays.loadInputs(for: source)
    let parameters = try arrays.loadParameters(for: source)
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let compiled = try CompiledGraph(
      source, outputs: outputs?.names, gradientsOf: grad, withRespectTo: wrt?.names ?? [],
      feeding: Set(inputs.keys), compiler: compiler)
    let results = try compiled.run(
      inputs: inputs, parameters: parameters, seed: arrays.seed, step: step)
    let named = compiled.program.outputs.compactMap { output in
      results[output.name].map { (name: output.name, array: $0) }
    }
    if let output { try writeNPZ(named, to: output) }
    for (name, array) in named { try Console.result("\(name) = \(summary(array))") }
    if let output {
      Console.error("wrote \(named.count) array\(named.count == 1 ? "" : "s") to \(output)")
    }
    let bad = named.filter { entry in
      entry.array.dtype.isFloating && !entry.array.doubles.allSatisfy(\.isFinite)
    }
    if !bad.isEmpty {
      let causes =
        notes(on: inputs, from: arrays.inputs) + notes(on: parameters, from: arrays.params)
      throw CheckFailure(diagnostics: bad.map { notFinite($0.name, $0.array).adding(causes) })
    }
  }

  /// Which fed arrays were not finite to begin with.
  private func notes(on fed: [String: NDArray], from file: String?) -> [Diagnostic.Note] {
    fed.sorted { $0.key < $1.key }.compactMap { name, array in
      guard array.dtype.isFloating else { return nil }
      let bad = array.doubles.enumerated().filter { !$0.element.isFinite }
      guard let first = bad.first, let file else { return nil }
      return Diagnostic.Note(
        "'\(name)' of \(file) holds \(bad.count) values that are not finite, the first, "
          + "\(array.texts[first.offset]), at position \(first.offset)")
    }
  }

  private func notFinite(_ name: String, _ array: NDArray) -> Diagnostic {
    let values = array.doubles
    let count = values.count { !$0.isFinite }
    let first = values.firstIndex { !$0.isFinite } ?? 0
    return Diagnostic(
      "not-finite", "\(count) of \(values.count) elements of '\(name)' are not finite",
      place: name, expected: "finite values", got: "\(array.texts[first]) at position \(first)")
  }

  /// A scalar's value, or an array's type with its range.
  private func summary(_ array: NDArray) -> String {
    let texts = array.texts
    if array.shape.isEmpty { return texts[0] }
    let shape = array.shape.map(String.init).joined(separator: ", ")
    let head = "\(array.dtype)[\(shape)]"
    if texts.count <= 8 { return ([head] + texts).joined(separator: " ") }
    let values = array.doubles
    let finite = values.indices.filter { values[$0].isFinite }
    let bad = values.count - finite.count
    let note = bad > 0 ? "  (\(bad) not finite)" : ""
    guard let low = finite.min(by: { values[$0] < values[$1] }),
      let high = finite.max(by: { values[$0] < values[$1] })
    else { return head + note }
    let mean = finite.reduce(0) { $0 + values[$1] } / Double(finite.count)
    return "\(head) min \(texts[low]) mean \(String(format: "%.6g", mean)) max \(texts[high])"
      + note
  }
}
