// Dims, written types, initialisers: what is known without looking at any value.
extension Elaborator {
  // MARK: Literals

  /// The literal that an expression is, under any number of minus signs.
  func literal(_ id: ExpressionID) -> Literal? {
    var node = tree[id]
    var isNegative = false
    while case .negate(let inner) = node.kind {
      isNegative.toggle()
      node = tree[inner]
    }
    guard let literal = Literal(node.kind) else { return nil }
    if isNegative, !literal.isNumber { return nil }
    return isNegative ? literal.negated() : literal
  }

  /// The literal as a scalar of `dtype`; nil after a complaint.
  func scalar(_ literal: Literal, _ dtype: DType, at range: Range<Int>) -> Scalar? {
    guard let scalar = literal.scalar else {
      report.numberOutOfRange(range, source.text(range), isInteger: true)
      return nil
    }
    switch ScalarFit(scalar, dtype) {
    case .fits: return scalar
    case .rounds(let value):
      report.numberRounds(scalar, dtype, to: value, at: range)
      return scalar
    case .fraction: report.fractionForInteger(scalar, dtype, at: range)
    case .outOfRange: report.literalOutOfRange(scalar, dtype, at: range)
    case .kind: report.literalKind("\(scalar)", dtype, at: range)
    }
    return nil
  }

  // MARK: Dims

  /// Whether an expression consists of integers, names and dim operators only.
  func isDimArithmetic(_ id: ExpressionID) -> Bool {
    tree.expressions[tree[id].first...id.index].allSatisfy { node in
      switch node.kind {
      case .missing, .integer, .name, .negate: true
      case .infix(let infix, _, _): infix.isDimOperator
      case .float, .bool, .call, .list: false
      }
    }
  }

  /// The dim that an expression spells; nil after a complaint.
  mutating func dim(_ id: ExpressionID) -> Dim? {
    let range = tree[id].first...id.index
    for node in tree.expressions[range].reversed() {
      switch node.kind {
      case .integer, .name, .negate: continue
      case .infix(let infix, _, _) where infix.isDimOperator: continue
      case .missing: return nil
      default:
        report.notADim(node.range)
        return nil
      }
    }
    var stack: [Dim] = []
    for index in range {
      let node = tree.expressions[index]
      switch node.kind {
      case .integer(let magnitude):
        guard let value = Int(exactly: magnitude) else {
          report.numberOutOfRange(node.range, source.text(node.range), isInteger: true)
          return nil
        }
        stack.append(Dim(value))
      case .name(let name):
        guard let dim = namedDim(name) else { return nil }
        stack.append(dim)
      case .negate:
        guard let operand = stack.popLast(), let dim = arithmetic(.multiply, Dim(-1), operand, node)
        else { return nil }
        stack.append(dim)
      case .infix(let infix, _, _):
        guard let right = stack.popLast(), let left = stack.popLast(),
          let dim = arithmetic(infix, left, right, node)
        else { return nil }
        stack.append(dim)
      default: return nil
      }
    }
    return stack.last
  }

  private func arithmetic(
    _ infix: InfixOperator, _ left: Dim, _ right: Dim, _ node: Expression
  ) -> Dim? {
    do {
      switch infix {
      case .add: return try left.adding(right)
      case .subtract: return try left.subtracting(right)
      case .multiply: return try left.multiplied(by: right)
      default:
        if let quotient = left.dividedExactly(by: right) { return quotient }
        report.inexactDivision(left, right, at: node.range)
        return nil
      }
    } catch {
      report.dimArithmetic(error, at: node.range)
      return nil
    }
  }

  private mutating func namedDim(_ name: Name) -> Dim? {
    if name.flavor == .plain, dimensions[name.text] != nil { return .symbol(name.text) }
    if let binding = name.flavor == .id ? ids[name.text] : names[name.text] {
      if binding.value != nil { report.valueAsDim(name, defined: binding.range) }
      return nil
    }
    if unknownDims.insert(name.text).inserted {
      if name.flavor == .plain, let later = definitions[name.text] {
        report.usedBeforeDefinition(name, defined: later)
      } else {
        report.unknownDim(name, among: dimensionOrder)
      }
    }
    return nil
  }

  /// The dims of a list expression, or of a single one.
  mutating func dims(_ id: ExpressionID) -> [Dim]? {
    guard case .list(let arguments) = tree[id].kind else { return dim(id).map { [$0] } }
    var dims: [Dim] = []
    var isComplete = true
    for argument in tree.arguments[arguments] {
      if let dim = dim(argument.value) { dims.append(dim) } else { isComplete = false }
    }
    return isComplete ? dims : nil
  }

  // MARK: Types

  mutating func type(_ syntax: TypeSyntax) -> ValueType? {
    let dtype = dtype(syntax.dtype)
    guard let list = syntax.dims else { return dtype.map { ValueType($0) } }
    guard let dims = dims(list) else { return nil }
    if case .list(let arguments) = tree[list].kind {
      for (argument, dim) in zip(tree.arguments[arguments], dims) {
        if let value = dim.constant, value < 0 {
          report.negativeDim(dim, at: tree[argument.value].range)
          return nil
        }
      }
    }
    guard let type = dtype.map({ ValueType($0, Shape(dims)) }) else { return nil }
    if let excess = type.excess {
      report.typeTooLarge(type, excess, at: tree[list].range)
      return nil
    }
    return type
  }

  func dtype(_ name: Name) -> DType? {
    if name.flavor == .plain, let dtype = DType(rawValue: name.text) { return dtype }
    report.unknownDType(name)
    return nil
  }

  /// "D is 784 by default": a literal in one shape where another has the dimension it equals.
  func defaultHint(_ shapes: [Shape]) -> String? {
    for (index, shape) in shapes.enumerated() {
      for value in shape.dims.compactMap(\.constant) where value != 1 {
        for (other, candidate) in shapes.enumerated() where other != index {
          for symbol in candidate.symbols where dimensions[symbol]?.defaultSize == value {
            return report.defaultHint(symbol, value)
          }
        }
      }
    }
    return nil
  }

  // MARK: Initialisers and distributions

  mutating func initializer(
    _ id: ExpressionID?, of name: Name, _ type: ValueType
  ) -> Initializer? {
    guard let id else {
      report.missingInitializer(name)
      return nil
    }
    let callee: Name
    var given: [Argument] = []
    switch tree[id].kind {
    case .name(let name): callee = name
    case .call(let name, let arguments):
      callee = name
      given = Array(tree.arguments[arguments])
    case .missing: return nil
    default:
      report.unknownInitializer(nil, at: tree[id].range)
      return nil
    }
    guard let form = InitializerForm.all.first(where: { $0.name == callee.text }) else {
      report.unknownInitializer(callee, at: callee.range)
      return nil
    }
    guard
      let values = arguments(
        given, named: form.arguments,
        complain: { report, range in report.initializerArguments(form, at: range ?? callee.range) })
    else { return nil }
    var dims: [Dim] = []
    var scalars: [Scalar] = []
    for value in values {
      if form.takesDims {
        guard let dim = dim(value) else { return nil }
        dims.append(dim)
      } else {
        guard let literal = literal(value) else {
          report.initializerNumber(tree[value].range)
          return nil
        }
        // Only a constant is stored as it stands; the others are parameters of a draw in f64.
        let dtype = form.name == "constant" ? type.dtype : .f64
        guard let scalar = scalar(literal, dtype, at: tree[value].range) else { return nil }
        scalars.append(scalar)
      }
    }
    return form.initializer(dims: dims, scalars: scalars)
  }

  /// Arguments in declared order, given in order or by keyword; nil after `complain`.
  func arguments(
    _ given: [Argument], named parameters: [String],
    complain: (Reporter, Range<Int>?) -> Void
  ) -> [ExpressionID]? {
    var slots = [ExpressionID?](repeating: nil, count: parameters.count)
    for argument in given {
      let place =
        argument.keyword.map { keyword in parameters.firstIndex(of: keyword.text) }
        ?? slots.firstIndex { $0 == nil }
      guard let place, slots[place] == nil else {
        complain(report, argument.keyword?.range ?? tree[argument.value].range)
        return nil
      }
      slots[place] = argument.value
    }
    let filled = slots.compactMap { $0 }
    guard filled.count == parameters.count else {
      complain(report, nil)
      return nil
    }
    return filled
  }

  mutating func distribution(
    _ id: ExpressionID?, of name: Name, _ type: ValueType
  ) -> NoiseDistribution? {
    guard let id else { return nil }
    guard case .name(let distribution) = tree[id].kind,
      let known = NoiseDistribution(rawValue: distribution.text)
    else {
      if case .missing = tree[id].kind { return nil }
      report.unknownDistribution(at: tree[id].range, source.text(tree[id].range))
      return nil
    }
    guard type.dtype.isFloating else {
      report.noiseDType(name, type.dtype)
      return nil
    }
    return known
  }

  // MARK: Layers

  mutating func layer(_ name: Name, _ id: ExpressionID, _ scheme: Name?) {
    if let first = layers[name.text] { return report.redefinition(name, first: first.range) }
    layers[name.text] = LayerBinding(definition: nil, parameters: [], range: name.range)
    if dialect.op(named: name.text) != nil { return report.layerNamedAsOp(name) }
    let callee: Name
    var given: [Argument] = []
    switch tree[id].kind {
    case .missing: return
    case .name(let name): callee = name
    case .call(let name, let arguments):
      callee = name
      given = Array(tree.arguments[arguments])
    default: return report.unknownLayer(nil, at: tree[id].range, among: dialect.layers.map(\.name))
    }
    guard let definition = dialect.layer(named: callee.text) else {
      return report.unknownLayer(callee, at: callee.range, among: dialect.layers.map(\.name))
    }
    let values = arguments(
      given, named: definition.arguments,
      complain: { report, range in
        report.layerArguments(definition, at: range ?? callee.range)
      })
    var chosen = definition.schemes.first ?? ""
    if let scheme {
      if definition.schemes.contains(scheme.text) {
        chosen = scheme.text
      } else {
        return report.unknownScheme(scheme, definition)
      }
    }
    guard let values else { return }
    let dims = values.compactMap { dim($0) }
    guard dims.count == values.count else { return }
    var parameters: [Value] = []
    for parameter in definition.parameters(dims, chosen) {
      let full = Name(
        text: "\(name.text).\(parameter.suffix)", flavor: .plain, range: name.range)
      guard isFree(full) else { return }
      let type = ValueType(.f32, parameter.shape)
      if let excess = type.excess {
        report.typeTooLarge(type, excess, at: name.range)
        return
      }
      let value = build(at: name.range) {
        builder.parameter(full.text, type, parameter.initializer)
      }
      bind(full, value)
      parameters.append(value)
    }
    layers[name.text] = LayerBinding(
      definition: definition, parameters: parameters, range: name.range)
  }
}

extension InfixOperator {
  fileprivate var isDimOperator: Bool {
    switch self {
    case .add, .subtract, .multiply, .divide: true
    default: false
    }
  }
}

extension SourceFile {
  func text(_ range: Range<Int>) -> String { String(decoding: utf8[range], as: UTF8.self) }
}
