import Foundation
import GraphIR
import Testing

/// Golden files: `Fixtures/diagnostics/NAME.aya` holds one mistake, `NAME.expected` what is said.
///
/// A first line `// --dim N=3 --const k=0.5` sets overrides. With `AYATORI_BLESS=1` the
/// expectations are rewritten and the run fails, so that CI cannot bless itself.
@Suite("What is said about mistakes in a text")
struct TextDiagnosticsTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/diagnostics")

  static let fixtures: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".aya") }.sorted()

  /// What no small file can show; `TextHostileTests` and the test below do.
  static let coveredElsewhere: Set<TextDiagnosticID> = [
    .nestingTooDeep, .scopeTooDeep, .textTooLarge, .tooManyErrors,
  ]

  private static func overrides(_ text: String) -> Overrides {
    var overrides = Overrides()
    guard let line = text.split(separator: "\n").first, line.hasPrefix("// --") else {
      return overrides
    }
    let words = line.split(separator: " ").dropFirst()
    for (flag, setting) in zip(words, words.dropFirst()) {
      let parts = setting.split(separator: "=").map(String.init)
      guard parts.count == 2 else { continue }
      if flag == "--dim" { overrides.dims[parts[0]] = Int(parts[1]) }
      if flag == "--const" {
        overrides.consts[parts[0]] =
          Int64(parts[1]).map(Scalar.int) ?? Double(parts[1]).map(Scalar.float)
          ?? .bool(parts[1] == "true")
      }
    }
    return overrides
  }

  private static func read(_ fixture: String) throws -> ParseResult {
    let text = try String(contentsOf: folder.appending(path: fixture), encoding: .utf8)
    return parse(
      SourceFile(name: fixture, text: text), dialect: testDialect, overrides: overrides(text))
  }

  @Test("Golden", arguments: fixtures)
  func golden(_ fixture: String) throws {
    let result = try Self.read(fixture)
    let rendered = result.diagnostics.map { $0.rendered() + "\n" }.joined(separator: "\n")
    let place = Self.folder.appending(path: fixture.dropLast(4) + ".expected")
    let expected = try? String(contentsOf: place, encoding: .utf8)
    #expect(!result.diagnostics.isEmpty)
    guard rendered != expected else { return }
    if ProcessInfo.processInfo.environment["AYATORI_BLESS"] == "1" {
      try rendered.write(to: place, atomically: true, encoding: .utf8)
      Issue.record("blessed \(place.lastPathComponent); run again without AYATORI_BLESS")
    } else {
      Issue.record("\(fixture): expected\n\(expected ?? "nothing")\ngot\n\(rendered)")
    }
  }

  @Test("Every diagnostic of the language is shown by a fixture")
  func coverage() throws {
    var seen: Set<String> = []
    for fixture in Self.fixtures {
      for diagnostic in try Self.read(fixture).diagnostics { seen.insert(diagnostic.id) }
    }
    let missing = TextDiagnosticID.allCases.filter {
      !seen.contains($0.rawValue) && !Self.coveredElsewhere.contains($0)
    }
    #expect(missing.map(\.rawValue) == [])
    let known = Set(TextDiagnosticID.allCases.map(\.rawValue))
    #expect(seen.subtracting(known) == [])
  }
}
