import GraphIR

/// Formulas for programs to read.
public struct FormulaReport: Encodable, Sendable {
  public struct Line: Encodable, Sendable {
    public var symbol: String
    public var text: String
    public var latex: String
    /// The node's name, where the symbol is another.
    public var node: String?
  }

  public struct Way: Encodable, Sendable {
    public var through: String
    public var text: String
    public var latex: String
  }

  public struct Derivative: Encodable, Sendable {
    public var withRespectTo: String
    public var type: String
    public var symbol: String
    public var text: String
    public var latex: String
    public var ways: [Way]
  }

  /// A local derivative: of `node` by `operand`; blocked or a formula. `score` is ∂ln q/∂operand
  /// where a score function takes its place.
  public struct Local: Encodable, Sendable {
    public var operand: String
    /// Which operand is meant, where one node is there twice: `mean`, `stddev`.
    public var place: String?
    public var symbol: String
    public var text: String?
    public var latex: String?
    public var blocked: String?
    public var scoreSymbol: String?
    public var score: String?
    public var scoreLatex: String?
  }

  public var of: String?
  public var derivatives: [Derivative]?
  public var localTo: String?
  /// ∂f/∂node, of which the local derivatives are functions where the node mixes elements; missing
  /// where each is a factor.
  public var cotangent: String?
  public var local: [Local]?
  public var meanings: [Line]

  public init(_ formulas: GradientFormulas?, local: LocalDerivatives?) {
    of = formulas?.root
    derivatives = formulas?.derivatives.map { derivative in
      Derivative(
        withRespectTo: derivative.name, type: "\(derivative.type)",
        symbol: derivative.symbol.text, text: derivative.formula.text,
        latex: derivative.formula.latex,
        ways: derivative.ways.map {
          Way(through: $0.through, text: $0.formula.text, latex: $0.formula.latex)
        })
    }
    localTo = local?.node
    cotangent = local?.cotangent?.text
    self.local = local?.entries.map { entry in
      Local(
        operand: entry.operand.name, place: entry.symbol.place, symbol: entry.symbol.text,
        text: entry.formula?.text, latex: entry.formula?.latex, blocked: entry.blocked,
        scoreSymbol: entry.score.map { _ in entry.scoreText }, score: entry.score?.text,
        scoreLatex: entry.score?.latex)
    }
    var seen: Set<String> = []
    meanings = ((formulas?.meanings ?? []) + (local?.meanings ?? [])).compactMap { meaning in
      guard seen.insert(meaning.statement).inserted else { return nil }
      return Line(
        symbol: meaning.symbol.text, text: meaning.statement, latex: meaning.latex,
        node: meaning.node)
    }
  }
}
