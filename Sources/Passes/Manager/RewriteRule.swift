public import GraphIR
import GraphOps

/// A small directed rewrite: a value of one shape becomes another that is no worse.
///
///     RewriteRule("add_zero", "x + 0 => x", .exact, on: [.add]) { site in
///       site.isLiteral(1, 0) ? site[0] : nil
///     }
///
/// The body returns what stands for the node, or nil where the rule does not apply. It may build
/// nodes freely: what it throws away is dropped.
public final class RewriteRule: Sendable {
  public let name: String
  /// `x + 0 => x`, with the rule's guards in words.
  public let pattern: String
  public let float: FloatClass
  /// The ops at whose uses the rule is tried.
  public let ops: [OpDefinition]
  let body: @Sendable (RewriteSite) -> Value?
  /// The bytes of the name where a signal handler may read them: they stay while the rule lives.
  package nonisolated(unsafe) let spelling: UnsafeBufferPointer<UInt8>

  public init(
    _ name: String, _ pattern: String, _ float: FloatClass, on ops: [OpDefinition],
    _ body: @escaping @Sendable (RewriteSite) -> Value?
  ) {
    self.name = name
    self.pattern = pattern
    self.float = float
    self.ops = ops
    self.body = body
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: name.utf8.count)
    _ = bytes.initialize(from: name.utf8)
    spelling = UnsafeBufferPointer(bytes)
  }

  deinit { spelling.deallocate() }
}

/// A use of an op at which rules are tried. One site serves a whole pass, and moves from node to
/// node: most look at it and go away.
public final class RewriteSite {
  let editor: GraphEditor
  let context: PassContext
  public let builder: GraphBuilder
  /// The value that may be replaced.
  @exclusivity(unchecked) public private(set) var value: Value
  @exclusivity(unchecked) public private(set) var operation: Operation
  @exclusivity(unchecked) public private(set) var operands: [Value] = []
  /// Further values that the rule replaces at the same time.
  @exclusivity(unchecked) var others: [(old: NodeID, new: NodeID)] = []
  @exclusivity(unchecked) private var knownSum: SignedSum?
  @exclusivity(unchecked) private var knownFactors: [OpDefinition]?
  /// Products taken apart, likewise.
  @exclusivity(unchecked) var products: [NodeID: (number: Double, factors: [Value])] = [:]

  /// Whether any node must stay as it is.
  private let keepsAny: Bool

  /// A site at a use of an op.
  init(_ editor: GraphEditor, _ context: PassContext, _ id: NodeID, _ operation: Operation) {
    self.editor = editor
    self.context = context
    self.operation = operation
    builder = editor.builder
    keepsAny = !context.options.kept.isEmpty
    value = Value(builder: editor.builder, id: id)
    readOperands()
  }

  /// Goes to another use of an op.
  func move(to id: NodeID, _ operation: Operation) {
    self.operation = operation
    value = Value(builder: builder, id: id)
    readOperands()
    if !others.isEmpty { others.removeAll() }
    if !products.isEmpty { products.removeAll() }
    knownSum = nil
    knownFactors = nil
  }

  private func readOperands() {
    operands.removeAll(keepingCapacity: true)
    for operand in builder.operands(of: value.id) {
      operands.append(Value(builder: builder, id: operand))
    }
  }

  /// The value taken apart, once for all rules that ask.
  var sum: SignedSum {
    if let knownSum { return knownSum }
    let sum = SignedSum(value, self)
    knownSum = sum
    return sum
  }

  /// The ops that compute the factors of its terms: what a rule asks before it compares terms.
  private var factorOps: [OpDefinition] {
    if let knownFactors { return knownFactors }
    let ops = factorOps(of: sum)
    knownFactors = ops
    return ops
  }

  /// Replaces another value too, when the body returns a replacement for its own.
  public func alsoReplace(_ other: Value, with new: Value) {
    others.append((other.id, new.id))
  }

  public subscript(_ index: Int) -> Value { operands[index] }
  public var attributes: Attributes { operation.attributes }
  public var type: ValueType { value.type }
  public var shape: Shape { value.type.shape }

  /// The operands of `value` when it is a use of `op` that rules may look into, else nil.
  public func operands(of value: Value, _ op: OpDefinition) -> [Value]? {
    guard isUse(value, of: op) else { return nil }
    return builder.operands(of: value.id).map { Value(builder: builder, id: $0) }
  }

  /// Whether `value` is a use of `op` that rules may look into.
  func isUse(_ value: Value, of op: OpDefinition) -> Bool {
    builder.isUse(value.id, of: op) && !isKept(value)
  }

  /// One operand of an operation.
  func operand(_ place: Int, of value: Value) -> Value {
    Value(builder: builder, id: builder.operand(place, of: value.id))
  }

  /// Whether some term of the site's value is a use of `op`, or has one as a factor.
  func hasTerm(with op: OpDefinition) -> Bool { factorOps.contains { $0 === op } }

  /// The attributes of an operation.
  public func attributes(of value: Value) -> Attributes {
    guard case .operation(let operation) = builder.body(of: value.id) else { return .none }
    return operation.attributes
  }

  /// The op that computes `value`; nil for leaves.
  public func op(of value: Value) -> OpDefinition? {
    builder.definition(of: value.id)
  }

  /// The number, when `value` is a constant, also one stretched by `broadcast_to` or reshaped.
  public func literal(_ value: Value) -> Scalar? {
    var id = value.id
    while !builder.isLeaf(id) {
      guard builder.isUse(id, of: .broadcastTo) || builder.isUse(id, of: .reshape) else {
        return nil
      }
      id = builder.operand(0, of: id)
    }
    return builder.constant(of: id)
  }

  /// Whether the operand at `index` is the number `number`; −0 is not 0.
  public func isLiteral(_ index: Int, _ number: Double) -> Bool {
    guard let scalar = literal(operands[index]) else { return false }
    let value = scalar.doubleValue
    return value == number && (value.sign == number.sign || value != 0)
  }

  /// How many operand places use `value`; outputs and updates count as one more.
  public func useCount(_ value: Value) -> Int {
    editor.users(of: value.id).count + (editor.isPinned(value.id) ? 1 : 0)
  }

  /// The operations that use `value`, each once.
  public func users(of value: Value) -> [Value] {
    let ids = editor.users(of: value.id)
    // One user has nobody to be sorted with.
    let unique = ids.count > 1 ? Set(ids).sorted() : Array(ids)
    return unique.filter(editor.isAlive).map { Value(builder: builder, id: $0) }
  }

  /// Whether derivatives with respect to the value are wanted later, so that it must stay as it is.
  public func isKept(_ value: Value) -> Bool {
    guard keepsAny else { return false }
    return builder.name(of: value.id).map(context.options.kept.contains) ?? false
  }
}
