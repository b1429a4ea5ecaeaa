/// What an op's result may be, from what its operands may be: a sound bound, never a guess.
public struct RangeRule: Sendable {
  public struct Context {
    public let operands: [ValueRange]
    /// Operands by the nodes that compute them: x·x is never negative.
    public let nodes: [NodeID]
    public let operandTypes: [ValueType]
    public let attributes: Attributes
    public let type: ValueType

    public subscript(_ index: Int) -> ValueRange { operands[index] }
  }

  private let body: @Sendable (Context) -> ValueRange

  public init(_ body: @escaping @Sendable (Context) -> ValueRange) { self.body = body }

  func callAsFunction(_ context: Context) -> ValueRange { body(context) }

  /// The operand itself, moved, copied or chosen from.
  public static let operand = RangeRule { $0[0] }

  /// Always within these bounds.
  public static func within(_ range: ValueRange) -> RangeRule { RangeRule { _ in range } }
}

/// A place in an operand's values where an op's result is not finite or has no meaning.
public enum Hazard: Sendable {
  /// Grows like e^x: above the limit the result is infinite. Nil where the attributes say it does
  /// not grow so.
  case overflow(operand: Int, limit: @Sendable (DType, Attributes) -> Double?)
  /// Infinite where the operand is 0.
  case pole(operand: Int)
  /// −∞ at `end`, without meaning below.
  case logarithm(operand: Int, end: Double)
  /// Without meaning below 0.
  case root(operand: Int)

  public var operand: Int {
    switch self {
    case .overflow(let operand, _), .pole(let operand), .logarithm(let operand, _),
      .root(let operand):
      operand
    }
  }
}
