public import ArgumentParser
import Ayatori
import GraphIR
import Passes

extension Pipeline: ExpressibleByArgument {}
extension FloatMode: ExpressibleByArgument {}
extension PassDump.Mode: ExpressibleByArgument {}

/// Which passes run, and what is seen of them: the same flags for every command that compiles.
struct PassOptions: ParsableArguments {
  @Option(name: .long, help: "The list of passes: debug or default.")
  var pipeline: Pipeline = .standard

  @Option(name: .long, help: "Passes to leave out, separated by commas. Repeatable.")
  var disablePass: [NameList] = []

  @Option(name: .long, help: "The last pass to run.")
  var stopAfter: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "How many replacements may be made, to find the one that does harm.")
  var bisectLimit: Int?

  @Option(
    name: .customLong("fp"),
    help: """
      How far rewrites may change floats: strict keeps every bit, default rounds anew, fast takes \
      every value for finite.
      """)
  var float: FloatMode = .standard

  @Flag(
    name: .customLong("validate"),
    help: "Evaluates the graph before and after each pass with the reference interpreter.")
  var validates = false

  @Option(
    name: .long, help: "Writes graphs between passes into this directory.", transform: filePath)
  var dumpDir: String?

  @Option(name: .long, help: "With --dump-dir: before, after, or only what changed.")
  var dump: PassDump.Mode = .changed

  @Flag(name: .long, help: "Prints each pass's time and how often its rules were applied.")
  var timing = false

  func validate() throws {
    if let bisectLimit, bisectLimit < 0 {
      throw ValidationError("--bisect-limit takes 0 or more, not \(bisectLimit)")
    }
  }

  /// A compiler that does as the flags say.
  ///
  /// `passes` is the list that will run, where it is not the pipeline's. Throws a `UsageFailure`
  /// for names of passes that there are not, and diagnostics for a directory that cannot be made.
  func compiler(
    running passes: [Pass]? = nil, warn: @escaping @Sendable (Diagnostic) -> Void = Console.warn
  ) throws -> Compiler {
    let disabled = disablePass.flatMap(\.names)
    let list = passes ?? pipeline.lowering + pipeline.beforeGradient + pipeline.optimizing
    var wrong = disabled.filter { Pass.named($0) == nil }.map { name in
      unknown(name, "--disable-pass")
    }
    if let stopAfter {
      if Pass.named(stopAfter) == nil {
        wrong.append(unknown(stopAfter, "--stop-after"))
      } else if !list.contains(where: { $0.name == stopAfter }) || disabled.contains(stopAfter) {
        wrong.append(neverRuns(stopAfter, list.map(\.name).filter { !disabled.contains($0) }))
      }
    }
    guard wrong.isEmpty else { throw UsageFailure(diagnostics: wrong) }
    var options = CompilerOptions()
    options.pipeline = pipeline
    options.float = float
    options.disabled = Set(disabled)
    options.stopAfter = stopAfter
    options.bisectLimit = bisectLimit
    let dump = try dumpDir.map { try PassDump($0, mode: self.dump) }
    // In this order: a crash tells of a file that is written already, and what a pass made is
    // written before it is found wrong.
    if let dump { options.observers.append(dump.observer) }
    options.observers.append(CrashReport.observer { dump?.input })
    if validates {
      var told = PassContext.Options()
      told.float = float
      options.validator = Validator(options: told)
    }
    return Compiler(options, warn: warn)
  }

  /// What is to be said when the passes are through, also when the command fails after them: notes
  /// on stderr, and the table that `--timing` asks for.
  func report(_ compiler: Compiler) {
    for note in compiler.journal.notes { Console.error("note: \(note)") }
    if let summary = compiler.options.validator?.summary, summary.steps > 0 {
      Console.error(
        "validated \(summary.steps) passes, \(summary.changedSteps) of which changed something: "
          + "\(summary.elements) elements of values and derivatives agree, about "
          + "\(summary.undecided) rounding leaves nothing to say")
    }
    if timing { Console.error(lines: PassTable(compiler.journal.steps).text) }
  }

  private func unknown(_ name: String, _ flag: String) -> Diagnostic {
    var diagnostic = Diagnostic.unknownPass(name)
    diagnostic.place = flag
    return diagnostic
  }

  private func neverRuns(_ name: String, _ list: [String]) -> Diagnostic {
    Diagnostic(
      "pass-never-runs", "the pass '\(name)' does not run here, so nothing can stop after it",
      place: "--stop-after", expected: "one of " + list.joined(separator: ", "), got: "'\(name)'")
  }
}
