import GraphIR

/// How the pieces of formulas are spelled: plain text or LaTeX. What needs parentheses, and where
/// signs stand, is the business of `FormulaLayout`.
protocol FormulaStyle {
  func number(_ value: Double) -> String
  func symbol(_ symbol: FormulaSymbol) -> String
  /// The name of a node.
  func name(_ name: String, _ form: Spelling.Form) -> String
  /// The name of a dimension.
  func extent(_ name: String) -> String
  func sign(_ sign: Notation.Sign) -> String
  func parenthesized(_ text: String) -> String
  func bracketed(_ text: String) -> String
  /// x², √x, x^(a + b).
  func power(_ base: String, number: Double) -> String
  func power(_ base: String, _ exponent: String) -> String
  func root(_ radicand: String, isAtom: Bool) -> String
  func transposed(_ matrix: String) -> String
  /// Numerator and denominator, and whether each may stand beside a stroke without parentheses.
  func fraction(_ numerator: String, _ denominator: String, isAtom: (Bool, Bool)) -> String
  func indexed(_ sign: String, _ index: String) -> String
  func shape(_ shape: Shape) -> String
  func choice(_ condition: String, _ chosen: String, _ other: String) -> String
  var minus: String { get }
  /// Between factors of which one is a scalar, between arrays, and between matrices.
  var times: String { get }
  var elementwiseTimes: String { get }
  var matrixTimes: String { get }
  /// Whether a stroke is all that keeps the sides of a fraction apart.
  var hasStrokes: Bool { get }
  /// Whether a half joins the denominator of a fraction that is there.
  var halvesInDenominator: Bool { get }
  /// A half that stays a factor.
  var half: String { get }
  /// Between the words of an attribute's value and its name.
  func attribute(_ name: String, _ value: String) -> String
}

extension FormulaStyle {
  /// Six digits at most, as `%g` gives them; nil for what is no number.
  func decimal(_ value: Double) -> (mantissa: String, exponent: Int?) {
    let text = shortDecimal(value)
    guard let mark = text.firstIndex(of: "e") else { return (text, nil) }
    return (String(text[..<mark]), Int(text[text.index(after: mark)...]))
  }
}
