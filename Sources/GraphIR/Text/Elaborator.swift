/// Makes a graph of a syntax tree: names, dims, types, roles. Ill-formed values are *poison*:
/// their names are known, their uses are silent, so that one mistake gives one message.
struct Elaborator {
  let tree: SyntaxTree
  let dialect: Dialect
  let overrides: Overrides
  let source: SourceFile
  let report: Reporter
  let builder: GraphBuilder

  /// A name of a node; `value` is nil for poison.
  struct Binding {
    var value: Value?
    var range: Range<Int>
  }

  struct LayerBinding {
    /// Nil when the layer is ill-formed.
    var definition: LayerDefinition?
    var parameters: [Value]
    var range: Range<Int>
  }

  struct DimensionBinding {
    /// As the text says it, overrides aside.
    var defaultSize: Int?
    var range: Range<Int>
  }

  private struct PendingRole {
    var nodes: Range<Int>
    var annotation: ExpressionID
  }

  var dimensions: [String: DimensionBinding] = [:]
  var dimensionOrder: [String] = []
  var names: [String: Binding] = [:]
  /// The nodes that the text calls `%12`; their ids in the graph may differ.
  var ids: [String: Binding] = [:]
  var layers: [String: LayerBinding] = [:]
  /// What statements further down define, for "used before its definition".
  var definitions: [String: Range<Int>] = [:]
  /// Unknown names are reported once each.
  var reported: Set<String> = []
  var unknownDims: Set<String> = []
  var scopePath: [String] = []
  var role = Role.forward
  /// The fused group that is open, and where each began.
  var group: Int?
  var groups: [Int: Range<Int>] = [:]
  private var pendingRoles: [PendingRole] = []
  private var constants: Set<String> = []
  var outputs: [String: Range<Int>] = [:]
  var updates: [NodeID: Range<Int>] = [:]

  init(
    _ tree: SyntaxTree, _ dialect: Dialect, _ overrides: Overrides, _ source: SourceFile,
    _ report: Reporter
  ) {
    self.tree = tree
    self.dialect = dialect
    self.overrides = overrides
    self.source = source
    self.report = report
    builder = GraphBuilder(tree.graphName?.text ?? "")
  }

  mutating func run() -> Graph {
    for statement in tree.statements {
      if let target = statement.target, definitions[Self.key(target)] == nil {
        definitions[Self.key(target)] = target.range
      }
    }
    for statement in tree.statements {
      if report.isFull { break }
      let before = builder.nodeCount
      elaborate(statement)
      for annotation in statement.annotations {
        let nodes = before..<builder.nodeCount
        if !absorb(annotation, nodes) {
          pendingRoles.append(PendingRole(nodes: nodes, annotation: annotation))
        }
      }
    }
    for pending in pendingRoles { settleRole(pending) }
    checkOverrides()
    return builder.build()
  }

  private static func key(_ name: Name) -> String {
    // A space keeps ids apart from names that are spelled like ids.
    name.flavor == .id ? " \(name.text)" : name.text
  }

  func location(_ range: Range<Int>) -> SourceLocation {
    SourceLocation(file: source, range: range)
  }

  /// Builds with the current scope and role.
  func build<E: Error>(at range: Range<Int>, _ body: () throws(E) -> Value) throws(E) -> Value {
    try builder.with(
      scope: scopePath, role: role, location: location(range), group: .some(group), body)
  }

  // MARK: Names

  /// Where a name that would collide with `name` is defined.
  func earlier(_ name: Name) -> Range<Int>? {
    switch name.flavor {
    case .id: ids[name.text]?.range
    case .plain: names[name.text]?.range ?? dimensions[name.text]?.range
    case .quoted: names[name.text]?.range
    }
  }

  /// Whether `name` may be defined; complains when not.
  func isFree(_ name: Name) -> Bool {
    guard let first = earlier(name) else { return true }
    report.redefinition(name, first: first)
    return false
  }

  /// Makes `name` known. An unnamed value gets it as its name, a named one as an alias.
  mutating func define(_ name: Name, _ value: Value?) {
    guard let value else {
      // What is broken anyway need not be complained about twice.
      if earlier(name) == nil { bind(name, nil) }
      return
    }
    guard isFree(name) else { return }
    bind(name, value)
    if name.flavor != .id { try? builder.setName(name.text, of: value) }
  }

  mutating func bind(_ name: Name, _ value: Value?) {
    let binding = Binding(value: value, range: name.range)
    if name.flavor == .id { ids[name.text] = binding } else { names[name.text] = binding }
  }

  /// The name for a leaf that is about to be made, or nil when it is taken or has none.
  private mutating func leafName(_ name: Name) -> String? {
    if name.flavor == .id {
      report.leafWithoutName(name)
      bind(name, nil)
      return nil
    }
    return isFree(name) ? name.text : nil
  }

  // MARK: Statements

  private mutating func elaborate(_ statement: Statement) {
    switch statement.kind {
    case .dimension(let name, let size): dimension(name, size)
    case .constant(let name, let type, let value): constant(name, type, value)
    case .input(let name, let type):
      leaf(name, type) { _, _ in .input }
    case .parameter(let name, let type, let initializer):
      leaf(name, type) { elaborator, type in
        elaborator.initializer(initializer, of: name, type).map(Leaf.parameter)
      }
    case .state(let name, let type, let initializer):
      leaf(name, type) { elaborator, type in
        elaborator.initializer(initializer, of: name, type).map(Leaf.state)
      }
    case .noise(let name, let type, let distribution):
      leaf(name, type) { elaborator, type in
        elaborator.distribution(distribution, of: name, type).map(Leaf.noise)
      }
    case .layer(let name, let value, let scheme): layer(name, value, scheme)
    case .openScope(let name): scopePath.append(name.text)
    case .closeScope: scopePath.removeLast()
    case .openGroup(let number, let range): openGroup(number, range)
    case .closeGroup: group = nil
    case .assign(let name, let type, let value): assign(name, type, value)
    case .sample(let name, let type, let value, let estimator):
      let result = sample(name, value, estimator)
      define(name, checked(result, against: type))
    case .output(let name, let value): output(name, value)
    case .update(let name, let value): update(name, value)
    }
  }

  private mutating func openGroup(_ number: Int, _ range: Range<Int>) {
    if let group { report.nestedGroup(range, inside: groups[group] ?? range) }
    if let first = groups[number] { report.repeatedGroup(number, range, first: first) }
    groups[number] = range
    group = number
  }

  private mutating func dimension(_ name: Name, _ size: ExpressionID?) {
    guard name.flavor == .plain else { return report.dimensionName(name) }
    guard isFree(name) else { return }
    let written = size.flatMap { self.defaultSize($0, of: name) }
    var defaultSize = written
    if let override = overrides.dims[name.text] {
      if override < 0 { report.negativeOverride(name.text, override) }
      defaultSize = override
    }
    dimensions[name.text] = DimensionBinding(defaultSize: written, range: name.range)
    dimensionOrder.append(name.text)
    builder.dimension(name.text, default: defaultSize)
  }

  /// A default is a number: it is bound when the text is read, so that a formula in other
  /// dimensions would go stale when those are set later.
  private mutating func defaultSize(_ id: ExpressionID, of name: Name) -> Int? {
    guard let dim = dim(id) else { return nil }
    guard let value = dim.constant else {
      report.defaultIsNotANumber(name, dim, at: tree[id].range)
      return nil
    }
    if value < 0 { report.negativeDim(dim, at: tree[id].range) }
    return value
  }

  private mutating func leaf(
    _ name: Name, _ type: TypeSyntax?,
    _ make: (inout Elaborator, ValueType) -> Leaf?
  ) {
    guard let type = type.flatMap({ self.type($0) }), let leaf = make(&self, type),
      let text = leafName(name)
    else { return define(name, nil) }
    bind(name, build(at: name.range) { builder.leaf(leaf, type, name: text) })
  }

  private mutating func constant(_ name: Name, _ written: TypeSyntax?, _ id: ExpressionID) {
    var dtype = DType.f32
    if let written {
      guard let type = type(written) else { return define(name, nil) }
      if type.shape.rank > 0 {
        report.constantShape(type, at: written.range)
        return define(name, nil)
      }
      dtype = type.dtype
    } else if case .bool? = literal(id) {
      dtype = .bool
    }
    if name.flavor != .id { constants.insert(name.text) }
    guard let value = constantBody(id, dtype) else { return define(name, nil) }
    defineConstant(name, value, dtype, at: tree[id].range)
  }

  private enum ConstantBody {
    case scalar(Scalar)
    case size(Dim)
  }

  private mutating func constantBody(_ id: ExpressionID, _ dtype: DType) -> ConstantBody? {
    if let literal = literal(id) {
      return scalar(literal, dtype, at: tree[id].range).map(ConstantBody.scalar)
    }
    guard isDimArithmetic(id) else {
      report.notAConstant(tree[id].range)
      return nil
    }
    guard let dim = dim(id) else { return nil }
    if let value = dim.constant {
      return scalar(
        .integer(negative: value < 0, magnitude: UInt64(value.magnitude)), dtype,
        at: tree[id].range
      ).map(ConstantBody.scalar)
    }
    if dtype == .bool {
      report.literalKind("\(dim)", dtype, at: tree[id].range)
      return nil
    }
    return .size(dim)
  }

  /// A named constant is a node of its own, so that an override reaches it and nothing else.
  private mutating func defineConstant(
    _ name: Name, _ body: ConstantBody, _ dtype: DType, at range: Range<Int>
  ) {
    guard isFree(name) else { return }
    let text = name.flavor == .id ? nil : name.text
    if let text { constants.insert(text) }
    if let text, let override = overrides.consts[text] {
      switch ScalarFit(override, dtype) {
      case .fits, .rounds: break
      default: report.overrideValue(text, override, dtype)
      }
      bind(name, build(at: range) { builder.constant(override, dtype, name: text) })
      return
    }
    switch body {
    case .scalar(let scalar):
      bind(name, build(at: range) { builder.constant(scalar, dtype, name: text) })
    case .size(let dim):
      bind(name, build(at: range) { builder.size(dim, dtype, name: text) })
    }
  }

  private mutating func assign(_ name: Name, _ written: TypeSyntax?, _ id: ExpressionID) {
    // Evaluate first: the mistakes on both sides are reported.
    let type = written.flatMap { self.type($0) }
    if isSingleWeak(id) {
      // A literal or a dimension under a name is a constant, as its dump says.
      let dtype: DType = type.map(\.dtype) ?? .f32
      guard let body = constantBody(id, dtype) else { return define(name, nil) }
      if let type, type.shape.rank > 0 {
        report.wrongType(type, ValueType(dtype), at: tree[id].range, hint: nil)
        return define(name, nil)
      }
      return defineConstant(name, body, dtype, at: tree[id].range)
    }
    let result = value(id, hint: type?.dtype ?? .f32)
    define(name, checked(result, against: type, at: tree[id].range))
  }

  private mutating func checked(_ value: Value?, against written: TypeSyntax?) -> Value? {
    guard let written else { return value }
    return checked(value, against: type(written), at: written.range)
  }

  private func checked(_ value: Value?, against type: ValueType?, at range: Range<Int>) -> Value? {
    guard let value, let type, value.type != type else { return value }
    report.wrongType(
      type, value.type, at: range, hint: defaultHint([type.shape, value.type.shape]))
    return nil
  }

  private mutating func output(_ name: Name, _ id: ExpressionID?) {
    if name.flavor == .id {
      report.outputWithoutName(name)
      return
    }
    if let first = outputs[name.text] { return report.duplicateOutput(name, first: first) }
    outputs[name.text] = name.range
    guard let id else {
      if let value = value(of: name) { builder.output(name.text, value) }
      return
    }
    // A new expression gets the output's name; `output total = %5` only refers.
    if case .name(let reference) = tree[id].kind {
      if let value = value(of: reference) { builder.output(name.text, value) }
    } else {
      assign(name, nil, id)
      if let value = names[name.text]?.value { builder.output(name.text, value) }
    }
  }

  private mutating func update(_ name: Name, _ id: ExpressionID) {
    let target = value(of: name)
    role = .update
    let result = value(id, hint: target?.dtype ?? .f32)
    role = .forward
    guard let target, let result else { return }
    guard isPersistent(target) else { return report.notUpdatable(name) }
    if let first = updates[target.id] { return report.duplicateUpdate(name, first: first) }
    updates[target.id] = name.range
    guard target.type == result.type else {
      return report.updateType(name, target.type, result.type, at: tree[id].range)
    }
    builder.update(target, to: result)
  }

  private func isPersistent(_ value: Value) -> Bool {
    switch builder.body(of: value.id) {
    case .leaf(.parameter), .leaf(.state): true
    default: false
    }
  }

  // MARK: Roles

  private mutating func settleRole(_ pending: PendingRole) {
    guard let role = writtenRole(pending.annotation) else { return }
    for index in pending.nodes { builder.setRole(role, of: NodeID(index)) }
  }

  private mutating func writtenRole(_ id: ExpressionID) -> Role? {
    switch tree[id].kind {
    case .missing: return nil
    case .name(let name) where name.text == "update": return .update
    case .call(let name, let arguments) where name.text == "adjoint":
      return adjoint(arguments, at: tree[id].anchor)
    case .name(let name), .call(let name, _):
      report.unknownAnnotation(name)
      return nil
    default:
      report.annotationArgument(tree[id].range, got: nil)
      return nil
    }
  }

  /// Whether this is an `@absorbs(NAMES)`: then the last of the nodes does.
  private mutating func absorb(_ id: ExpressionID, _ nodes: Range<Int>) -> Bool {
    guard case .call(let name, let arguments) = tree[id].kind, name.text == "absorbs" else {
      return false
    }
    var names: [String] = []
    for argument in tree.arguments[arguments] {
      guard argument.keyword == nil, case .name(let name) = tree[argument.value].kind,
        name.flavor != .id
      else {
        report.annotationArgument(tree[argument.value].range, got: argument.keyword?.text)
        return true
      }
      names.append(name.text)
    }
    if let last = nodes.last { builder.absorb(names, into: NodeID(last)) }
    return true
  }

  private mutating func adjoint(_ arguments: Range<Int>, at range: Range<Int>) -> Role? {
    var given: [String: Name] = [:]
    for argument in tree.arguments[arguments] {
      guard let keyword = argument.keyword, ["of", "root", "through"].contains(keyword.text),
        given[keyword.text] == nil, case .name(let name) = tree[argument.value].kind
      else {
        report.annotationArgument(
          argument.keyword?.range ?? tree[argument.value].range, got: argument.keyword?.text)
        return nil
      }
      given[keyword.text] = name
    }
    guard let root = given["root"] else {
      report.annotationArgument(range, got: nil)
      return nil
    }
    var nodes: [String: NodeID] = [:]
    for (keyword, name) in given where keyword != "root" {
      guard let value = value(of: name) else { return nil }
      nodes[keyword] = value.id
    }
    return .adjoint(of: nodes["of"], root: root.text, through: nodes["through"])
  }

  // MARK: Overrides

  private func checkOverrides() {
    for name in overrides.dims.keys.sorted() where dimensions[name] == nil {
      report.unknownOverride("dim", name, graph: builder.graphName, among: dimensionOrder)
    }
    for name in overrides.consts.keys.sorted() where !constants.contains(name) {
      report.unknownOverride(
        "const", name, graph: builder.graphName, among: constants.sorted(),
        isDim: dimensions[name] != nil)
    }
  }
}
