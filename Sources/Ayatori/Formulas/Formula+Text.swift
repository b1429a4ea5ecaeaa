import GraphIR

extension Formula {
  /// Unicode text: `0.5·σ ⊙ ε ⊙ ∂loss/∂z`. Names are the graph's.
  public var text: String { FormulaLayout(style: TextStyle()).text(self) }
}

extension FormulaSymbol {
  /// As formulas show it in plain text.
  public var text: String { TextStyle().symbol(self) }
}

/// Unicode mathematics on one line.
struct TextStyle: FormulaStyle {
  func number(_ value: Double) -> String {
    if value.isInfinite { return value < 0 ? "−∞" : "∞" }
    return shortDecimal(value).replacing("-", with: "−")
  }

  func symbol(_ symbol: FormulaSymbol) -> String {
    if let root = symbol.root {
      return derivative(name(root, symbol.rootSpelling.text), by: symbol)
    }
    let draw = DrawName(symbol.name)
    let number = draw.number.map { "#\($0)" } ?? ""
    if let letter = symbol.letter { return letter.text + number }
    if symbol.kind == .size { return symbol.name }
    guard symbol.kind == .share, symbol.index != nil || draw.number != nil else {
      return name(symbol.name, symbol.spelling.text)
    }
    let base = name(draw.base, .short)
    guard symbol.spelling.text == .short else {
      let places = [symbol.index, draw.number.map(String.init)].compactMap { $0 }
      return "\(base)_(\(places.joined(separator: ", ")))"
    }
    guard let index = symbol.index else { return base + number }
    return indexed(base, index) + number
  }

  /// `∂root/∂symbol`, of a root as it is written.
  func derivative(_ root: String, by symbol: FormulaSymbol) -> String {
    let place = symbol.place.map { " (\($0))" } ?? ""
    let operand = symbol.letter?.text ?? name(symbol.name, symbol.spelling.text)
    return "∂\(root)/∂\(operand)\(place)"
  }

  /// A name in quotes where it has to be; ᵀ transposes, whatever letter it is.
  func name(_ name: String, _ form: Spelling.Form) -> String {
    if form == .exact || name.contains("ᵀ") { return Spelling.exact(name) }
    let draw = DrawName(name)
    return Identifier.spelled(draw.base) + (draw.number.map { "#\($0)" } ?? "")
  }

  func extent(_ name: String) -> String { name }

  func sign(_ sign: Notation.Sign) -> String { sign.text }
  func parenthesized(_ text: String) -> String { "(\(text))" }
  func bracketed(_ text: String) -> String { "[\(text)]" }

  func power(_ base: String, number: Double) -> String {
    guard number == number.rounded(), Swift.abs(number) < 100 else {
      return "\(base)^\(self.number(number))"
    }
    return base + String(String(Int(number)).map { TextStyle.raised[$0] ?? $0 })
  }

  private static let raised: [Character: Character] = [
    "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸",
    "9": "⁹", "-": "⁻",
  ]

  func power(_ base: String, _ exponent: String) -> String { "\(base)^(\(exponent))" }
  func root(_ radicand: String, isAtom: Bool) -> String {
    isAtom ? "√\(radicand)" : "√(\(radicand))"
  }
  func transposed(_ matrix: String) -> String { matrix + "ᵀ" }

  func fraction(_ numerator: String, _ denominator: String, isAtom: (Bool, Bool)) -> String {
    (isAtom.0 ? numerator : "(\(numerator))") + "/" + (isAtom.1 ? denominator : "(\(denominator))")
  }

  func indexed(_ sign: String, _ index: String) -> String {
    index.contains { $0 == " " || $0 == "," } ? "\(sign)_{\(index)}" : "\(sign)_\(index)"
  }

  func shape(_ shape: Shape) -> String { shape.description }

  func choice(_ condition: String, _ chosen: String, _ other: String) -> String {
    "{\(chosen) where \(condition), else \(other)}"
  }

  func attribute(_ name: String, _ value: String) -> String { "\(name) \(value)" }

  var minus: String { "−" }
  var times: String { "·" }
  var elementwiseTimes: String { " ⊙ " }
  var matrixTimes: String { " · " }
  var hasStrokes: Bool { true }
  var halvesInDenominator: Bool { false }
  var half: String { "0.5" }
}
