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

  @OptionGroup(title: "Program") var program: ProgramOptions

  @Flag(name: .long, help: "Lists every step, with the memory in use while it runs.")
  var steps = false

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  @Option(name: .shortAndLong, help: "Draws the plan into this .svg file.", transform: filePath)
  var output: String?

  /// What stands for a dimension that has no size.
  private static let batch = 64

  func validate() throws {
    if let output, !output.hasSuffix(".svg") {
      throw ValidationError("-o takes a .svg file, not '\(output)'")
    }
  }

  func run() throws {
    try passes.check(
      reading: [NamedFile("the graph", graph.file)], writing: [NamedFile("-o", output)])
    let source = try graph.load()
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let (program, title) = try self.program.compiled(source, compiler, verb: "plans")
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
    try Console.result(([title] + sizes).joined(separator: ", "))
    try Console.result(lines: "\n\(report.summary())")
    try Console.result(lines: "\nsaved for backward\n\n\(report.savedTable())")
    try Console.result(lines: "\nallocations\n\n\(report.allocationTable())")
    if steps { try Console.result(lines: "\nsteps\n\n\(report.stepTable())") }
  }
}
