public import GraphIR

/// A pass broke the graph: a mistake in Ayatori, not in the input.
public struct PassFailure: Error, Sendable, CustomStringConvertible {
  public let pass: String
  /// The rule that did it, when the pass drives rules.
  public let rule: String?
  public let violations: [Diagnostic]
  /// The text of the broken graph.
  public let graph: String

  public init(pass: String, rule: String?, violations: [Diagnostic], graph: String) {
    self.pass = pass
    self.rule = rule
    self.violations = violations
    self.graph = graph
  }

  public var description: String { summary + "\n" + graph }

  /// Pass, rule and what is broken, without the graph.
  public var summary: String {
    "the pass '\(pass)' broke the graph\(rule.map { " by the rule '\($0)'" } ?? ""):\n"
      + violations.map(\.description).joined(separator: "\n")
  }

  /// The graph's text, or a bare list of its nodes when they refer to what does not exist.
  static func text(of graph: Graph) -> String {
    let roles = graph.nodes.flatMap { node -> [NodeID] in
      guard case .adjoint(let of, _, let through) = node.role else { return [] }
      return [of, through].compactMap { $0 }
    }
    let references =
      graph.nodes.flatMap(\.operands) + graph.outputs.map(\.node)
      + graph.updates.flatMap { [$0.target, $0.value] } + roles
    if graph.nodes.enumerated().allSatisfy({ $0 == $1.id.index }),
      references.allSatisfy({ graph.nodes.indices.contains($0.index) })
    {
      return graph.text()
    }
    return graph.nodes.map { node in
      let name = node.name.map { " '\($0)'" } ?? ""
      return "\(node.id)\(name): \(node.type) \(node.definition?.name ?? "leaf")"
        + "(\(node.operands.map(\.description).joined(separator: ", ")))"
    }.joined(separator: "\n")
  }
}
