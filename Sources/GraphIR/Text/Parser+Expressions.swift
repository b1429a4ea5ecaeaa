/// An open bracket or an operator that waits for its right operand.
private struct Pending {
  enum Kind {
    case paren
    case call(Name)
    case list
    case negate
    case infix(InfixOperator)
  }

  var kind: Kind
  var range: Range<Int>
  /// For calls and lists, where their arguments begin on the stack of arguments.
  var arguments = 0

  var isBracket: Bool {
    switch kind {
    case .paren, .call, .list: true
    case .negate, .infix: false
    }
  }

  var precedence: Int {
    switch kind {
    case .paren, .call, .list: 0
    case .negate: InfixOperator.negationPrecedence
    case .infix(let infix): infix.precedence
    }
  }
}

/// What an expression is made of while it is read.
private struct Work {
  var operands: [ExpressionID] = []
  var pending: [Pending] = []
  var arguments: [Argument] = []
  var keyword: [Name?] = []
  /// The last operand when it was a bare name: `axis` in `axis=0`.
  var lastName: Token?

  /// Whether the innermost argument has its keyword already.
  var hasKeyword: Bool { keyword.last.map { $0 != nil } ?? true }
}

// Operator precedence with explicit stacks (Dijkstra's shunting yard): nesting costs heap, not
// stack, and the arena fills in post-order by itself.
extension Parser {
  /// Reads as long an expression as there is; `.missing` after a complaint.
  mutating func expression() -> ExpressionID { expression(stopsAfterBracket: false) }

  /// `[a, b]` and nothing after it.
  mutating func bracketedList() -> ExpressionID {
    // An operator after the list cannot follow a type; the caller sees and says so.
    expression(stopsAfterBracket: true)
  }

  private mutating func expression(stopsAfterBracket: Bool) -> ExpressionID {
    var work = Work()
    var wantsOperand = true
    while true {
      if work.pending.count > TextLimits.nesting {
        report.nestingTooDeep(peek().range)
        return missing()
      }
      if isTooLarge { return missing() }
      if wantsOperand {
        guard operand(&work, &wantsOperand) else { return missing() }
      } else {
        guard let goesOn = continuation(&work, &wantsOperand) else { return missing() }
        if !goesOn { break }
      }
      if stopsAfterBracket, !wantsOperand, work.pending.isEmpty { break }
    }
    while let top = work.pending.popLast() { reduce(top, &work) }
    return work.operands.last ?? missing()
  }

  // MARK: Where an operand must stand

  private mutating func operand(_ work: inout Work, _ wantsOperand: inout Bool) -> Bool {
    let token = peek()
    work.lastName = nil
    if interruptsExpression() {
      missingOperand(token, work)
      return false
    }
    switch token.kind {
    case .integer:
      take()
      guard let value = UInt64(text(token)) else {
        report.numberOutOfRange(token.range, text(token), isInteger: true)
        work.operands.append(missing())
        wantsOperand = false
        return true
      }
      work.operands.append(tree.leaf(.integer(value), token.range))
      wantsOperand = false
    case .float:
      take()
      if let value = Double(text(token)), value.isFinite {
        work.operands.append(tree.leaf(.float(value), token.range))
      } else {
        report.numberOutOfRange(token.range, text(token), isInteger: false)
        work.operands.append(missing())
      }
      wantsOperand = false
    case .name, .quotedName, .nodeID:
      word(&work, &wantsOperand)
    case .minus:
      work.pending.append(Pending(kind: .negate, range: take().range))
    case .leftParen:
      work.pending.append(Pending(kind: .paren, range: take().range))
    case .leftBracket:
      take()
      open(.list, token, &work, &wantsOperand)
    default:
      missingOperand(token, work)
      return false
    }
    return true
  }

  private mutating func missingOperand(_ token: Token, _ work: Work) {
    let opened = work.pending.last(where: \.isBracket)
    fail(
      expected: opened == nil ? "a value" : "a value or a closing bracket",
      fix: report.operandHint(text(token)), opened: opened?.range)
  }

  /// A name, a literal that is spelled like one, or a call.
  private mutating func word(_ work: inout Work, _ wantsOperand: inout Bool) {
    let token = take()
    let name = name(token)
    if name.flavor == .plain, let literal = literal(name.text) {
      work.operands.append(tree.leaf(literal, token.range))
      wantsOperand = false
    } else if peek().kind == .leftParen {
      take()
      open(.call(name), token, &work, &wantsOperand)
    } else {
      work.operands.append(tree.leaf(.name(name), token.range))
      work.lastName = token
      wantsOperand = false
    }
  }

  private func literal(_ word: String) -> Expression.Kind? {
    switch word {
    case "true": .bool(true)
    case "false": .bool(false)
    case "inf": .float(.infinity)
    case "nan": .float(.nan)
    default: nil
    }
  }

  private mutating func open(
    _ kind: Pending.Kind, _ token: Token, _ work: inout Work, _ wantsOperand: inout Bool
  ) {
    work.pending.append(
      Pending(kind: kind, range: token.range, arguments: work.arguments.count))
    let isCall = if case .call = kind { true } else { false }
    if takes(isCall ? .rightParen : .rightBracket) {
      close(&work)
      wantsOperand = false
    } else {
      openArgument(&work)
      wantsOperand = true
    }
  }

  private mutating func openArgument(_ work: inout Work) {
    guard case .call = work.pending.last?.kind, peek().kind == .name, peek(1).kind == .colon
    else { return work.keyword.append(nil) }
    work.keyword.append(name(take()))
    take()
  }

  // MARK: Where an operator may stand

  /// False at the end of the expression, nil after a complaint.
  private mutating func continuation(
    _ work: inout Work, _ wantsOperand: inout Bool
  ) -> Bool? {
    let token = peek()
    if let infix = InfixOperator(token.kind) {
      guard push(infix, &work) else { return nil }
      wantsOperand = true
      return true
    }
    // The lexer has complained: what stands before is not all that was meant.
    if token.kind == .invalid { return nil }
    guard let bracket = work.pending.last(where: \.isBracket) else { return false }
    switch (token.kind, bracket.kind) {
    case (.comma, .call), (.comma, .list):
      reduceToBracket(&work)
      closeArgument(&work)
      take()
      openArgument(&work)
      wantsOperand = true
    case (.rightParen, .paren):
      take()
      reduceToBracket(&work)
      work.pending.removeLast()
    case (.rightParen, .call), (.rightBracket, .list):
      take()
      reduceToBracket(&work)
      closeArgument(&work)
      close(&work)
    case (.assign, .call):
      return keywordWithEquals(&work, &wantsOperand, opened: bracket.range) ? true : nil
    case (.colon, .call) where work.lastName != nil && !work.hasKeyword:
      // A quoted keyword: nothing forbids it.
      guard let name = work.lastName.map({ name($0) }) else { return nil }
      take()
      becomesKeyword(name, &work)
      wantsOperand = true
    default:
      unclosed(bracket)
      return nil
    }
    work.lastName = nil
    return true
  }

  private mutating func unclosed(_ bracket: Pending) {
    let expected =
      switch bracket.kind {
      case .call: "',' or ')'"
      case .list: "',' or ']'"
      default: "')'"
      }
    fail(expected: expected, opened: bracket.range)
  }

  /// `axis=0` means `axis: 0`.
  private mutating func keywordWithEquals(
    _ work: inout Work, _ wantsOperand: inout Bool, opened: Range<Int>
  ) -> Bool {
    guard let last = work.lastName, !work.hasKeyword else {
      fail(expected: "',' or ')'", opened: opened)
      return false
    }
    let name = name(last)
    report.keywordEquals(name, at: take().range)
    becomesKeyword(name, &work)
    wantsOperand = true
    return true
  }

  /// Takes the last operand, a bare name and thus the last leaf of the arena, back as a keyword.
  private mutating func becomesKeyword(_ name: Name, _ work: inout Work) {
    _ = work.operands.popLast()
    tree.expressions.removeLast()
    work.keyword[work.keyword.count - 1] = name
    work.lastName = nil
  }

  private mutating func push(_ infix: InfixOperator, _ work: inout Work) -> Bool {
    let token = take()
    while let top = work.pending.last, !top.isBracket,
      top.precedence > infix.precedence
        || (top.precedence == infix.precedence && !infix.isRightAssociative)
    {
      if infix.isComparison, case .infix(let other) = top.kind, other.isComparison {
        report.chainedComparison(token.range, first: top.range)
        return false
      }
      work.pending.removeLast()
      reduce(top, &work)
    }
    work.pending.append(Pending(kind: .infix(infix), range: token.range))
    work.lastName = nil
    return true
  }

  // MARK: Reductions

  private mutating func reduceToBracket(_ work: inout Work) {
    while let top = work.pending.last, !top.isBracket {
      work.pending.removeLast()
      reduce(top, &work)
    }
  }

  private mutating func reduce(_ top: Pending, _ work: inout Work) {
    switch top.kind {
    case .negate:
      guard let operand = work.operands.popLast() else { return }
      work.operands.append(
        tree.append(
          Expression(
            kind: .negate(operand),
            range: top.range.lowerBound..<tree[operand].range.upperBound, anchor: top.range,
            first: tree[operand].first)))
    case .infix(let infix):
      guard let right = work.operands.popLast(), let left = work.operands.popLast() else { return }
      work.operands.append(
        tree.append(
          Expression(
            kind: .infix(infix, left, right),
            range: tree[left].range.lowerBound..<tree[right].range.upperBound, anchor: top.range,
            first: tree[left].first)))
    case .paren, .call, .list: break
    }
  }

  private mutating func closeArgument(_ work: inout Work) {
    guard let value = work.operands.popLast() else { return }
    work.arguments.append(Argument(keyword: work.keyword.popLast() ?? nil, value: value))
  }

  /// Makes the call or list on top of the stack, whose last token was just taken.
  private mutating func close(_ work: inout Work) {
    guard let top = work.pending.popLast() else { return }
    let taken = work.arguments[top.arguments...]
    let range = tree.arguments.count..<(tree.arguments.count + taken.count)
    tree.arguments.append(contentsOf: taken)
    work.arguments.removeSubrange(top.arguments...)
    let first =
      range.isEmpty
      ? tree.expressions.count : tree[tree.arguments[range.lowerBound].value].first
    let kind: Expression.Kind =
      if case .call(let name) = top.kind { .call(name, range) } else { .list(range) }
    work.operands.append(
      tree.append(
        Expression(
          kind: kind, range: top.range.lowerBound..<previousEnd, anchor: top.range, first: first)))
  }
}
