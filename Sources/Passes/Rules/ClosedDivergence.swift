public import GraphIR
import GraphOps

/// A value in a graph that is `factor` times the divergence of a draw's distribution from its
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
}

extension Graph {
  /// The divergences of `draw`'s distribution that the graph has in closed form; empty for draws
  /// that are not normal.
  ///
  /// What is written out is found by algebra, not by pattern: a value that is a polynomial in mean,
  /// scale, exponentials and logarithms of the scale is compared with ½ (m² + σ² − ln σ² − 1), up
  /// to a factor. Of nested finds the outermost counts.
  public func closedDivergences(of draw: NodeID) -> [ClosedDivergence] {
    guard let operation = self[draw].operation, operation.definition == .normal else { return [] }
    let kind = NormalScale(operation.attributes)
    let (mean, scale) = (self[draw].operands[0], self[draw].operands[1])
    let normals = normalForms(mean: mean, scale: scale, kind)
    let target = DivergenceForm.divergence(kind)
    var found: [NodeID: ClosedDivergence] = [:]
    for node in nodes where node.type.shape == self[draw].type.shape {
      if let factor = normals[node.id.index]?.multiple(of: target) {
        found[node.id] = ClosedDivergence(node: node.id, factor: factor, prior: .standard)
      } else if node.operation?.definition == .klNormals,
        normals[node.operands[0].index] == .mean,
        normals[node.operands[1].index] == DivergenceForm.logVariance(kind)
      {
        found[node.id] = ClosedDivergence(
          node: node.id, factor: 1,
          prior: .normal(mean: node.operands[2], logVariance: node.operands[3]))
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

  /// What each node is in terms of mean and scale; nil where it is anything else.
  private func normalForms(
    mean: NodeID, scale: NodeID, _ kind: NormalScale
  ) -> [DivergenceForm?] {
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
