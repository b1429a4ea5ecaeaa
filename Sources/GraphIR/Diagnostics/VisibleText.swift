/// A text from anywhere as one line that a terminal cannot take for a command or for another line:
/// controls, line ends and marks that reorder text are escaped as `\\u{1b}`, and of a text of
/// megabytes the beginning is shown.
package func visibleText(_ text: String) -> String { escaped(text, limit: longestShown) }

/// The same without a limit: one line of a result, with names from anywhere in it.
package func visibleLine(_ text: String) -> String { escaped(text, limit: .max) }

/// A text of several lines for a terminal: line ends stay, all else is escaped as in `visibleText`.
package func visibleLines(_ text: String) -> String {
  escaped(text, limit: .max, keepsLineEnds: true)
}

private func escaped(_ text: String, limit: Int, keepsLineEnds: Bool = false) -> String {
  // What is plain, nearly everything, is not copied scalar by scalar.
  if text.utf8.count <= limit,
    text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 || (keepsLineEnds && $0 == 0x0A) })
  {
    return text
  }
  var shown = ""
  var count = 0
  for scalar in text.unicodeScalars {
    if count == limit { return shown + "…" }
    if Identifier.isInvisible(scalar), !(keepsLineEnds && scalar == "\n") {
      shown += scalar == "\n" ? "\\n" : "\\u{\(String(scalar.value, radix: 16))}"
    } else {
      shown.unicodeScalars.append(scalar)
    }
    count += 1
  }
  return shown
}

/// Characters of one part of a message.
private let longestShown = 2000
