public import GraphIR

/// A named step from graph to graph that keeps what the graph computes.
public struct Pass: Sendable {
  /// As the command line names it: `lower_sampling`.
  public let name: String
  /// One line: what it changes, before -> after.
  public let summary: String
  private let body: @Sendable (Graph) -> Graph

  public init(_ name: String, _ summary: String, _ body: @escaping @Sendable (Graph) -> Graph) {
    self.name = name
    self.summary = summary
    self.body = body
  }

  public func callAsFunction(_ graph: Graph) -> Graph { body(graph) }

  /// Every pass there is, in the order of the pipelines.
  public static let all: [Pass] = [.lowerSampling, .forwardContributions, .eliminateDeadNodes]

  /// What must happen before anything can be differentiated or run.
  public static let lowering: [Pass] = [.lowerSampling]
  /// What happens between gradient and plan.
  public static let optimizing: [Pass] = [.forwardContributions, .eliminateDeadNodes]
}

/// A pass broke the graph: a mistake in Ayatori, not in the input.
public struct PassFailure: Error, Sendable, CustomStringConvertible {
  public let pass: String
  public let violations: [Diagnostic]
  /// The text of the broken graph.
  public let graph: String

  public var description: String {
    "the pass '\(pass)' broke the graph:\n"
      + violations.map(\.description).joined(separator: "\n") + "\n" + graph
  }
}

/// Runs passes in order and verifies the graph after each.
public func run(_ passes: [Pass], on graph: Graph) throws(PassFailure) -> Graph {
  var graph = graph
  for pass in passes {
    graph = pass(graph)
    let violations = verify(graph)
    if !violations.isEmpty {
      throw PassFailure(pass: pass.name, violations: violations, graph: dump(graph))
    }
  }
  return graph
}

/// The graph's text, or a bare list of its nodes when they refer to what does not exist.
private func dump(_ graph: Graph) -> String {
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
    return "\(node.id)\(name): \(node.type) \(node.operation?.definition.name ?? "leaf")"
      + "(\(node.operands.map(\.description).joined(separator: ", ")))"
  }.joined(separator: "\n")
}
