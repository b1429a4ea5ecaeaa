import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import GraphOps
import Runtime

struct Bench: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Times compiling and one step: forward, gradient, update and noise.",
    discussion: """
      The inputs are random, and written anew within each step, as training does with the next \
      batch. Graphs without parameters or a loss are timed forward only. Times \
      are the minimum, median and maximum over rounds. With --compile only compiling is timed, \
      phase by phase, of the graphs given and of random ones.
      """)
  static let example = "ayatori bench Graphs/vae_pytorch.aya --batch-size 64"

  @Argument(
    help: "Graph files (.aya); one, but with --compile.",
    completion: .file(extensions: ["aya"]), transform: filePath)
  var files: [String] = []

  @OptionGroup var overrides: OverrideOptions
  @OptionGroup(title: "Program") var program: ProgramOptions
  @OptionGroup(title: "Passes") var passes: PassOptions

  @Option(name: .long, parsing: .unconditional, help: "The size of every free dimension.")
  var batchSize = 64

  @Option(name: .long, parsing: .unconditional, help: "Rounds to time.")
  var rounds = 5

  @Option(name: .long, parsing: .unconditional, help: "Steps a round.")
  var steps = 100

  @Option(
    name: .long, parsing: .unconditional, help: "Threads; by default as many as there are CPUs.")
  var threads: Int?

  @Flag(name: .long, help: "Times compiling, also of random graphs.")
  var compile = false

  @Option(
    name: .long, parsing: .unconditional,
    help: "With --compile: nodes of each random graph, separated by commas; 0 for none.")
  var nodes: NodeCounts = NodeCounts(counts: [1_000, 10_000, 100_000])

  @Flag(name: .long, help: "Tells how each matrix product is cut into work, and why.")
  var explain = false

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  private struct Report: Encodable {
    var graph: String
    var batchSize: Int
    var threads: Int
    var mode: String
    var parseMilliseconds: Double
    var compileMilliseconds: Double
    var bindMilliseconds: Double
    var stepMicroseconds: [String: Double]
    var arenaBytes: Int
    var stepsInPlan: Int
    var products: [Product]?
  }

  private struct Product: Encodable {
    /// From 1.
    var step: Int
    var node: String
    var units: Int
    var isCarried: Bool
    var method: String
  }

  func validate() throws {
    if batchSize < 1 || rounds < 1 || steps < 1 {
      throw ValidationError("--batch-size, --rounds and --steps take 1 or more")
    }
    if let threads, !(1...WorkerPool.mostThreads ~= threads) {
      throw ValidationError("--threads takes 1 to \(WorkerPool.mostThreads), not \(threads)")
    }
    if compile, explain { throw ValidationError("--explain does not go with --compile") }
    if compile, overrides.dtype != .f32 {
      throw ValidationError("--dtype does not go with --compile")
    }
    if !compile, files.count != 1 {
      throw ValidationError("one graph file is timed at a time, but with --compile")
    }
  }

  func run() throws {
    try passes.check(reading: files.map { NamedFile("the graph", $0) }, writing: [])
    if let threads { WorkerPool.setShared(threads: threads) }
    if compile {
      return try CompileTable(
        files: files, overrides: overrides, passes: passes, nodes: nodes.counts, size: batchSize,
        rounds: rounds
      ).print(json: json)
    }
    let clock = ContinuousClock()
    let begin = clock.now
    let source = try overrides.load(files[0])
    let parsed = clock.now
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let prepared = clock.now
    let program = try self.program.compiled(source, compiler, verb: "times").program
    let compiled = clock.now
    var sizes = source.sizes()
    for dimension in source.dimensions where dimension.defaultSize == nil {
      sizes[dimension.name] = batchSize
    }
    let state = try StateStore(program.graph, sizes: sizes)
    try state.initialize(seed: 0)
    let inputs = RandomInputs(program)
    let initialized = clock.now
    let bound = try BoundProgram(program, sizes: sizes, state: state, refilling: inputs.refills)
    let ready = clock.now
    try inputs.fill(bound)
    var times: [Double] = []
    var step: UInt64 = 0
    for round in 0...rounds {
      let start = clock.now
      for _ in 0..<steps {
        try bound.run(step: step)
        step += 1
      }
      // The first round warms up.
      if round > 0 { times.append((clock.now - start).seconds / Double(steps) * 1e6) }
    }
    times.sort()
    let report = Report(
      graph: source.name, batchSize: batchSize, threads: WorkerPool.shared.count,
      mode: program.graph.updates.isEmpty ? "forward" : "training step",
      parseMilliseconds: (parsed - begin).seconds * 1e3,
      compileMilliseconds: (compiled - prepared).seconds * 1e3,
      bindMilliseconds: (ready - initialized).seconds * 1e3,
      stepMicroseconds: [
        "min": times[0], "median": times[times.count / 2], "max": times[times.count - 1],
      ], arenaBytes: bound.plan.arenaBytes, stepsInPlan: bound.plan.steps.count,
      products: explain ? products(bound) : nil)
    if json { return try Console.json(report) }
    let hasBatch = source.dimensions.contains { $0.defaultSize == nil }
    let batch = hasBatch ? "batch \(batchSize)" : "no free dimension"
    try Console.result(
      String(
        format: "%@, %@, %@, %d threads: %d steps in the plan, arena %.2f MiB",
        report.graph, report.mode, batch, report.threads, report.stepsInPlan,
        Double(report.arenaBytes) / 1_048_576))
    try Console.result(
      lines: String(
        format: """
          parse %.2f ms, compile %.2f ms, bind %.2f ms
          step  min %.1f µs  median %.1f µs  max %.1f µs
          """, report.parseMilliseconds, report.compileMilliseconds, report.bindMilliseconds,
        times[0], times[times.count / 2],
        times[times.count - 1]))
    for product in report.products ?? [] {
      try Console.result(
        """
        step \(product.step), \(product.node): \(product.method)\
        \(product.isCarried ? "; what follows goes on strip by strip" : "")
        """)
    }
  }

  private func products(_ bound: BoundProgram) -> [Product] {
    bound.methods.map {
      Product(
        step: $0.step + 1, node: bound.program.graph[$0.node].mention, units: $0.units,
        isCarried: $0.isCarried, method: $0.text)
    }
  }
}
