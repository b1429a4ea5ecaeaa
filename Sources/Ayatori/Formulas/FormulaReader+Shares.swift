import GraphIR

// Score functions weigh costs that have no name: apply_estimators gives the name to the weighed
// value, which is worth the same. Formulas are about values, so the name goes back.

extension FormulaReader {
  /// By node, what stands for it: costs that a score function weighs, one for each slice of the
  /// batch or each draw, and baselines.
  ///
  ///     recon = f · 1                  f is recon
  ///     recon = (f₁ · 1 + f₂ · 1)/2    f₁ is recon#1
  ///     bce = Σ f · 1                  f is bce_N, the share of each N
  func shares(_ users: [[NodeID]]) -> [NodeID: Formula] {
    var result = baselines(users)
    for (named, weighed) in weighedCosts(users) {
      for (cost, symbol) in names(of: weighed, in: named) {
        result[cost] = symbol
      }
    }
    return result
  }

  // MARK: Costs

  /// Costs on the way to a named node.
  private struct Weighed {
    var costs: [NodeID] = []
    /// The reduction over slices, if there is one.
    var total: NodeID?
  }

  /// The operands of products by what is 1 but no constant, exp(x − stop(x)), by the named node
  /// that they lead to.
  private func weighedCosts(_ users: [[NodeID]]) -> [(NodeID, Weighed)] {
    var order: [NodeID] = []
    var found: [NodeID: Weighed] = [:]
    for node in graph.nodes where node.role == .forward {
      guard let cost = weighedCost(node) else { continue }
      var place = node.id
      var total: NodeID?
      while graph[place].name == nil {
        guard let user = users[place.index].first(where: { graph[$0].role == .forward }),
          let linearity = graph[user].definition?.linearity
        else { break }
        if linearity == .reduction { total = user }
        place = user
      }
      guard FormulaReader.isNamed(place, in: graph) else { continue }
      if found[place] == nil { order.append(place) }
      found[place, default: Weighed(total: total)].costs.append(cost)
    }
    return order.compactMap { id in found[id].map { (id, $0) } }
  }

  /// f of f·exp(x − stop(x)).
  private func weighedCost(_ node: Node) -> NodeID? {
    guard node.definition?.linearity == .product, node.operands.count == 2 else {
      return nil
    }
    for (cost, box) in [(0, 1), (1, 0)] {
      let (cost, box) = (node.operands[cost], node.operands[box])
      guard graph[box].operation != nil, definitions[box.index].number == 1,
        definitions[cost.index].number == nil
      else { continue }
      return cost
    }
    return nil
  }

  /// What the costs are called, when the named node is their sum or mean and nothing else. A cost
  /// of a name of its own, as copies for further draws have, keeps it and is explained.
  private func names(of weighed: Weighed, in named: NodeID) -> [(NodeID, Formula)] {
    let costs = weighed.costs
    let name = graph[named].label
    let addends = costs.map { written[$0.index] }
    // Costs of several kinds, one for each image and one for each element, are no draws of one.
    guard Set(addends.map(\.shape)).count == 1 else { return [] }
    let isRepeated = costs.count > 1
    let mean = Formula.product([.number(1 / Double(costs.count)), .sum(addends)])
    guard let total = weighed.total else {
      guard definitions[named.index] == mean else { return [] }
      if !isRepeated {
        return graph[costs[0]].name == nil ? [(costs[0], symbol(for: graph[named], name))] : []
      }
      return costs.enumerated().map { number, cost in
        (cost, share(cost, "\(name)#\(number + 1)", index: nil))
      }
    }
    let operand = graph[total].operands[0]
    let sum = Formula.Factors(definitions[named.index])
    guard case .reduction(_, isTotal: true)? = graph[total].definition?.notation,
      graph[total].type.shape.rank == 0, definitions[operand.index] == mean,
      let scale = sum.divided(by: Formula.Factors(definitions[total.index])),
      scale.coefficient > 0, scale.formula.isWeight,
      let index = index(of: graph[operand].type.shape)
    else { return [] }
    return costs.enumerated().map { number, cost in
      (cost, share(cost, isRepeated ? "\(name)#\(number + 1)" : name, index: index))
    }
  }

  /// The extents of the axes that are no 1, when each has a name.
  private func index(of shape: Shape) -> String? {
    let dims = shape.dims.filter { $0 != 1 }
    let names = dims.compactMap(\.symbolName)
    return names.isEmpty || names.count < dims.count ? nil : names.joined(separator: ",")
  }

  private func share(
    _ id: NodeID, _ name: String, index: String?, _ kind: FormulaSymbol.Kind = .share
  ) -> Formula {
    .symbol(
      FormulaSymbol(
        kind: kind, name: name, index: index, node: id,
        isNodesName: index == nil && graph[id].name == name),
      kind == .kept ? graph[id].type.besidesLeadingOnes : graph[id].type)
  }

  // MARK: Baselines

  /// Whose state a node is computed from.
  private struct Kept: Hashable {
    var owner: String
    /// Of the second cost and further ones.
    var number: Int?
  }

  /// What is computed from state that estimators keep for one parameter of a draw, as
  /// `z.mean.baseline`, where it meets anything else.
  private func baselines(_ users: [[NodeID]]) -> [NodeID: Formula] {
    var owners: [NodeID: Kept] = [:]
    for node in graph.nodes where node.role == .forward {
      switch node.body {
      case .leaf(.state):
        guard let dot = node.label.lastIndex(of: "."), dot != node.label.startIndex else {
          continue
        }
        let owner = String(node.label[..<dot])
        // A draw's own state has a name already.
        guard graph.node(named: owner) == nil else { continue }
        // That for a second cost is another: `z.mean.cost#2`.
        let number = DrawName(String(node.label[node.label.index(after: dot)...])).number
        owners[node.id] = Kept(owner: owner, number: number)
      case .leaf: continue
      case .operation:
        let moving = node.operands.filter { !graph[$0].isConstant }
        let found = Set(moving.map { owners[$0] })
        if found.count == 1, let owner = found.first { owners[node.id] = owner }
      }
    }
    var result: [NodeID: Formula] = [:]
    for (id, owner) in owners where graph[id].operation != nil && graph[id].name == nil {
      let name = owner.owner + ".baseline" + (owner.number.map { "#\($0)" } ?? "")
      let isWhole = users[id.index].contains { owners[$0] == nil && graph[$0].role == .forward }
      guard isWhole, graph.node(named: name) == nil, graph.owner(ofPart: owner.owner) != nil
      else {
        continue
      }
      result[id] = share(id, name, index: nil, .kept)
    }
    return result
  }
}
