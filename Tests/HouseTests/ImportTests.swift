import Foundation
import Testing

/// SwiftPM lets undeclared transitive imports through; the table of DESIGN's "The house" does not.
@Suite("Imports")
struct ImportTests {
  /// What each target may import, besides the system's modules.
  static let table: [String: Set<String>] = [
    "COpenBLAS": [], "CZlib": [], "CCairo": [], "CKernels": [], "GraphIR": [],
    "GraphOps": ["GraphIR", "CKernels", "COpenBLAS"],
    "Autodiff": ["GraphIR", "GraphOps"],
    "Passes": ["GraphIR", "GraphOps"],
    "Runtime": ["GraphIR", "GraphOps"],
    "Drawing": ["GraphIR", "CCairo"],
    "Ayatori": ["GraphIR", "GraphOps", "Autodiff", "Passes", "Runtime", "Drawing", "CZlib"],
    "VAE": ["Ayatori", "GraphIR", "GraphOps", "Autodiff", "Passes", "Runtime", "Drawing"],
    "AyatoriCLI": [
      "Ayatori", "VAE", "Drawing", "GraphIR", "GraphOps", "Passes", "Runtime", "ArgumentParser",
      "Subprocess", "System", "SystemPackage",
    ],
  ]

  /// Modules of the toolchain and the C library; the graph itself needs none.
  static let system: Set<String> = ["Foundation", "Glibc", "Dispatch", "Synchronization"]

  /// The modules that a text imports, whatever stands before and after the keyword.
  static func imports(_ text: String) throws -> [String] {
    let line =
      #/
      ^\s*(?:@\w+(?:\([^)]*\))?\s+)*
      (?:(?:public|package|internal|fileprivate|private)\s+)?
      import\s+
      (?:(?:struct|class|enum|protocol|func|var|let|typealias|actor|macro)\s+)?
      (\w+)
      /#.anchorsMatchLineEndings()
    return House.code(text).matches(of: line).map { String($0.output.1) }
  }

  static func forbidden(_ target: String, _ text: String) throws -> [String] {
    let allowed = (table[target] ?? []).union(target == "GraphIR" ? [] : system)
    return try imports(text).filter { !allowed.contains($0) }
  }

  @Test("Each file imports what its target may", arguments: House.sources)
  func imports(of path: String) throws {
    let target = String(path.split(separator: "/")[1])
    #expect(Self.table[target] != nil, "the target '\(target)' is not in the table")
    #expect(try Self.forbidden(target, try House.text(path)) == [])
  }

  @Test("The sources are found, one folder a target")
  func folders() throws {
    #expect(House.sources.count > 100)
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: House.root.appending(path: "Sources").path)
    #expect(folders.sorted() == Self.table.keys.sorted())
  }

  @Test(
    "Every spelling of an import is seen",
    arguments: [
      "import Runtime", "public import Runtime", "@_exported public import Runtime",
      "package import Runtime", "  @testable import Runtime", "import struct Runtime.Program",
      "@_spi(Inner) import Runtime", "import GraphIR\nimport Runtime",
      "#if os(Linux)\n  import Runtime\n#endif",
    ])
  func spellings(_ text: String) throws {
    #expect(try Self.forbidden("Drawing", text) == ["Runtime"])
  }

  @Test("Comments and names are no imports")
  func innocent() throws {
    #expect(try Self.imports("// import Runtime\n/* import Runtime */\nlet important = 1") == [])
    #expect(try Self.forbidden("GraphIR", "import Foundation") == ["Foundation"])
  }
}
