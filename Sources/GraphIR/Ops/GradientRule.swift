/// What one use of a value adds to the value's adjoint. Three of the four are not a gradient, and
/// each says so in its own way.
public enum OperandGradient {
  case value(Value)
  /// The derivative exists and is zero almost everywhere: a step function.
  case zero(because: String)
  /// The op does not depend on the operand's value at all, or is cut off from it on purpose.
  case notConnected(because: String)
  /// As `notConnected`; but what would come this way comes another: an estimator's doing.
  case rerouted(because: String)
  /// There is no derivative to give.
  case undefined(because: String)
}

/// An op's vector–Jacobian product as graph.
public struct GradientRule: Sendable {
  /// An op's use with the adjoint of its result.
  public struct Context {
    public let builder: GraphBuilder
    public let operands: [Value]
    public let result: Value
    /// ∂root/∂result, of the result's type.
    public let cotangent: Value
    public let attributes: Attributes

    package init(
      builder: GraphBuilder, operands: [Value], result: Value, cotangent: Value,
      attributes: Attributes
    ) {
      self.builder = builder
      self.operands = operands
      self.result = result
      self.cotangent = cotangent
      self.attributes = attributes
    }

    public subscript(_ index: Int) -> Value { operands[index] }
  }

  package enum Body: Sendable {
    case rule(@Sendable (Context) -> [OperandGradient])
    case notDifferentiable(because: String)
  }

  package let body: Body

  /// What each operand's adjoint gains, one entry per operand.
  package func callAsFunction(_ context: Context) -> [OperandGradient] {
    switch body {
    case .rule(let rule):
      let gradients = rule(context)
      precondition(
        gradients.count == context.operands.count,
        "\(gradients.count) gradients for \(context.operands.count) operands")
      return gradients
    case .notDifferentiable(let reason):
      return context.operands.map { _ in .undefined(because: reason) }
    }
  }

  /// One entry per operand. Entries nobody needs are dropped when the graph is pruned.
  public static func partial(
    _ rule: @escaping @Sendable (Context) -> [OperandGradient]
  ) -> GradientRule {
    GradientRule(body: .rule(rule))
  }

  /// A value for every operand.
  public static func rule(_ rule: @escaping @Sendable (Context) -> [Value]) -> GradientRule {
    GradientRule(body: .rule { context in rule(context).map { .value($0) } })
  }

  /// No operand has a derivative.
  public static func notDifferentiable(because reason: String) -> GradientRule {
    GradientRule(body: .notDifferentiable(because: reason))
  }

  /// Why the op has no derivative at all, when it has none.
  public var refusal: String? {
    if case .notDifferentiable(let reason) = body { reason } else { nil }
  }
}
