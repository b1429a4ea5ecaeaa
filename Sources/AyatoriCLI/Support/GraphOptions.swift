public import ArgumentParser
import Ayatori
import Foundation
import GraphIR

/// `--dim Z=2`.
struct DimOverride: ExpressibleByArgument {
  let name: String
  let size: Int

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="),
      let size = Int(argument[argument.index(after: equals)...]), size >= 0,
      equals != argument.startIndex
    else { return nil }
    name = String(argument[..<equals])
    self.size = size
  }
}

/// `--const beta=4`.
struct ConstOverride: ExpressibleByArgument {
  let name: String
  let value: Scalar

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
      return nil
    }
    name = String(argument[..<equals])
    let text = String(argument[argument.index(after: equals)...])
    if let int = Int64(text) {
      value = .int(int)
    } else if let float = Double(text) {
      // 1e400 reads as infinity; only the word may mean it.
      if float.isInfinite, text.contains(where: \.isNumber) { return nil }
      value = .float(float)
    } else if let bool = Bool(text) {
      value = .bool(bool)
    } else {
      return nil
    }
  }
}

/// `score`, `z=score`, `z=score_leave_one_out:4`.
struct EstimatorChoice: ExpressibleByArgument {
  let node: String?
  let estimator: String
  let draws: Int?

  init?(argument: String) {
    var rest = argument[...]
    if let equals = rest.firstIndex(of: "=") {
      node = String(rest[..<equals])
      rest = rest[rest.index(after: equals)...]
    } else {
      node = nil
    }
    if let colon = rest.lastIndex(of: ":") {
      guard let count = Int(rest[rest.index(after: colon)...]) else { return nil }
      draws = count
      rest = rest[..<colon]
    } else {
      draws = nil
    }
    guard !rest.isEmpty, node?.isEmpty != true else { return nil }
    estimator = String(rest)
  }
}

extension DType: ExpressibleByArgument {}
extension Stage: ExpressibleByArgument {}

/// What may be changed about a graph file.
struct OverrideOptions: ParsableArguments {
  @Option(name: .long, help: "Sets a dimension, as in --dim N=64. Repeatable.")
  var dim: [DimOverride] = []

  @Option(name: .long, help: "Sets a constant, as in --const beta=4. Repeatable.")
  var const: [ConstOverride] = []

  @Option(name: .long, help: "Runs f32 parts in another dtype: f64.")
  var dtype: DType = .f32

  @Option(
    name: .long,
    help: "The estimator of a draw, as in --estimator z=score or score_leave_one_out:4. Repeatable."
  )
  var estimator: [EstimatorChoice] = []

  @Option(
    name: .long,
    help: "How many names, literals, operations and statements the text may hold.")
  var textLimit = TextLimits.parts

  func validate() throws {
    guard 1...TextLimits.mostParts ~= textLimit else {
      throw ValidationError("--text-limit takes 1 to \(TextLimits.mostParts), not \(textLimit)")
    }
    if !dtype.isFloating { throw ValidationError("--dtype takes f32 or f64, not \(dtype)") }
  }

  var overrides: Overrides {
    Overrides(
      dims: Dictionary(dim.map { ($0.name, $0.size) }, uniquingKeysWith: { _, last in last }),
      consts: Dictionary(const.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last }))
  }

  /// Reads the graph; warnings go to stderr.
  func load(_ file: String) throws -> Graph {
    var graph = try Graph.load(file, overrides: overrides, limit: textLimit) {
      Console.report([$0])
    }
    for choice in estimator {
      graph = try graph.choosing(
        estimator: choice.estimator, draws: choice.draws, of: choice.node)
    }
    return dtype == .f32 ? graph : graph.retyped(from: .f32, to: dtype)
  }

}

/// The graph file and what may be changed about it.
struct GraphOptions: ParsableArguments {
  @Argument(
    help: "The graph file (.aya).", completion: .file(extensions: ["aya"]), transform: filePath)
  var file: String

  @OptionGroup var overrides: OverrideOptions

  /// Reads the graph; warnings go to stderr.
  func load() throws -> Graph { try overrides.load(file) }

  /// The sizes that flags and defaults bind.
  func sizes(of graph: Graph) -> [String: Int] { graph.sizes() }
}

/// Arrays for a run.
struct ArrayOptions: ParsableArguments {
  @Option(
    name: .long, help: "Arrays by node name (.npz): inputs, noise such as z.eps, or any node.",
    transform: filePath)
  var inputs: String?

  @Option(
    name: .long, help: "Parameters by name (.npz or .safetensors, also a checkpoint).",
    transform: filePath)
  var params: String?

  @Option(name: .long, parsing: .unconditional, help: "Seed of initial parameters and noise.")
  var seed: UInt64 = 0

  var files: [NamedFile?] { [NamedFile("--inputs", inputs), NamedFile("--params", params)] }

  /// The arrays of --inputs, whose names, shapes and dtypes fit the graph, its floats computed in
  /// `floats` where that is given.
  func loadInputs(for graph: Graph, floats: DType? = nil) throws -> [String: NDArray] {
    try inputs.map { try Ayatori.loadInputs($0, for: graph, floats: floats) } ?? [:]
  }

  /// The parameters in the file. Optimiser state in a checkpoint is left aside.
  func loadParameters(for graph: Graph, floats: DType? = nil) throws -> [String: NDArray] {
    guard let params else {
      if !graph.parameters.isEmpty {
        Console.error(
          "note: no --params: parameters come from their initialisers with seed \(seed)")
      }
      return [:]
    }
    return try Ayatori.loadParameters(params, for: graph, floats: floats) {
      Console.error("note: \($0)")
    }
  }
}
