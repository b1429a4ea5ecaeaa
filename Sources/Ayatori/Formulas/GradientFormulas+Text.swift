import GraphIR

extension GradientFormulas {
  /// The report for people: each derivative, way by way and whole, then what the symbols mean.
  public var text: String {
    var blocks = derivatives.map { $0.lines(names).joined(separator: "\n") }
    let meanings = Meaning.lines(meanings)
    if !meanings.isEmpty { blocks.append((["where"] + meanings).joined(separator: "\n")) }
    return blocks.joined(separator: "\n\n") + "\n"
  }
}

extension GradientFormulas.Derivative {
  /// `∂loss/∂z = …`, before it the ways when there are several.
  fileprivate func lines(_ names: FormulaNames) -> [String] {
    guard !ways.isEmpty else { return ["\(symbol.text) = \(formula.text)"] }
    let heads = ways.map { "through \(names.prose($0.through)):" }
    let width = heads.map(\.count).max() ?? 0
    return ["\(symbol.text)"]
      + zip(heads, ways).map { head, way in
        "  " + head + String(repeating: " ", count: width - head.count) + "  " + way.formula.text
      } + ["  = \(formula.text)"]
  }
}

extension GradientFormulas.Meaning {
  /// `σ = exp(z_ln_var/2)`, `ε ~ N(0, 1)`.
  public var statement: String {
    if let distribution { return "\(symbol.text) ~ \(distribution.text)" }
    return "\(symbol.text) = \(formula?.text ?? "")"
  }

  /// Indented lines with the nodes' names in a column of their own.
  static func lines(_ meanings: [GradientFormulas.Meaning]) -> [String] {
    let width =
      meanings.filter { $0.node != nil }.map(\.statement.count).max() ?? 0
    return meanings.map { meaning in
      let statement = meaning.statement
      guard let node = meaning.node else { return "  " + statement }
      return "  " + statement + String(repeating: " ", count: width - statement.count)
        + "   (\(Identifier.spelled(node)))"
    }
  }
}

extension NoiseDistribution {
  /// In mathematics.
  var text: String {
    switch self {
    case .normal: "N(0, 1)"
    case .uniform: "U[0, 1)"
    }
  }

  var latex: String {
    switch self {
    case .normal: "\\mathcal{N}(0, 1)"
    case .uniform: "\\mathcal{U}[0, 1)"
    }
  }
}

extension LocalDerivatives.Entry {
  /// `∂ln q/∂mu`.
  var scoreText: String { TextStyle().derivative("ln q", by: symbol) }
  var scoreLatex: String { LaTeXStyle().derivative("\\ln q", by: symbol) }
}

extension LocalDerivatives {
  /// What f is, where derivatives are told by what they do to its gradient.
  var remark: String? {
    guard let cotangent, let root = cotangent.root else { return nil }
    return "its elements mix, so no derivative is a factor; for any scalar "
      + "\(names.text(of: root)) of \(names.text(of: node)):"
  }

  /// The report for people.
  public var text: String {
    let rows = entries.flatMap { entry in
      let answer = entry.formula.map { "= \($0.text)" } ?? "blocked (\(entry.blocked ?? ""))"
      return [(entry.symbol.text, answer)]
        + (entry.score.map { [(entry.scoreText, "= \($0.text)")] } ?? [])
    }
    let width = rows.map(\.0.count).max() ?? 0
    var lines = ["\(names.text(of: node)) = \(value.text)"]
    if let remark { lines.append("  \(remark)") }
    for (head, answer) in rows {
      lines.append("  \(head)\(String(repeating: " ", count: width - head.count)) \(answer)")
    }
    let meanings = GradientFormulas.Meaning.lines(meanings)
    if !meanings.isEmpty { lines += ["", "where"] + meanings }
    return lines.joined(separator: "\n") + "\n"
  }
}
