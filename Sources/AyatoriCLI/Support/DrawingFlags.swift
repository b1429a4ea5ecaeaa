import ArgumentParser
import Ayatori
import Drawing
import GraphIR

/// Which part of a graph is drawn, and in how much detail.
struct DrawingFlags: ParsableArguments {
  @Option(
    name: .long,
    help: "Draws only what is near a node, by name or as %12. Repeatable.")
  var around: [String] = []

  @Option(
    name: .long, parsing: .unconditional, help: "With --around: how many edges away; by default 2.")
  var radius: Int?

  @Option(name: .long, help: "With --to: draws only what is on a path from this node.")
  var from: String?

  @Option(name: .long, help: "With --from: where the paths end.")
  var to: String?

  @Option(
    name: .long,
    help: "Draws a scope as one box: a path a/b, or a name. Repeatable.")
  var collapse: [String] = []

  @Flag(
    name: .long,
    help: ArgumentHelp(
      "Draws every box, however many there are. "
        + "Otherwise scopes collapse until there are at most \(DrawingOptions.readableBoxes)."))
  var noCollapse = false

  func validate() throws {
    if let radius, radius < 0 { throw ValidationError("--radius takes 0 or more, not \(radius)") }
    if radius != nil, around.isEmpty { throw ValidationError("--radius goes with --around") }
    if (from == nil) != (to == nil) { throw ValidationError("--from and --to go together") }
    if from != nil, !around.isEmpty {
      throw ValidationError("--around and --from exclude each other")
    }
    if noCollapse, !collapse.isEmpty {
      throw ValidationError("--collapse and --no-collapse exclude each other")
    }
  }

  /// Whether no flag was given.
  var areUnset: Bool { around.isEmpty && from == nil && collapse.isEmpty && !noCollapse }

  var options: DrawingOptions {
    var options = DrawingOptions(
      collapsed: collapse, mostBoxes: noCollapse ? nil : DrawingOptions.readableBoxes)
    if !around.isEmpty { options.selection = .around(around, radius: radius ?? 2) }
    if let from, let to { options.selection = .paths(from: from, to: to) }
    return options
  }
}

/// Where a drawing goes.
enum DrawingOutput {
  /// Writes DOT to stdout, or to a file, or the picture that the file's extension asks for; what
  /// the drawing leaves out is said on stderr.
  static func write(_ drawing: DrawnGraph, to path: String?) async throws {
    for note in drawing.notes { Console.error("note: \(note)") }
    guard let path else { return try Console.output(drawing.text) }
    // A picture that Graphviz is not asked for is a mistake; any other name takes the text.
    if Graphviz.isPicture(path) {
      Console.report(try await Graphviz.render(drawing.text, to: path))
    } else {
      try AtomicFile.write(Array(drawing.text.utf8), to: path)
    }
  }
}
