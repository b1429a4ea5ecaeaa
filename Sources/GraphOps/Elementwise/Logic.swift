import CKernels
public import GraphIR

private let logicReason = GradientRule.notDifferentiable(because: "truth values have no derivative")

extension OpDefinition {
  private static func logic(
    _ name: String, _ sign: Notation.Sign, _ loop: BinaryBool,
    _ reference: @escaping @Sendable (Bool, Bool) -> Bool
  ) -> OpDefinition {
    OpDefinition(
      name, "a \(sign.text) b",
      operands: [
        OperandSpec("a", edge: .nondifferentiable), OperandSpec("b", edge: .nondifferentiable),
      ],
      type: .broadcast(.bool), gradient: logicReason,
      reference: .elementwise { reference($0 != 0, $1 != 0) ? 1 : 0 },
      kernel: .elements(.binary(bool: loop)), storage: .over([0, 1]),
      drawing: .init(
        .comparison, symbol: sign.text, notation: .infix(sign, opposite: nil)))
  }

  /// `logical_and(a, b)`.
  public static let logicalAnd = logic(
    "logical_and", Notation.Sign("∧", latex: "\\wedge"), ak_logical_and_bool
  ) { $0 && $1 }
  /// `logical_or(a, b)`.
  public static let logicalOr = logic(
    "logical_or", Notation.Sign("∨", latex: "\\vee"), ak_logical_or_bool
  ) { $0 || $1 }
  /// `logical_xor(a, b)`.
  public static let logicalXor = logic(
    "logical_xor", Notation.Sign("⊕", latex: "\\oplus"), ak_logical_xor_bool
  ) { $0 != $1 }

  /// `logical_not(x)`.
  public static let logicalNot = OpDefinition(
    "logical_not", "¬x", operands: [OperandSpec("x", edge: .nondifferentiable)],
    type: .sameAsOperand(.bool), gradient: logicReason,
    reference: .elementwise { $0 == 0 ? 1 : 0 },
    kernel: .elements(.unary(bool: ak_logical_not_bool)), storage: .over([0]),
    drawing: .init(.comparison, symbol: "¬", notation: .prefix(Notation.Sign("¬", latex: "\\neg"))))
}

public func logicalAnd(_ a: Value, _ b: Value) -> Value { a.builder.make(.logicalAnd, [a, b]) }
public func logicalOr(_ a: Value, _ b: Value) -> Value { a.builder.make(.logicalOr, [a, b]) }
public func logicalXor(_ a: Value, _ b: Value) -> Value { a.builder.make(.logicalXor, [a, b]) }
public func logicalNot(_ x: Value) -> Value { x.builder.make(.logicalNot, [x]) }
