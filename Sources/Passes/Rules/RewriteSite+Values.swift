import GraphIR
import GraphOps

// What the rules of `Pass.simplify` ask of the values they look at.

extension RewriteSite {
  /// The constant that `value` is, also one stretched by `broadcast_to` or reshaped; nil when the
  /// constant or what stretches it is kept for derivatives.
  func scalar(_ value: Value) -> Scalar? {
    var value = value
    while !isKept(value) {
      if builder.isLeaf(value.id) { return builder.constant(of: value.id) }
      guard isUse(value, of: .broadcastTo) || isUse(value, of: .reshape) else { return nil }
      value = operand(0, of: value)
    }
    return nil
  }

  /// The constant as a number.
  func number(_ value: Value) -> Double? { scalar(value)?.doubleValue }

  /// The one operand of `value` when it is a use of the one-operand op.
  func operand(of value: Value, _ op: OpDefinition) -> Value? {
    isUse(value, of: op) ? operand(0, of: value) : nil
  }

  /// `value` if it can stand in the place of the site's value.
  func fitting(_ value: Value) -> Value? { value.type == type ? value : nil }

  /// What `build` makes of `value`, of the same type, if that fits. Nothing is built that does not.
  func fitting(_ value: Value, _ build: (Value) -> Value) -> Value? {
    value.type == type ? build(value) : nil
  }

  /// The type that an op would give; nil when the operands do not fit it. Attributes are complete.
  func type(of op: OpDefinition, _ operands: [Value], _ attributes: Attributes) -> ValueType? {
    try? op.type(
      TypeRule.Context(
        definition: op, operands: operands.map(\.type), attributes: attributes))
  }

  /// The number in every place of the site's value.
  func filled(with number: Double) -> Value {
    let constant = self.constant(number)
    return shape.rank == 0 ? constant : broadcast(constant, to: shape)
  }

  /// A scalar constant of the site's dtype.
  func constant(_ number: Double) -> Value { constant(number, type.dtype) }

  func constant(_ number: Double, _ dtype: DType) -> Value {
    switch dtype {
    case .f32, .f64: builder.constant(.float(number), dtype)
    case .i32, .i64: builder.constant(.int(Int64(saturating: number)), dtype)
    case .bool: builder.constant(.bool(number != 0), dtype)
    }
  }

  /// The operand of a commutative two-operand op beside one that is a number which fits, when it
  /// alone has the result's type.
  func operand(besides isWanted: (Double) -> Bool) -> Value? {
    for (literal, other) in [(1, 0), (0, 1)] {
      if let number = number(self[literal]), isWanted(number), self[other].type == type {
        return self[other]
      }
    }
    return nil
  }

  /// Whether all uses of `value` are operands of the site's node.
  func isUsedOnlyHere(_ value: Value) -> Bool {
    useCount(value) == operands.count { $0.id == value.id }
  }

  var isFloating: Bool { type.dtype.isFloating }
  var isInteger: Bool { type.dtype.isInteger }
}

extension Scalar {
  /// −x in the arithmetic of `dtype`: integers wrap.
  func negated(_ dtype: DType) -> Scalar {
    guard dtype.isInteger, case .int(let value) = self else { return .float(-doubleValue) }
    return .int((0 &- value).wrapped(to: dtype))
  }
}

extension Int64 {
  /// The value modulo 2^32 or 2^64, as the integer kernels compute.
  func wrapped(to dtype: DType) -> Int64 {
    dtype == .i32 ? Int64(Int32(truncatingIfNeeded: self)) : self
  }
}

extension Double {
  /// Whether the number, as a literal of `dtype`, is neither 0 nor subnormal nor too large: what
  /// arithmetic on literals may make of them without losing digits.
  func isNormal(in dtype: DType) -> Bool {
    let size = magnitude
    return dtype == .f32
      ? size >= Double(Float.leastNormalMagnitude)
        && size <= Double(Float.greatestFiniteMagnitude)
      : size >= Double.leastNormalMagnitude && size <= Double.greatestFiniteMagnitude
  }

  /// Whether the number and its reciprocal are powers of two that `dtype` holds, so that dividing
  /// by the one is multiplying by the other to the bit.
  func isPowerOfTwo(in dtype: DType) -> Bool {
    significand == 1 && isNormal(in: dtype) && (1 / self).isNormal(in: dtype)
  }
}

extension OpDefinition {
  /// Ops that compute each element from those at the same place alone.
  static let pointwise: [OpDefinition] =
    Dialect.standard.ops.filter { [.elementwise, .comparison].contains($0.drawing.family) }
    + [.cast, .bernoulliNLL, .klNormal]
}
