import GraphIR

extension Formula {
  /// LaTeX's mathematics without its delimiters, for plain LaTeX as for MathJax.
  public var latex: String { FormulaLayout(style: LaTeXStyle()).text(self) }
}

extension FormulaSymbol {
  /// As formulas show it in LaTeX.
  public var latex: String { LaTeXStyle().symbol(self) }
}

/// LaTeX without packages: no `amsmath` is needed.
///
/// A name that spells a Greek letter is that letter; `h2` is an h with an index; one letter stands
/// for itself; other names keep their letters, upright as identifiers do not: `\mathit{z\_mu}`.
struct LaTeXStyle: FormulaStyle {
  func number(_ value: Double) -> String {
    if value.isInfinite { return value < 0 ? "-\\infty" : "\\infty" }
    let (mantissa, exponent) = decimal(value)
    guard let exponent else { return value.isNaN ? "\\mathrm{nan}" : mantissa }
    switch mantissa {
    case "1": return "10^{\(exponent)}"
    case "-1": return "-10^{\(exponent)}"
    default: return "\(mantissa) \\cdot 10^{\(exponent)}"
    }
  }

  func symbol(_ symbol: FormulaSymbol) -> String {
    if let root = symbol.root { return derivative(name(root), by: symbol) }
    let draw = DrawName(symbol.name)
    if let letter = symbol.letter { return numbered(letter.latex, draw.number) }
    if let index = symbol.index {
      let number = draw.number.map { ",\\,\\#\($0)" } ?? ""
      return "{\(name(draw.base))}_{\(name(index))\(number)}"
    }
    return name(symbol.name)
  }

  /// ∂root/∂symbol, of a root as it is written.
  func derivative(_ root: String, by symbol: FormulaSymbol) -> String {
    let operand = symbol.letter?.latex ?? name(symbol.name)
    let fraction = "\\frac{\\partial \(root)}{\\partial \(operand)}"
    guard let place = symbol.place else { return fraction }
    return "\\left.\(fraction)\\right|_{\\mathrm{\(LaTeXStyle.escaped(place))}}"
  }

  /// `z#2` with its number as an index.
  private func numbered(_ latex: String, _ number: Int?) -> String {
    number.map { "{\(latex)}_{\\#\($0)}" } ?? latex
  }

  func name(_ name: String) -> String {
    let draw = DrawName(name)
    if draw.number != nil { return numbered(self.name(draw.base), draw.number) }
    if let letter = GreekLetter(named: name) ?? GreekLetter(text: name) { return letter.latex }
    if let dot = name.lastIndex(of: "."), dot != name.startIndex,
      name.index(after: dot) != name.endIndex
    {
      return "{\(self.name(String(name[name.index(after: dot)...])))}"
        + "_{\(self.name(String(name[..<dot])))}"
    }
    let letters = name.prefix { !$0.isNumber }
    if letters.count == 1, letters.allSatisfy({ $0.isASCII && $0.isLetter }) {
      let digits = name.dropFirst(letters.count)
      if digits.isEmpty { return String(letters) }
      if digits.allSatisfy({ $0.isASCII && $0.isNumber }) { return "\(letters)_{\(digits)}" }
    }
    return "\\mathit{\(LaTeXStyle.escaped(name))}"
  }

  /// The characters of a name as they stand inside `\mathit{…}`.
  static func escaped(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "_", "%", "#", "&", "$", "{", "}": text += "\\\(scalar)"
      case "\\": text += "\\backslash "
      case "~": text += "\\sim "
      case "^": text += "\\wedge "
      case "\"": text += "''"
      case " ": text += "\\ "
      case "*": text += "\\cdot "
      default:
        if scalar.properties.generalCategory == .control
          || scalar.properties.isDefaultIgnorableCodePoint
        {
          text += "\\ "
        } else if scalar.isASCII {
          text.unicodeScalars.append(scalar)
        } else {
          text += "\\mbox{\(scalar)}"
        }
      }
    }
    return text
  }

  func sign(_ sign: Notation.Sign) -> String { sign.latex }
  func parenthesized(_ text: String) -> String { "\\left(\(text)\\right)" }
  func bracketed(_ text: String) -> String { "\\left[\(text)\\right]" }
  func power(_ base: String, number: Double) -> String { "{\(base)}^{\(self.number(number))}" }
  func power(_ base: String, _ exponent: String) -> String { "{\(base)}^{\(exponent)}" }
  func root(_ radicand: String, isAtom: Bool) -> String { "\\sqrt{\(radicand)}" }
  func transposed(_ matrix: String) -> String { "{\(matrix)}^{\\top}" }

  func fraction(_ numerator: String, _ denominator: String, isAtom: (Bool, Bool)) -> String {
    "\\frac{\(numerator)}{\(denominator)}"
  }

  func indexed(_ sign: String, _ index: String) -> String { "\(sign)_{\(index)}" }

  func shape(_ shape: Shape) -> String {
    "[" + shape.dims.map { dimension($0) }.joined(separator: ", ") + "]"
  }

  private func dimension(_ dim: Dim) -> String {
    dim.symbolName.map(name) ?? dim.constant.map(String.init) ?? name(dim.description)
  }

  func filled(_ number: String, _ shape: Shape) -> String {
    "{\(number)}_{\(shape.dims.map { dimension($0) }.joined(separator: " \\times "))}"
  }

  func choice(_ condition: String, _ chosen: String, _ other: String) -> String {
    "\\left\\{\\begin{array}{ll}\(chosen) & \\mathrm{where}\\ \(condition) \\\\ "
      + "\(other) & \\mathrm{elsewhere}\\end{array}\\right."
  }

  func attribute(_ name: String, _ value: String) -> String {
    "\\mathrm{\(LaTeXStyle.escaped(name))}\\ \\mathrm{\(LaTeXStyle.escaped(value))}"
  }

  var minus: String { "-" }
  var times: String { "\\," }
  var elementwiseTimes: String { " \\odot " }
  var matrixTimes: String { "\\, " }
  var halvesInDenominator: Bool { true }
  var half: String { "\\frac{1}{2}" }
}
