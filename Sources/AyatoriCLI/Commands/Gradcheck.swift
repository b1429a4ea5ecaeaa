import ArgumentParser
import Ayatori
import GraphIR
import VAE

struct Gradcheck: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Checks every gradient of a graph against finite differences.",
    discussion: """
      In f64 and with the noise frozen: what the compiler computes against central differences of \
      the graph as it is written, along random directions and entry by entry. Inputs that are not \
      given are drawn at random. What the graph cuts off from derivatives is held at its value. \
      Where a difference would say nothing, as at a kink, the comparison is refused. Exits with 2 \
      when a gradient is wrong, and when nothing could be checked.
      """)
  static let example = "ayatori gradcheck Graphs/vae_2d.aya --dim H=16 --wrt mu,logvar,fc3.b"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var arrays: ArrayOptions
  @OptionGroup(title: "Passes") var passes: PassOptions

  @Option(name: .long, help: "The scalar to differentiate; by default the output 'loss'.")
  var loss: String?

  @Option(
    name: .long,
    help: "Nodes to differentiate by, separated by commas; by default parameters and inputs.")
  var wrt: NameList?

  @Option(
    name: .long, help: "A data set whose first test images are the input.", transform: filePath)
  var data: String?

  @Option(name: .long, help: "Images to take from --data.")
  var batchSize = 3

  @Option(name: .long, help: "Entries to check a target: a number, or 'all'.")
  var entries: EntryCount = .some(12)

  @Option(name: .long, help: "Random directions to check a target.")
  var directions = 3

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  /// `--entries 12`, `--entries all`.
  enum EntryCount: ExpressibleByArgument {
    case some(Int)
    case all

    init?(argument: String) {
      if argument == "all" {
        self = .all
      } else if let count = Int(argument), count >= 0 {
        self = .some(count)
      } else {
        return nil
      }
    }

    var defaultValueDescription: String {
      switch self {
      case .some(let count): "\(count)"
      case .all: "all"
      }
    }
  }

  func validate() throws {
    if batchSize < 1 { throw ValidationError("--batch-size takes 1 or more, not \(batchSize)") }
    if directions < 0 { throw ValidationError("--directions takes 0 or more, not \(directions)") }
    if case .some(0) = entries, directions == 0 {
      throw ValidationError("--entries 0 and --directions 0 leave nothing to check")
    }
  }

  func run() throws {
    try passes.check(
      reading: [NamedFile("the graph", graph.file)] + arrays.files + NamedFile.dataSet(data),
      writing: [])
    let source = try graph.load()
    var inputs = try arrays.loadInputs(for: source, floats: .f64)
    if let data {
      let dataSet = try DataSet.load(data, for: source)
      let fed = try DataInputs(source, for: dataSet)
        .arrays(of: dataSet.test, in: dataSet, count: batchSize)
      inputs.merge(fed) { given, _ in given }
    }
    let parameters = try arrays.loadParameters(for: source, floats: .f64)
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    var options = GradientCheck.Options()
    options.directions = directions
    if case .some(let count) = entries { options.entries = count } else { options.entries = nil }
    var bar: ProgressBar?
    let check = try GradientCheck(
      source, loss: loss, withRespectTo: wrt?.names, inputs: inputs, parameters: parameters,
      seed: arrays.seed, options: options, compiler: compiler
    ) { done, total in
      if bar == nil { bar = ProgressBar("targets", total: total) }
      bar?.update(done)
    }
    bar?.finish()
    note(check)
    if json { try Console.json(check.report) } else { try Console.result(lines: check.table()) }
    let findings = check.findings
    if !findings.isEmpty { throw CheckFailure(diagnostics: findings) }
  }

  /// What was chosen for the person.
  private func note(_ check: GradientCheck) {
    if !check.chosenSizes.isEmpty {
      let sizes = check.chosenSizes.map { "\($0) = \(check.sizes[$0] ?? 0)" }
      Console.error(
        "note: \(sizes.joined(separator: ", ")); "
          + "another size: --dim \(check.chosenSizes[0])=8")
    }
    if !check.drawnInputs.isEmpty {
      let names = check.drawnInputs.joined(separator: ", ")
      Console.error(
        "note: random values with seed \(check.seed) for \(names); "
          + "other values: --inputs or --data")
    }
  }
}
