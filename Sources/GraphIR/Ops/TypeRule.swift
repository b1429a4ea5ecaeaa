/// Why operands and attributes do not make a value.
public struct TypeError: Error, Sendable {
  public var message: String
  public var expected: String?
  public var got: String?
  /// The operand at fault, when it is one.
  public var operand: Int?
  public var fix: String?

  public init(
    _ message: String, expected: String? = nil, got: String? = nil, operand: Int? = nil,
    fix: String? = nil
  ) {
    self.message = message
    self.expected = expected
    self.got = got
    self.operand = operand
    self.fix = fix
  }
}

/// The type of an op's result from those of its operands.
public struct TypeRule: Sendable {
  public struct Context: Sendable {
    public let definition: OpDefinition
    public let operands: [ValueType]
    public let attributes: Attributes

    public init(definition: OpDefinition, operands: [ValueType], attributes: Attributes) {
      self.definition = definition
      self.operands = operands
      self.attributes = attributes
    }

    public subscript(_ index: Int) -> ValueType { operands[index] }

    /// The operand's keyword, for messages: of several the one that was used.
    public func name(_ index: Int) -> String {
      let spec = definition.operandSpec(at: index)
      if let choice = spec.choice, case .symbol(let used)? = attributes[choice] { return used }
      return spec.name
    }
  }

  private let rule: @Sendable (Context) throws(TypeError) -> ValueType

  public init(_ rule: @escaping @Sendable (Context) throws(TypeError) -> ValueType) {
    self.rule = rule
  }

  /// The result's type. No rule need check for itself that sizes are not negative and that the
  /// elements can be counted.
  public func callAsFunction(_ context: Context) throws(TypeError) -> ValueType {
    let type = try rule(context)
    for case let size? in type.shape.dims.map(\.constant) where size < 0 {
      throw TypeError(
        "the result of '\(context.definition.name)' would have a negative size",
        expected: "sizes of 0 or more", got: "\(type)")
    }
    if let excess = type.excess {
      throw TypeError(
        "the result of '\(context.definition.name)' has \(excess.message)",
        expected: excess.expected, got: "\(type)")
    }
    return type
  }
}
