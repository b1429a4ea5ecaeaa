import GraphIR

extension Lint {
  /// `2 warnings, 1 note`.
  public var summary: String {
    func count(_ number: Int, _ word: String) -> String {
      "\(number) \(word)\(number == 1 ? "" : "s")"
    }
    let warnings = findings.count(where: \.isWarning)
    return "\(count(warnings, "warning")), \(count(findings.count - warnings, "note"))"
  }

  /// The findings of one file as data.
  public struct Report: Encodable, Sendable {
    struct Entry: Encodable, Sendable {
      var id: String
      var severity: String
      var message: String
      var line: Int?
      var column: Int?
      var nodes: [String]
      var why: String?
      var fix: String?
      /// Rules of the optimiser that mend it; missing where none is about it.
      var rewrites: [String]?
    }

    public let file: String
    public let warnings: Int
    public let notes: Int
    let findings: [Entry]
  }

  public func report(of file: String) -> Report {
    let warnings = findings.count(where: \.isWarning)
    return Report(
      file: file, warnings: warnings, notes: findings.count - warnings,
      findings: findings.map { finding in
        let diagnostic = finding.diagnostic
        return Report.Entry(
          id: diagnostic.id, severity: diagnostic.severity.rawValue, message: diagnostic.message,
          line: diagnostic.location?.line, column: diagnostic.location?.column,
          nodes: finding.nodes, why: LintRule.all.first { $0.id == diagnostic.id }?.why,
          fix: diagnostic.fix, rewrites: finding.rewrites)
      })
  }
}
