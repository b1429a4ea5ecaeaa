import ArgumentParser
import Ayatori
import GraphIR
import VAE

struct Check: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Parses and verifies graph files; all mistakes are reported at once.",
    discussion: """
      Prints one line a file that is fine. Exits with 1 when any is not. With --lint also looks \
      for what goes wrong in graphs that are well formed: overflow, logarithms of 0, terms of the \
      loss that are reduced differently, draws that nothing passes. Findings go to stderr.
      """)
  static let example = "ayatori check --lint Graphs/vae_pytorch.aya Graphs/vae_naive.aya"

  @Argument(
    help: "Graph files (.aya).", completion: .file(extensions: ["aya"]), transform: filePath)
  var files: [String]

  @OptionGroup var overrides: OverrideOptions

  @Flag(name: .long, help: "Looks for risks in numbers, noise and losses.")
  var lint = false

  @Flag(name: .long, help: "With --lint: exits with 2 when there are warnings.")
  var strict = false

  @Option(name: .long, help: "With --lint: the scalar to minimise; by default the output 'loss'.")
  var loss: String?

  @Flag(name: .long, help: "With --lint: prints the findings as JSON.")
  var json = false

  func validate() throws {
    if !lint, strict || json || loss != nil {
      throw ValidationError("--strict, --json and --loss go with --lint")
    }
  }

  func run() throws {
    var found: [Diagnostic] = []
    var reports: [Lint.Report] = []
    for file in files {
      let graph: Graph
      do {
        graph = try overrides.load(file)
      } catch let refused as Diagnostics {
        found += refused.all
        continue
      } catch let refused as Diagnostic {
        found.append(refused)
        continue
      }
      if lint {
        let result = try Lint(graph, loss: loss)
        reports.append(result.report(of: file))
        try report(result, file)
        continue
      }
      let parameters = parameterCount(graph).map(String.init) ?? "an unknown number of"
      try Console.result(
        "\(file): graph \(graph.name): \(graph.nodes.count) nodes, \(parameters) parameters, "
          + "outputs \(graph.outputs.map(\.name).joined(separator: ", "))")
    }
    if json { try Console.json(reports) }
    if !found.isEmpty { throw Diagnostics(found) }
    if strict, reports.contains(where: { $0.warnings > 0 }) { throw ExitCode(2) }
  }

  /// The findings on stderr, and a line with their number.
  private func report(_ lint: Lint, _ file: String) throws {
    Console.report(lint.findings.map(\.diagnostic))
    if json { return }
    try Console.result("\(file): \(lint.summary)")
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
