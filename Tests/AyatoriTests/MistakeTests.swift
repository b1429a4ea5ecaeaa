import Ayatori
import Foundation
import Testing

/// Golden files of what is said about graph files with one mistake each, read as `ayatori check`
/// reads them.
///
/// `Fixtures/mistakes/NAME.aya` holds the mistake, `NAME.expected` what is said. The first line of
/// a fixture, `// mended: TEXT`, is what the line that the diagnostic points at should have been:
/// with it in place the file must be without fault, which shows that there was one mistake and that
/// the place was the right one. With `AYATORI_BLESS=1` the expectations are rewritten and the run
/// fails.
@Suite("One mistake, one diagnostic") struct MistakeTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/mistakes")

  static let fixtures: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".aya") }.sorted()

  private static func read(_ text: String, as name: String) -> [Diagnostic] {
    let source = SourceFile(name: name, text: text)
    return parse(source, dialect: .standard).diagnostics
  }

  @Test func thereAreManyMistakes() {
    #expect(Self.fixtures.count >= 180, "\(Self.fixtures.count)")
  }

  @Test("Golden", arguments: fixtures) func golden(_ fixture: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: fixture), encoding: .utf8)
    let found = Self.read(text, as: fixture)
    let rendered = found.map { $0.rendered() + "\n" }.joined(separator: "\n")
    let place = Self.folder.appending(path: fixture.dropLast(4) + ".expected")
    let expected = try? String(contentsOf: place, encoding: .utf8)
    guard rendered != expected else { return }
    if ProcessInfo.processInfo.environment["AYATORI_BLESS"] == "1" {
      try rendered.write(to: place, atomically: true, encoding: .utf8)
      Issue.record("blessed \(place.lastPathComponent); run again without AYATORI_BLESS")
    } else {
      Issue.record("\(fixture): expected\n\(expected ?? "nothing")\ngot\n\(rendered)")
    }
  }

  @Test("The line at fault is named, with a caret and what to do", arguments: fixtures)
  func says(_ fixture: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: fixture), encoding: .utf8)
    let found = Self.read(text, as: fixture)
    try #require(found.count == 1, "\(found.map(\.id))")
    let diagnostic = found[0]
    let location = try #require(diagnostic.location)
    let rendered = diagnostic.rendered()
    #expect(rendered.hasPrefix("\(fixture):\(location.line):\(location.column): "))
    #expect(rendered.contains("^"))
    let advice = [diagnostic.expected, diagnostic.got, diagnostic.fix].compactMap(\.self)
    #expect(!advice.isEmpty || !diagnostic.notes.isEmpty, "\(rendered)")
    let shown = rendered.unicodeScalars.filter { scalar in
      scalar != "\n" && [.control, .format].contains(scalar.properties.generalCategory)
    }
    #expect(shown.isEmpty, "\(rendered.debugDescription)")
  }

  @Test("Mended in that line, the file is without fault", arguments: fixtures)
  func mended(_ fixture: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: fixture), encoding: .utf8)
    // Scalars, since a carriage return and a newline are one character.
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
    let mark = "// mended:"
    try #require(lines[0].hasPrefix(mark))
    let mended = String(lines[0].dropFirst(mark.count))
    let location = try #require(Self.read(text, as: fixture).first?.location)
    lines[location.line - 1] = mended
    let left = Self.read(lines.joined(separator: "\n"), as: fixture)
    #expect(left.isEmpty, "\(left.map { $0.rendered() }.joined(separator: "\n"))")
  }
}
