/// Collects what is wrong with one text. The words are in `Text+Diagnostics+*.swift`.
final class Reporter {
  let source: SourceFile
  private(set) var found: [Diagnostic] = []
  /// Set when a comment swallows the rest of the text: what is missing after it is no news.
  var hasUnterminatedComment = false
  private var errorCount = 0
  private var suggestionsLeft = TextLimits.suggestionBudget

  init(_ source: SourceFile) { self.source = source }

  /// Whether so much is wrong that more messages help nobody.
  var isFull: Bool { errorCount >= TextLimits.diagnostics }

  func add(_ diagnostic: Diagnostic) {
    if isFull { return }
    let warningCount = found.count - errorCount
    if diagnostic.severity == .error {
      errorCount += 1
    } else if warningCount >= TextLimits.diagnostics {
      // Warnings stop nothing: the text is read to its end without more of them.
      if warningCount == TextLimits.diagnostics { found.append(tooMany(.warning)) }
      return
    }
    found.append(diagnostic)
    if isFull { found.append(tooMany(.error)) }
  }

  func location(_ range: Range<Int>) -> SourceLocation {
    SourceLocation(file: source, range: range)
  }

  /// In the order of the text; what has no place in it comes last.
  func sorted() -> [Diagnostic] {
    func start(_ diagnostic: Diagnostic) -> Int {
      diagnostic.location?.range.lowerBound ?? Int.max
    }
    return found.enumerated().sorted {
      (start($0.element), $0.offset) < (start($1.element), $1.offset)
    }.map(\.element)
  }

  /// "did you mean 'mu'?", as long as the budget for looking lasts.
  func suggestion(for name: String, among candidates: some Sequence<String>) -> String? {
    var taken: [String] = []
    for candidate in candidates {
      guard suggestionsLeft > 0 else { break }
      suggestionsLeft -= 1
      taken.append(candidate)
    }
    guard name.utf8.count <= 256 else { return nil }
    return nearest(to: name, among: taken).map { "did you mean \(quote($0))?" }
  }

  /// A name or piece of text for a message: visible characters only, and not too many.
  func quote(_ text: String) -> String {
    var shown = ""
    var count = 0
    for scalar in text.unicodeScalars {
      if count == TextLimits.shownName {
        shown += "…"
        break
      }
      if Identifier.isInvisible(scalar) {
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        shown.unicodeScalars.append(scalar)
      }
      count += 1
    }
    return "'\(shown)'"
  }
}
