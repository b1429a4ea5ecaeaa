import GraphIR
import Testing

/// The location of the first occurrence of `part` in a file of that text.
private func location(of part: String, in text: String) throws -> GraphIR.SourceLocation {
  let file = SourceFile(name: "a.aya", text: text)
  let needle = Array(part.utf8)
  let start = try #require(
    file.utf8.indices.first { file.utf8[$0...].starts(with: needle) }, "no '\(part)'")
  return GraphIR.SourceLocation(file: file, range: start..<(start + needle.count))
}

private func rendered(_ part: String, in text: String) throws -> [String] {
  Diagnostic("an-id", "wrong", at: try location(of: part, in: text)).rendered()
    .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
}

@Suite struct DiagnosticTests {
  @Test func everyPart() throws {
    let place = try location(of: "muu", in: "a = 1\nz = muu + 1\n")
    let other = GraphIR.SourceLocation(file: place.file, range: 0..<1)
    let diagnostic = Diagnostic(
      "unknown-name", "unknown name 'muu'", at: place, expected: "a name", got: "'muu'",
      notes: [.init("first here", at: other), .init("and so on")], fix: "did you mean 'mu'?")
    #expect(
      diagnostic.rendered() == """
        a.aya:2:5: error: unknown name 'muu' [unknown-name]
          2 | z = muu + 1
            |     ^~~
            = expected: a name
            = got: 'muu'
            = note: first here (a.aya:1:1)
            = note: and so on
            = fix: did you mean 'mu'?
        """)
    #expect(diagnostic.description == diagnostic.rendered())
  }

  @Test func withoutASourceText() {
    #expect(
      Diagnostic("bad", "no", severity: .warning, place: "in.npz: x").rendered()
        == "in.npz: x: warning: no [bad]")
    #expect(Diagnostic("bad", "no", got: "1").rendered() == "error: no [bad]\n   = got: 1")
  }

  /// Names of members, keys and paths come from files of anybody: they neither move the cursor nor
  /// pass for a line of ours.
  @Test func whatCannotBeSeenIsEscaped() {
    let hostile = "a\u{1B}[31m\u{0}\u{202E}b\nx.aya:1:1: error\u{2028}\u{9B}é"
    let shown = #"a\u{1b}[31m\u{0}\u{202e}b\nx.aya:1:1: error\u{2028}\u{9b}é"#
    let file = SourceFile(name: hostile, text: "z\n")
    let place = GraphIR.SourceLocation(file: file, range: 0..<1)
    let diagnostic = Diagnostic(
      "bad", hostile, at: place, expected: hostile, got: hostile,
      notes: [.init(hostile, at: place)], fix: hostile)
    #expect(
      diagnostic.rendered() == """
        \(shown):1:1: error: \(shown) [bad]
          1 | z
            | ^
            = expected: \(shown)
            = got: \(shown)
            = note: \(shown) (\(shown):1:1)
            = fix: \(shown)
        """)
    #expect(
      Diagnostic("bad", "no", place: hostile).rendered() == "\(shown): error: no [bad]")
    #expect(Diagnostic("bad", "日本語").rendered() == "error: 日本語 [bad]")
  }

  @Test func colourOnlyDecorates() throws {
    let error = Diagnostic("an-id", "wrong", at: try location(of: "b", in: "a b c"))
    let warning = Diagnostic("an-id", "wrong", severity: .warning)
    #expect(!error.rendered().contains("\u{1B}"))
    #expect(error.rendered(color: true).contains("\u{1B}[1;31merror:\u{1B}[0m"))
    #expect(warning.rendered(color: true).contains("\u{1B}[1;35mwarning:\u{1B}[0m"))
    let plain = error.rendered(color: true).replacing("\u{1B}[1;31m", with: "")
      .replacing("\u{1B}[0m", with: "")
    #expect(plain == error.rendered())
  }

  @Test func tabsTakeOneColumn() throws {
    let lines = try rendered("muu", in: "\t\tz =\tmuu")
    #expect(lines[0].hasPrefix("a.aya:1:7:"))
    #expect(lines[1] == "  1 |   z = muu")
    #expect(lines[2] == "    |       ^~~")
  }

  @Test func charactersNotBytesCount() throws {
    let lines = try rendered("müü", in: "é = \"日本\" + müü + ü")
    #expect(lines[0].hasPrefix("a.aya:1:12:"))
    #expect(lines[1] == "  1 | é = \"日本\" + müü + ü")
    #expect(lines[2] == "    |            ^~~")
  }

  @Test func controlCharactersAreShown() throws {
    let lines = try rendered("x", in: "\u{1B}[31m x")
    #expect(lines[1] == "  1 | \u{FFFD}[31m x")
    #expect(lines[2] == "    |       ^")
  }

  @Test func carriageReturnsAreNoPartOfALine() throws {
    let lines = try rendered("muu", in: "a = 1\r\nz = muu\r\nb = 2\r\n")
    #expect(lines == ["a.aya:2:5: error: wrong [an-id]", "  2 | z = muu", "    |     ^~~"])
  }

  @Test func aRangeOverLinesMarksTheFirst() throws {
    let lines = try rendered("add(\n  x,\n  y)", in: "z = add(\n  x,\n  y)\n")
    #expect(lines.count == 3)
    #expect(lines[1] == "  1 | z = add(")
    #expect(lines[2] == "    |     ^~~~")
  }

  @Test func emptyRangesAndTheEndOfTheText() {
    let file = SourceFile(name: "a.aya", text: "abc")
    for (range, caret) in [(1..<1, "    |  ^"), (3..<3, "    |    ^"), (0..<3, "    | ^~~")] {
      let lines = Diagnostic("i", "m", at: GraphIR.SourceLocation(file: file, range: range))
        .rendered()
        .split(separator: "\n")
      #expect(lines.last.map(String.init) == caret)
    }
    let empty = SourceFile(name: "e", text: "")
    #expect(
      Diagnostic("i", "m", at: GraphIR.SourceLocation(file: empty, range: 0..<0)).rendered()
        == "e:1:1: error: m [i]\n  1 | \n    | ^")
    // Ranges beyond the text are clamped, not trapped on.
    #expect(
      Diagnostic("i", "m", at: GraphIR.SourceLocation(file: file, range: 90..<95)).rendered()
        .hasPrefix(
          "a.aya:1:4:"))
  }

  @Test func lineNumbersWidenTheGutter() throws {
    let lines = try rendered("muu", in: String(repeating: "\n", count: 99) + "muu")
    #expect(lines[1] == "  100 | muu")
    #expect(lines[2] == "      | ^~~")
  }

  /// The character over the caret is the one that was pointed at, whatever stands before it and
  /// however long the line is; what is shown stays narrow.
  @Test(arguments: 0..<120) func theCaretStandsUnderItsCharacter(seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed))
    let alphabet: [Character] = ["a", "\t", "é", "日", "🧶", " ", "\u{7}", "ß"]
    func filler(_ most: Int) -> String {
      let count = Int.random(in: 0...most, using: &generator)
      return String((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
    }
    let most = [5, 100, 400, 20_000][seed % 4]
    let text = filler(20) + "\n" + filler(most) + "X" + filler(most) + "\r\n" + filler(20)
    let lines = try rendered("X", in: text)
    try #require(lines.count == 3, "seed \(seed)")
    let caret = try #require(lines[2].firstIndex(of: "^"))
    let column = lines[2].distance(from: lines[2].startIndex, to: caret)
    #expect(Array(lines[1])[column] == "X", "seed \(seed)")
    #expect(lines[1].count <= 6 + 162, "seed \(seed)")
    #expect(lines[2].hasSuffix("^"), "seed \(seed)")
  }

  @Test func longLinesAreCutOnBothSides() throws {
    let text = String(repeating: "a", count: 300) + "X" + String(repeating: "b", count: 300)
    let lines = try rendered("X", in: text)
    #expect(lines[1].hasPrefix("  1 | …a") && lines[1].hasSuffix("b…"))
    let start = try rendered("X", in: "X" + text.dropFirst(301))
    #expect(start[1].hasPrefix("  1 | Xb") && start[1].hasSuffix("b…"))
    #expect(start[2] == "    | ^")
    let wide = try rendered(String(repeating: "b", count: 300), in: text)
    #expect(wide[2].count <= 6 + 162)
  }

  @Test func positionsAgreeWithAWalk() {
    let text = "ab\n\ncdé\r\nf"
    let file = SourceFile(name: "a", text: text)
    var (line, start) = (1, 0)
    for (offset, byte) in file.utf8.enumerated() {
      if byte & 0xC0 != 0x80 {
        let column = String(decoding: file.utf8[start..<offset], as: UTF8.self).count + 1
        #expect(file.position(at: offset) == (line, column), "byte \(offset)")
      }
      if byte == 0x0A { (line, start) = (line + 1, offset + 1) }
    }
    #expect((0...5).map { file.line($0) } == ["", "ab", "", "cdé", "f", ""])
  }

  @Test func severalTogether() {
    let both = Diagnostics([Diagnostic("a", "one", severity: .warning), Diagnostic("b", "two")])
    #expect(both.hasErrors)
    #expect(both.description == "warning: one [a]\nerror: two [b]")
    #expect(!Diagnostics([Diagnostic("a", "one", severity: .warning)]).hasErrors)
  }
}
