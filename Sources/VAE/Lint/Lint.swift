public import Ayatori
import GraphIR

/// What may go wrong with a graph that is well formed: static rules about numbers, noise and
/// losses, each with the mend.
///
///     for finding in try Lint(graph).findings { print(finding.diagnostic) }
///
/// Nothing is run on data. A warning is a fault by all that the graph says; a note is a risk that
/// the graph leaves open, or a fault that a rewrite mends.
public struct Lint: Sendable {
  public struct Finding: Sendable {
    /// The rule's id, what it found, where, and the fix.
    public var diagnostic: Diagnostic
    /// The nodes it is about, the first at fault.
    public var nodes: [String]
    /// Rules of the optimiser that fired at the node; nil where none is about it.
    public var rewrites: [String]?

    public var isWarning: Bool { diagnostic.severity == .warning }
  }

  /// By where they stand in the graph.
  public let findings: [Finding]

  /// Whether there is a warning: what `--strict` fails at.
  public var hasWarnings: Bool { findings.contains(where: \.isWarning) }

  /// Applies every rule. `loss` names the scalar that is minimised; nil stands for the output
  /// `loss` or the only scalar, and a graph without one is spared the rules about losses.
  ///
  /// Throws for an unknown name, and a `PassFailure` for a mistake in Ayatori.
  public init(_ graph: Graph, loss: String? = nil, rules: [LintRule] = LintRule.all) throws {
    let context = try LintContext(graph, loss: loss)
    let found = try rules.flatMap { rule in
      try rule.check(context).map { (rule, $0) }
    }
    // In the order of the text; a rule's own order within one node.
    findings = found.enumerated().sorted { a, b in
      (a.element.1.node, a.offset) < (b.element.1.node, b.offset)
    }.map { $0.element.0.finding($0.element.1, graph) }
  }
}

/// A rule: a named value with what it looks for and why it matters.
public struct LintRule: Sendable {
  public let id: String
  /// What happens to who leaves it as it is.
  public let why: String
  let check: @Sendable (LintContext) throws -> [Match]

  /// One place where a rule holds.
  struct Match {
    var node: NodeID
    var others: [NodeID] = []
    var message: String
    var severity = Diagnostic.Severity.warning
    var fix: String
    var rewrites: [String]?
  }

  init(
    _ id: String, why: String, check: @escaping @Sendable (LintContext) throws -> [Match]
  ) {
    self.id = id
    self.why = why
    self.check = check
  }

  /// In the order of their topics: numbers, noise, losses, scales.
  public static let all = numbers + noise + losses + scales

  fileprivate func finding(_ match: Match, _ graph: Graph) -> Lint.Finding {
    var notes = [Diagnostic.Note("why: \(why)")]
    if let rewrites = match.rewrites {
      notes.append(
        Diagnostic.Note(
          rewrites.isEmpty
            ? "no rewrite mends it"
            : "what is run is mended by \(rewrites.joined(separator: ", ")); see --stage optimized")
      )
    }
    for other in match.others where graph[other].location != nil {
      notes.append(
        Diagnostic.Note("'\(graph[other].mention)' is here", at: graph[other].location))
    }
    return Lint.Finding(
      diagnostic: Diagnostic(
        id, match.message, severity: match.severity, at: graph[match.node].location,
        place: "graph '\(graph.name)'", notes: notes, fix: match.fix),
      nodes: ([match.node] + match.others).map { graph[$0].mention }, rewrites: match.rewrites)
  }
}
