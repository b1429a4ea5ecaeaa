import GraphIR

extension GradientFormulas {
  /// A display `\[ … \]` for each statement; of several ways each stands over a brace that says
  /// which it is.
  public var latex: String {
    var lines: [String] = []
    for derivative in derivatives {
      lines.append("% \(LaTeXStyle.comment(derivative.symbol.text))")
      lines.append("\\[ \(derivative.symbol.latex) = \(derivative.latex(names)) \\]")
    }
    return (lines + Meaning.latexLines(meanings)).joined(separator: "\n") + "\n"
  }
}

extension GradientFormulas.Derivative {
  /// The whole, each way in a brace when there are several.
  fileprivate func latex(_ names: FormulaNames) -> String {
    if ways.isEmpty { return formula.latex }
    return ways.enumerated().map { index, way in
      let isNegative = way.formula.isNegative
      let sign = isNegative ? "- " : index == 0 ? "" : "+ "
      let size = isNegative ? way.formula.withoutSign : way.formula
      return "\(sign)\\underbrace{\(size.latex)}"
        + "_{\\mathrm{through}\\ \(names.latex(of: way.through))}"
    }.joined(separator: " ")
  }
}

extension GradientFormulas.Meaning {
  var latex: String {
    if let distribution { return "\(symbol.latex) \\sim \(distribution.latex)" }
    return "\(symbol.latex) = \(formula?.latex ?? "")"
  }

  static func latexLines(_ meanings: [GradientFormulas.Meaning]) -> [String] {
    meanings.isEmpty ? [] : ["% where"] + meanings.map { "\\[ \($0.latex) \\]" }
  }
}

extension LocalDerivatives {
  /// A display `\[ … \]` for each statement.
  public var latex: String {
    var lines = ["\\[ \(names.latex(of: node)) = \(value.latex) \\]"]
    if let remark { lines.append("% \(LaTeXStyle.comment(remark))") }
    for entry in entries {
      if let formula = entry.formula {
        lines.append("\\[ \(entry.symbol.latex) = \(formula.latex) \\]")
      } else {
        lines.append(
          "% \(LaTeXStyle.comment(entry.symbol.text + " is blocked: " + (entry.blocked ?? "")))")
      }
      if let score = entry.score {
        lines.append("\\[ \(entry.scoreLatex) = \(score.latex) \\]")
      }
    }
    return (lines + GradientFormulas.Meaning.latexLines(meanings)).joined(separator: "\n") + "\n"
  }
}

extension LaTeXStyle {
  /// A comment ends with its line.
  static func comment(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }
}
