import ArgumentParser
import Ayatori
import GraphIR

struct Check: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Parses and verifies graph files; all mistakes are reported at once.",
    discussion: "Prints one line a file that is fine. Exits with 1 when any is not.")
  static let example = "ayatori check Graphs/vae_pytorch.aya Graphs/vae_chainer.aya"

  @Argument(help: "Graph files (.aya).", completion: .file(extensions: ["aya"]))
  var files: [String]

  @Option(name: .long, help: "Sets a dimension, as in --dim Z=2. Repeatable.")
  var dim: [DimOverride] = []

  @Option(name: .long, help: "Sets a constant, as in --const beta=4. Repeatable.")
  var const: [ConstOverride] = []

  func run() throws {
    let overrides = Overrides(
      dims: Dictionary(dim.map { ($0.name, $0.size) }, uniquingKeysWith: { _, last in last }),
      consts: Dictionary(const.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last }))
    var found: [Diagnostic] = []
    for file in files {
      let graph: Graph
      do throws(Diagnostics) {
        graph = try Graph.load(file, overrides: overrides) { Console.report([$0]) }
      } catch {
        found += error.all
        continue
      }
      let parameters = parameterCount(graph).map(String.init) ?? "an unknown number of"
      try Console.result(
        "\(file): graph \(graph.name): \(graph.nodes.count) nodes, \(parameters) parameters, "
          + "outputs \(graph.outputs.map(\.name).joined(separator: ", "))")
    }
    if !found.isEmpty { throw Diagnostics(found) }
  }

  /// Nil when a dimension has no value, or the count does not fit.
  private func parameterCount(_ graph: Graph) -> Int? {
    var total = 0
    for node in graph.parameters {
      guard let shape = try? node.type.shape.evaluated(graph.sizes()) else { return nil }
      let (sum, overflow) = total.addingReportingOverflow(shape.reduce(1, *))
      if overflow { return nil }
      total = sum
    }
    return total
  }
}
