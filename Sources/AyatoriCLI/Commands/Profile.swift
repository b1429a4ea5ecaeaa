import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import Runtime

struct Profile: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Shows where the time of a step goes, and how far that is from the limit.",
    discussion: """
      Runs the training step of a graph that has parameters and a loss, else the forward pass, on \
      random inputs. Each step falls into phases that threads share; phases of one wave need not \
      wait for each other. The limit is what this machine needs at least for the same work, as \
      measured with a matrix product and a sum of two arrays before the profile. --trace writes \
      what each thread did in the last runs, for Perfetto or chrome://tracing.
      """)
  static let example = "ayatori profile Graphs/vae_pytorch.aya --trace trace.json"

  @OptionGroup var graph: GraphOptions
  @OptionGroup(title: "Program") var program: ProgramOptions
  @OptionGroup(title: "Passes") var passes: PassOptions

  @Option(name: .long, parsing: .unconditional, help: "The size of every free dimension.")
  var batchSize = 64

  @Option(name: .long, parsing: .unconditional, help: "Runs to take the medians of.")
  var runs = 200

  @Option(
    name: .long, parsing: .unconditional, help: "Threads; by default as many as there are CPUs.")
  var threads: Int?

  @Option(
    name: .long, help: "Writes the last runs into this .json file as a Chrome trace.",
    transform: filePath)
  var trace: String?

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  /// Runs before the first that counts, and runs of which a trace tells.
  private static let warmUp = 20
  private static let traced = 3

  func validate() throws {
    if batchSize < 1 || runs < 1 { throw ValidationError("--batch-size and --runs take 1 or more") }
    if let threads, !(1...WorkerPool.mostThreads ~= threads) {
      throw ValidationError("--threads takes 1 to \(WorkerPool.mostThreads), not \(threads)")
    }
    if let trace, !trace.hasSuffix(".json") {
      throw ValidationError("--trace takes a .json file, not '\(trace)'")
    }
  }

  func run() throws {
    try passes.check(
      reading: [NamedFile("the graph", graph.file)], writing: [NamedFile("--trace", trace)])
    if let threads { WorkerPool.setShared(threads: threads) }
    let source = try graph.load()
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let (program, title) = try program.compiled(source, compiler, verb: "profiles")
    var sizes = source.sizes()
    for dimension in source.dimensions where dimension.defaultSize == nil {
      sizes[dimension.name] = batchSize
    }
    let state = try StateStore(program.graph, sizes: sizes)
    try state.initialize(seed: 0)
    let inputs = RandomInputs(program)
    let bound = try BoundProgram(program, sizes: sizes, state: state, refilling: inputs.refills)
    try inputs.fill(bound)
    _ = try bound.profile(runs: Profile.warmUp)
    let profile = try bound.profile(runs: runs, traced: Profile.traced)
    let limits = try MachineLimits(workingSet: bound.plan.arenaBytes + state.byteCount)
    let table = ProfileTable(profile, of: program, limits: limits)
    if json { try Console.json(table) } else { try print(table, title) }
    if let trace {
      try AtomicFile.write(try ProfileTable.trace(profile, of: program), to: trace)
      Console.error("wrote \(trace)")
    }
  }

  private func print(_ table: ProfileTable, _ title: String) throws {
    var rows = [
      [
        "wave", "step", "part", "units", "µs", "busy µs", "time", "GF/s", "GB/s", "limit",
        "computes",
      ]
    ]
    for row in table.rows {
      let names = row.nodes.suffix(3).joined(separator: "; ")
      let rest = row.nodes.count > 3 ? "\(row.nodes.count - 3) more; " : ""
      let perSecond = row.microseconds * 1e-6
      rows.append([
        "\(row.wave + 1)", row.step.map(String.init) ?? "", row.part, "\(row.units)",
        decimal(row.microseconds), decimal(row.busyMicroseconds), percent(row.shareOfTime),
        perSecond > 0 ? decimal(Double(row.flops) / perSecond * 1e-9) : "",
        perSecond > 0 ? decimal(Double(row.bytes) / perSecond * 1e-9) : "",
        percent(row.shareOfLimit), rest + names,
      ])
    }
    let busy = table.rows.reduce(0) { $0 + $1.busyMicroseconds }
    let (time, limits) = (decimal(table.microseconds), table.limits)
    try Console.result("\(title), batch \(batchSize), \(table.threads) threads")
    try Console.result(
      lines: """
        a run takes \(time) µs (median of \(table.runs)) in \(table.waves) waves
        all threads together work \(decimal(busy)) µs
        limit: \(decimal(limits.flops * 1e-9)) GF/s; \(decimal(limits.bandwidth * 1e-9)) GB/s over \
        \(decimal(Double(limits.workingSet) / 1_048_576)) MiB

        """)
    try Console.result(lines: TextTable(rows, right: Set([0, 1] + Array(3..<10))).text)
  }

  private func decimal(_ value: Double) -> String { String(format: "%.1f", value) }
  private func percent(_ share: Double) -> String { String(format: "%.0f %%", share * 100) }
}
