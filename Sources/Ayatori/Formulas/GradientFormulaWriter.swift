import Autodiff
import GraphIR

/// Puts the formulas of derivatives together from the ways of their gradients.
struct GradientFormulaWriter {
  private let forward: Graph
  private let result: ReverseMode.Result
  private let root: String
  private let reader: FormulaReader

  init(_ forward: Graph, _ result: ReverseMode.Result, root: String) {
    self.forward = forward
    self.result = result
    self.root = root
    // The root's label names the adjoints.
    let label = forward.value(named: root)?.label ?? root
    reader = FormulaReader(
      result.graph, rootName: label, writtenRoot: root, adjoints: result.adjoints.mapValues(\.node))
  }

  /// The ways, each by the first name downstream that stands for itself, those with the same name
  /// added up; none when there is one.
  private func ways(of target: NodeID) -> [GradientFormulas.Way] {
    var names: [String] = []
    var formulas: [String: [Formula]] = [:]
    let ways = result.adjoints[target]?.ways ?? []
    for item in ways.sorted(by: { ($0.user, $0.node) < ($1.user, $1.node) }) {
      let name = forward[item.origin].label
      if formulas[name] == nil { names.append(name) }
      formulas[name, default: []].append(reader.written[item.node.index])
    }
    let all = names.map { GradientFormulas.Way(through: $0, formula: .sum(formulas[$0] ?? [])) }
    // What comes to nothing is no way.
    let found = all.filter { $0.formula.number != 0 }
    return found.count > 1 ? found : []
  }

  /// What `adjoint`, the derivative by `target`, is.
  private func whole(
    _ target: NodeID, _ adjoint: NodeID, _ ways: [GradientFormulas.Way]
  ) -> Formula {
    let owner = reader.isDerivativeOf[adjoint]
    // The same value is the derivative by something nearer to the root: that explains it.
    if owner != nil && owner != target || !result.graph[adjoint].isAdjoint(of: reader.rootName) {
      return reader.written[adjoint.index]
    }
    return ways.isEmpty ? reader.definitions[adjoint.index] : .plainSum(ways.map(\.formula))
  }

  func derivative(
    _ name: String, by target: NodeID, _ adjoint: NodeID
  ) -> GradientFormulas.Derivative {
    let ways = ways(of: target)
    return GradientFormulas.Derivative(
      name: name,
      symbol: FormulaSymbol(
        kind: .derivative, name: name, root: root, node: adjoint),
      type: result.graph[adjoint].type, ways: ways, formula: whole(target, adjoint, ways),
      node: adjoint)
  }

  // MARK: What symbols mean

  /// The derivatives, and the meanings of their symbols in the order in which they turn up:
  /// derivatives first, `depth` levels deep.
  func explained(
    _ derivatives: [GradientFormulas.Derivative], depth: Int?
  ) -> ([GradientFormulas.Derivative], [GradientFormulas.Meaning]) {
    var waiting: [(symbol: FormulaSymbol, level: Int)] = []
    var seen: Set<FormulaSymbol> = []
    func expect(_ formula: Formula, _ level: Int) {
      for symbol in formula.symbols where seen.insert(symbol).inserted {
        waiting.append((symbol, level))
      }
    }
    // Two nodes may have the same derivative: it explains itself where it is not said to be that of
    // the other.
    let shown = Set(
      derivatives.filter { derivative in
        !derivative.formula.symbols.contains { $0.node == derivative.node }
      }.map(\.node))
    for derivative in derivatives {
      for way in derivative.ways { expect(way.formula, 1) }
      expect(derivative.formula, 1)
    }
    var meanings: [GradientFormulas.Meaning] = []
    var next = 0
    while next < waiting.count {
      let (symbol, level) = waiting[next]
      next += 1
      let isDerivative = symbol.kind == .derivative
      if isDerivative, level > depth ?? .max || symbol.node.map(shown.contains) ?? false {
        continue
      }
      guard let meaning = meaning(of: symbol) else { continue }
      meanings.append(meaning)
      if let formula = meaning.formula { expect(formula, isDerivative ? level + 1 : level) }
    }
    let parts = meanings.map(\.symbol).filter { $0.kind == .part }
    let sorted =
      meanings.filter { $0.symbol.kind == .derivative }
      + meanings.filter { $0.symbol.kind != .derivative }
    return numbered(derivatives, sorted, parts)
  }

  private func meaning(of symbol: FormulaSymbol) -> GradientFormulas.Meaning? {
    guard symbol.kind == .derivative else { return reader.meaning(of: symbol) }
    guard let id = symbol.node, let owner = reader.isDerivativeOf[id] else { return nil }
    return .init(symbol: symbol, formula: whole(owner, id, ways(of: owner)))
  }

  /// Parts without a name as t1, t2, … in the order in which they are explained.
  private func numbered(
    _ derivatives: [GradientFormulas.Derivative], _ meanings: [GradientFormulas.Meaning],
    _ parts: [FormulaSymbol]
  ) -> ([GradientFormulas.Derivative], [GradientFormulas.Meaning]) {
    if parts.isEmpty { return (derivatives, meanings) }
    let names = reader.partNames(parts)
    let renamed = derivatives.map { derivative in
      var own = derivative
      own.formula = own.formula.renaming(names)
      own.ways = own.ways.map { way in
        GradientFormulas.Way(through: way.through, formula: way.formula.renaming(names))
      }
      return own
    }
    return (renamed, meanings.map { $0.renaming(names) })
  }
}

extension GradientFormulas.Meaning {
  func renaming(_ names: [FormulaSymbol: FormulaSymbol]) -> GradientFormulas.Meaning {
    var own = self
    own.symbol = names[symbol] ?? symbol
    own.formula = formula?.renaming(names)
    return own
  }
}

extension Formula {
  /// The same formula with other symbols.
  func renaming(_ names: [FormulaSymbol: FormulaSymbol]) -> Formula {
    func inner(_ part: Formula) -> Formula { part.renaming(names) }
    switch body {
    case .number: return self
    case .symbol(let symbol): return Formula(.symbol(names[symbol] ?? symbol), type)
    case .sum(let parts): return Formula(.sum(parts.map(inner)), type)
    case .product(let parts): return Formula(.product(parts.map(inner)), type)
    case .power(let base, let exponent): return Formula(.power(inner(base), inner(exponent)), type)
    case .bracket(let part, let negated):
      return Formula(.bracket(inner(part), negated: negated), type)
    case .call(let operation, let operands):
      return Formula(.call(operation, operands.map(inner)), type)
    case .stretched(let part): return Formula(.stretched(inner(part)), type)
    }
  }
}
