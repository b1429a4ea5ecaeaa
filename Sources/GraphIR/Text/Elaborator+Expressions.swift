/// What an expression is once its children are known.
enum Outcome {
  /// Ill-formed, and said so.
  case poison
  /// A number whose dtype its surroundings decide: literals, dims, and arithmetic on them.
  case weak
  case value(Value)
}

// One sweep over the post-order arena; no recursion.
extension Elaborator {
  /// The value of a whole expression; a weak one takes the dtype `hint`. Nil after a complaint.
  mutating func value(_ id: ExpressionID, hint: DType) -> Value? {
    switch evaluate(id) {
    case .poison: nil
    case .weak: weakValue(id, hint)
    case .value(let value): value
    }
  }

  /// The node that a name stands for; nil after a complaint.
  mutating func value(of name: Name) -> Value? {
    switch lookUp(name) {
    case .poison: nil
    case .value(let value): value
    case .weak:
      build(at: name.range) { builder.size(.symbol(name.text), .f32) }
    }
  }

  /// Whether an expression is one literal or one dimension.
  func isSingleWeak(_ id: ExpressionID) -> Bool {
    if case .name(let name) = tree[id].kind {
      return name.flavor == .plain && dimensions[name.text] != nil
    }
    if case .bool? = literal(id) { return false }
    return literal(id) != nil
  }

  // MARK: The sweep

  mutating func evaluate(_ root: ExpressionID) -> Outcome {
    let first = tree[root].first
    let skipped = attributeSubtrees(of: root)
    var outcomes = [Outcome](repeating: .poison, count: root.index - first + 1)
    for index in first...root.index where !skipped[index - first] {
      outcomes[index - first] = outcome(index, outcomes, first)
    }
    return outcomes[root.index - first]
  }

  /// Marks what stands in attributes: `[0, 1]`, `f32`, `N` are no values there.
  private func attributeSubtrees(of root: ExpressionID) -> [Bool] {
    let first = tree[root].first
    var skipped = [Bool](repeating: false, count: root.index - first + 1)
    // Parents come after their children, hence backwards.
    for index in (first...root.index).reversed() where !skipped[index - first] {
      guard case .call(let callee, let arguments) = tree.expressions[index].kind else { continue }
      let op = op(callee)
      for argument in tree.arguments[arguments] {
        guard let keyword = argument.keyword else { continue }
        if let op, op.operandIndex(keyword: keyword.text) != nil { continue }
        for inner in tree[argument.value].first...argument.value.index {
          skipped[inner - first] = true
        }
      }
    }
    return skipped
  }

  private mutating func outcome(_ index: Int, _ outcomes: [Outcome], _ first: Int) -> Outcome {
    let node = tree.expressions[index]
    switch node.kind {
    case .missing: return .poison
    case .integer, .float: return .weak
    case .bool(let value):
      return .value(build(at: node.range) { builder.constant(.bool(value), .bool) })
    case .name(let name): return lookUp(name)
    case .list:
      report.listAsValue(node.range)
      return .poison
    case .negate(let operand):
      switch outcomes[operand.index - first] {
      case .poison: return .poison
      case .weak: return .weak
      case .value(let value): return apply(dialect.negation, [value], [operand], node)
      }
    case .infix(let infix, let left, let right):
      return self.infix(
        infix, (left, outcomes[left.index - first]), (right, outcomes[right.index - first]), node)
    case .call(let callee, let arguments):
      return call(callee, arguments, node, sampling: nil) { outcomes[$0.index - first] }
    }
  }

  private mutating func infix(
    _ infix: InfixOperator, _ left: (id: ExpressionID, outcome: Outcome),
    _ right: (id: ExpressionID, outcome: Outcome), _ node: Expression
  ) -> Outcome {
    guard let op = dialect.infix[infix.rawValue] else {
      report.unknownOperator(infix.rawValue, at: node.anchor)
      return .poison
    }
    let hint: DType
    switch (left.outcome, right.outcome) {
    case (.poison, _), (_, .poison): return .poison
    case (.weak, .weak):
      // A comparison is a truth value, whatever it compares.
      guard infix.isComparison else { return .weak }
      hint = .f32
    case (.value(let value), _), (_, .value(let value)): hint = value.dtype.numericHint
    }
    guard let a = strong(left.outcome, left.id, hint), let b = strong(right.outcome, right.id, hint)
    else { return .poison }
    return apply(op, [a, b], [left.id, right.id], node)
  }

  /// The outcome's value; a weak one is made with the dtype `hint`.
  mutating func strong(_ outcome: Outcome, _ id: ExpressionID, _ hint: DType) -> Value? {
    switch outcome {
    case .poison: nil
    case .weak: weakValue(id, hint)
    case .value(let value): value
    }
  }

  private func apply(
    _ op: OpDefinition, _ operands: [Value], _ ids: [ExpressionID], _ node: Expression
  ) -> Outcome {
    apply(op, operands, .none, node) { ids[$0] }
  }

  /// Applies an op; a type error puts the caret on the operand at fault.
  func apply(
    _ op: OpDefinition, _ operands: [Value], _ attributes: Attributes, _ node: Expression,
    _ place: (Int) -> ExpressionID?
  ) -> Outcome {
    do {
      return .value(
        try build(at: node.range) { () throws(TypeError) in
          try builder.apply(op, operands, attributes)
        })
    } catch {
      let operand = error.operand.flatMap { $0 < operands.count ? place($0) : nil }
      report.operandType(
        error, at: operand.map { tree[$0].range } ?? node.anchor,
        hint: defaultHint(operands.map(\.shape)))
      return .poison
    }
  }

  // MARK: Names

  mutating func lookUp(_ name: Name) -> Outcome {
    if name.flavor == .plain, dimensions[name.text] != nil { return .weak }
    if let binding = name.flavor == .id ? ids[name.text] : names[name.text] {
      return binding.value.map(Outcome.value) ?? .poison
    }
    let key = name.flavor == .id ? " \(name.text)" : name.text
    guard reported.insert(key).inserted else { return .poison }
    if let later = definitions[key] {
      report.usedBeforeDefinition(name, defined: later)
    } else if let layer = layers[name.text], name.flavor != .id {
      if layer.definition != nil { report.layerAsValue(name, defined: layer.range) }
    } else {
      report.unknownName(name, among: names.keys, dimensionOrder)
    }
    return .poison
  }

  // MARK: Weak values

  private enum WeakItem {
    case literal(Literal, Range<Int>)
    case value(Value)
  }

  /// Builds an expression of literals and dims with one dtype. Nil after a complaint.
  mutating func weakValue(_ id: ExpressionID, _ dtype: DType) -> Value? {
    var stack: [WeakItem] = []
    for index in tree[id].first...id.index {
      let node = tree.expressions[index]
      switch node.kind {
      case .integer, .float:
        guard let literal = Literal(node.kind) else { return nil }
        stack.append(.literal(literal, node.range))
      case .name(let name):
        stack.append(
          .value(build(at: node.range) { builder.size(.symbol(name.text), dtype) }))
      case .negate(let operand):
        guard let top = stack.popLast() else { return nil }
        if case .literal(let literal, _) = top {
          stack.append(.literal(literal.negated(), node.range))
        } else {
          guard let value = built(top, dtype),
            case .value(let result) = apply(dialect.negation, [value], [operand], node)
          else { return nil }
          stack.append(.value(result))
        }
      case .infix(let infix, let left, let right):
        guard let b = stack.popLast(), let a = stack.popLast(),
          let x = built(a, dtype), let y = built(b, dtype),
          let op = dialect.infix[infix.rawValue],
          case .value(let result) = apply(op, [x, y], [left, right], node)
        else { return nil }
        stack.append(.value(result))
      default: return nil
      }
    }
    return stack.last.flatMap { built($0, dtype) }
  }

  private func built(_ item: WeakItem, _ dtype: DType) -> Value? {
    switch item {
    case .value(let value): return value
    case .literal(let literal, let range):
      guard let scalar = scalar(literal, dtype, at: range) else { return nil }
      return build(at: range) { builder.constant(scalar, dtype) }
    }
  }
}

extension DType {
  /// The dtype that a number takes beside a value of this one.
  var numericHint: DType { self == .bool ? .f32 : self }
}

extension OpDefinition {
  /// The operand place that a keyword means.
  func operandIndex(keyword: String) -> Int? {
    operands.firstIndex { $0.name == keyword || $0.alternatives.contains(keyword) }
  }
}
