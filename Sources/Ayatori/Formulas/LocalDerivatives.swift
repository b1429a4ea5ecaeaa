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
    /// ∂ln q/∂operand at the draw, where costs downstream carry it in the place of what is blocked.
    public var score: Formula?
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
    let alone = try AloneNode(node, operation, source, compiler)
    let (lowered, root) = (alone.graph, alone.root)
    // The total of a node that works element by element has the derivatives of its elements.
    let floating = alone.operands.map(\.leaf).filter { lowered[$0].type.dtype.isFloating }
    let reverse = try ReverseMode.differentiate(
      lowered, root: .init(root), withRespectTo: floating)
    let reader = FormulaReader(
      reverse.graph, rootName: lowered[root].label,
      adjoints: reverse.adjoints.mapValues(\.node).filter { $0.key == root })
    var shown: [FormulaSymbol: FormulaSymbol] = [:]
    var entries: [Entry] = []
    for operand in alone.operands {
      guard let symbol = reader.written[operand.leaf.index].symbol else { continue }
      var own = symbol
      own.name = operand.name
      shown[symbol] = own
      let head = FormulaSymbol(
        kind: .derivative, name: operand.name, root: node.label, place: operand.place,
        letter: symbol.letter)
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
    let names = shown.merging(reader.partNames(parts, letter: "s")) { own, _ in own }
    self.node = node.label
    self.value = value.renaming(names)
    self.entries = entries.map { entry in
      var entry = entry
      entry.formula = entry.formula?.renaming(names)
      entry.score = entry.score?.renaming(names)
      return entry
    }
    self.meanings = meanings.map { $0.renaming(names) } + alone.meanings
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
