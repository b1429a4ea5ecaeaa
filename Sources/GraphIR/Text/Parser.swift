/// Reads statements into a flat syntax tree. After a mistake it goes on at the next statement, so
/// that all mistakes of a text come at once; no input makes it recurse.
struct Parser {
  private var lexer: Lexer
  let report: Reporter
  /// The most names, literals, operations and statements that are read.
  private let mostParts: Int
  var tree = SyntaxTree()
  /// Tokens looked at but not taken yet, the next one first.
  private var ahead: [Token] = []
  /// Where the last taken token ends, for "expected … after".
  private(set) var previousEnd = 0

  init(_ source: SourceFile, _ report: Reporter, mostParts: Int) {
    self.mostParts = mostParts
    lexer = Lexer(source, report)
    self.report = report
  }

  // MARK: Tokens

  mutating func peek(_ distance: Int = 0) -> Token {
    while ahead.count <= distance { ahead.append(lexer.next()) }
    return ahead[distance]
  }

  @discardableResult
  mutating func take() -> Token {
    let token = peek()
    // The end stays: looking past it must go on giving the end.
    if token.kind != .end { ahead.removeFirst() }
    previousEnd = token.range.upperBound
    return token
  }

  mutating func takes(_ kind: Token.Kind) -> Bool {
    guard peek().kind == kind else { return false }
    take()
    return true
  }

  func name(_ token: Token) -> Name { lexer.name(token) }
  func text(_ token: Token) -> String { lexer.text(token.range) }

  /// What the next token is, in words for messages.
  mutating func describeNext() -> String {
    let token = peek()
    return switch token.kind {
    case .end: "the end of the file"
    case .name: report.quote(text(token))
    case .quotedName: "the name \(report.quote(name(token).text))"
    case .integer, .float: "the number \(report.quote(text(token)))"
    default: report.quote(text(token))
    }
  }

  /// Says what should stand here, unless the lexer has spoken already.
  ///
  /// What is missing at the end of a line is missed there, not at the next statement.
  mutating func fail(
    expected: String, fix: String? = nil, opened: Range<Int>? = nil, afterPrevious: Bool = true
  ) {
    let token = peek()
    if token.kind == .invalid || report.hasUnterminatedComment { return }
    if afterPrevious, token.startsLine, previousEnd > 0, token.kind != .end {
      report.lineEnds(at: previousEnd..<previousEnd, expected: expected, opened: opened)
    } else {
      report.unexpected(
        describeNext(), expected: expected, at: token.range, fix: fix, opened: opened)
    }
  }

  private mutating func requires(_ kind: Token.Kind, _ expected: String) -> Bool {
    if takes(kind) { return true }
    fail(expected: expected)
    return false
  }

  /// Whether there is more text than is read.
  var isTooLarge: Bool { tree.expressions.count + tree.statements.count > mostParts }

  // MARK: The file

  mutating func parse() -> SyntaxTree {
    let open = header()
    statements(insideBraces: open)
    return tree
  }

  /// `graph NAME {`; gives the place of the brace.
  private mutating func header() -> Range<Int>? {
    let first = peek()
    guard first.kind == .name, text(first) == "graph", peek(1).isName || peek(1).kind == .leftBrace
    else {
      if first.kind == .invalid {
        skipStatement()
      } else if !report.hasUnterminatedComment {
        report.noGraph(first.range, got: describeNext())
        // What can begin no statement either has been complained about.
        if !first.isName { skipStatement() }
      }
      return nil
    }
    take()
    if peek().isName {
      tree.graphName = name(take())
    } else {
      fail(expected: "the graph's name")
    }
    let brace = peek().range
    return requires(.leftBrace, "'{' after the graph's name") ? brace : nil
  }

  private mutating func statements(insideBraces open: Range<Int>?) {
    // Blocks that are open, the graph's own aside: where each began, and what ends it.
    var blocks: [(brace: Range<Int>, end: Statement.Kind)] = []
    while true {
      if report.isFull || isTooLarge { break }
      let token = peek()
      switch token.kind {
      case .end:
        if let unclosed = blocks.last?.brace ?? open, !report.hasUnterminatedComment {
          report.unclosedBrace(at: token.range, opened: unclosed)
        }
        return
      case .rightBrace where !blocks.isEmpty:
        take()
        let depth = blocks.count
        let end = blocks.removeLast().end
        if depth <= TextLimits.scopeDepth { append(end) }
      case .rightBrace:
        take()
        // Without a header there was no brace to match; that has been said.
        if open != nil { return checkEnd() }
      case .name where isKeyword(token) == .scope:
        take()
        let name = peek().isName ? name(take()) : missingScopeName()
        let brace = peek().range
        guard requires(.leftBrace, "'{' after the scope's name") else {
          skipStatement()
          continue
        }
        blocks.append((brace, .closeScope))
        if blocks.count == TextLimits.scopeDepth + 1 { report.scopeTooDeep(name.range) }
        if blocks.count <= TextLimits.scopeDepth { append(.openScope(name)) }
      case .name where isKeyword(token) == .fused:
        take()
        guard let number = groupNumber() else {
          // What the block defines is defined all the same.
          if peek().kind == .leftBrace {
            blocks.append((take().range, .closeScope))
            if blocks.count <= TextLimits.scopeDepth {
              append(.openScope(Name(text: "fused", flavor: .quoted, range: token.range)))
            }
          } else {
            skipStatement()
          }
          continue
        }
        let place = token.range.lowerBound..<previousEnd
        let brace = peek().range
        guard requires(.leftBrace, "'{' after the group's number") else {
          skipStatement()
          continue
        }
        blocks.append((brace, .closeGroup))
        if blocks.count == TextLimits.scopeDepth + 1 { report.scopeTooDeep(place) }
        if blocks.count <= TextLimits.scopeDepth { append(.openGroup(number, place)) }
      default:
        statement()
      }
    }
    if isTooLarge { report.textTooLarge(peek().range, limit: mostParts) }
  }

  /// The number after `fused`, or nil after a complaint.
  private mutating func groupNumber() -> Int? {
    let token = peek()
    guard token.kind == .integer, let number = Int(text(token)) else {
      fail(expected: "the group's number, as in 'fused 3 {'")
      return nil
    }
    take()
    return number
  }

  private mutating func missingScopeName() -> Name {
    fail(expected: "the scope's name")
    return Name(text: "scope", flavor: .quoted, range: peek().range)
  }

  private mutating func checkEnd() {
    let token = peek()
    guard token.kind != .end else { return }
    if token.kind != .invalid {
      report.textAfterGraph(
        token.range, isGraph: token.kind == .name && text(token) == "graph")
    }
  }

  private mutating func append(_ kind: Statement.Kind, annotated: Bool = false) {
    var annotations: [ExpressionID] = []
    while annotated, let annotation = annotation() { annotations.append(annotation) }
    tree.statements.append(Statement(kind: kind, annotations: annotations))
  }

  // MARK: Statements

  /// The keyword that the token is here. A keyword before `=`, `:` or `~` is a name that happens
  /// to be spelled like one.
  private mutating func isKeyword(_ token: Token) -> StatementKeyword? {
    guard let keyword = StatementKeyword(rawValue: text(token)) else { return nil }
    switch peek(1).kind {
    case .assign, .colon, .tilde: return nil
    default: return keyword
    }
  }

  private mutating func statement() {
    let token = peek()
    guard token.isName else {
      fail(
        expected: "a statement", fix: report.statementHint(text(token)), afterPrevious: false)
      return skipStatement()
    }
    guard token.kind == .name, let keyword = isKeyword(token) else { return definition() }
    take()
    switch keyword {
    case .dim: dimensions()
    case .const: constant()
    case .input, .param, .state, .noise: leaf(keyword)
    case .layer: layer()
    case .scope, .fused: break
    case .output: outputs()
    case .update: update()
    }
  }

  /// A name that the statement defines, or nil after a complaint and the way to the next statement.
  private mutating func target(_ what: String) -> Name? {
    let token = peek()
    guard token.isName else {
      fail(expected: what)
      skipStatement()
      return nil
    }
    take()
    return checked(name(token))
  }

  private func checked(_ name: Name) -> Name {
    if name.flavor == .plain, Identifier.reserved.contains(name.text) { report.reserved(name) }
    return name
  }

  private mutating func dimensions() {
    repeat {
      guard peek().isName else {
        fail(expected: "a dimension's name")
        return skipStatement()
      }
      let name = checked(name(take()))
      var size: ExpressionID?
      if takes(.assign) { size = expression() }
      append(.dimension(name, default: size))
      if size.map(isMissing) == true {
        // `dim D = , H = 128`: the rest of the list still declares.
        while peek().kind != .comma, !startsStatement(), !endsBlock() { take() }
        if peek().kind == .comma, peek(1).isName { continue }
        return skipStatement()
      }
    } while !isTooLarge && takes(.comma)
  }

  private mutating func constant() {
    guard let name = target("the constant's name") else { return }
    var type: TypeSyntax?
    if takes(.colon) { type = writtenType() }
    guard requires(.assign, "'=' and a value") else {
      append(.constant(name, type, missing()))
      return skipStatement()
    }
    let value = expression()
    append(.constant(name, type, value), annotated: true)
    if isMissing(value) { skipStatement() }
  }

  private mutating func leaf(_ keyword: StatementKeyword) {
    guard let name = target("the \(keyword.rawValue)'s name") else { return }
    var type: TypeSyntax?
    if requires(.colon, "':' and a type, such as f32[N, D]") { type = writtenType() }
    var isBroken = type == nil
    var detail: ExpressionID?
    if !isBroken, keyword == .param || keyword == .state, takesWord("init") {
      detail = expression()
    } else if !isBroken, keyword == .noise {
      if requires(.tilde, "'~' and a distribution, as '~ normal'") {
        detail = expression()
      } else {
        isBroken = true
      }
    }
    isBroken = isBroken || detail.map(isMissing) == true
    let kind: Statement.Kind =
      switch keyword {
      case .param: .parameter(name, type, initializer: detail)
      case .state: .state(name, type, initializer: detail)
      case .noise: .noise(name, type, distribution: detail)
      default: .input(name, type)
      }
    append(kind, annotated: !isBroken)
    if isBroken { skipStatement() }
  }

  private mutating func layer() {
    guard let name = target("the layer's name") else { return }
    guard requires(.assign, "'=' and a kind of layer") else {
      append(.layer(name, missing(), scheme: nil))
      return skipStatement()
    }
    let value = expression()
    var scheme: Name?
    if !isMissing(value), takesWord("init") { scheme = self.name(take()) }
    append(.layer(name, value, scheme: scheme))
    if isMissing(value) { skipStatement() }
  }

  private mutating func outputs() {
    repeat {
      guard let name = target("an output's name") else { return }
      var value: ExpressionID?
      if takes(.assign) { value = expression() }
      append(.output(name, value))
      if value.map(isMissing) == true { return skipStatement() }
    } while !isTooLarge && takes(.comma)
  }

  private mutating func update() {
    guard let name = target("the name of a param or state") else { return }
    guard requires(.assign, "'=' and the new value") else {
      append(.update(name, missing()))
      return skipStatement()
    }
    let value = expression()
    append(.update(name, value))
    if isMissing(value) { skipStatement() }
  }

  /// `h = …`, `h: f32[N] = …`, `z ~ …`.
  private mutating func definition() {
    let token = take()
    let target = name(token)
    switch peek().kind {
    case .colon, .assign, .tilde: break
    case .leftParen:
      report.expressionStatement(token.range)
      return skipStatement()
    case .name, .quotedName, .nodeID:
      // `inptu x: …` or `h relu(x)`: what it would have defined is known, so that its uses are
      // not reported as well.
      if peek(1).kind == .leftParen {
        fail(expected: "'=', ':' or '~' after the name")
        append(.assign(target, nil, missing()))
      } else {
        report.unknownStatement(target)
        append(.assign(name(take()), nil, missing()))
      }
      return skipStatement()
    default:
      fail(
        expected: "'=', ':' or '~' after the name",
        fix: report.statementHint(text(peek())))
      append(.assign(target, nil, missing()))
      return skipStatement()
    }
    var type: TypeSyntax?
    var isBroken = false
    if takes(.colon) {
      type = writtenType()
      isBroken = type == nil
    }
    let isSample = peek().kind == .tilde
    if isBroken || !(takes(.assign) || takes(.tilde)) {
      if !isBroken { fail(expected: "'=' or '~' after the type") }
      append(.assign(checked(target), type, missing()))
      return skipStatement()
    }
    let value = expression()
    if isSample {
      var estimator: Name?
      if !isMissing(value), takesWord("estimator") { estimator = name(take()) }
      append(.sample(checked(target), type, value, estimator: estimator), annotated: true)
    } else {
      append(.assign(checked(target), type, value), annotated: true)
    }
    if isMissing(value) { skipStatement() }
  }

  // MARK: Parts

  /// Takes `word` when a name follows; otherwise it begins the next statement.
  private mutating func takesWord(_ word: String) -> Bool {
    guard peek().kind == .name, text(peek()) == word, peek(1).isName else { return false }
    take()
    return true
  }

  /// `f32[N, D]` or `f32`; nil after a complaint.
  private mutating func writtenType() -> TypeSyntax? {
    guard peek().kind == .name else {
      fail(expected: "a type, such as f32[N, D]")
      return nil
    }
    let dtype = name(take())
    if peek().kind == .leftParen, !peek().startsLine {
      fail(
        expected: "'[' before the sizes", fix: report.typeHint(dtype.text))
      return nil
    }
    guard peek().kind == .leftBracket else {
      return TypeSyntax(dtype: dtype, dims: nil, range: dtype.range)
    }
    let dims = bracketedList()
    if isMissing(dims) { return nil }
    return TypeSyntax(
      dtype: dtype, dims: dims, range: dtype.range.lowerBound..<tree[dims].range.upperBound)
  }

  private mutating func annotation() -> ExpressionID? {
    guard takes(.at) else { return nil }
    guard peek().kind == .name else {
      fail(expected: "'adjoint', 'update' or 'absorbs' after '@'")
      skipStatement()
      return missing()
    }
    let value = expression()
    if isMissing(value) { skipStatement() }
    return value
  }

  func isMissing(_ id: ExpressionID) -> Bool {
    if case .missing = tree[id].kind { true } else { false }
  }

  mutating func missing() -> ExpressionID { tree.leaf(.missing, previousEnd..<previousEnd) }

  // MARK: Recovery

  private mutating func endsBlock() -> Bool {
    peek().kind == .rightBrace || peek().kind == .end
  }

  /// Whether the next tokens can only be the beginning of a statement. No expression holds a name
  /// before `=`, so that most statements are known wherever they stand.
  mutating func startsStatement() -> Bool {
    let token = peek()
    guard token.isName else { return false }
    switch peek(1).kind {
    case .assign, .tilde: return true
    case .colon: return token.startsLine && peek(2).kind == .name
    case .name, .quotedName, .nodeID:
      return token.kind == .name && StatementKeyword(rawValue: text(token)) != nil
    default: return false
    }
  }

  /// Whether a line begins with what can only be a statement although an operand should stand here.
  mutating func interruptsExpression() -> Bool {
    let token = peek()
    guard token.startsLine, token.isName else { return false }
    switch peek(1).kind {
    case .assign, .tilde: return true
    case .colon:
      guard peek(2).kind == .name else { return false }
      return [.leftBracket, .assign, .tilde].contains(peek(3).kind)
    case .name, .quotedName, .nodeID:
      // `output loss`: no expression holds two names side by side.
      return !peek(1).startsLine && token.kind == .name
        && StatementKeyword(rawValue: text(token)) != nil
    default: return false
    }
  }

  /// Skips to what looks like a statement, or to the end of the block.
  private mutating func skipStatement() {
    var depth = 0
    while true {
      switch peek().kind {
      case .end: return
      case .leftBrace: depth += 1
      case .rightBrace:
        if depth == 0 { return }
        depth -= 1
      default:
        if depth == 0, startsStatement() { return }
      }
      take()
    }
  }
}
