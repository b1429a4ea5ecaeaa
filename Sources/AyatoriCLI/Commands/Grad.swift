import ArgumentParser
import Ayatori
import Drawing
import GraphIR

struct Grad: AsyncParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Prints derivatives as mathematics: simplified, way by way.",
    discussion: """
      A derivative is written in terms of the nodes that the graph names, and of the derivatives \
      by them; a list says what these are, as many levels deep as --depth says. --latex prints \
      the same as LaTeX. --graph prints the part of the gradient graph that it takes, as text \
      that parses, or draws it with -o out.svg. --local z prints the derivatives of one node by \
      its own operands.
      """)
  static let example = "ayatori grad Graphs/vae_chainer.aya --wrt z_mu,z_ln_var"

  @OptionGroup var graph: GraphOptions

  @Option(name: .long, help: "The scalar to differentiate; by default the output 'loss'.")
  var of: String?

  @Option(
    name: .long,
    help:
      "Nodes to differentiate by, separated by commas; a name with a comma in quotes. Repeatable."
  )
  var wrt: [NameList] = []

  @Option(name: .long, help: "Prints the derivatives of this node by its operands.")
  var local: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "How many levels of derivatives are explained; by default 1.")
  var depth: Int?

  @Flag(name: .long, help: "Explains every derivative, back to the loss.")
  var expand = false

  @Flag(name: .long, help: "Prints LaTeX.")
  var latex = false

  @Flag(name: .customLong("graph"), help: "Prints or draws the part of the graph that it takes.")
  var printsGraph = false

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  @OptionGroup(title: "Passes") var passes: PassOptions

  @Option(
    name: .shortAndLong,
    help: "Where to write; with --graph also a picture as .svg, .png or .pdf, or DOT as .dot.",
    transform: filePath)
  var output: String?

  func validate() throws {
    if wrt.isEmpty, local == nil { throw ValidationError("--wrt or --local says what to print") }
    if let depth, depth < 0 { throw ValidationError("--depth takes 0 or more, not \(depth)") }
    if depth != nil, expand { throw ValidationError("--depth and --expand exclude each other") }
    if [latex, printsGraph, json].count(where: { $0 }) > 1 {
      throw ValidationError("--latex, --graph and --json exclude each other")
    }
    if wrt.isEmpty, of != nil || depth != nil || expand || printsGraph {
      throw ValidationError("--of, --depth, --expand and --graph go with --wrt")
    }
    if printsGraph, local != nil { throw ValidationError("--graph and --local exclude each other") }
    if json, output != nil { throw ValidationError("--json goes to stdout") }
    if let output, !printsGraph, Graphviz.isPicture(output) || output.hasSuffix(".dot") {
      throw ValidationError("a drawing takes --graph")
    }
  }

  func run() async throws {
    try passes.check(
      reading: [NamedFile("the graph", graph.file)], writing: [NamedFile("-o", output)])
    let source = try graph.load()
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    let local = try local.map { try LocalDerivatives(of: $0, in: source, compiler: compiler) }
    let targets = wrt.flatMap(\.names)
    let formulas =
      targets.isEmpty
      ? nil
      : try GradientFormulas(
        of: source, loss: of, withRespectTo: targets, depth: expand ? nil : depth ?? 1,
        compiler: compiler)
    if json { return try Console.json(FormulaReport(formulas, local: local)) }
    if printsGraph, let formulas { return try await write(formulas.subgraph) }
    let texts =
      latex
      ? [formulas?.latex, local?.latex].compactMap { $0 }
      : [formulas?.text, local?.text].compactMap { $0 }
    try write(texts.joined(separator: "\n"))
  }

  private func write(_ text: String) throws {
    guard let output else { return try Console.output(visibleLines(text)) }
    try AtomicFile.write(Array(text.utf8), to: output)
  }

  /// As text, or drawn where the file's name asks for it.
  private func write(_ part: Graph) async throws {
    guard let output, Graphviz.isPicture(output) || output.hasSuffix(".dot") else {
      return try write(part.text())
    }
    let sizes = part.sizes()
    let drawing = try draw(
      part, style: .ayatori,
      annotations: DrawingAnnotations(
        constants: part.constantValues(sizes: sizes), sizes: sizes, title: nil),
      options: DrawingOptions())
    try await DrawingOutput.write(drawing, to: output)
  }
}
