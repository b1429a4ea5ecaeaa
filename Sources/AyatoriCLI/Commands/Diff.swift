import ArgumentParser
import Ayatori
import Drawing
import Foundation
import GraphIR

struct Diff: AsyncParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Shows what tells two graphs apart: two files, or two stages of one.",
    discussion: """
      A graph is given as FILE or FILE@STAGE, with the stages source (the default), lowered, \
      gradient and optimized; the second may be just @STAGE, of the same file.

      Nodes belong together by name, then by what they compute, whatever their ids. A line begins \
      with − for a node that went, + for one that came, ~ for one that changed; what changed \
      stands below it. --dot and -o draw both graphs in one: what went has a dashed border, what \
      came a thick one.

      Exits with 0 whether the graphs differ or not; with --exit-code with 2 when they do.
      """)
  static let example = "ayatori diff Graphs/vae_pytorch.aya @lowered"

  @Argument(
    help: "The old graph: FILE or FILE@STAGE.", completion: .file(extensions: ["aya"]),
    transform: filePath)
  var old: String

  @Argument(
    help: "The new graph: FILE, FILE@STAGE or @STAGE.", completion: .file(extensions: ["aya"]),
    transform: filePath)
  var new: String

  @OptionGroup var overrides: OverrideOptions

  @Option(name: .long, help: "The scalar to differentiate; by default the output 'loss'.")
  var loss: String?

  @Option(
    name: .long, help: "Nodes to differentiate by, separated by commas; by default all parameters.")
  var wrt: NameList?

  @OptionGroup(title: "Passes") var passes: PassOptions

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  @Flag(name: .long, help: "Prints a drawing of both graphs in one as DOT.")
  var dot = false

  @OptionGroup(title: "Part of the drawing") var part: DrawingFlags

  @Option(
    name: .shortAndLong,
    help: "Writes the drawing: a picture as .svg, .png or .pdf, DOT under any other name.",
    transform: filePath)
  var output: String?

  @Flag(name: .long, help: "Exits with 2 when the graphs differ.")
  var exitCode = false

  func validate() throws {
    if json, dot || output != nil {
      throw ValidationError("--json goes with neither --dot nor -o")
    }
    if !part.areUnset, !dot, output == nil {
      throw ValidationError("flags of the drawing go with --dot or -o")
    }
  }

  func run() async throws {
    let first = try GraphReference(old, otherwise: nil)
    let second = try GraphReference(new, otherwise: first.file)
    try passes.check(
      reading: [NamedFile("the old graph", first.file), NamedFile("the new graph", second.file)],
      writing: [NamedFile("-o", output)])
    let before = try load(first)
    let after = try load(second)
    let diff = GraphDiff(from: before, to: after)
    if json {
      try Console.json(DiffReport(diff, first.title, second.title))
    } else if dot || output != nil {
      try await draw(diff, "\(first.title) → \(second.title)")
    } else {
      try Console.output(diff.text(oldTitle: first.title, newTitle: second.title))
    }
    if exitCode, !diff.isEmpty { throw ExitCode(2) }
  }

  private func load(_ reference: GraphReference) throws -> Graph {
    let source = try overrides.load(reference.file)
    let compiler = try passes.compiler()
    defer { passes.report(compiler) }
    return try compiler.stage(
      reference.stage, of: source, loss: loss, withRespectTo: wrt?.names)
  }

  private func draw(_ diff: GraphDiff, _ title: String) async throws {
    let union = diff.union()
    let sizes = union.graph.sizes()
    let annotations = DrawingAnnotations(
      union: union, constants: diff.new.constantValues(sizes: sizes), sizes: sizes,
      title: "\(title): \(diff.summary)")
    try await DrawingOutput.write(
      Drawing.draw(
        union.graph, style: .ayatori, annotations: annotations, options: part.options),
      to: output)
  }
}

/// A file with a stage: `vae.aya@lowered`.
private struct GraphReference {
  var file: String
  var stage = Stage.source

  /// How the diff calls it.
  var title: String { stage == .source ? file : "\(file)@\(stage.rawValue)" }

  /// `otherwise` is the file of a bare `@STAGE`. Throws for what is no stage; a file's name may
  /// hold an `@`.
  init(_ text: String, otherwise: String?) throws {
    file = text
    guard let at = text.lastIndex(of: "@") else { return }
    let name = String(text[text.index(after: at)...])
    guard let stage = Stage(rawValue: name) else {
      if FileManager.default.fileExists(atPath: text) { return }
      throw Diagnostic.unknownStage(name, text)
    }
    self.stage = stage
    file = String(text[..<at])
    if file.isEmpty {
      guard let otherwise else { throw Diagnostic.stageWithoutFile(text) }
      file = otherwise
    }
  }
}

extension Diagnostic {
  fileprivate static func unknownStage(_ name: String, _ text: String) -> Diagnostic {
    let stages = Stage.allCases.map(\.rawValue)
    return Diagnostic(
      "unknown-stage", "there is no stage '\(name)'", place: text,
      expected: "one of " + stages.joined(separator: ", "), got: "'\(name)'",
      fix: nearest(to: name, among: stages).map { "did you mean '\($0)'?" })
  }

  fileprivate static func stageWithoutFile(_ text: String) -> Diagnostic {
    Diagnostic(
      "stage-without-file", "the first graph needs a file", place: text,
      expected: "FILE\(text)", got: "'\(text)'")
  }
}

/// A diff as programs read it.
private struct DiffReport: Encodable {
  struct Aspect: Encodable {
    var name: String
    var old: String
    var new: String
  }

  struct Entry: Encodable {
    var kind: String
    var name: String
    /// In each graph, where the node is there.
    var oldID: String?
    var newID: String?
    var type: String
    var call: String
    var scope: [String]
    var aspects: [Aspect]
    var heir: String?
  }

  struct Declaration: Encodable {
    var kind: String
    var text: String
  }

  var old: String
  var new: String
  var equal: Bool
  var removed: Int
  var added: Int
  var changed: Int
  var same: Int
  var nodes: [Entry]
  var declarations: [Declaration]

  init(_ diff: GraphDiff, _ old: String, _ new: String) {
    self.old = old
    self.new = new
    equal = diff.isEmpty
    removed = diff.count(of: .removed)
    added = diff.count(of: .added)
    changed = diff.count(of: .changed)
    same = diff.sameCount
    nodes = diff.entries.map { entry in
      let (graph, id) = diff.shown(entry)
      return Entry(
        kind: entry.kind.rawValue, name: graph[id].label, oldID: entry.old?.description,
        newID: entry.new?.description, type: "\(graph[id].type)", call: graph.call(graph[id]),
        scope: graph[id].scope,
        aspects: entry.aspects.map { Aspect(name: $0.name, old: $0.old, new: $0.new) },
        heir: entry.heir.map { diff.new[$0].label })
    }
    declarations = diff.declarations.map { Declaration(kind: $0.kind.rawValue, text: $0.text) }
  }
}
