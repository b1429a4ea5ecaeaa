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
    if let root = symbol.root { return derivative(name(root), by: symbol) }
    let draw = DrawName(symbol.name)
    let number = draw.number.map { "#\($0)" } ?? ""
    if let letter = symbol.letter { return letter.text + number }
    if let index = symbol.index { return "\(name(draw.base))_\(index)\(number)" }
    return symbol.kind == .size ? symbol.name : name(symbol.name)
  }

  /// `∂root/∂symbol`, of a root as it is written.
  func derivative(_ root: String, by symbol: FormulaSymbol) -> String {
    let place = symbol.place.map { " (\($0))" } ?? ""
    return "∂\(root)/∂\(symbol.letter?.text ?? name(symbol.name))\(place)"
  }

  func name(_ name: String) -> String {
    let draw = DrawName(name)
    return Identifier.spelled(draw.base) + (draw.number.map { "#\($0)" } ?? "")
  }

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
    index.contains(" ") ? "\(sign)_{\(index)}" : "\(sign)_\(index)"
  }

  func shape(_ shape: Shape) -> String { shape.description }
  func filled(_ number: String, _ shape: Shape) -> String { number + shape.description }

  func choice(_ condition: String, _ chosen: String, _ other: String) -> String {
    "{\(chosen) where \(condition), else \(other)}"
  }

  func attribute(_ name: String, _ value: String) -> String { "\(name) \(value)" }

  var minus: String { "−" }
  var times: String { "·" }
  var elementwiseTimes: String { " ⊙ " }
  var matrixTimes: String { " · " }
  var halvesInDenominator: Bool { false }
  var half: String { "0.5" }
}
