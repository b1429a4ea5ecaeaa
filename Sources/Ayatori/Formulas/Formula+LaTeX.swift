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
/// What would be read as a formula stands in quotes.
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
    if let root = symbol.root {
      return derivative(name(root, symbol.rootSpelling.latex), by: symbol)
    }
    let draw = DrawName(symbol.name)
    if let letter = symbol.letter { return numbered(letter.latex, draw.number) }
    if symbol.kind == .size { return extent(symbol.name) }
    guard symbol.kind == .share, symbol.index != nil || draw.number != nil else {
      return name(symbol.name, symbol.spelling.latex)
    }
    let base = name(draw.base, .short)
    let index = symbol.index.map { $0.split(separator: ",").map { extent(String($0)) } } ?? []
    guard symbol.spelling.latex == .short else {
      let places = index + (draw.number.map { ["\($0)"] } ?? [])
      return "{\(base)}_{(\(places.joined(separator: ",\\,")))}"
    }
    let places = index + (draw.number.map { ["\\#\($0)"] } ?? [])
    return "{\(base)}_{\(places.joined(separator: ",\\,"))}"
  }

  /// ∂root/∂symbol, of a root as it is written.
  func derivative(_ root: String, by symbol: FormulaSymbol) -> String {
    let operand = symbol.letter?.latex ?? name(symbol.name, symbol.spelling.latex)
    let fraction = "\\frac{\\partial \(root)}{\\partial \(operand)}"
    guard let place = symbol.place else { return fraction }
    return "\\left.\(fraction)\\right|_{\\mathrm{\(LaTeXStyle.escaped(place))}}"
  }

  /// `z#2` with its number as an index.
  private func numbered(_ latex: String, _ number: Int?) -> String {
    number.map { "{\(latex)}_{\\#\($0)}" } ?? latex
  }

  func name(_ name: String, _ form: Spelling.Form) -> String {
    if form != .exact, let letter = LaTeXStyle.greek(name) { return letter }
    switch form {
    case .short where !LaTeXStyle.isMathematics(name): return short(name)
    case .full where Identifier.spelled(name) == name: return plain(name)
    default: return "\\mathit{\(LaTeXStyle.escaped(Spelling.exact(name)))}"
    }
  }

  /// The name of a dimension, which no letter stands for; a compound extent with its arithmetic.
  func extent(_ name: String) -> String {
    var text = ""
    var word = ""
    func end() -> String {
      defer { word = "" }
      return word.isEmpty ? "" : LaTeXStyle.greek(word) ?? indexed(word) ?? plain(word)
    }
    for character in name {
      if character.isLetter || character.isNumber || character == "_" {
        word.append(character)
      } else {
        text += end() + (character == "·" || character == "*" ? "\\cdot " : "\(character)")
      }
    }
    return text + end()
  }

  private func short(_ name: String) -> String {
    let draw = DrawName(name)
    if draw.number != nil { return numbered(self.name(draw.base, .short), draw.number) }
    if let letter = GreekLetter(named: name) { return letter.latex }
    if let dot = name.lastIndex(of: "."), dot != name.startIndex,
      name.index(after: dot) != name.endIndex
    {
      return "{\(self.name(String(name[name.index(after: dot)...]), .short))}"
        + "_{\(self.name(String(name[..<dot]), .short))}"
    }
    return indexed(name) ?? "\\mathit{\(LaTeXStyle.escaped(name))}"
  }

  /// One letter, alone or before digits, which are its index; nil for other names.
  private func indexed(_ name: String) -> String? {
    let letters = name.prefix { !$0.isNumber }
    guard letters.count == 1, letters.allSatisfy({ $0.isASCII && $0.isLetter }) else { return nil }
    let digits = name.dropFirst(letters.count)
    if digits.isEmpty { return String(letters) }
    return digits.allSatisfy { $0.isASCII && $0.isNumber } ? "\(letters)_{\(digits)}" : nil
  }

  /// A name letter by letter.
  private func plain(_ name: String) -> String {
    name.count == 1 && name.allSatisfy { $0.isASCII && $0.isLetter }
      ? name : "\\mathit{\(LaTeXStyle.escaped(name))}"
  }

  /// A name that is one Greek letter.
  private static func greek(_ name: String) -> String? {
    name.unicodeScalars.count == 1 ? name.unicodeScalars.first.flatMap(greek) : nil
  }

  private static func greek(_ scalar: Unicode.Scalar) -> String? {
    GreekLetter(text: String(scalar))?.latex ?? capitals[scalar].map { "\\\($0)" }
  }

  /// Capitals that are no Latin ones.
  private static let capitals: [Unicode.Scalar: String] = [
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma",
    "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
  ]

  /// Whether a name would be read as a number or a formula: it stands in quotes.
  static func isMathematics(_ name: String) -> Bool {
    guard let first = name.first, !first.isNumber || name.contains(where: \.isWhitespace) else {
      return true
    }
    return name.unicodeScalars.contains { scalar in
      "+-*/=<>()[]|^~!?:;,'\"`\\·".unicodeScalars.contains(scalar)
        || scalar.properties.generalCategory == .mathSymbol
    }
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
      case "\"": text += "\\mbox{\"}"
      case "'": text += "\\mbox{'}"
      case "`": text += "\\mbox{`}"
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
          text += greek(scalar).map { $0 + " " } ?? "\\mbox{\(scalar)}"
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

  private func dimension(_ dim: Dim) -> String { extent(dim.description) }

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
  var hasStrokes: Bool { false }
  var halvesInDenominator: Bool { true }
  var half: String { "\\frac{1}{2}" }
}
