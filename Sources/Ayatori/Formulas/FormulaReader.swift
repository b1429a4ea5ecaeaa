import Autodiff
import GraphIR
import GraphOps

/// Reads formulas off a graph with adjoints.
///
/// What somebody named is a symbol, whatever it is made of; so is the derivative by what somebody
/// named. The rest is written out. How names are spelled is left to `FormulaNames`.
struct FormulaReader {
  /// A node without a name whose formula is as long as this gets one when it is used again.
  private static let longestShared = 24
  /// One that is as long as this gets a name in any case: nobody reads more, and formulas of
  /// formulas stay small.
  private static let longest = 160

  let graph: Graph
  /// By which name the root's adjoints know it, and by which derivatives are written.
  let rootName: String
  private let writtenRoot: String
  /// Which named node's derivative a node computes: that nearest to the root, where it is that of
  /// several.
  let isDerivativeOf: [NodeID: NodeID]
  /// What stands for a node in the formulas of others.
  private(set) var written: [Formula] = []
  /// What a node is, written out.
  private(set) var definitions: [Formula] = []
  /// Whether barriers are written: they say how a graph computes, and are no part of a value.
  private let keepsBarriers: Bool
  /// What stands for costs, and for what is taken away from them, that have no name of their own.
  private var shares: [NodeID: Formula] = [:]
  /// Standard deviations of draws: σ = exp(factor · base).
  private var scales: [Scale] = []
  /// The σ(x) of an x.
  private var sigmoids: [NodeID: NodeID] = [:]

  private struct Scale {
    var base: [Formula.Factors.Factor]
    var factor: Double
    var symbol: Formula
  }

  /// Of several names of the root, `writtenRoot` is what derivatives are of; nil its first.
  init(
    _ graph: Graph, rootName: String, writtenRoot: String? = nil, adjoints: [NodeID: NodeID],
    keepsBarriers: Bool = false
  ) {
    self.graph = graph
    self.rootName = rootName
    self.writtenRoot = writtenRoot ?? rootName
    self.keepsBarriers = keepsBarriers
    var owners: [NodeID: NodeID] = [:]
    // Nothing lies upstream of a leaf: its derivative is a step towards no other.
    for (node, adjoint) in adjoints
    where graph[node].leaf == nil && FormulaReader.isNamed(node, in: graph)
      && graph[adjoint].isAdjoint(of: rootName)
    {
      owners[adjoint] = max(owners[adjoint] ?? node, node)
    }
    isDerivativeOf = owners
    let users = graph.users()
    read(users)
    shares = shares(users)
    guard !shares.isEmpty else { return }
    read(users)
    // A cost that goes by the name of what it is worth is what that name means.
    for (id, share) in shares {
      if let named = share.symbol?.node, named != id {
        definitions[named.index] = definitions[id.index]
      }
    }
  }

  private mutating func read(_ users: [[NodeID]]) {
    written.removeAll()
    definitions.removeAll()
    scales.removeAll()
    sigmoids.removeAll()
    for node in graph.nodes {
      let definition = inScales(definition(of: node), of: node)
      definitions.append(definition)
      if node.definition == .sigmoid { sigmoids[node.operands[0]] = node.id }
      written.append(reference(to: node, definition, isShared: users[node.id.index].count > 1))
    }
  }

  /// exp(−s) as 1/σ² where σ = exp(s/2) is a draw's; takes down the σ that `node` is.
  private mutating func inScales(_ definition: Formula, of node: Node) -> Formula {
    guard case .call(let operation, let operands) = definition.body,
      case .exponential = operation.definition.notation
    else { return definition }
    let exponent = Formula.Factors(operands[0])
    if let name = node.name, graph.owner(ofPart: name) != nil {
      scales.append(
        Scale(
          base: exponent.factors, factor: exponent.coefficient, symbol: symbol(for: node, name)))
      return definition
    }
    guard let scale = scales.first(where: { $0.base == exponent.factors }) else {
      return definition
    }
    let power = exponent.coefficient / scale.factor
    guard power < 0, power == power.rounded() else { return definition }
    return .power(scale.symbol, .number(power))
  }

  /// Whether the node bears a name that stands for itself; `z.sigma` is a part of `z`.
  static func isNamed(_ id: NodeID, in graph: Graph) -> Bool {
    guard let name = graph[id].name else { return false }
    return graph.owner(ofPart: name) == nil
  }

  // MARK: Names

  /// The symbol of a node that somebody named.
  func symbol(for node: Node, _ name: String) -> Formula {
    let kind: FormulaSymbol.Kind =
      switch node.body {
      case .leaf(.constant): .constant
      case .leaf(.noise): .noise
      case .leaf(.state): .kept
      default: .value
      }
    return .symbol(
      FormulaSymbol(
        kind: kind, name: name, node: node.id,
        sharesAxis: node.id.index < definitions.count
          ? definitions[node.id.index].sharesAxis : nil),
      kind == .kept ? node.type.besidesLeadingOnes : node.type)
  }

  /// ∂root/∂node, computed by `adjoint`.
  private func derivativeSymbol(_ node: NodeID, _ adjoint: Node) -> Formula {
    .symbol(
      FormulaSymbol(
        kind: .derivative, name: graph[node].label, root: writtenRoot, node: adjoint.id),
      adjoint.type)
  }

  // MARK: Nodes

  private func definition(of node: Node) -> Formula {
    switch node.body {
    case .leaf(.constant(let scalar)): return .number(scalar.doubleValue, node.type.dtype)
    case .leaf(.size(let dim)): return .extent(dim, node.type.dtype)
    case .leaf: return symbol(for: node, node.label)
    case .operation(let operation):
      if !keepsBarriers, case .barrier = operation.definition.notation {
        return written[node.operands[0].index]
      }
      if let complement = complement(node) { return complement }
      return .applying(
        operation, node.operands.map { written[$0.index] },
        node.operands.map { graph[$0].type }, node.type)
    }
  }

  /// 1 − σ(x), as people write it; derivatives compute it as σ(−x), which keeps its digits.
  private func complement(_ node: Node) -> Formula? {
    guard case .adjoint = node.role, node.definition == .sigmoid else { return nil }
    let negation = graph[node.operands[0]]
    guard negation.definition == .neg, let whole = sigmoids[negation.operands[0]] else {
      return nil
    }
    let minus = Formula.product([.number(-1, node.type.dtype), written[whole.index]])
    return .sum([.number(1, node.type.dtype), minus])
  }

  private func reference(
    to node: Node, _ definition: Formula, isShared: Bool
  ) -> Formula {
    if let owner = isDerivativeOf[node.id] {
      // A weight of a term is read better than its name as a derivative.
      if definition.isWeight { return definition }
      return derivativeSymbol(owner, node)
    }
    if let share = shares[node.id] { return share }
    // So is the weight of a term in the derivatives of another root.
    if case .adjoint = node.role, definition.isWeight { return definition }
    if !node.isAdjoint(of: rootName), let name = node.name { return symbol(for: node, name) }
    let isLong = definition.size > FormulaReader.longest
    guard isLong || isShared && definition.size > FormulaReader.longestShared else {
      return definition
    }
    return .symbol(
      FormulaSymbol(
        kind: .part, name: node.id.description, node: node.id),
      node.type)
  }

  /// Parts without a name as t1, t2, … in the given order, or by another letter; names that are in
  /// use are left out.
  func partNames(
    _ parts: [FormulaSymbol], letter: String = "t",
    besides isTaken: (String) -> Bool = { _ in false }
  ) -> [FormulaSymbol: FormulaSymbol] {
    var names: [FormulaSymbol: FormulaSymbol] = [:]
    var number = 0
    for part in parts {
      var own = part
      repeat {
        number += 1
        own.name = "\(letter)\(number)"
      } while graph.names(own.name) || isTaken(own.name)
      names[part] = own
    }
    return names
  }

  // MARK: Meanings

  /// What a symbol stands for, where that is not to be read in the person's text: constants, noise,
  /// what lowering made, parts without a name. Nil for the rest.
  func meaning(of symbol: FormulaSymbol) -> GradientFormulas.Meaning? {
    guard let id = symbol.node else { return nil }
    switch symbol.kind {
    case .size, .derivative: return nil
    case .kept where graph[id].leaf != nil: return nil
    case .constant, .part, .share, .kept:
      return GradientFormulas.Meaning(symbol: symbol, formula: definitions[id.index])
    case .noise:
      guard case .leaf(.noise(let distribution)) = graph[id].body else { return nil }
      return GradientFormulas.Meaning(symbol: symbol, distribution: distribution)
    case .value:
      guard graph[id].leaf == nil, !FormulaReader.isNamed(id, in: graph) else { return nil }
      return GradientFormulas.Meaning(symbol: symbol, formula: definitions[id.index])
    }
  }
}

extension Graph {
  /// Whether a node or a dimension has the name.
  func names(_ name: String) -> Bool {
    node(named: name) != nil || dimensions.contains { $0.name == name }
  }

  /// The node that `name` is a part of: `z` of `z.sigma`, when there is a node `z`. A person's
  /// parameter or input is no part of anything.
  func owner(ofPart name: String) -> String? {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
    switch node(named: name)?.leaf {
    case .parameter?, .input?: return nil
    default: break
    }
    let owner = String(name[..<dot])
    return node(named: owner) == nil ? nil : owner
  }
}

extension Formula {
  /// Whether constants and extents alone determine it, the same at every place.
  var isWeight: Bool {
    isScalar && symbols.allSatisfy { $0.kind == .constant || $0.kind == .size }
  }
}

extension ValueType {
  /// What state has in the place of a batch, it is the same for all of: a formula of it may lack
  /// that axis, so that a total over the batch is N times the value.
  var besidesLeadingOnes: ValueType {
    ValueType(dtype, Shape(Array(shape.dims.drop { $0 == 1 })))
  }
}

extension Node {
  /// Whether this is part of a derivative of `root`; derivatives of others are values like any.
  func isAdjoint(of root: String) -> Bool {
    if case .adjoint(_, root, _) = role { true } else { false }
  }

  var isConstant: Bool { if case .leaf(.constant) = body { true } else { false } }
}
