/// A text from anywhere as one line that a terminal cannot take for a command or for another line:
/// controls, line ends and marks that reorder text are escaped as `\\u{1b}`, and of a text of
/// megabytes the beginning is shown.
package func visibleText(_ text: String) -> String {
  // What is plain, nearly everything, is not copied scalar by scalar.
  if text.utf8.count <= longestShown, text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return text }
  var shown = ""
  var count = 0
  for scalar in text.unicodeScalars {
    if count == longestShown { return shown + "…" }
    if Identifier.isInvisible(scalar) {
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
