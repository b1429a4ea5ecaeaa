import Autodiff
public import GraphIR
import GraphOps

/// The derivatives of a node by its own operands, element by element, as mathematics: ∂z/∂mu = 1,
/// ∂z/∂logvar = 0.5·σ ⊙ ε. They are what lowering and the ops' gradient rules make of the node.
///
/// Where an element of an operand moves several of the node's, as in a softmax, no factor per
/// element is the derivative, which is a matrix. It is told by what it does to the gradient of
/// any scalar f: ∂f/∂l = c ⊙ (∂f/∂c − Σ (c ⊙ ∂f/∂c)), a product with the transposed Jacobian.
public struct LocalDerivatives: Sendable {
  public struct Entry: Sendable {
    /// The operand's symbol: `mu`, ε.
    public var operand: FormulaSymbol
    public var symbol: FormulaSymbol
    /// Nil when nothing passes.
    public var formula: Formula?
    /// Why nothing passes.
    public var blocked: String?
    /// ∂ln q/∂operand at the draw, where costs downstream carry it in the place of what is blocked.
    public var score: Formula?
  }

  public let node: String
  /// The node itself, in terms of its operands and parts.
  public let value: Formula
  public let entries: [Entry]
  /// ∂f/∂node, of which the entries are functions where the node mixes elements of an operand; nil
  /// where each is a factor.
  public let cotangent: FormulaSymbol?
  public let meanings: [GradientFormulas.Meaning]
  /// The node and its operands by themselves, with the adjoints; its leaves are the operands.
  public let graph: Graph
  /// How names are written.
  let names: FormulaNames

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
    let spelled = FormulaNames(of: source)
    let alone = try AloneNode(node, operation, source, compiler)
    // The total of a node that works element by element has the derivatives of its elements.
    var (lowered, root) = (alone.graph, alone.root)
    let floating = alone.operands.map(\.leaf).filter { lowered[$0].type.dtype.isFloating }
    var reverse = try ReverseMode.differentiate(
      lowered, root: .init(root), withRespectTo: floating)
    var scalar: (name: String, cotangent: NodeID)?
    if lowered.mixesElements(from: floating, reverse.adjoints) {
      let found = LocalDerivatives.scalar(of: alone, besides: source)
      (lowered, root) = (found.graph, found.root)
      scalar = (found.name, found.cotangent)
      reverse = try ReverseMode.differentiate(
        lowered, root: .init(root), withRespectTo: floating)
    }
    let reader = FormulaReader(
      reverse.graph, rootName: lowered[root].label,
      adjoints: reverse.adjoints.mapValues(\.node).filter { $0.key == root })
    var shown: [FormulaSymbol: FormulaSymbol] = [:]
    cotangent = scalar.map {
      spelled.named(
        FormulaSymbol(kind: .derivative, name: node.label, root: $0.name, node: $0.cotangent))
    }
    if let scalar, let symbol = reader.written[scalar.cotangent.index].symbol {
      shown[symbol] = cotangent
    }
    var entries: [Entry] = []
    for operand in alone.operands {
      guard let symbol = reader.written[operand.leaf.index].symbol else { continue }
      var own = symbol
      own.name = operand.name
      shown[symbol] = own
      let head = FormulaSymbol(
        kind: .derivative, name: operand.name, root: scalar?.name ?? node.label,
        place: operand.place, letter: spelled.letter(of: operand.name))
      var entry = Entry(operand: own, symbol: head)
      switch reverse.derivatives[operand.leaf] {
      case .node(let derivative): entry.formula = reader.definitions[derivative.index]
      case .zero(let reason), .notConnected(let reason), .undefined(let reason):
        entry.blocked = reason
      case nil: entry.blocked = "\(lowered[operand.leaf].type.dtype) has no derivatives"
      }
      entry.score = operand.score.map { reader.definitions[$0.index] }
      entries.append(entry)
    }
    let value = reader.definitions[alone.value.index]
    let meanings = LocalDerivatives.meanings(
      [value] + entries.compactMap(\.formula) + entries.compactMap(\.score), reader)
    // The parts of the whole derivatives are t1, t2, …
    let parts = meanings.map(\.symbol).filter { $0.kind == .part }
    let own = reader.partNames(parts, letter: "s", besides: spelled.isTaken)
    let symbols = shown.merging(own) { operand, _ in operand }
    func written(_ formula: Formula) -> Formula { spelled.named(formula.renaming(symbols)) }
    self.node = node.label
    self.value = written(value)
    self.entries = entries.map { entry in
      var entry = entry
      entry.operand = spelled.named(entry.operand)
      entry.symbol = spelled.named(entry.symbol)
      entry.formula = entry.formula.map(written)
      entry.score = entry.score.map(written)
      return entry
    }
    self.meanings = (meanings.map { $0.renaming(symbols) } + alone.meanings).map(spelled.named)
    graph = reverse.graph
    names = spelled
  }

  /// A scalar f that depends on the node in any way: its gradient at the node is an input.
  private static func scalar(
    of alone: AloneNode, besides source: Graph
  ) -> (graph: Graph, root: NodeID, name: String, cotangent: NodeID) {
    let builder = GraphBuilder(continuing: alone.graph)
    var (name, number) = ("f", 1)
    while source.names(name) || alone.graph.names(name) {
      number += 1
      name = "f\(number)"
    }
    let value = Value(builder: builder, id: alone.value)
    let cotangent = builder.input(name, alone.graph[alone.value].type)
    let root = GraphOps.sum(cotangent * value).id
    return (builder.build(), root, name, cotangent.id)
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

extension Graph {
  /// Whether a gradient comes to one of `leaves` through an op in which an element of the operand
  /// moves others than that at its own place: softmax, sums, products of matrices.
  fileprivate func mixesElements(
    from leaves: [NodeID], _ adjoints: [NodeID: ReverseMode.Adjoint]
  ) -> Bool {
    var depends = [Bool](repeating: false, count: nodes.count)
    for leaf in leaves { depends[leaf.index] = true }
    for node in nodes where !node.body.isLeaf {
      let moving = node.operands.filter { depends[$0.index] }
      guard !moving.isEmpty else { continue }
      depends[node.id.index] = true
      // The node at the end is the total, not a part of what it is the total of.
      guard let definition = node.definition, !definition.isPlacewise,
        node.type.shape.rank > 0
      else { continue }
      let passes = moving.contains { operand in
        adjoints[operand]?.ways.contains { $0.user == node.id } ?? false
      }
      if passes { return true }
    }
    return false
  }
}

extension OpDefinition {
  /// Whether each element of the result depends on one place of the operands: elementwise ops,
  /// barriers, and copies along new axes.
  fileprivate var isPlacewise: Bool {
    switch notation {
    case .barrier, .stretching: true
    default: isElementwise
    }
  }
}
