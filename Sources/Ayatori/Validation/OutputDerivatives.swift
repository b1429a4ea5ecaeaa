import Autodiff
import GraphIR
import GraphOps

/// Derivatives of some outputs of a graph with respect to its floating inputs and parameters.
///
/// Scalars are differentiated one by one as far as they are few; all else as one sum in which each
/// element has a random weight, so that no error of a derivative cancels another.
struct OutputDerivatives {
  struct Answer {
    /// `output 'loss'`.
    var root: String
    /// The name of the leaf.
    var target: String
    /// The graph in which the derivative stands, by its place in `graphs`.
    var graph: Int
    var derivative: Derivative
    /// What is differentiated, in that graph.
    var value: NodeID
  }

  private(set) var graphs: [Graph] = []
  private(set) var answers: [Answer] = []
  /// Names of the inputs that are the weights.
  private(set) var weights: Set<String> = []

  private static let mostScalarRoots = 4

  /// `outputs` are names of floating outputs, `targets` of floating leaves, and `taken` names that
  /// the weights may not bear.
  init(
    of outputs: [String], _ whole: Graph, withRespectTo targets: [String], taken: Set<String>
  ) throws {
    let ids = outputs.compactMap { whole.output(named: $0)?.node }
    let needed = whole.needed(by: ids)
    let graph = whole.filtered { needed[$0.id.index] || $0.leaf != nil }
    let builder = GraphBuilder(continuing: graph)
    var roots: [(label: String, id: NodeID)] = []
    var sums: [DType: (label: String, value: Value)] = [:]
    for name in outputs {
      guard let output = graph.output(named: name) else { continue }
      let type = graph[output.node].type
      if type.shape.rank == 0, roots.count < OutputDerivatives.mostScalarRoots {
        roots.append(("output '\(name)'", output.node))
        continue
      }
      var weight = "weight of \(name)"
      while taken.contains(weight) { weight += "'" }
      weights.insert(weight)
      let term = sum(builder.input(weight, type) * Value(builder: builder, id: output.node))
      if let known = sums[type.dtype] {
        sums[type.dtype] = ("\(known.label), '\(name)'", known.value + term)
      } else {
        sums[type.dtype] = ("weighted outputs '\(name)'", term)
      }
    }
    for dtype in DType.allCases {
      if let sum = sums[dtype] { roots.append((sum.label, sum.value.id)) }
    }
    let weighted = builder.build()
    let leaves = targets.compactMap { weighted.node(named: $0) }
    for root in roots {
      let result = try ReverseMode.differentiate(
        weighted, root: ReverseMode.Root(root.id), withRespectTo: leaves.map(\.id))
      for leaf in leaves {
        guard let derivative = result.derivatives[leaf.id] else { continue }
        answers.append(
          Answer(
            root: root.label, target: leaf.label, graph: graphs.count, derivative: derivative,
            value: root.id))
      }
      graphs.append(result.graph)
    }
  }
}
