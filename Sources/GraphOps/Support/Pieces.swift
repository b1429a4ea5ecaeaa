import GraphIR

// What the `pieces:` of ops have in common. Truth values, not signs: exactly at a kink the value is
// that of one of the sides, and the other side differs from it.

/// x > 0.
func aboveZero(_ x: Value) -> Value { greater(x, x.zero) }

/// x > 0 of the one operand.
func aboveZero(_ context: OpContext) -> [Value] { [aboveZero(context.operands[0])] }

/// a > b.
func firstIsLarger(_ context: OpContext) -> [Value] {
  [greater(context.operands[0], context.operands[1])]
}
