/// Everything there is to know about an op, said once.
///
/// Parser, printer, verifier, builder, gradient, reference interpreter, kernels, drawing and the
/// op table all read this record; none of them knows an op by name. Ops are `static let`s in
/// `GraphOps`, one file a family, listed in its dialect.
public final class OpDefinition: Sendable, Hashable, CustomStringConvertible {
  /// The name in `.aya` text.
  public let name: String
  /// One line for the op table: what it computes, as a formula.
  public let summary: String
  public let operands: [OperandSpec]
  public let attributes: [AttributeSpec]
  public let type: TypeRule
  /// What the result may be, from what the operands may be; nil when nothing is known.
  public let range: RangeRule?
  /// Where the result is not finite or has no meaning.
  public let hazards: [Hazard]
  public let gradient: GradientRule
  public let reference: ReferenceRule
  public let kernel: KernelRule
  /// Where the result may live.
  public let storage: Storage
  public let drawing: DrawingSpec
  /// Set for sampling ops, written `z ~ name(…)`.
  public let sampling: SamplingSpec?
  /// The same value from simpler ops, when the op is a composite.
  public let decomposition: Decomposition?
  /// In which operands the op is linear, when it is.
  public let linearity: Linearity?
  /// The result is ±ln p of the first operand, given the others; nil when it is no such thing.
  public let likelihood: Likelihood?
  /// Along which axes the op works slice by slice.
  public let axes: AxisRule
  /// Where the op has kinks, jumps or poles; nil when it is smooth wherever it is finite.
  public let pieces: PieceRule?
  /// The part that the op can play in a fused group; nil when it runs by itself.
  public let fusion: FusionRole?
  /// What only concrete shapes can show to be wrong, asked before a kernel is prepared.
  public let bindCheck: BindCheck?

  /// Concrete operand shapes, attributes and dimension sizes to the complaint, if there is one.
  public typealias BindCheck =
    @Sendable (_ operands: [[Int]], Attributes, _ sizes: [String: Int]) -> RunError?

  /// Counts the floating-point operations of one run, from the operands' shapes and the result's.
  public typealias FlopCount =
    @Sendable (_ operands: [[Int]], _ result: [Int], Attributes) -> Int
  /// Of a matrix product; other ops count one for each element of the larger side.
  public let flops: FlopCount?

  public init(
    _ name: String, _ summary: String, operands: [OperandSpec], attributes: [AttributeSpec] = [],
    type: TypeRule, range: RangeRule? = nil, hazards: [Hazard] = [], gradient: GradientRule,
    reference: ReferenceRule, kernel: KernelRule,
    storage: Storage = .own, drawing: DrawingSpec, sampling: SamplingSpec? = nil,
    decomposition: Decomposition? = nil, linearity: Linearity? = nil,
    likelihood: Likelihood? = nil, axes: AxisRule? = nil,
    pieces: PieceRule? = nil, fusion: FusionRole? = nil, flops: FlopCount? = nil,
    bindCheck: BindCheck? = nil
  ) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.attributes = attributes
    self.type = type
    self.range = range
    self.hazards = hazards
    self.gradient = gradient
    self.reference = reference
    self.kernel = kernel
    self.storage = storage
    self.drawing = drawing
    self.sampling = sampling
    self.decomposition = decomposition
    self.linearity = linearity
    self.likelihood = likelihood
    self.pieces = pieces
    self.bindCheck = bindCheck
    self.flops = flops
    if case .elementwise = kernel {
      self.fusion = .elementwise
      self.axes = axes ?? .aligned
    } else {
      self.fusion = fusion
      self.axes = axes ?? .mixed
    }
  }

  public static func == (a: OpDefinition, b: OpDefinition) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

  public var description: String { name }

  /// Whether the last operand spec stands for any number of operands.
  public var isVariadic: Bool { operands.last?.isVariadic ?? false }

  /// The spec of the operand at `index`; a variadic op's last spec serves all further ones.
  public func operandSpec(at index: Int) -> OperandSpec {
    operands[min(index, operands.count - 1)]
  }
}

/// One operand place of an op.
public struct OperandSpec: Sendable, ExpressibleByStringLiteral {
  /// The keyword in text; positional use follows the declared order.
  public var name: String
  public var edge: EdgeKind
  public var isVariadic: Bool
  /// Other keywords for the same place, each another meaning that the attribute `choice` records:
  /// a scale given as `log_variance:` or as `stddev:`.
  public var alternatives: [String]
  /// The symbol attribute that records which keyword was used; nil when there is one only.
  public var choice: String?
  /// For positions: the size attribute below which they have to be. What lies outside counts as
  /// nothing, so that whoever feeds positions had better look at them first.
  public var below: String?

  public init(
    _ name: String, edge: EdgeKind = .differentiable, isVariadic: Bool = false,
    alternatives: [String] = [], choice: String? = nil, below: String? = nil
  ) {
    self.name = name
    self.edge = edge
    self.isVariadic = isVariadic
    self.alternatives = alternatives
    self.choice = choice
    self.below = below
  }

  public init(stringLiteral value: String) { self.init(value) }
}

/// What travels along an edge into an op, as far as derivatives go.
public enum EdgeKind: String, Sendable {
  case differentiable
  /// The value matters, its derivative does not exist or is zero almost everywhere: an index, a
  /// condition.
  case nondifferentiable
  /// Cut on purpose: `stop_gradient`.
  case stopped
  /// Only the operand's shape is read.
  case shapeOnly = "shape_only"
  /// Randomness from outside; nothing flows back into it.
  case noise
}

/// How an op is linear, for reading weighted sums off a graph.
public enum Linearity: Hashable, Sendable {
  /// The sum of all operands, each with its sign.
  case signedSum([Int])
  /// The product of two operands: linear in either while the other is fixed.
  case product
  /// The first operand divided by the second: linear in the first.
  case quotient
  /// A sum or a mean over axes.
  case reduction
}

/// Of what a result is a logarithm, element by element: of a probability or a density, in nats.
public enum Likelihood: Sendable {
  /// ln p.
  case logarithm
  /// −ln p.
  case negativeLogarithm
}

/// Where an op's result may live.
public enum Storage: Sendable {
  /// In memory of its own.
  case own
  /// It may overwrite one of these operands when that one is dead afterwards and of equal size.
  case over([Int])
  /// It is the operand's memory under another shape or name; no step runs.
  case view(of: Int)
  /// It is a stretch of the first operand's memory, from the given element on, where attributes
  /// and types allow; else it has memory of its own.
  case stretch(@Sendable (_ operands: [ValueType], Attributes) -> Dim?)
  /// It is its operands' memory where they lie side by side in this order, as parameters can be
  /// made to, and attributes and types allow; else it has memory of its own.
  case joined(@Sendable (_ operands: [ValueType], Attributes) -> Bool)
}

/// How an op is drawn and named in drawings.
public struct DrawingSpec: Sendable {
  public enum Family: String, CaseIterable, Sendable {
    case elementwise, comparison, reduction, matmul, movement, conversion, sampling, loss, barrier
  }

  public var family: Family
  /// A formula sign for the box, as `tanh` or `×`; the op's name when nil.
  public var symbol: String?
  /// Chainer's name of the function, as `LinearFunction`; the op's name when nil.
  public var chainer: String?
  /// The infix operator that Chainer's label and the readable text show: `+`.
  public var infix: String?
  /// How formulas write it; as a function of its name when nil.
  public var notation: Notation?

  public init(
    _ family: Family, symbol: String? = nil, chainer: String? = nil, infix: String? = nil,
    notation: Notation? = nil
  ) {
    self.family = family
    self.symbol = symbol
    self.chainer = chainer
    self.infix = infix
    self.notation = notation
  }
}

/// An equal graph of simpler ops.
public struct Decomposition: Sendable {
  /// When lowering replaces the op by its decomposition.
  public enum When: Sendable {
    /// Always: the op has no kernel of its own.
    case always
    /// Only when asked for: the op has a kernel, a drawing may show either.
    case onRequest
  }

  public var when: When
  public var body: @Sendable (OpContext) -> Value

  public init(_ when: When, _ body: @escaping @Sendable (OpContext) -> Value) {
    self.when = when
    self.body = body
  }
}

/// An op's use as its graph-building rules see it.
public struct OpContext {
  public let builder: GraphBuilder
  public let operands: [Value]
  public let attributes: Attributes
  public let type: ValueType
  /// The name of the node that is replaced or differentiated, for naming parts of it.
  public let name: String?

  package init(
    builder: GraphBuilder, operands: [Value], attributes: Attributes, type: ValueType, name: String?
  ) {
    self.builder = builder
    self.operands = operands
    self.attributes = attributes
    self.type = type
    self.name = name
  }
}
