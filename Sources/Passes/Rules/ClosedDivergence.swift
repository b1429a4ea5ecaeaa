public import GraphIR
public import GraphOps

/// A value in a graph that is `factor` times the divergence of a normal distribution from its
/// prior, element by element: `kl_normal(…)`, or the same written out.
public struct ClosedDivergence: Sendable {
  public enum Prior: Sendable, Hashable {
    /// N(0, 1).
    case standard
    /// A normal with this mean and log-variance.
    case normal(mean: NodeID, logVariance: NodeID)
  }

  /// The value that is replaced when the divergence is sampled.
  public var node: NodeID
  public var factor: Double
  public var prior: Prior
  /// What gives the distribution its scale, and how.
  public var scale: NodeID
  public var kind: NormalScale
}

extension Graph {
  /// The divergences of `draw`'s distribution that the graph has in closed form; empty for draws
  /// that are not normal.
  public func closedDivergences(of draw: NodeID) -> [ClosedDivergence] {
    guard let operation = self[draw].operation, operation.definition == .normal else { return [] }
    return closedDivergences(
      mean: self[draw].operands[0], scale: self[draw].operands[1],
      as: NormalScale(operation.attributes))
  }

  /// The divergences of N(mean, σ²) that the graph has in closed form, in graph order.
  ///
  /// What is written out is found by algebra, not by pattern: a value that is a polynomial in mean,
  /// scale, exponentials and logarithms of the scale is compared with ½ (m² + σ² − ln σ² − 1), up
  /// to a factor. Of nested finds the outermost counts.
  public func closedDivergences(
    mean: NodeID, scale: NodeID, as kind: NormalScale
  ) -> [ClosedDivergence] {
    closedDivergences(normalForms(mean: mean, scale: scale), mean: mean, scale: scale, as: kind)
  }

  /// The divergences of normal distributions with this mean, whatever their scale, in graph order:
  /// each once, with the scale that stands in it.
  public func closedDivergences(withMean mean: NodeID) -> [ClosedDivergence] {
    var found: [NodeID: ClosedDivergence] = [:]
    for scale in scales(besides: mean) {
      let forms = normalForms(mean: mean, scale: scale)
      for kind in NormalScale.allCases {
        for divergence in closedDivergences(forms, mean: mean, scale: scale, as: kind)
        where found[divergence.node] == nil { found[divergence.node] = divergence }
      }
    }
    return found.values.sorted { $0.node < $1.node }
  }

  private func closedDivergences(
    _ normals: [DivergenceForm?], mean: NodeID, scale: NodeID, as kind: NormalScale
  ) -> [ClosedDivergence] {
    guard let shape = self[mean].type.shape.broadcast(with: self[scale].type.shape) else {
      return []
    }
    let target = DivergenceForm.divergence(kind)
    var found: [NodeID: ClosedDivergence] = [:]
    for node in nodes where node.type.shape == shape {
      if let factor = normals[node.id.index]?.multiple(of: target) {
        found[node.id] = ClosedDivergence(
          node: node.id, factor: factor, prior: .standard, scale: scale, kind: kind)
      } else if node.definition == .klNormals,
        normals[node.operands[0].index] == .mean,
        normals[node.operands[1].index] == DivergenceForm.logVariance(kind)
      {
        found[node.id] = ClosedDivergence(
          node: node.id, factor: 1,
          prior: .normal(mean: node.operands[2], logVariance: node.operands[3]), scale: scale,
          kind: kind)
      }
    }
    let users = users()
    let handed = Set(outputs.map(\.node))
    return found.values.filter { candidate in
      let users = users[candidate.node.index]
      return users.isEmpty || handed.contains(candidate.node)
        || users.contains { found[$0] == nil }
    }.sorted { $0.node < $1.node }
  }

  /// Values that may be the scale in a divergence: it stands in an exponential, a logarithm, a
  /// square or a divergence, by itself or times a number. Those that have a name come first.
  private func scales(besides mean: NodeID) -> [NodeID] {
    var direct: [NodeID] = []
    for node in nodes {
      switch node.definition {
      case .exp, .expm1, .log, .square, .pow: direct.append(node.operands[0])
      case .mul where node.operands[0] == node.operands[1]: direct.append(node.operands[0])
      case .klNormal, .klNormals: direct.append(node.operands[1])
      default: break
      }
    }
    let multiples = direct.flatMap { id in
      switch self[id].definition {
      case .mul, .div, .neg: self[id].operands
      default: [NodeID]()
      }
    }
    var seen: Set<NodeID> = [mean]
    let found = (direct + multiples).filter { id in
      if case .leaf(.constant) = self[id].body { return false }
      return self[id].type.dtype == self[mean].type.dtype && seen.insert(id).inserted
    }
    return found.filter { self[$0].name != nil } + found.filter { self[$0].name == nil }
  }

  /// What each node is in terms of mean and scale; nil where it is anything else.
  private func normalForms(mean: NodeID, scale: NodeID) -> [DivergenceForm?] {
    var forms = [DivergenceForm?](repeating: nil, count: nodes.count)
    for node in nodes {
      if node.id == mean {
        forms[node.id.index] = .mean
      } else if node.id == scale {
        forms[node.id.index] = .scale
      } else if case .leaf(.constant(let scalar)) = node.body, node.name == nil {
        forms[node.id.index] = DivergenceForm(scalar.doubleValue)
      } else if let operation = node.operation {
        let operands = node.operands.compactMap { forms[$0.index] }
        guard operands.count == node.operands.count else { continue }
        forms[node.id.index] = DivergenceForm.applying(operation.definition, operands)
      }
    }
    return forms
  }
}
