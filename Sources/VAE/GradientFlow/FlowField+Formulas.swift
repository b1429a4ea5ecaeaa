import Ayatori
import GraphIR

extension FlowField {
  /// A value as mathematics, and what its signs mean.
  public struct Mathematics: Sendable, Encodable, Equatable {
    public let text: String
    /// `σ = exp(logvar/2)`, `ε ~ N(0, 1)`: what the person's text does not say.
    public let meanings: [String]
  }

  /// How each node is written, and the gradient of the loss at it.
  struct Formulas {
    private let graph: Graph
    private let values: [Formula]
    private var draws: [NodeID: Mathematics] = [:]
    private var gradients: [String: Mathematics] = [:]

    /// `reached` are the named nodes that a gradient of `loss` comes to. What the compiler refuses
    /// to differentiate as a whole has no formulas of gradients.
    init(_ graph: Graph, loss: String, reached: [String]) throws {
      self.graph = graph
      values = graph.formulas
      for node in graph.nodes where node.definition?.sampling != nil {
        guard let name = node.name else { continue }
        let local = try Formulas.unlessRefused { try LocalDerivatives(of: name, in: graph) }
        guard let local else { continue }
        draws[node.id] = Mathematics(local.value, local.meanings)
      }
      guard !reached.isEmpty else { return }
      let found = try Formulas.unlessRefused {
        try GradientFormulas(of: graph, loss: loss, withRespectTo: reached, depth: 0)
      }
      guard let found else { return }
      for derivative in found.derivatives {
        gradients[derivative.name] = Mathematics(derivative.formula, found.meanings)
      }
    }

    /// Nil for what the compiler refuses to differentiate.
    private static func unlessRefused<T>(_ body: () throws -> T) throws -> T? {
      do {
        return try body()
      } catch is Diagnostics {
        return nil
      }
    }

    /// What a node computes: a draw as its estimator passes it, a leaf as the text has it.
    func value(of node: GraphIR.Node) -> Mathematics {
      guard node.operation != nil else { return Mathematics(graph.call(node)) }
      return draws[node.id] ?? Mathematics(values[node.id.index].text)
    }

    /// ∂loss/∂node; nil where there is none, or none by that name.
    func gradient(at node: GraphIR.Node) -> Mathematics? { node.name.flatMap { gradients[$0] } }
  }
}

extension FlowField.Mathematics {
  fileprivate init(_ text: String) {
    self.text = text
    meanings = []
  }

  /// A formula, with the meanings among `known` that it takes.
  fileprivate init(_ formula: Formula, _ known: [GradientFormulas.Meaning]) {
    text = formula.text
    meanings = GradientFormulas.Meaning.needed(by: [formula], among: known).map(\.statement)
  }
}
