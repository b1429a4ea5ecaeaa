import ArgumentParser
import Ayatori
import GraphIR

struct Explain: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract:
      "Tells all about a node: what it is, who uses it, what it is the adjoint of, who made it.",
    discussion: """
      NODE is a name, or an id such as %12 of the stage. Of a node that a pass removed it tells \
      which rule did it and what stands for it now.
      """)
  static let example = "ayatori explain Graphs/vae_pytorch.aya mu --dim N=64"

  @OptionGroup var graph: GraphOptions

  @Argument(help: "The node: a name, or an id such as %12.")
  var node: String

  @Option(name: .long, help: "source, lowered, gradient or optimized; optimized by default.")
  var stage: Stage?

  @Flag(name: .long, help: "Looks at the training step with its update instead of a stage.")
  var train = false

  @Option(name: .long, help: "The optimizer of --train: adam or sgd.")
  var optimizer: Train.OptimizerName = .adam

  @Option(name: .long, help: "The scalar to differentiate; by default the output 'loss'.")
  var loss: String?

  @Option(
    name: .long, help: "Nodes to differentiate by, separated by commas; by default all parameters.")
  var wrt: NameList?

  @OptionGroup(title: "Passes") var passes: PassOptions

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  func validate() throws {
    if train, stage != nil || wrt != nil {
      throw ValidationError("--train takes neither --stage nor --wrt")
    }
  }

  func run() throws {
    try passes.check(reading: [NamedFile("the graph", graph.file)], writing: [])
    let source = try graph.load()
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let compiled: Graph
    if train {
      let chosen: Optimizer =
        switch optimizer {
        case .adam: .adam(learningRate: 1e-3)
        case .sgd: .sgd(learningRate: 1e-2, momentum: 0)
        }
      compiled = try compiler.trainingGraph(
        of: source, loss: try loss ?? Compiler.lossName(of: source), optimizer: chosen)
    } else {
      compiled = try compiler.stage(
        stage ?? .optimized, of: source, loss: loss, withRespectTo: wrt?.names)
    }
    let explanation = try Explanation(
      of: node, in: compiled, stage: train ? "training" : (stage ?? .optimized).rawValue,
      journal: compiler.journal)
    if json {
      try Console.json(explanation)
    } else {
      try Console.output(explanation.text)
    }
  }
}
