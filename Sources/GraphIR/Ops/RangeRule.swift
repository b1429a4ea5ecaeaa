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
