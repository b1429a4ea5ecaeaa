import Ayatori
import Autodiff
import GraphIR
import GraphOps
import Passes
import Runtime

/// Values and gradients at every node of the analysed graph, and what flows back along each edge:
/// what a picture of the gradient flow shows.
///
/// One reverse pass a term of the loss, seeded with its weight, and one of the loss as a whole.
/// Values and gradients are those of the graph as written, lowered and not rewritten; beside them
/// stand those of the graph that compiling makes of it.
public struct FlowField: Sendable {
  /// One array in numbers.
  public struct Spread: Sendable, Encodable {
    public let statistics: ArrayStatistics
    /// Nil where no element is finite.
    public let histogram: Histogram?

    init(_ array: NDArray) {
      let values = array.doubles
      statistics = ArrayStatistics(values, shape: array.shape)
      histogram = Histogram(values)
    }
  }

  /// The gradient of one root at a node.
  public struct Gradient: Sendable, Encodable {
    public let spread: Spread?
    /// Why there is none.
    public let refusal: String?
    /// The norm of what comes on ways that the source graph does not have: the cost times the
    /// score, which an estimator adds. Nil where there is no such way.
    public let besides: Double?
  }

  /// The gradient of the whole loss at a node by the graph that runs, all passes done; there is
  /// none where the passes made another node do the work.
  public struct Compiled: Sendable, Encodable {
    public let spread: Spread
    /// The largest difference from the graph as written, in units in the last place.
    public let ulps: Double
  }

  /// A node of the source graph.
  public struct Node: Sendable, Encodable {
    public let id: Int
    public let name: String
    /// What it computes.
    public let formula: Mathematics
    /// The gradient of the loss at it; nil where there is none, and where nobody named the node.
    public let gradientFormula: Mathematics?
    public let type: String
    public let place: String?
    public let isNoise: Bool
    /// How often it is computed where the graph draws several times: value and gradients are those
    /// of the first, whose share of the loss is one in as many.
    public let draws: Int
    /// Nil for what is no array of floats.
    public let value: Spread?
    /// By root; empty for what has no derivatives.
    public let gradients: [Gradient]
    public let compiled: Compiled?
    /// The number of the fused group that computes it in a training step.
    public let group: Int?
  }

  /// One way of the gradient: from `to`, which uses `from`, back to `from`.
  public struct Edge: Sendable, Encodable {
    public let from: Int
    public let to: Int
    /// By root: the norm of what comes along; nil where nothing does.
    public let norms: [Double?]
    /// By root: why nothing passes; nil where something does, or nothing comes that far.
    public let blocked: [String?]
  }

  /// Which scalar a gradient is of.
  public struct Root: Sendable, Encodable {
    public let name: String
    public let isLoss: Bool
  }

  /// The terms, then the loss.
  public let roots: [Root]
  public let nodes: [Node]
  public let edges: [Edge]

  /// Throws diagnostics for feeds that do not fit; `flow` comes from the same feeds.
  public init(_ flow: GradientFlow, feeds: Feeds) throws {
    let program = try FieldProgram(
      flow.site.graph, targets: (flow.site.parameters + [flow.site.draw]).map(\.name),
      loss: flow.split.loss, known: flow.split.terms.map(\.name))
    let (stable, gradients) = try program.compiled()
    let source = program.source
    let names = feeds.inputs.keys
    var arrays: [[String: NDArray]] = []
    for pass in program.passes {
      arrays.append(try FieldProgram.run(pass.graph, .debug, feeds, feeding: names))
    }
    let whole = arrays[arrays.count - 1]
    let optimized = try FieldProgram.run(gradients, .standard, feeds, feeding: names)
    let groups = try program.groups(flow, stable)
    let reached = source.nodes.filter { whole["gradient.\($0.id.index)"] != nil }
    let formulas = try Formulas(
      source, loss: flow.split.loss, reached: reached.compactMap(\.name))
    roots =
      program.terms.map { Root(name: $0, isLoss: false) }
      + [Root(name: flow.split.loss, isLoss: true)]
    nodes = source.nodes.map { node in
      let isFloating = node.type.dtype.isFloating
      let key = "gradient.\(node.id.index)"
      return Node(
        id: node.id.index, name: node.label, formula: formulas.value(of: node),
        gradientFormula: formulas.gradient(at: node), type: "\(node.type)",
        place: node.location.map { "\($0.file.name):\($0.line)" }, isNoise: node.isNoise,
        draws: program.draws[node.id] ?? 1,
        value: whole["value.\(node.id.index)"].map(Spread.init),
        gradients: !isFloating
          ? []
          : zip(program.passes, arrays).map { pass, arrays in
            let besides = pass.besides[node.id]?.compactMap { arrays[$0] } ?? []
            return Gradient(
              spread: arrays[key].map(Spread.init), refusal: pass.refusals[node.id],
              besides: besides.isEmpty ? nil : FlowField.norm(besides))
          },
        compiled: optimized[key].flatMap { array in
          whole[key].map {
            Compiled(spread: Spread(array), ulps: FlowParity.row("", $0, array).ulps)
          }
        }, group: groups[node.id])
    }
    edges = program.edges.map { edge in
      Edge(
        from: edge.tail.index, to: edge.head.index,
        norms: zip(program.passes, arrays).map { pass, arrays in
          guard let keys = pass.ways[edge] else { return nil }
          return FlowField.norm(keys.compactMap { arrays[$0] })
        }, blocked: program.passes.map { $0.blocked[edge] })
    }
  }

  /// The norm of the sum of arrays of one shape.
  static func norm(_ arrays: [NDArray]) -> Double {
    guard var sum = arrays.first?.doubles else { return 0 }
    for array in arrays.dropFirst() {
      for (index, value) in array.doubles.enumerated() { sum[index] += value }
    }
    return sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
