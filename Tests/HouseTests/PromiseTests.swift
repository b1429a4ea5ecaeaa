import Foundation
import Testing

/// Every promise of the manual names a test that is there.
@Suite struct PromiseTests {
  private static let page = "Sources/Ayatori/Documentation.docc/Promises.md"

  /// `Suite.test` in the page's text, with its line.
  private static func named(_ text: String) -> [(line: Int, suite: String, test: String)] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap {
      index, line in
      line.matches(of: /`([A-Z][A-Za-z0-9]*Tests)\.([A-Za-z0-9_]+)`/).map {
        (index + 1, String($0.output.1), String($0.output.2))
      }
    }
  }

  /// The functions of every suite of the tests.
  private static let tests: [String: Set<String>] = {
    var found: [String: Set<String>] = [:]
    for path in House.files("Tests") {
      guard let text = try? House.text(path) else { continue }
      let suites = text.matches(of: /struct ([A-Z][A-Za-z0-9]*Tests)\b/).map { String($0.output.1) }
      let functions = text.matches(of: /func ([A-Za-z0-9_]+)\(/).map { String($0.output.1) }
      for suite in suites { found[suite, default: []].formUnion(functions) }
    }
    return found
  }()

  @Test func everyTestIsThere() throws {
    let named = Self.named(try House.text(Self.page))
    #expect(named.count > 30)
    for (line, suite, test) in named {
      let isThere = Self.tests[suite]?.contains(test) ?? false
      #expect(isThere, "\(Self.page):\(line): there is no \(suite).\(test)")
    }
  }

  /// A row that promises names what would fail.
  @Test func everyRowNamesATest() throws {
    var header = ""
    for (index, line) in try House.text(Self.page).split(
      separator: "\n", omittingEmptySubsequences: false
    ).enumerated() {
      guard line.hasPrefix("|") else {
        header = ""
        continue
      }
      if header.isEmpty { header = String(line) }
      guard header.contains("| Test |"), line != header, !line.hasPrefix("|--") else { continue }
      let names = !Self.named(String(line)).isEmpty
      #expect(names, "\(Self.page):\(index + 1) names no test")
    }
  }
}
