import Foundation
import GraphIR
import GraphOps
import Testing

/// Rules that every source file keeps.
@Suite("Sources")
struct SourceTests {
  @Test("The top level holds what DESIGN says, and nothing else")
  func topLevel() throws {
    let names = try House.topLevel()
    #expect(
      Set(names.filter { !$0.hasPrefix(".") }) == [
        "Package.swift", "Sources", "Tests", "Graphs", "Tools", "README.md", "LICENSE",
      ])
  }

  // MARK: Words

  private static var forbidden: Regex<(Substring, Substring?)> {
    /\b(TODO|FIXME)\b|\bfatalError\(|\btry!|\bas!|\.unsafeFlags/
  }

  @Test(
    "Nothing unfinished, nothing that traps or that needs unsafe flags",
    arguments: House.sources + House.files("Sources", ending: ".c")
      + House.files("Sources", ending: ".h") + ["Package.swift"])
  func words(_ path: String) throws {
    let found = try House.text(path).matches(of: Self.forbidden).map { String($0.output.0) }
    #expect(found == [])
  }

  @Test(
    "The words are seen",
    arguments: [
      "// TODO: later", "fatalError(\"no\")", "let x = try! f()", "x as! Int",
      ".unsafeFlags([\"-O\"])",
      "/* FIXME */",
    ])
  func wordsAreSeen(_ text: String) { #expect(text.firstMatch(of: Self.forbidden) != nil) }

  // MARK: Layout

  private static let swiftFiles = House.sources + House.files("Tests") + ["Package.swift"]
  /// Bytes of a data set, as text.
  private static let data: Set<String> = ["Sources/VAE/DataSets/DigitsBytes.swift"]

  static func longLines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
      $1.count > 100 ? "line \($0 + 1) has \($1.count) columns" : nil
    }
  }

  @Test("No line has more than 100 columns", arguments: swiftFiles)
  func columns(_ path: String) throws {
    guard !Self.data.contains(path) else { return }
    #expect(Self.longLines(try House.text(path)) == [])
  }

  @Test("No source file has more than 500 lines", arguments: House.sources)
  func lines(_ path: String) throws {
    guard !Self.data.contains(path) else { return }
    #expect(
      try House.text(path).split(separator: "\n", omittingEmptySubsequences: false).count <= 501)
  }

  @Test("The exceptions exist, and long lines are seen")
  func exceptions() {
    #expect(Self.data.isSubset(of: House.sources))
    let long = String(repeating: "x", count: 101)
    #expect(Self.longLines("a\n\(long)\n") == ["line 2 has 101 columns"])
    #expect(Self.longLines(String(repeating: "あ", count: 100)) == [])
  }

  // MARK: Ops by name

  /// Targets that know no op by name: they ask the definition.
  private static let namelessFiles = ["GraphIR", "Runtime", "Drawing", "Autodiff"].flatMap {
    House.files("Sources/\($0)")
  }

  /// Swift names of ops, `logSoftmax`, and names in text, `log_softmax`.
  private static let names: (swift: Set<String>, text: Set<String>) = {
    let text = Set(Dialect.standard.ops.map(\.name))
    let statics = House.files("Sources/GraphOps").flatMap { path -> [String] in
      let code = (try? House.text(path)) ?? ""
      return code.matches(of: /static let (\w+) =\s*(?:OpDefinition|comparison|logic)\(/).map {
        String($0.output.1)
      }
    }
    return (Set(statics), text)
  }()

  /// Ops that a text names: as `OpDefinition.x`, where an op is expected, or in quotes.
  static func opsNamed(_ text: String) -> [String] {
    let code = House.code(text)
    let uses = code.matches(
      of: /(?:OpDefinition|(?:make|apply)\(\s*|definition [!=]= |op [!=]= )\.(\w+)/)
    let quoted = code.matches(of: /"(\w+)"/)
    return uses.map { String($0.output.1) }.filter(names.swift.contains)
      + quoted.map { String($0.output.1) }.filter(names.text.contains)
  }

  /// Words that are an op's name too: distributions of initialisers, Graphviz's attributes.
  private static let homonyms: [String: Set<String>] = [
    "Sources/GraphIR/Text/InitializerForm.swift": ["normal", "mean"],
    "Sources/Drawing/Appearance.swift": ["normal"],
    "Sources/Drawing/AyatoriDrawing+Heading.swift": ["normal", "pad"],
    "Sources/Drawing/DrawingFlow.swift": ["normal"],
    "Sources/Drawing/Legend.swift": ["normal"],
    "Sources/Drawing/ReparameterizationDrawing.swift": ["normal", "pad"],
  ]

  @Test("No op is named outside ops, passes and models", arguments: namelessFiles)
  func nameless(_ path: String) throws {
    let named = Set(Self.opsNamed(try House.text(path)))
    // Equality: a homonym that is gone leaves the list.
    #expect(named == Self.homonyms[path] ?? [])
  }

  @Test(
    "Names of ops are seen",
    arguments: [
      "let op = OpDefinition.exp", "builder.make(.add, [a, b])", "builder.apply(\n  .matmul, [])",
      "if node.definition == .stopGradient {", "if name == \"log_softmax\" {",
    ])
  func namesAreSeen(_ text: String) { #expect(Self.opsNamed(text).count == 1) }

  @Test("Every op of the registry has a Swift name")
  func allNamed() { #expect(Self.names.swift.count == Dialect.standard.ops.count) }
}
