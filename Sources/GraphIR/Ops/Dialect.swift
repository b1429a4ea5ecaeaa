/// The ops, layers and operators that a text may use; handed to the parser as data.
public struct Dialect: Sendable {
  /// In the order of the op table.
  public let ops: [OpDefinition]
  public let layers: [LayerDefinition]
  /// Binary operators: `+` to add, and so on. The parser knows their precedence.
  public let infix: [String: OpDefinition]
  /// Unary minus.
  public let negation: OpDefinition
  private let opsByName: [String: OpDefinition]

  public init(
    ops: [OpDefinition], layers: [LayerDefinition], infix: [String: OpDefinition],
    negation: OpDefinition
  ) {
    self.ops = ops
    self.layers = layers
    self.infix = infix
    self.negation = negation
    opsByName = Dictionary(ops.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func op(named name: String) -> OpDefinition? { opsByName[name] }
  public func layer(named name: String) -> LayerDefinition? { layers.first { $0.name == name } }
}

/// A kind of layer: parameters under one name, and the op that applies them.
///
/// `layer fc1 = linear(D, H) init torch` makes the parameters `fc1.W` and `fc1.b`; `fc1(x)` applies
/// `op` to x and the parameters in order.
public struct LayerDefinition: Sendable {
  public struct Parameter: Sendable {
    public var suffix: String
    public var shape: Shape
    public var initializer: Initializer

    public init(_ suffix: String, _ shape: Shape, _ initializer: Initializer) {
      self.suffix = suffix
      self.shape = shape
      self.initializer = initializer
    }
  }

  public let name: String
  public let summary: String
  /// What the layer's arguments mean, for diagnostics: `["in", "out"]`.
  public let arguments: [String]
  /// The names that may follow `init`; the first is the default.
  public let schemes: [String]
  public let op: OpDefinition
  public let parameters: @Sendable (_ arguments: [Dim], _ scheme: String) -> [Parameter]

  public init(
    name: String, summary: String, arguments: [String], schemes: [String], op: OpDefinition,
    parameters: @escaping @Sendable (_ arguments: [Dim], _ scheme: String) -> [Parameter]
  ) {
    self.name = name
    self.summary = summary
    self.arguments = arguments
    self.schemes = schemes
    self.op = op
    self.parameters = parameters
  }
}
