import Autodiff
public import GraphIR
import GraphOps

/// The derivatives of a node by its own operands, element by element, as mathematics: ∂z/∂mu = 1,
/// ∂z/∂logvar = 0.5·σ ⊙ ε. They are what lowering and the ops' gradient rules make of the node.
public struct LocalDerivatives: Sendable {
  public struct Entry: Sendable {
    /// The operand's symbol: `mu`, ε.
    public var operand: FormulaSymbol
    public var symbol: FormulaSymbol
    /// Nil when nothing passes.
    public var formula: Formula?
    /// Why nothing passes.
    public var blocked: String?
  }

  public let node: String
  /// The node itself, in terms of its operands and parts.
  public let value: Formula
  public let entries: [Entry]
  public let meanings: [GradientFormulas.Meaning]
  /// The node and its operands by themselves, with the adjoints; its leaves are the operands.
  public let graph: Graph

  /// Differentiates the node called `name` of a source graph: a sampling node, or any other that
  /// works element by element.
  ///
  /// Throws diagnostics for an unknown name and for a node that has no local derivatives, and a
  /// `PassFailure` for a bug.
  public init(of name: String, in source: Graph, compiler: Compiler = Compiler()) throws {
    guard let node = source.value(named: name) else {
      throw Diagnostics([.unknownNode(name, source)])
    }
    guard let operation = node.operation, node.type.dtype.isFloating,
      operation.definition.sampling != nil || operation.definition.isElementwise
    else { throw Diagnostics([.noLocalDerivatives(node, source)]) }

    // The node by itself: its operands are leaves of its own shape, so that nothing is summed.
    let builder = GraphBuilder(source.name)
    for dimension in source.dimensions {
      builder.dimension(dimension.name, default: dimension.defaultSize)
    }
    var operands: [Value] = []
    for (place, id) in node.operands.enumerated() {
      let operand = source[id]
      let spec = operation.definition.operandSpec(at: place).name
      let wanted = operand.name ?? spec
      let label = builder.value(named: wanted) == nil ? wanted : "\(wanted) (\(spec))"
      let type = ValueType(operand.type.dtype, node.type.shape)
      if case .leaf(.noise(let distribution)) = operand.body {
        operands.append(builder.noise(builder.freeName(label), type, distribution))
      } else {
        operands.append(builder.input(builder.freeName(label), type))
      }
    }
    var attributes = operation.attributes
    if let sampling = operation.definition.sampling, operation.estimator?.divergence != .closed {
      // A divergence that is sampled is elsewhere: the draw itself is passed as ever.
      attributes.set(sampling.estimatorAttribute, to: .symbol(Estimator.pathwise.name))
    }
    let result = builder.make(operation.definition, operands, attributes)
    let own = builder.freeName(node.label)
    result.named(own)
    // Lowered before there is an output or a total of it: an estimator that works on the costs
    // downstream finds none.
    let draw = GraphBuilder(continuing: try compiler.lower(builder.build()))
    guard let drawn = draw.value(named: own) else {
      throw Diagnostics([.noLocalDerivatives(node, source)])
    }
    let root = GraphOps.sum(drawn).id
    let lowered = draw.build()
    let ids = operands.compactMap { $0.name.flatMap { lowered.node(named: $0)?.id } }
    // The total of a node that works element by element has the derivatives of its elements.
    let floating = ids.filter { lowered[$0].type.dtype.isFloating }
    let reverse = try ReverseMode.differentiate(
      lowered, root: .init(root), withRespectTo: floating)
    let reader = FormulaReader(
      reverse.graph, rootName: lowered[root].label,
      adjoints: reverse.adjoints.mapValues(\.node).filter { $0.key == root })
    var entries: [Entry] = []
    for id in ids {
      guard let operand = reader.written[id.index].symbol else { continue }
      var entry = Entry(
        operand: operand,
        symbol: FormulaSymbol(
          kind: .derivative, name: operand.letter?.text ?? operand.name, root: node.label))
      switch reverse.derivatives[id] {
      case .node(let derivative): entry.formula = reader.definitions[derivative.index]
      case .zero(let reason), .notConnected(let reason), .undefined(let reason):
        entry.blocked = reason
      case nil: entry.blocked = "\(lowered[id].type.dtype) has no derivatives"
      }
      entries.append(entry)
    }
    let value = reader.definitions[drawn.id.index]
    let meanings = LocalDerivatives.meanings([value] + entries.compactMap(\.formula), reader)
    let names = reader.partNames(meanings.map(\.symbol).filter { $0.kind == .part })
    self.node = node.label
    self.value = value.renaming(names)
    self.entries = entries.map { entry in
      var entry = entry
      entry.formula = entry.formula?.renaming(names)
      return entry
    }
    self.meanings = meanings.map { $0.renaming(names) }
    graph = reverse.graph
  }

  private static func meanings(
    _ formulas: [Formula], _ reader: FormulaReader
  ) -> [GradientFormulas.Meaning] {
    var meanings: [GradientFormulas.Meaning] = []
    var seen: Set<FormulaSymbol> = []
    var waiting = formulas
    var next = 0
    while next < waiting.count {
      for symbol in waiting[next].symbols where seen.insert(symbol).inserted {
        guard let meaning = reader.meaning(of: symbol) else { continue }
        meanings.append(meaning)
        if let formula = meaning.formula { waiting.append(formula) }
      }
      next += 1
    }
    return meanings
  }
}
