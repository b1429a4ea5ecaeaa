import GraphIR
import GraphOps

/// A node of a source graph by itself: a graph of it and its operands, which are leaves of the
/// node's own shape, so that nothing is summed; lowered, with its total as the root.
struct AloneNode {
  struct Operand {
    /// The leaf that stands for it.
    var leaf: NodeID
    /// What people call it.
    var name: String
    /// Its keyword, where the same node is there twice.
    var place: String?
    /// ∂ln q/∂operand, where costs downstream carry it.
    var score: NodeID?
  }

  let graph: Graph
  let value: NodeID
  let root: NodeID
  let operands: [Operand]
  /// What operands without a name are, in terms of the source graph.
  let meanings: [GradientFormulas.Meaning]

  /// Throws diagnostics or a `PassFailure` as `Compiler.lower`.
  init(_ node: Node, _ operation: Operation, _ source: Graph, _ compiler: Compiler) throws {
    let builder = GraphBuilder(source.name)
    for dimension in source.dimensions {
      builder.dimension(dimension.name, default: dimension.defaultSize)
    }
    var naming = OperandNames(node, operation, source)
    var values: [Value] = []
    var drafts: [(name: String, place: Int, label: String)] = []
    for (place, id) in node.operands.enumerated() {
      let operand = source[id]
      // A number is no more than itself.
      if case .leaf(let leaf) = operand.body, leaf.isShareable, operand.name == nil {
        values.append(builder.leaf(leaf, operand.type, name: nil))
        continue
      }
      let name = naming.name(at: place)
      let label = builder.freeName(name)
      let type = ValueType(operand.type.dtype, node.type.shape)
      if case .leaf(.noise(let distribution)) = operand.body {
        values.append(builder.noise(label, type, distribution))
      } else {
        values.append(builder.input(label, type))
      }
      drafts.append((name, place, label))
    }
    let result = builder.make(operation.definition, values, AloneNode.attributes(operation))
    let own = builder.freeName(node.label)
    result.named(own)
    var scores: [Int: String] = [:]
    if operation.estimator?.score != nil, let sampling = operation.definition.sampling {
      let context = OpContext(
        builder: builder, operands: values, attributes: operation.attributes, type: node.type,
        name: own)
      for (place, score) in sampling.scores(result, context).enumerated() {
        guard let score else { continue }
        let name = score.name ?? builder.freeName("\(own).score.\(place)")
        if score.name == nil { score.named(name) }
        scores[place] = name
      }
    }
    // Lowered before there is a total of it, which would be a cost.
    let lowered = GraphBuilder(continuing: try compiler.lower(builder.build()))
    guard let drawn = lowered.value(named: own) else {
      preconditionFailure("lowering lost '\(own)'")
    }
    operands = drafts.compactMap { draft in
      lowered.value(named: draft.label).map { leaf in
        Operand(
          leaf: leaf.id, name: draft.name, place: naming.keyword(at: draft.place),
          score: scores[draft.place].flatMap { lowered.value(named: $0)?.id })
      }
    }
    root = GraphOps.sum(drawn).id
    value = drawn.id
    graph = lowered.build()
    meanings = naming.meanings
  }

  /// The draw once, and without what its estimator does elsewhere, to costs and divergences: it is
  /// passed as ever or not at all.
  private static func attributes(_ operation: Operation) -> Attributes {
    guard let sampling = operation.definition.sampling else { return operation.attributes }
    var attributes = operation.attributes
    attributes.set(sampling.drawsAttribute, to: .int(1))
    if operation.estimator?.score != nil {
      attributes.set(sampling.estimatorAttribute, to: .symbol(Estimator.surrogate.name))
    } else if operation.estimator?.divergence != .closed {
      attributes.set(sampling.estimatorAttribute, to: .symbol(Estimator.pathwise.name))
    }
    return attributes
  }
}

/// What the operands of a node are called.
private struct OperandNames {
  private let node: Node
  private let operation: Operation
  private let source: Graph
  private var count = 0
  private var given: [NodeID: String] = [:]
  private(set) var meanings: [GradientFormulas.Meaning] = []

  init(_ node: Node, _ operation: Operation, _ source: Graph) {
    self.node = node
    self.operation = operation
    self.source = source
  }

  private func spelling(at place: Int) -> String {
    let spec = operation.definition.operandSpec(at: place)
    return spec.choice.map { operation.attributes.symbol($0) } ?? spec.name
  }

  /// The keyword of an operand that is there twice; nil for others.
  func keyword(at place: Int) -> String? {
    let id = node.operands[place]
    return node.operands.count { $0 == id } > 1 ? spelling(at: place) : nil
  }

  /// Its own name; else its keyword where the op is a distribution, whose keywords say what they
  /// are; else u1, u2, …, with what they mean.
  mutating func name(at place: Int) -> String {
    let id = node.operands[place]
    if let name = source[id].name ?? given[id] { return name }
    let keyword = spelling(at: place)
    var name = keyword
    if operation.definition.sampling == nil || source.names(keyword) {
      repeat {
        count += 1
        name = "u\(count)"
      } while source.names(name)
    }
    given[id] = name
    meanings.append(
      GradientFormulas.Meaning(
        symbol: FormulaSymbol(kind: .value, name: name),
        formula: source.formula(of: id).withoutNodes))
    return name
  }
}

extension Formula {
  /// The formula for reading alone: its symbols belong to no graph.
  fileprivate var withoutNodes: Formula {
    var names: [FormulaSymbol: FormulaSymbol] = [:]
    for symbol in symbols {
      names[symbol] = symbol
      names[symbol]?.node = nil
    }
    return renaming(names)
  }
}
