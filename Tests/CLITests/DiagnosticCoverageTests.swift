import Foundation
import Testing

/// Every message that a person can see has a test that mentions its id.
@Suite struct DiagnosticCoverageTests {
  /// Swift files, and what else is a text, by name.
  private static func texts(under folder: String) throws -> [(name: String, text: String)] {
    let root = URL(filePath: Tool.root + folder)
    let walker = try #require(
      FileManager.default.enumerator(at: root, includingPropertiesForKeys: []))
    let kinds: Set = ["swift", "aya", "txt", "md", "expected", "diagnostics"]
    var texts: [(name: String, text: String)] = []
    for case let url as URL in walker where kinds.contains(url.pathExtension) {
      guard let data = try? Data(contentsOf: url) else { continue }
      texts.append((url.lastPathComponent, String(decoding: data, as: UTF8.self)))
    }
    return texts
  }

  /// The ids in a source text: the first string after `Diagnostic(`.
  static func ids(in text: String) -> Set<String> {
    Set(text.matches(of: /Diagnostic\(\s*"([a-z0-9]+(?:-[a-z0-9]+)*)"/).map { String($0.output.1) })
  }

  /// Ids that are the raw values of cases, with the names of the cases.
  static func rawValues(in text: String) -> [String: String] {
    let found = text.matches(of: /case (\w+) = "([a-z0-9]+(?:-[a-z0-9]+)+)"/)
    return Dictionary(
      found.map { (String($0.output.2), String($0.output.1)) }, uniquingKeysWith: { old, _ in old })
  }

  @Test func everyIdIsMentionedInATest() throws {
    var owners: [String: Set<String>] = [:]
    var names: [String: String] = [:]
    for (file, text) in try Self.texts(under: "Sources") {
      // Where ids are the cases of an enumeration, its raw values are.
      let cases = file.hasSuffix("+Diagnostics.swift") ? Self.rawValues(in: text) : [:]
      names.merge(cases) { old, _ in old }
      for id in Self.ids(in: text).union(cases.keys) { owners[id, default: []].insert(file) }
    }
    #expect(owners.count > 120, "\(owners.count) ids: the search is broken")
    let own = URL(filePath: #filePath).lastPathComponent
    var mentioned: Set<String> = []
    let tests = try Self.texts(under: "Tests").filter { $0.name != own }
    for (_, text) in tests {
      // Words of letters, digits and hyphens.
      for word in text.utf8.split(whereSeparator: { byte in
        !(97...122 ~= byte || 48...57 ~= byte || byte == 45)
      }) where word.contains(45) {
        mentioned.insert(String(Substring(word)))
      }
    }
    for (id, files) in owners.sorted(by: { $0.key < $1.key }) where !mentioned.contains(id) {
      if let name = names[id], tests.contains(where: { $0.text.contains(".\(name)") }) { continue }
      Issue.record("no test mentions [\(id)] of \(files.sorted().joined(separator: ", "))")
    }
  }

  @Test func theSearchFindsIds() {
    let text = """
      throw Diagnostic(
            "bad-size", "…")
      Diagnostic("not-fed", "x"); Diagnostic(id, "y"); Diagnostic.batchSize(1)
      """
    #expect(Self.ids(in: text) == ["bad-size", "not-fed"])
    #expect(Self.rawValues(in: "case noGraph = \"no-graph\"\ncase b") == ["no-graph": "noGraph"])
  }
}
