public import GraphIR

/// The derivatives of a scalar as mathematics: as the compiler holds them after lowering,
/// stabilization and reverse mode, each way of the gradient apart.
public struct GradientFormulas: Sendable {
  /// One way that a gradient comes, when there are several.
  public struct Way: Sendable {
    /// The first named node downstream, `z`.
    public var through: String
    public var formula: Formula
  }

  /// ∂root/∂name.
  public struct Derivative: Sendable {
    /// The name that was asked for.
    public var name: String
    public var symbol: FormulaSymbol
    public var type: ValueType
    /// Two or more, in the order of the graph; none when there is one way only.
    public var ways: [Way]
    /// The whole; its shape broadcasts to that of `type`.
    public var formula: Formula
    /// The node of `graph` that computes it.
    public var node: NodeID
  }

  /// A line of the list that says what symbols mean.
  public struct Meaning: Sendable {
    public var symbol: FormulaSymbol
    /// What the symbol is; nil of noise, which is drawn.
    public var formula: Formula?
    /// The name of the node, when the symbol is another; the id of one without a name.
    public var node: String?
    /// What noise is drawn from.
    public var distribution: NoiseDistribution?

    /// Those among `known` that formulas take, and those that these take, in the order of `known`.
    public static func needed(by formulas: [Formula], among known: [Meaning]) -> [Meaning] {
      var needed: Set<FormulaSymbol> = []
      var waiting = formulas
      while let formula = waiting.popLast() {
        for symbol in formula.symbols where needed.insert(symbol).inserted {
          waiting += known.filter { $0.symbol == symbol }.compactMap(\.formula)
        }
      }
      return known.filter { needed.contains($0.symbol) }
    }
  }

  /// The name of what is differentiated.
  public let root: String
  public let derivatives: [Derivative]
  public let meanings: [Meaning]
  /// The graph that the formulas were read off, with a derivative an output.
  public let graph: Graph
  /// How names are written.
  let names: FormulaNames

  /// Reads off ∂loss/∂target for every target.
  ///
  /// `loss` defaults as in `Compiler.stage`. The formulas are in terms of what somebody named, and
  /// of the derivatives by that; `depth` says how many levels of these the meanings explain, nil
  /// all. Throws diagnostics as `Compiler.differentiate`, and a `PassFailure` for a bug.
  public init(
    of source: Graph, loss: String? = nil, withRespectTo targets: [String], depth: Int? = 1,
    compiler: Compiler = Compiler()
  ) throws {
    let lowered = try compiler.lower(source)
    let root = try loss ?? Compiler.lossName(of: lowered)
    let stable = try compiler.stabilize(lowered, keeping: targets)
    let (result, named) = try compiler.derivatives(
      stable, loss: root, withRespectTo: targets
    ) { FormulaReader.isNamed($0, in: stable) }
    let writer = GradientFormulaWriter(stable, result, root: root)
    let builder = GraphBuilder(continuing: result.graph)
    var found: [Derivative] = []
    for (name, target, node) in named {
      found.append(writer.derivative(name, by: target, node))
      builder.output(
        derivativeName(of: root, withRespectTo: name), Value(builder: builder, id: node))
    }
    self.root = root
    graph = builder.build()
    names = FormulaNames(lowered: lowered)
    let (derivatives, meanings) = writer.explained(found, depth: depth)
    self.derivatives = derivatives.map(names.named)
    self.meanings = meanings.map(names.named)
  }

  /// The part of `graph` that the derivatives need, with these as its only outputs.
  public var subgraph: Graph {
    let wanted = Set(derivatives.map(\.node))
    let needed = graph.needed(by: wanted)
    let builder = GraphBuilder(continuing: graph.filtered { needed[$0.id.index] })
    let names = derivatives.map { derivativeName(of: root, withRespectTo: $0.name) }
    let outputs = builder.build().outputs.filter { names.contains($0.name) }
    builder.removeOutputs()
    for output in outputs { builder.output(output.name, Value(builder: builder, id: output.node)) }
    return builder.build()
  }
}
