import ArgumentParser
import Ayatori
import GraphIR

/// The flags that pick a stage and what it differentiates.
struct StageOptions: ParsableArguments {
  @Option(name: .long, help: "source, lowered, gradient or optimized.")
  var stage: Stage = .source

  @Option(name: .long, help: "The scalar to differentiate; by default the output 'loss'.")
  var loss: String?

  @Option(
    name: .long, help: "Nodes to differentiate by, separated by commas; by default all parameters.")
  var wrt: NameList?

  @OptionGroup(title: "Passes") var passes: PassOptions

  func graph(of source: Graph) throws -> Graph {
    if stage == .source || stage == .lowered, loss != nil || wrt != nil {
      Console.error("note: --loss and --wrt change nothing at the stage '\(stage.rawValue)'")
    }
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    return try compiler.stage(stage, of: source, loss: loss, withRespectTo: wrt?.names)
  }
}

struct Print: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Prints a graph at a stage as text that parses back to the same graph.")
  static let example = "ayatori print Graphs/vae_pytorch.aya --stage gradient --wrt mu,logvar"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var stage: StageOptions

  func run() throws {
    try stage.passes.check(reading: [NamedFile("the graph", graph.file)], writing: [])
    try Console.output(try stage.graph(of: try graph.load()).text())
  }
}
