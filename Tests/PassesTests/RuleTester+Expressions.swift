import Passes
import Testing

extension RuleTester {
  /// As `expect` on statements, for one expression before and after. `leaves` declares what they
  /// use: `x a: f64[3]; c: f64 = 2; N` are two inputs, a constant and a dimension.
  func expect(
    _ rule: String, _ leaves: String, _ before: String, _ after: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let head = declarations(leaves)
    try expect(
      rule, "\(head)\nresult = \(before)\noutput result",
      becomes: "\(head)\noutput result = \(after)", sourceLocation: sourceLocation)
  }

  /// As `dont` on statements, for one expression; `also` are further outputs.
  func dont(
    _ rule: String, _ leaves: String, _ text: String, also: String...,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let further = also.enumerated().map { "also\($0) = \($1)\noutput also\($0)" }
    try dont(
      rule,
      "\(declarations(leaves))\nresult = \(text)\noutput result\n"
        + further.joined(separator: "\n"), sourceLocation: sourceLocation)
  }

  /// As `dont`, with no other rule at work: the guard itself is tried, on the form as written.
  func dontAlone(
    _ rule: String, _ leaves: String, _ text: String,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    var alone = self
    alone.pass = Pass("alone", "one rule", rules: pass.rules.filter { $0.name == rule })
    try alone.dont(rule, leaves, text, sourceLocation: sourceLocation)
  }

  private func declarations(_ leaves: String) -> String {
    leaves.split(separator: ";").flatMap { leaf -> [String] in
      let parts = leaf.split(separator: ":", maxSplits: 1).map {
        $0.trimmingPrefix(while: \.isWhitespace)
      }
      if parts.count == 1 { return ["dim \(parts[0])"] }
      if parts[1].contains("=") { return ["const \(parts[0]): \(parts[1])"] }
      return parts[0].split(separator: " ").map { "input \($0): \(parts[1])" }
    }.joined(separator: "\n")
  }
}
