import ArgumentParser
import Ayatori
import GraphIR
import Runtime

/// What of a graph is to run: the training step, a gradient, or the forward pass.
struct ProgramOptions: ParsableArguments {
  @Flag(name: .long, help: "Takes the training step.")
  var train = false

  @Flag(name: .long, help: "Takes the forward pass.")
  var forward = false

  @Option(name: .long, help: "Takes the gradient of this scalar; needs --wrt.")
  var grad: String?

  @Option(name: .long, help: "Nodes to differentiate by, separated by commas.")
  var wrt: NameList?

  @Option(name: .long, help: "Nodes to hand back, with --forward or --grad.")
  var outputs: NameList?

  @Option(name: .long, help: "The output to minimise; by default 'loss'.")
  var loss: String?

  @Option(name: .long, help: "adam or sgd.")
  var optimizer: Train.OptimizerName?

  private enum Mode {
    case training(loss: String)
    case gradient(of: String, [String])
    case forward
  }

  func validate() throws {
    if (grad == nil) != (wrt == nil) { throw ValidationError("--grad and --wrt go together") }
    if [train, forward, grad != nil].count(where: { $0 }) > 1 {
      throw ValidationError("--train, --forward and --grad are three ways: take one")
    }
    if forward || grad != nil, loss != nil || optimizer != nil {
      throw ValidationError("--loss and --optimizer go with the training step")
    }
    if train, outputs != nil { throw ValidationError("--outputs goes with --forward or --grad") }
  }

  /// The program that `train` or `run` would run, and what to call it. `verb` says what a command
  /// does with it, for a note on what was chosen.
  func compiled(
    _ source: Graph, _ compiler: Compiler, verb: String
  ) throws -> (program: Program, title: String) {
    switch try mode(for: source, verb) {
    case .training(let loss):
      let name = optimizer ?? .adam
      let step = try compiler.trainingGraph(
        of: source, loss: loss, optimizer: name == .adam ? .adam() : .sgd())
      return (
        try Program(step, outputs: [loss]),
        "\(source.name): training step of '\(loss)' with \(name.rawValue)"
      )
    case .gradient(let loss, let targets):
      let graph = try CompiledGraph(
        source, outputs: outputs?.names, gradientsOf: loss, withRespectTo: targets,
        compiler: compiler)
      return (graph.program, "\(source.name): gradient of '\(loss)'")
    case .forward:
      let graph = try CompiledGraph(source, outputs: outputs?.names, compiler: compiler)
      return (graph.program, "\(source.name): forward pass")
    }
  }

  /// What is asked for, or what the graph is for.
  private func mode(for source: Graph, _ verb: String) throws -> Mode {
    if let grad, let wrt { return .gradient(of: grad, wrt.names) }
    if forward { return .forward }
    let wantsTraining = train || loss != nil || optimizer != nil
    if wantsTraining { return .training(loss: try loss ?? Compiler.lossName(of: source)) }
    if outputs != nil { return .forward }
    // What is called the loss is one; another scalar of a graph without inputs is hardly.
    let hasLoss = source.output(named: "loss") != nil || !source.inputs.isEmpty
    guard !source.parameters.isEmpty, hasLoss, let loss = try? Compiler.lossName(of: source) else {
      Console.error(
        "note: the forward pass, as the graph has no "
          + (source.parameters.isEmpty ? "parameters" : "output that is clearly the loss"))
      return .forward
    }
    Console.error("note: the training step; --forward \(verb) the forward pass alone")
    return .training(loss: loss)
  }
}
