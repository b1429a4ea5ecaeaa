import ArgumentParser
import Ayatori
import GraphIR
import Passes

struct Opt: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Runs named passes on a graph, and prints what comes out.",
    discussion: """
      Takes any stage's text and takes no derivatives. The new text goes to stdout, what each pass \
      did to stderr. Without --passes the pipeline's passes between gradient and plan run. --list \
      tells what passes and rules there are.
      """)
  static let example =
    "ayatori opt Graphs/vae_pytorch.aya --passes=lower_sampling,simplify,eliminate_dead_nodes"

  @Argument(
    help: "The graph file (.aya).", completion: .file(extensions: ["aya"]), transform: filePath)
  var file: String?

  @Option(name: .long, help: "Passes to run in this order, separated by commas.")
  var passes: NameList?

  @OptionGroup var overrides: OverrideOptions
  @OptionGroup(title: "Passes") var options: PassOptions

  @Option(
    name: .shortAndLong, help: "Writes the text to this file instead of stdout.",
    transform: filePath)
  var output: String?

  @Flag(name: .long, help: "Prints JSON: the text and what each pass did; with --list the list.")
  var json = false

  @Flag(name: .long, help: "Lists all passes, their rules and what must come before what.")
  var list = false

  @Flag(name: .long, help: "With --list: prints Markdown.")
  var markdown = false

  private struct Report: Encodable {
    var graph: String
    var text: String
    var passes: [PassReport]
  }

  func validate() throws {
    if list {
      if file != nil || passes != nil || output != nil {
        throw ValidationError("--list takes no file, --passes or -o")
      }
      if json, markdown { throw ValidationError("--json and --markdown exclude each other") }
    } else {
      if file == nil { throw ValidationError("a graph file is needed, or --list") }
      if markdown { throw ValidationError("--markdown goes with --list") }
    }
  }

  func run() throws {
    guard !list, let file else { return try PassList().print(json: json, markdown: markdown) }
    try options.check(reading: [NamedFile("the graph", file)], writing: [NamedFile("-o", output)])
    let passes: [Pass]
    do throws(Diagnostics) {
      passes =
        try self.passes.map { names throws(Diagnostics) in
          try Pass.list(named: names.names)
        } ?? options.pipeline.optimizing
    } catch {
      throw UsageFailure(diagnostics: error.all)
    }
    let source = try overrides.load(file)
    // It makes the directory of --dump-dir, which a file that cannot be read should not leave.
    let compiler = try options.compiler(running: passes)
    let result = try compiler.run(passes, on: source)
    let steps = compiler.journal.steps
    options.report(compiler)
    if !options.timing { Console.error(lines: PassTable(steps).text) }
    let text = result.text()
    if let output { try AtomicFile.write(Array(text.utf8), to: output) }
    if json {
      try Console.json(
        Report(graph: result.name, text: text, passes: steps.map { PassReport($0) }))
    } else if output == nil {
      try Console.output(text)
    }
  }
}

/// All passes with their rules, and the constraints on their order.
private struct PassList: Encodable {
  struct Rule: Encodable {
    var name: String
    var pattern: String
    var float: String
    var ops: [String]
  }

  struct Entry: Encodable {
    var name: String
    var summary: String
    var rules: [Rule]
  }

  struct Order: Encodable {
    var first: String
    var second: String
    var reason: String
  }

  var passes = Pass.all.map { pass in
    Entry(
      name: pass.name, summary: pass.summary,
      rules: pass.rules.map { rule in
        Rule(
          name: rule.name, pattern: rule.pattern, float: rule.float.rawValue,
          ops: rule.ops.map(\.name))
      })
  }
  var order = PassOrder.all.map { Order(first: $0.first, second: $0.second, reason: $0.reason) }
  var pipelines = Dictionary(
    uniqueKeysWithValues: Pipeline.allCases.map { pipeline in
      (
        pipeline.rawValue,
        (pipeline.lowering + pipeline.beforeGradient + pipeline.optimizing).map(\.name)
      )
    })

  func print(json: Bool, markdown: Bool) throws {
    if json { return try Console.json(self) }
    try Console.result(lines: markdown ? markdownText : plainText)
  }

  private var plainText: String {
    var lines: [String] = []
    for pass in passes {
      lines.append("\(pass.name): \(pass.summary)")
      let rows = pass.rules.map { ["  " + $0.name, $0.float, $0.pattern] }
      if !rows.isEmpty { lines.append(TextTable(rows).text) }
    }
    lines.append("")
    for order in self.order {
      lines.append("\(order.first) before \(order.second): \(order.reason)")
    }
    return lines.joined(separator: "\n")
  }

  private var markdownText: String {
    func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
    var lines = ["| pass | changes |", "|---|---|"]
    lines += passes.map { "| `\($0.name)` | \(cell($0.summary)) |" }
    lines += ["", "| pass | rule | rewrites | floats |", "|---|---|---|---|"]
    for pass in passes {
      lines += pass.rules.map { rule in
        "| `\(pass.name)` | `\(rule.name)` | \(cell(rule.pattern)) | \(rule.float) |"
      }
    }
    lines += ["", "| first | then | because |", "|---|---|---|"]
    lines += order.map { "| `\($0.first)` | `\($0.second)` | \(cell($0.reason)) |" }
    return lines.joined(separator: "\n")
  }
}
