import ArgumentParser
import Ayatori
import Drawing
import GraphIR
import Runtime

struct Plan: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Shows the memory plan: its peak, what is saved for backward and why.",
    discussion: """
      Plans the training step of a graph that has parameters and a loss, else the forward pass. \
      The lower bound is what is in use at the fullest moment: no plan for this order of steps can \
      do with less. With -o the plan is drawn as well: steps to the right, offsets upwards.
      """)
  static let example = "ayatori plan Graphs/vae_pytorch.aya --dim N=64 -o plan.svg"

  @OptionGroup var graph: GraphOptions
  @OptionGroup(title: "Passes") var passes: PassOptions

  @Flag(name: .long, help: "Plans the training step.")
  var train = false

  @Flag(name: .long, help: "Plans the forward pass.")
  var forward = false

  @Option(name: .long, help: "Plans the gradient of this scalar; needs --wrt.")
  var grad: String?

  @Option(name: .long, help: "Nodes to differentiate by, separated by commas.")
  var wrt: NameList?

  @Option(name: .long, help: "Nodes to hand back, with --forward or --grad.")
  var outputs: NameList?

  @Option(name: .long, help: "The output to minimise; by default 'loss'.")
  var loss: String?

  @Option(name: .long, help: "adam or sgd.")
  var optimizer: Train.OptimizerName?

  @Flag(name: .long, help: "Lists every step, with the memory in use while it runs.")
  var steps = false

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  @Option(name: .shortAndLong, help: "Draws the plan into this .svg file.")
  var output: String?

  /// What stands for a dimension that has no size.
  private static let batch = 64

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
    if let output, !output.hasSuffix(".svg") {
      throw ValidationError("-o takes a .svg file, not '\(output)'")
    }
  }

  func run() throws {
    let source = try graph.load()
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let mode = try mode(for: source)
    let (program, title) = try compiled(source, mode, compiler)
    let free = source.dimensions.filter { $0.defaultSize == nil }.map(\.name)
    if let first = free.first {
      Console.error(
        "note: \(free.map { "\($0) = \(Plan.batch)" }.joined(separator: ", ")); "
          + "another size: --dim \(first)=100")
    }
    let sizes = source.sizes().merging(free.map { ($0, Plan.batch) }) { size, _ in size }
    let plan = try MemoryPlan(program, sizes: sizes)
    try check(plan, of: program)
    let report = PlanReport(program, plan)
    if json { try Console.json(report) } else { try print(report, title) }
    if let output {
      try AtomicFile.write(Array(report.picture(title: title).svg().utf8), to: output)
      Console.error("wrote \(output)")
    }
  }

  /// What is asked for, or what the graph is for.
  private func mode(for source: Graph) throws -> Mode {
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
    Console.error("note: the training step; --forward plans the forward pass alone")
    return .training(loss: loss)
  }

  /// The program that `train` or `run` would run, and what to call it.
  private func compiled(
    _ source: Graph, _ mode: Mode, _ compiler: Compiler
  ) throws -> (Program, String) {
    switch mode {
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

  /// Every plan that is shown has been checked.
  private func check(_ plan: MemoryPlan, of program: Program) throws {
    let complaints = plan.violations() + plan.replay(program)
    guard !complaints.isEmpty else { return }
    for complaint in complaints.prefix(20) {
      Console.error("ayatori: a bug in Ayatori: the memory plan is wrong: \(complaint)")
    }
    throw ExitCode(70)
  }

  private func print(_ report: PlanReport, _ title: String) throws {
    let sizes = report.sizes.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
    try Console.result("\(([title] + sizes).joined(separator: ", "))\n\n\(report.summary())")
    try Console.result("\nsaved for backward\n\n\(report.savedTable())")
    try Console.result("\nallocations\n\n\(report.allocationTable())")
    if steps { try Console.result("\nsteps\n\n\(report.stepTable())") }
  }
}
