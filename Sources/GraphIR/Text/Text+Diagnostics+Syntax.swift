// What can be wrong with characters and statements.

extension Reporter {
  // MARK: Characters

  func unexpectedCharacter(_ scalar: Unicode.Scalar, _ range: Range<Int>) {
    let shown =
      Identifier.isInvisible(scalar) || scalar == "\u{FFFD}"
      ? "the character U+" + String(scalar.value, radix: 16, uppercase: true)
      : quote(String(Character(scalar)))
    error(
      .unexpectedCharacter, "\(shown) begins nothing in this language", at: range,
      expected: Self.meant[scalar] == nil
        ? "a name, a number, an operator or a bracket; others stand in quoted names" : nil,
      fix: Self.meant[scalar])
  }

  /// What people type who come from other languages or through an input method.
  private static let meant: [Unicode.Scalar: String] = [
    ";": "statements need no separator",
    "'": "names with blanks stand in double quotes: \"latent loss\"",
    "“": "use plain double quotes: \"latent loss\"",
    "”": "use plain double quotes: \"latent loss\"",
    "#": "comments begin with //",
    "^": "powers are written x ** 2",
    ".": "a fraction begins with a digit: 0.5",
    "!": "only '!=' begins with '!'",
    "\u{FFFD}": "the file was saved in another encoding than it was written in; save it as UTF-8",
    "（": "write '('", "）": "write ')'", "，": "write ','", "、": "write ','", "：": "write ':'",
    "＝": "write '='", "｛": "write '{'", "｝": "write '}'", "～": "write '~'", "−": "write '-'",
    "×": "write '*'", "·": "write '*'", "÷": "write '/'", "≤": "write '<='", "≥": "write '>='",
    "≠": "write '!='",
  ]

  /// Controls that reorder what stands beside them on the screen: N. Boucher and R. Anderson,
  /// "Trojan Source: Invisible Vulnerabilities", 2021.
  func bidirectionalControl(_ scalar: Unicode.Scalar, _ range: Range<Int>) {
    let code = String(scalar.value, radix: 16)
    let name = scalar.properties.name.map { ", \($0)," } ?? ""
    error(
      .bidirectionalControl,
      "U+\(code.uppercased())\(name) shows this line in another order than it is read", at: range,
      expected: "text that reads as it looks",
      fix: "take it out; within a quoted name it is written \\u{\(code)}")
  }

  func malformedNumber(_ range: Range<Int>, isLong: Bool) {
    error(
      .malformedNumber,
      isLong ? "this number is too long" : "\(quote(source.text(range))) is no number", at: range,
      expected: isLong
        ? "at most \(TextLimits.numberLength) characters" : "a number such as 12, 0.5 or 1e-8")
  }

  func numberOutOfRange(_ range: Range<Int>, _ text: String, isInteger: Bool) {
    error(
      .numberOutOfRange,
      isInteger
        ? "\(quote(text)) does not fit in a 64-bit integer"
        : "\(quote(text)) does not fit in a 64-bit float", at: range,
      expected: isInteger
        ? "-9223372036854775808 to 9223372036854775807" : "at most about 1.8e308",
      fix: isInteger ? "a number with a dot or an exponent is a float" : "infinity is written inf")
  }

  func unterminatedName(_ range: Range<Int>) {
    error(
      .unterminatedName, "this name has no closing quote", at: range,
      fix: "a quoted name ends on its line; a line break in it is written \\n")
  }

  func unterminatedComment(_ range: Range<Int>) {
    hasUnterminatedComment = true
    error(
      .unterminatedComment, "this comment never ends", at: range,
      fix: "close it with */; comments may hold comments, each needs its own")
  }

  func invalidEscape(_ range: Range<Int>) {
    error(
      .invalidEscape, "\(quote(source.text(range))) is no escape", at: range,
      expected: #"one of \" \\ \n \u{1F600}"#)
  }

  func emptyName(_ range: Range<Int>) {
    error(
      .emptyName, "a name needs at least one character", at: range,
      expected: "a character between the quotes", got: "none")
  }

  // MARK: Statements

  func noGraph(_ range: Range<Int>, got: String) {
    error(
      .noGraph, "a file holds one graph", at: range, expected: "'graph NAME { … }'", got: got)
  }

  func textAfterGraph(_ range: Range<Int>, isGraph: Bool) {
    error(
      .textAfterGraph, isGraph ? "a file holds one graph only" : "there is text after the graph",
      at: range, expected: "the end of the file",
      fix: isGraph ? "put it in a file of its own" : "is there a '}' too many before it?")
  }

  func unexpected(
    _ got: String, expected: String, at range: Range<Int>, fix: String?, opened: Range<Int>?
  ) {
    error(
      .syntax, "\(got) cannot stand here", at: range, expected: expected, got: got,
      notes: opened.map { [note("the bracket is opened here", $0)] } ?? [], fix: fix)
  }

  func lineEnds(at range: Range<Int>, expected: String, opened: Range<Int>?) {
    error(
      .syntax, "something is missing at the end of the line", at: range, expected: expected,
      got: "the next line",
      notes: opened.map { [note("the bracket is opened here", $0)] } ?? [])
  }

  func unclosedBrace(at range: Range<Int>, opened: Range<Int>) {
    error(
      .unclosedBrace, "the file ends inside a block", at: range, expected: "'}'",
      notes: [note("the block is opened here", opened)])
  }

  /// What may have been meant by a token where a statement should begin or go on.
  func statementHint(_ token: String) -> String? {
    switch token {
    case "@": "an annotation stands at the end of the statement it belongs to"
    case "==": "a definition is written with one '='"
    case "(": "an expression needs a name: 'h = (…)'"
    default: nil
    }
  }

  /// What may have been meant by a token where an operand should stand.
  func operandHint(_ token: String) -> String? {
    switch token {
    case "+": "there is no unary plus"
    case "**", "*": "an operator stands between two values"
    default: nil
    }
  }

  /// How a type with sizes is written.
  func typeHint(_ dtype: String) -> String { "write \(dtype.prefix(20))[N, D]" }

  func unknownStatement(_ name: Name) {
    let keywords = StatementKeyword.allCases.map(\.rawValue)
    error(
      .unknownStatement, "\(quote(name.text)) begins no statement", at: name.range,
      expected: "NAME = …, NAME ~ … or one of \(list(keywords))",
      fix: suggestion(for: name.text, among: keywords))
  }

  func expressionStatement(_ range: Range<Int>) {
    error(
      .expressionStatement, "a value without a name is lost", at: range,
      fix: "give it a name: 'h = \(source.text(range).prefix(40))(…)'")
  }

  func keywordEquals(_ name: Name, at range: Range<Int>) {
    error(
      .keywordEquals, "a keyword argument is written with ':'", at: range, expected: "':'",
      got: "'='", fix: "write \(quote("\(name.text): …"))")
  }

  func chainedComparison(_ range: Range<Int>, first: Range<Int>) {
    error(
      .chainedComparison, "comparisons do not chain", at: range,
      notes: [note("the first comparison", first)],
      fix: "put one of them in parentheses, or compare twice and combine the results")
  }

  func reserved(_ name: Name) {
    error(
      .reservedName, "\(quote(name.text)) is a value, not a name", at: name.range,
      fix: "another name, or quoted: \"\(name.text)\"")
  }

  func nestingTooDeep(_ range: Range<Int>) {
    error(
      .nestingTooDeep, "this expression is nested too deeply", at: range,
      expected: "at most \(TextLimits.nesting) open brackets and operators",
      fix: "give parts of it names")
  }

  func scopeTooDeep(_ range: Range<Int>) {
    error(
      .scopeTooDeep, "scopes are nested too deeply", at: range,
      expected: "at most \(TextLimits.scopeDepth) levels")
  }

  func nestedGroup(_ range: Range<Int>, inside outer: Range<Int>) {
    error(
      .nestedGroup, "a fused group cannot stand inside another", at: range,
      expected: "groups side by side", notes: [note("the group that is still open", outer)])
  }

  func repeatedGroup(_ number: Int, _ range: Range<Int>, first: Range<Int>) {
    error(
      .repeatedGroup, "there are two fused groups \(number)", at: range,
      notes: [note("the first one", first)], fix: "give this one another number")
  }

  func textTooLarge(_ range: Range<Int>, limit: Int) {
    error(
      .textTooLarge, "this text is too large", at: range,
      expected: "at most \(limit) names, literals, operations and statements",
      fix: limit < TextLimits.mostParts
        ? "to read it all the same, about 550 bytes of memory for each: "
          + "--text-limit \(min(10 * limit, TextLimits.mostParts))" : nil)
  }

  func tooMany(_ severity: Diagnostic.Severity) -> Diagnostic {
    Diagnostic(
      TextDiagnosticID.tooManyErrors.rawValue,
      "too many \(severity.rawValue)s; only the first \(TextLimits.diagnostics) are shown",
      severity: severity, place: source.name)
  }
}
