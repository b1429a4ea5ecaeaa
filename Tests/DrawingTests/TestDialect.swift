import GraphIR

/// A few ops that draw like the real ones; they have no meaning and no kernels.
enum TestOp {
  static let linear = op(
    "linear", "x·Wᵀ + b", ["x", "W", "b"],
    type: { context throws(TypeError) in
      ValueType(context[0].dtype, Shape([context[0].shape.dims[0], context[1].shape.dims[0]]))
    }, DrawingSpec(.matmul, symbol: "x·Wᵀ + b", chainer: "LinearFunction"))
  static let matmul = op(
    "matmul", "a·b", ["a", "b"],
    type: { context throws(TypeError) in
      ValueType(context[0].dtype, Shape([context[0].shape.dims[0], context[1].shape.dims[1]]))
    }, DrawingSpec(.matmul, symbol: "a·b"))
  static let transpose = op(
    "transpose", "aᵀ", ["a"],
    type: { context throws(TypeError) in
      ValueType(context[0].dtype, Shape(context[0].shape.dims.reversed()))
    }, DrawingSpec(.movement))
  static let softplus = elementwise("softplus", "log(1 + exp(x))", 1, chainer: "Softplus")
  static let relu = elementwise("relu", "max(x, 0)", 1, chainer: "ReLU")
  static let sigmoid = elementwise("sigmoid", "1 / (1 + exp(−x))", 1, symbol: "σ")
  static let exp = elementwise("exp", "eˣ", 1, chainer: "exp")
  static let maximum = elementwise("maximum", "the greater", 2)
  static let add = elementwise("add", "a + b", 2, infix: "+")
  static let sub = elementwise("sub", "a − b", 2, infix: "-")
  static let mul = elementwise("mul", "a·b", 2, infix: "*")
  static let div = elementwise("div", "a / b", 2, infix: "/")
  static let greater = op(
    "greater", "a > b",
    [OperandSpec("a", edge: .nondifferentiable), OperandSpec("b", edge: .nondifferentiable)],
    type: broadcast, DrawingSpec(.comparison, infix: ">"))
  static let sum = op(
    "sum", "Σ x", ["x"], type: scalar, DrawingSpec(.reduction, symbol: "Σ", chainer: "Sum"))
  static let sumFirst = op(
    "sum_first", "Σ over the first axis", ["x"],
    attributes: [AttributeSpec("axes", .ints, default: .ints([]), "the axes that go")],
    type: { context throws(TypeError) in
      ValueType(context[0].dtype, Shape(Array(context[0].shape.dims.dropFirst())))
    }, DrawingSpec(.reduction, symbol: "Σ"))
  static let bernoulliNLL = op(
    "bernoulli_nll", "−log p(x)", ["x", "logits"], type: first, DrawingSpec(.loss))
  static let klNormal = op(
    "kl_normal", "KL(q ‖ N(0, 1))", ["mean", "log_variance"], type: first, DrawingSpec(.loss))
  static let broadcastLike = op(
    "broadcast_like", "x in the shape of y", ["x", OperandSpec("like", edge: .shapeOnly)],
    type: { context throws(TypeError) in context[1] }, DrawingSpec(.movement))
  static let stopGradient = op(
    "stop_gradient", "x, cut from the gradient", [OperandSpec("x", edge: .stopped)], type: first,
    storage: .view(of: 0), DrawingSpec(.barrier, symbol: "stop"))
  static let identity = op(
    "identity", "x", ["x"], type: first, storage: .view(of: 0), DrawingSpec(.movement))
  static let cast = op("cast", "x in another dtype", ["x"], type: first, DrawingSpec(.conversion))
  static let normal = op(
    "normal", "mean + exp(log_variance/2)·ε",
    [
      "mean", OperandSpec("log_variance", alternatives: ["stddev"], choice: "scale"),
      OperandSpec("eps", edge: .noise),
    ],
    attributes: [
      AttributeSpec(
        "estimator", .symbol, default: .symbol("pathwise"), choices: ["pathwise", "score"], ""),
      AttributeSpec("draws", .int, default: .int(1), ""),
      AttributeSpec(
        "scale", .symbol, default: .symbol("log_variance"),
        choices: ["log_variance", "stddev"], ""),
    ], type: first,
    DrawingSpec(.sampling, symbol: "mean + exp(lv/2)·ε", chainer: "Gaussian"),
    sampling: SamplingSpec(
      noiseOperand: 2, noise: .normal, estimatorAttribute: "estimator", drawsAttribute: "draws",
      estimators: [.pathwise, .score], logProbability: { value, _ in value },
      scores: { _, c in c.operands.map { _ in nil } }))

  private static let first: @Sendable (TypeRule.Context) throws(TypeError) -> ValueType = {
    context throws(TypeError) in context[0]
  }
  private static let scalar: @Sendable (TypeRule.Context) throws(TypeError) -> ValueType = {
    context throws(TypeError) in ValueType(context[0].dtype)
  }
  private static let broadcast: @Sendable (TypeRule.Context) throws(TypeError) -> ValueType = {
    context throws(TypeError) in
    guard let shape = context[0].shape.broadcast(with: context[1].shape) else {
      throw TypeError("shapes do not fit")
    }
    return ValueType(context[0].dtype, shape)
  }

  private static func elementwise(
    _ name: String, _ summary: String, _ count: Int, symbol: String? = nil, chainer: String? = nil,
    infix: String? = nil
  ) -> OpDefinition {
    op(
      name, summary, count == 1 ? ["x"] : ["a", "b"], type: count == 1 ? first : broadcast,
      DrawingSpec(.elementwise, symbol: symbol, chainer: chainer, infix: infix))
  }

  private static func op(
    _ name: String, _ summary: String, _ operands: [OperandSpec],
    attributes: [AttributeSpec] = [],
    type: @escaping @Sendable (TypeRule.Context) throws(TypeError) -> ValueType,
    storage: Storage = .own, _ drawing: DrawingSpec, sampling: SamplingSpec? = nil
  ) -> OpDefinition {
    OpDefinition(
      name, summary, operands: operands, attributes: attributes, type: TypeRule(type),
      gradient: .notDifferentiable(because: "only drawn"),
      reference: ReferenceRule { _ throws(RunError) in throw RunError("only drawn") },
      kernel: .none, storage: storage, drawing: drawing, sampling: sampling)
  }
}

extension Value {
  func callAsFunction(_ op: OpDefinition, _ others: Value..., name: String? = nil) -> Value {
    let value = builder.make(op, [self] + others)
    if let name { value.named(name) }
    return value
  }

  static func + (a: Value, b: Value) -> Value { a(TestOp.add, b) }
  static func - (a: Value, b: Value) -> Value { a(TestOp.sub, b) }
  static func * (a: Value, b: Value) -> Value { a(TestOp.mul, b) }
  static func / (a: Value, b: Value) -> Value { a(TestOp.div, b) }
}

extension GraphBuilder {
  func float(_ value: Double) -> Value { constant(.float(value), .f32) }

  /// Declares a layer's parameters and gives its application.
  func layer(_ name: String, _ input: Dim, _ output: Dim) -> (Value) -> Value {
    let weight = parameter("\(name).W", ValueType(.f32, [output, input]), .zeros)
    let bias = parameter("\(name).b", ValueType(.f32, [output]), .zeros)
    return { $0(TestOp.linear, weight, bias) }
  }
}
