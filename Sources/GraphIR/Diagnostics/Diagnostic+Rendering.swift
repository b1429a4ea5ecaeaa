extension Diagnostic {
  /// The diagnostic as a person reads it: place, message, source line, caret, expected, got, notes.
  ///
  ///     vae.aya:12:10: error: unknown name 'muu' [unknown-name]
  ///       12 |   z = muu + 1
  ///          |       ^~~
  ///          = fix: did you mean 'mu'?
  ///
  /// Names of files and what stands in them come from anywhere: what could move a terminal's
  /// cursor, turn the direction of text or pass for another line is escaped.
  public func rendered(color: Bool = false) -> String {
    var out = ""
    let head = severity == .error ? "\u{1B}[1;31m" : "\u{1B}[1;35m"
    let reset = "\u{1B}[0m"
    if let location {
      out += "\(visibleText(location.file.name)):\(location.line):\(location.column): "
    } else if let place {
      out += "\(visibleText(place)): "
    }
    out += color ? "\(head)\(severity.rawValue):\(reset) " : "\(severity.rawValue): "
    out += "\(visibleText(message)) [\(id)]"
    let gutter = location.map { String($0.line).count } ?? 0
    if let location { out += "\n" + Diagnostic.snippet(location, gutter: gutter) }
    let margin = "\n" + String(repeating: " ", count: gutter + 3) + "= "
    if let expected { out += margin + "expected: " + visibleText(expected) }
    if let got { out += margin + "got: " + visibleText(got) }
    for note in notes {
      out += margin + "note: " + visibleText(note.message)
      if let place = note.location {
        out += " (\(visibleText(place.file.name)):\(place.line):\(place.column))"
      }
    }
    if let fix { out += margin + "fix: " + visibleText(fix) }
    return out
  }

  /// The widest part of a source line that is shown; longer lines are cut round the caret.
  private static let widestSnippet = 160

  /// Bytes on either side of the caret that are looked at, so that a line of megabytes costs
  /// no more than a short one.
  private static let snippetReach = 4_096

  private static func snippet(_ location: SourceLocation, gutter: Int) -> String {
    let file = location.file
    let number = location.line
    let line = file.lineRange(number)
    let start = min(max(location.range.lowerBound, line.lowerBound), line.upperBound)
    let stop = min(max(location.range.upperBound, start), line.upperBound)
    func isContinuation(_ index: Int) -> Bool { file.utf8[index] & 0xC0 == 0x80 }
    var lower = max(line.lowerBound, start - snippetReach)
    while lower > line.lowerBound, isContinuation(lower) { lower -= 1 }
    var upper = min(line.upperBound, start + snippetReach)
    while upper < line.upperBound, isContinuation(upper) { upper += 1 }

    // Tabs and control characters would move the caret; show each as one blank or mark.
    let text = String(decoding: file.utf8[lower..<upper], as: UTF8.self)
    var characters = text.map { character -> Character in
      if character == "\t" { return " " }
      guard let scalar = character.unicodeScalars.first else { return character }
      return Identifier.isInvisible(scalar) ? "\u{FFFD}" : character
    }
    var caret = min(file.characterCount(lower..<start), characters.count)
    let length = max(1, file.characterCount(start..<max(start, min(stop, upper))))
    var isCutBefore = lower > line.lowerBound
    var isCutAfter = upper < line.upperBound
    if characters.count > widestSnippet {
      let start = max(0, min(caret - widestSnippet / 2, characters.count - widestSnippet))
      let end = min(characters.count, start + widestSnippet)
      isCutBefore = isCutBefore || start > 0
      isCutAfter = isCutAfter || end < characters.count
      characters = Array(characters[start..<end])
      caret -= start
    }
    let shown = min(length, max(1, characters.count - caret))
    let blank = String(repeating: " ", count: gutter)
    if isCutBefore { caret += 1 }
    let source = (isCutBefore ? "…" : "") + String(characters) + (isCutAfter ? "…" : "")
    return "  \(number) | " + source + "\n  \(blank) | "
      + String(repeating: " ", count: caret) + "^" + String(repeating: "~", count: shown - 1)
  }
}
