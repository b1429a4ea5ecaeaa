/// Where an op that is smooth piece by piece goes over from one piece to the next.
///
/// At a kink, a jump or a pole there is no derivative, and a difference quotient across one is no
/// measure of the derivative beside it. An op without such places has no rule. Which piece an
/// operation is on is itself a value of the graph, so that it is computed as the operation is.
public enum PieceRule: Sendable {
  /// The result is constant on each piece, and so tells the piece: a comparison, a sign, a
  /// position. Where the closure says no, the op is smooth: a conversion from float to float.
  case steps(@Sendable (OpContext) -> Bool)
  /// The values that the closure builds are constant on each piece, and one of them is another on
  /// the next piece: of `relu(x)`, whether x > 0. None where the operands leave no kink.
  case kinks(@Sendable (OpContext) -> [Value])

  /// Steps for every type of operand.
  public static let steps = PieceRule.steps { _ in true }
}

extension GraphBuilder {
  /// Values that are constant on each piece of the operation `node`, and whether the operation's
  /// result is too; nil where the operation is smooth or no float enters it.
  ///
  /// Misuse traps: `node` must be a node of the graph that this builder continues.
  package func pieces(of node: Node) -> (values: [Value], isStep: Bool)? {
    guard let operation = node.operation, let rule = operation.definition.pieces,
      node.operands.contains(where: { type(of: $0).dtype.isFloating })
    else { return nil }
    let context = OpContext(
      builder: self, operands: node.operands.map { Value(builder: self, id: $0) },
      attributes: operation.attributes, type: node.type, name: nil)
    switch rule {
    case .steps(let holds):
      return holds(context) ? ([Value(builder: self, id: node.id)], true) : nil
    case .kinks(let build):
      let values = with(scope: node.scope, role: .forward, location: node.location) {
        build(context)
      }
      return values.isEmpty ? nil : (values, false)
    }
  }
}
