import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import VAE

struct Gradflow: AsyncParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Shows the gradient round a sampling node: its paths, its noise, its estimators.",
    discussion: """
      One reverse pass a term of the loss; the parts sum to the whole. Means and variances of the \
      estimators come from --draws, or exactly with --exact where the latent is small. Exits with \
      2 when a parameter has no path from the loss, a value is not finite (naming the node where \
      it was born), a standard deviation is not positive, or a gradient is not what difference \
      quotients say; an estimator with another mean is told, and no mistake. Of a run's directory \
      in FILE's place it shows what 'ayatori train --record-gradflow' noted.

      --html writes the graph with the gradient over it, and all numbers, as one page that needs \
      no network; it takes Graphviz.
      """)
  static let example = "ayatori gradflow Graphs/vae_pytorch.aya --data digits --dim D=64 --node z"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var feed: FeedOptions

  @Option(name: .long, help: "The sampling node; by default the only one.")
  var node: String?

  @Option(name: .long, help: "The scalar to differentiate; by default the output 'loss'.")
  var loss: String?

  @Option(name: .long, help: "Draws for means and variances.")
  var draws = 64

  @Flag(name: .long, help: "Expectations by quadrature or enumeration, in f64.")
  var exact = false

  @Option(name: .long, help: "Var_x mu from which a latent counts as active.")
  var activeAbove = 0.01

  @Option(
    name: .long,
    help: "Puts a NaN (or :inf, :-inf) at a node and @ELEMENT, to see it found: h1:nan@3.")
  var plant: PlantOption?

  @Option(
    name: .long, help: "Of a run's directory: draws the course as a picture (.png).",
    transform: filePath)
  var png: String?

  @Option(
    name: .long, help: "Writes a page to look at in a browser, instead of the report.",
    transform: filePath)
  var html: String?

  @Option(
    name: .long, help: "With --html: a run's directory, whose course the page's slider shows.",
    transform: filePath)
  var course: String?

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  /// What each draw leaves is kept until estimators are compared.
  private static let mostDraws = 1_000_000

  func validate() throws {
    if let png, !png.hasSuffix(".png") {
      throw ValidationError("--png takes a .png file, not '\(png)'")
    }
    if let html, !html.hasSuffix(".html") {
      throw ValidationError("--html takes a .html file, not '\(html)'")
    }
    if course != nil, html == nil { throw ValidationError("--course goes with --html") }
    if !(2...Self.mostDraws).contains(draws) {
      throw ValidationError("--draws takes 2 to \(Self.mostDraws), not \(draws)")
    }
    if !(activeAbove >= 0 && activeAbove.isFinite) {
      throw ValidationError("--active-above takes 0 or more")
    }
  }

  func run() async throws {
    try PassOptions.check(
      reading: [
        NamedFile("the graph", graph.file),
        NamedFile("the run", FlowCourse.path(in: graph.file)),
        course.map { NamedFile("--course", FlowCourse.path(in: $0)) },
      ] + feed.files,
      writing: [NamedFile("--png", png), NamedFile("--html", html)])
    if try isDirectory(graph.file) {
      if html != nil {
        throw ValidationError("--html is of a graph: give its file, and the directory to --course")
      }
      if exact || node != nil || loss != nil || plant != nil || !feed.areUnset {
        throw ValidationError(
          "a run's directory has been recorded: it takes --json and --png alone")
      }
      return try showCourse()
    }
    if png != nil { throw ValidationError("--png draws the course of a run: give its directory") }
    let source = try graph.load()
    let feeds = try feed.feeds(for: source)
    var options = GradientFlow.Options()
    options.node = node
    options.loss = loss
    options.draws = draws
    options.isExact = exact
    options.activeAbove = activeAbove
    options.plant = plant?.plant
    let flow = try GradientFlow(source, feeds: feeds, options: options)
    let report = flow.report
    if let html { try await write(flow, feeds, to: html) }
    if json {
      try Console.json(report)
    } else if html == nil {
      try Console.result(lines: report.text)
    }
    try fail(flow, source)
  }

  private func write(_ flow: GradientFlow, _ feeds: Feeds, to path: String) async throws {
    let records = try course.map { path throws(Diagnostic) in
      let course = try FlowCourse(readFrom: path)
      guard course.header.graph == flow.split.graph, course.header.node == flow.split.node else {
        throw Diagnostic(
          "course-mismatch", "the recorded gradient flow is of another graph or node",
          place: FlowCourse.path(in: path), expected: "'\(flow.split.node)' of \(flow.split.graph)",
          got: "'\(course.header.node)' of \(course.header.graph)")
      }
      let estimator = flow.site.estimator.name
      if course.header.estimator != estimator {
        Console.error(
          "note: the course was recorded under \(course.header.estimator), "
            + "the graph is shown under \(estimator)")
      }
      return course.records
    }
    let page = try FlowPage(flow, FlowField(flow, feeds: feeds), course: records)
    for note in page.drawing.notes { Console.error("note: \(note)") }
    let (svg, warnings) = try await Graphviz.layOut(page.drawing.text, as: "svg", for: path)
    Console.report(warnings)
    try AtomicFile.write(
      Array(page.html(svg: String(decoding: svg, as: UTF8.self)).utf8), to: path)
  }

  private func isDirectory(_ path: String) throws -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  /// What a training run noted.
  private func showCourse() throws {
    let course = try FlowCourse(readFrom: graph.file)
    if let png { try AtomicFile.write(course.picture.png(), to: png) }
    if json {
      try Console.json(course)
    } else {
      try Console.result(lines: course.text)
    }
  }

  /// Throws for all that the report finds wrong: parameters without a path, values not finite.
  private func fail(_ flow: GradientFlow, _ source: Graph) throws {
    var found = flow.split.unreached.map { name, reason in
      Diagnostic(
        "parameter-unreached",
        "no gradient of '\(flow.split.loss)' reaches the parameter '\(name)'",
        at: source.node(named: name)?.location, got: reason)
    }
    for birth in flow.births {
      let what = birth.gradientOf.map { "the gradient at '\($0)'" } ?? "'\(birth.node)'"
      found.append(
        Diagnostic(
          "not-finite",
          "\(birth.count) element\(birth.count == 1 ? "" : "s") of \(what) "
            + "\(birth.count == 1 ? "is" : "are") not finite",
          at: birth.location, expected: "finite values, as all that it reads",
          got:
            "\(numberText(birth.value)) at \(birth.index) of '\(birth.node)', which is "
            + birth.expression
        ))
    }
    found += flow.split.rows.compactMap { row in
      row.partsFault(of: flow.split.loss, at: source.value(named: row.name)?.location)
    }
    if let fault = flow.scaleFault { found.append(fault.diagnostic) }
    for target in flow.check?.targets ?? [] where target.verdict == .differs {
      // What is not finite is told of where it was born.
      if !flow.births.isEmpty, let worst = target.worst, !worst.symbolic.isFinite { continue }
      found.append(
        Diagnostic(
          "gradient-mismatch",
          "the gradient at '\(target.name)' is not that of '\(flow.split.loss)'",
          at: target.location,
          expected: target.worst.map { "\(numberText($0.numeric)), by differences" },
          got: target.worst.map { numberText($0.symbolic) }))
    }
    if !found.isEmpty { throw CheckFailure(diagnostics: found) }
  }
}

/// `h1`, `h1:inf`, `%12:nan@3`.
struct PlantOption: ExpressibleByArgument {
  let plant: Plant

  init?(argument: String) {
    var rest = argument[...]
    var element = 0
    if let at = rest.lastIndex(of: "@"), let number = Int(rest[rest.index(after: at)...]),
      number >= 0
    {
      element = number
      rest = rest[..<at]
    }
    var value = Double.nan
    if let colon = rest.lastIndex(of: ":"),
      let number = ["nan": Double.nan, "inf": .infinity, "-inf": -.infinity][
        String(rest[rest.index(after: colon)...])]
    {
      value = number
      rest = rest[..<colon]
    }
    if rest.isEmpty { return nil }
    plant = Plant(String(rest), value: value, element: element)
  }
}
