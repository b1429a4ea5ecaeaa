/// A place in an operand's values where an op's result is not finite or has no meaning.
public struct Hazard: Sendable {
  public enum Kind: Hashable, Sendable {
    /// Grows like e^(rate·x), or e^(rate·(x − y)) with y the operand `base`: infinite beyond the
    /// largest exponent of the dtype, above for a positive rate, below for a negative one.
    case overflow(rate: Double, base: Int? = nil)
    /// Infinite where the operand is 0.
    case pole
    /// −∞ at `end`, without meaning below.
    case logarithm(end: Double)
    /// Without meaning below 0.
    case root
    /// Without meaning where the operand is 0 or below: a standard deviation.
    case scale
  }

  public let kind: Kind
  /// The operand's index.
  public let operand: Int
  /// Whether a use with these attributes is in danger.
  private let holds: @Sendable (Attributes) -> Bool

  /// Misuse traps: a rate must not be 0.
  public init(
    _ kind: Kind, operand: Int = 0,
    when holds: @escaping @Sendable (Attributes) -> Bool = { _ in true }
  ) {
    if case .overflow(let rate, _) = kind { precondition(rate != 0, "e^(0·x) does not grow") }
    self.kind = kind
    self.operand = operand
    self.holds = holds
  }

  fileprivate func threatens(_ attributes: Attributes) -> Bool { holds(attributes) }
}

extension Operation {
  /// The hazards of this use of its op.
  public var hazards: [Hazard] { definition.hazards.filter { $0.threatens(attributes) } }
}
