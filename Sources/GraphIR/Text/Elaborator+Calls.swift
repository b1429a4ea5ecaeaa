/// The `~` that a sampling op's call stands behind.
struct SamplingSite {
  var target: Name
  var estimator: Name?
}

/// A call's arguments, sorted into the places of the op.
private struct BoundCall {
  var op: OpDefinition
  var operands: [ExpressionID?]
  var attributes = Attributes.none
  /// The parameters of a layer, which follow the written operands.
  var preset: [Value] = []
}

extension Elaborator {
  /// The op that a name calls: a layer's or the dialect's.
  func op(_ callee: Name) -> OpDefinition? {
    layers[callee.text]?.definition?.op ?? dialect.op(named: callee.text)
  }

  mutating func sample(_ target: Name, _ id: ExpressionID, _ estimator: Name?) -> Value? {
    let node = tree[id]
    switch node.kind {
    case .missing: return nil
    case .call(let callee, let arguments):
      guard let op = op(callee) else { break }
      guard op.sampling != nil else {
        report.tildeNeedsSampling(op, target, at: callee.range, samplers: samplers)
        return nil
      }
      // The operands are expressions of their own, each swept apart.
      var outcomes: [Int: Outcome] = [:]
      for argument in tree.arguments[arguments] {
        if let keyword = argument.keyword, op.operandIndex(keyword: keyword.text) == nil {
          continue
        }
        outcomes[argument.value.index] = evaluate(argument.value)
      }
      let site = SamplingSite(target: target, estimator: estimator)
      let outcome = call(callee, arguments, node, sampling: site) {
        outcomes[$0.index] ?? .poison
      }
      if case .value(let value) = outcome { return value }
      return nil
    default:
      report.tildeNeedsCall(node.range, samplers: samplers)
      return nil
    }
    // An unknown callee: reported by the usual way.
    _ = evaluate(id)
    return nil
  }

  private var samplers: [String] { dialect.ops.filter { $0.sampling != nil }.map(\.name) }

  /// A call whose written operands are known through `outcome`.
  mutating func call(
    _ callee: Name, _ arguments: Range<Int>, _ node: Expression, sampling: SamplingSite?,
    _ outcome: (ExpressionID) -> Outcome
  ) -> Outcome {
    guard let op = op(callee) else {
      unknownCallee(callee)
      return .poison
    }
    if op.sampling != nil, sampling == nil {
      report.samplingNeedsTilde(op, at: callee.range)
      return .poison
    }
    let preset = layers[callee.text]?.parameters ?? []
    guard var bound = bind(op, preset, callee, arguments) else { return .poison }
    guard let sampling, let spec = op.sampling else {
      guard let operands = operands(of: bound, outcome) else { return .poison }
      return apply(op, operands, bound.attributes, node) { place($0, in: bound) }
    }
    if let estimator = sampling.estimator {
      guard setEstimator(estimator, spec, &bound) else { return .poison }
    }
    return sampled(bound, spec, sampling.target, node, outcome)
  }

  private func place(_ operand: Int, in bound: BoundCall) -> ExpressionID? {
    operand < bound.operands.count ? bound.operands[operand] : nil
  }

  private mutating func unknownCallee(_ callee: Name) {
    if let layer = layers[callee.text], layer.definition == nil { return }
    if let binding = names[callee.text] {
      if binding.value != nil { report.valueCalled(callee, defined: binding.range) }
      return
    }
    guard reported.insert("\(callee.text)(").inserted else { return }
    report.unknownOp(callee, among: layers.keys, dialect.ops.map(\.name))
  }

  // MARK: Operands

  /// The operands as values: the strong ones decide the dtype of the weak ones.
  private mutating func operands(
    of bound: BoundCall, _ outcome: (ExpressionID) -> Outcome
  ) -> [Value]? {
    guard let written = values(of: bound, outcome) else { return nil }
    return written.compactMap { $0 } + bound.preset
  }

  private mutating func values(
    of bound: BoundCall, _ outcome: (ExpressionID) -> Outcome
  ) -> [Value?]? {
    let outcomes = bound.operands.map { id in id.map(outcome) }
    var hint: DType?
    for case .value(let value)? in outcomes where value.dtype.isNumeric && hint == nil {
      hint = value.dtype
    }
    hint = hint ?? bound.preset.first { $0.dtype.isNumeric }?.dtype
    var values: [Value?] = []
    var isComplete = true
    for (id, outcome) in zip(bound.operands, outcomes) {
      guard let id, let outcome else {
        values.append(nil)
        continue
      }
      let value = strong(outcome, id, hint ?? .f32)
      if value == nil { isComplete = false }
      values.append(value)
    }
    return isComplete ? values : nil
  }

  // MARK: Binding

  /// Sorts arguments into places; reports all that do not fit.
  private mutating func bind(
    _ op: OpDefinition, _ preset: [Value], _ callee: Name, _ arguments: Range<Int>
  ) -> BoundCall? {
    let specs = Array(op.operands.dropLast(min(preset.count, op.operands.count)))
    var bound = BoundCall(op: op, operands: Array(repeating: nil, count: specs.count))
    bound.preset = preset
    var isSound = true
    var keywords: [String: Range<Int>] = [:]
    for argument in tree.arguments[arguments] {
      guard let keyword = argument.keyword else { continue }
      if let first = keywords[keyword.text] {
        report.duplicateArgument(keyword, first: first)
        isSound = false
        continue
      }
      keywords[keyword.text] = keyword.range
      isSound = bindKeyword(keyword, argument.value, specs, &bound) && isSound
    }
    isSound = bindPositional(arguments, specs, callee, &bound) && isSound
    isSound = isSound && checkMissing(specs, callee, bound)
    return isSound ? bound : nil
  }

  private mutating func bindKeyword(
    _ keyword: Name, _ value: ExpressionID, _ specs: [OperandSpec], _ bound: inout BoundCall
  ) -> Bool {
    if let place = specs.firstIndex(where: { $0.accepts(keyword.text) }) {
      if let first = bound.operands[place] {
        report.duplicateArgument(keyword, first: tree[first].range)
        return false
      }
      bound.operands[place] = value
      if let choice = specs[place].choice { bound.attributes[choice] = .symbol(keyword.text) }
      return true
    }
    guard let spec = bound.op.attributes.first(where: { $0.name == keyword.text }) else {
      report.unknownArgument(keyword, bound.op, specs)
      return false
    }
    guard let value = attribute(value, spec, bound.op) else { return false }
    bound.attributes[spec.name] = value
    return true
  }

  private func bindPositional(
    _ arguments: Range<Int>, _ specs: [OperandSpec], _ callee: Name, _ bound: inout BoundCall
  ) -> Bool {
    var place = 0
    for argument in tree.arguments[arguments] where argument.keyword == nil {
      while place < specs.count, bound.operands[place] != nil { place += 1 }
      if place < specs.count {
        if specs[place].choice != nil {
          report.ambiguousOperand(specs[place], bound.op, at: tree[argument.value].range)
          return false
        }
        bound.operands[place] = argument.value
      } else if let last = specs.last, last.isVariadic {
        bound.operands.append(argument.value)
      } else {
        report.tooManyOperands(bound.op, specs, at: tree[argument.value].range, callee: callee)
        return false
      }
    }
    return true
  }

  private func checkMissing(_ specs: [OperandSpec], _ callee: Name, _ bound: BoundCall) -> Bool {
    let missing = specs.indices.filter {
      bound.operands[$0] == nil && $0 != bound.op.sampling?.noiseOperand
    }
    if !missing.isEmpty {
      report.missingOperands(missing.map { specs[$0] }, bound.op, specs, callee)
      return false
    }
    for spec in bound.op.attributes
    where spec.defaultValue == nil && bound.attributes[spec.name] == nil {
      // An estimator may still follow the call.
      if spec.name == bound.op.sampling?.estimatorAttribute { continue }
      report.missingAttribute(spec, bound.op, callee)
      return false
    }
    return true
  }

  // MARK: Attributes

  private mutating func attribute(
    _ id: ExpressionID, _ spec: AttributeSpec, _ op: OpDefinition
  ) -> AttributeValue? {
    let node = tree[id]
    if case .missing = node.kind { return nil }
    switch spec.kind {
    case .bool:
      if case .bool(let value) = node.kind { return .bool(value) }
    case .int:
      if let value = int(id) { return .int(value) }
    case .scalar:
      if let scalar = literal(id)?.scalar { return .scalar(scalar) }
    case .symbol:
      if case .name(let name) = node.kind, name.flavor != .id {
        return checkedChoice(name, spec, op)
      }
    case .dtype:
      if case .name(let name) = node.kind { return dtype(name).map(AttributeValue.dtype) }
    case .ints:
      guard case .list(let elements) = node.kind else {
        if let value = int(id) { return .ints([value]) }
        break
      }
      let values = tree.arguments[elements].map { int($0.value) }
      if values.allSatisfy({ $0 != nil }) { return .ints(values.compactMap { $0 }) }
    case .dims: return dims(id).map(AttributeValue.dims)
    case .dim: return dim(id).map(AttributeValue.dim)
    }
    report.attributeKind(spec, op, at: node.range, got: source.text(node.range))
    return nil
  }

  private func int(_ id: ExpressionID) -> Int? {
    guard case .int(let value)? = literal(id)?.scalar else { return nil }
    return Int(exactly: value)
  }

  private func checkedChoice(
    _ name: Name, _ spec: AttributeSpec, _ op: OpDefinition
  ) -> AttributeValue? {
    if spec.accepts(name.text) { return .symbol(name.text) }
    report.unknownChoice(name, spec, op)
    return nil
  }

  // MARK: Sampling

  private func setEstimator(
    _ estimator: Name, _ spec: SamplingSpec, _ bound: inout BoundCall
  ) -> Bool {
    guard let attribute = bound.op.attributes.first(where: { $0.name == spec.estimatorAttribute })
    else { return false }
    if bound.attributes[attribute.name] != nil {
      report.duplicateArgument(estimator, first: nil)
      return false
    }
    guard let value = checkedChoice(estimator, attribute, bound.op) else { return false }
    bound.attributes[attribute.name] = value
    return true
  }

  private mutating func sampled(
    _ bound: BoundCall, _ spec: SamplingSpec, _ target: Name, _ node: Expression,
    _ outcome: (ExpressionID) -> Outcome
  ) -> Outcome {
    guard var operands = values(of: bound, outcome) else { return .poison }
    let place = spec.noiseOperand
    if operands.indices.contains(place), operands[place] == nil {
      guard
        let type = noiseType(
          bound, operands.compactMap { $0?.type } + bound.preset.map(\.type), place, node),
        let noise = noise(target, type, spec.noise, node)
      else { return .poison }
      operands[place] = noise
    }
    return apply(
      bound.op, operands.compactMap { $0 } + bound.preset, bound.attributes, node
    ) { self.place($0, in: bound) }
  }

  /// The type that the result, and so the noise, will have: asked of the op's own rule, with the
  /// broadcast of the other operands in the noise's place.
  private func noiseType(
    _ bound: BoundCall, _ others: [ValueType], _ place: Int, _ node: Expression
  ) -> ValueType? {
    guard let first = others.first else { return nil }
    var shape = first.shape
    for other in others.dropFirst() { shape = shape.broadcast(with: other.shape) ?? shape }
    var types = others
    types.insert(ValueType(first.dtype, shape), at: min(place, types.count))
    do throws(TypeError) {
      let attributes = try bound.op.completed(bound.attributes)
      let type = try bound.op.type(
        TypeRule.Context(definition: bound.op, operands: types, attributes: attributes))
      guard type.dtype.isFloating else {
        throw TypeError(
          "a sample needs floating operands", expected: "f32 or f64", got: "\(type)", operand: 0)
      }
      return type
    } catch {
      let operand = error.operand.flatMap { self.place($0, in: bound) }
      report.operandType(
        error, at: operand.map { tree[$0].range } ?? node.anchor,
        hint: defaultHint(others.map(\.shape)))
      return nil
    }
  }

  private mutating func noise(
    _ target: Name, _ type: ValueType, _ distribution: NoiseDistribution, _ node: Expression
  ) -> Value? {
    let base = target.flavor == .id ? builder.freeName("sample.eps") : "\(target.text).eps"
    // Quoted, as a noise's name is not looked up among the dimensions.
    let name = Name(text: base, flavor: .quoted, range: target.range)
    if let first = earlier(name) {
      // A target that is taken itself will be reported; its noise need not.
      if earlier(target) == nil { report.noiseNameTaken(base, target, first: first) }
      return nil
    }
    let value = build(at: node.range) { builder.noise(base, type, distribution) }
    bind(name, value)
    return value
  }
}

extension OperandSpec {
  fileprivate func accepts(_ keyword: String) -> Bool {
    name == keyword || alternatives.contains(keyword)
  }
}
