public import GraphIR

/// The answer to "what is ∂root/∂x?". Four different answers, of which only the first is a value.
public enum Derivative: Sendable {
  /// The node that computes it.
  case node(NodeID)
  /// Every path passes a step function: the derivative exists almost everywhere and is zero there.
  case zero(because: String)
  /// No path leads from x to the root, or each is cut on purpose.
  case notConnected(because: String)
  /// A path passes an op that has no derivative.
  case undefined(because: String)

  /// Why there is no value, in words; nil when there is one.
  public var refusal: String? {
    switch self {
    case .node: nil
    case .zero(let reason): "its gradient is zero almost everywhere: \(reason)"
    case .notConnected(let reason): "no gradient reaches it: \(reason)"
    case .undefined(let reason): "it has no gradient: \(reason)"
    }
  }
}

/// An edge on a way from the root that no derivative passes.
public struct BlockedEdge: Hashable, Sendable {
  public var operand: NodeID
  public var user: NodeID
  public var reason: String
  /// Whether a target of the differentiation lies behind the edge: its gradient lacks this way.
  public var hidesTarget: Bool
  /// Whether an estimator stops what comes this way because it brings it another.
  public var isRerouted: Bool

  public init(
    operand: NodeID, user: NodeID, reason: String, hidesTarget: Bool, isRerouted: Bool = false
  ) {
    self.operand = operand
    self.user = user
    self.reason = reason
    self.hidesTarget = hidesTarget
    self.isRerouted = isRerouted
  }
}

/// The name of ∂root/∂x: `d_loss/d_mu`; a root that is a derivative itself stands in parentheses.
public func derivativeName(of root: String, withRespectTo name: String) -> String {
  let numerator = root.contains("/") ? "(\(root))" : root
  return "d_\(numerator)/d_\(name)"
}
