/// Every mistake that reading a text can find. The raw value is the diagnostic's id.
package enum TextDiagnosticID: String, CaseIterable, Sendable {
  // Characters
  case unexpectedCharacter = "unexpected-character"
  case malformedNumber = "malformed-number"
  case numberOutOfRange = "number-out-of-range"
  case unterminatedName = "unterminated-name"
  case unterminatedComment = "unterminated-comment"
  case invalidEscape = "invalid-escape"
  case emptyName = "empty-name"
  // Statements
  case noGraph = "no-graph"
  case textAfterGraph = "text-after-graph"
  case syntax
  case unclosedBrace = "unclosed-brace"
  case unknownStatement = "unknown-statement"
  case expressionStatement = "expression-statement"
  case keywordEquals = "keyword-equals"
  case chainedComparison = "chained-comparison"
  case reservedName = "reserved-name"
  case nestingTooDeep = "nesting-too-deep"
  case scopeTooDeep = "scope-too-deep"
  case textTooLarge = "text-too-large"
  case tooManyErrors = "too-many-errors"
  // Names
  case redefinition
  case unknownName = "unknown-name"
  case usedBeforeDefinition = "used-before-definition"
  case leafWithoutName = "leaf-without-name"
  // Dimensions and types
  case dimensionName = "dimension-name"
  case dimensionDefault = "dimension-default"
  case unknownDimension = "unknown-dimension"
  case valueAsDimension = "value-as-dimension"
  case notADimension = "not-a-dimension"
  case dimensionArithmetic = "dimension-arithmetic"
  case negativeDimension = "negative-dimension"
  case unknownDType = "unknown-dtype"
  case wrongType = "wrong-type"
  // Literals and constants
  case literalKind = "literal-kind"
  case fractionForInteger = "fraction-for-integer"
  case literalOutOfRange = "literal-out-of-range"
  case numberRounds = "number-rounds"
  case notAConstant = "not-a-constant"
  case constantShape = "constant-shape"
  // Leaves and layers
  case missingInitializer = "missing-initializer"
  case unknownInitializer = "unknown-initializer"
  case initializerArguments = "initializer-arguments"
  case unknownDistribution = "unknown-distribution"
  case noiseDType = "noise-dtype"
  case unknownLayer = "unknown-layer"
  case layerArguments = "layer-arguments"
  case unknownScheme = "unknown-scheme"
  case layerNamedAsOp = "layer-named-as-op"
  case layerAsValue = "layer-as-value"
  // Calls
  case unknownOp = "unknown-op"
  case valueCalled = "value-called"
  case unknownOperator = "unknown-operator"
  case unknownArgument = "unknown-argument"
  case duplicateArgument = "duplicate-argument"
  case ambiguousOperand = "ambiguous-operand"
  case missingOperand = "missing-operand"
  case tooManyOperands = "too-many-operands"
  case missingAttribute = "missing-attribute"
  case attributeKind = "attribute-kind"
  case unknownChoice = "unknown-choice"
  case listAsValue = "list-as-value"
  case operandType = "operand-type"
  // Sampling
  case samplingNeedsTilde = "sampling-needs-tilde"
  case tildeNeedsSampling = "tilde-needs-sampling"
  case noiseNameTaken = "noise-name-taken"
  // Results and roles
  case outputWithoutName = "output-without-name"
  case duplicateOutput = "duplicate-output"
  case notUpdatable = "not-updatable"
  case duplicateUpdate = "duplicate-update"
  case updateType = "update-type"
  case unknownAnnotation = "unknown-annotation"
  case annotationArgument = "annotation-argument"
  // Overrides
  case unknownOverride = "unknown-override"
  case overrideValue = "override-value"
}

extension Reporter {
  private func error(
    _ id: TextDiagnosticID, _ message: String, at range: Range<Int>, expected: String? = nil,
    got: String? = nil, notes: [Diagnostic.Note] = [], fix: String? = nil
  ) {
    add(
      Diagnostic(
        id.rawValue, message, at: location(range), expected: expected, got: got, notes: notes,
        fix: fix))
  }

  private func note(_ message: String, _ range: Range<Int>) -> Diagnostic.Note {
    Diagnostic.Note(message, at: location(range))
  }

  private func list(_ names: some Sequence<String>) -> String { names.joined(separator: ", ") }

  // MARK: Characters

  func unexpectedCharacter(_ scalar: Unicode.Scalar, _ range: Range<Int>) {
    let shown =
      Identifier.isInvisible(scalar) || scalar == "\u{FFFD}"
      ? "the character U+" + String(scalar.value, radix: 16, uppercase: true)
      : quote(String(Character(scalar)))
    error(
      .unexpectedCharacter, "\(shown) begins nothing in this language", at: range,
      fix: Self.meant[scalar])
  }

  /// What people type who come from other languages or through an input method.
  private static let meant: [Unicode.Scalar: String] = [
    ";": "statements need no separator",
    "'": "names with blanks stand in double quotes: \"latent loss\"",
    "“": "use plain double quotes: \"latent loss\"",
    "”": "use plain double quotes: \"latent loss\"",
    "#": "comments begin with //",
    "^": "powers are written x ** 2",
    ".": "a fraction begins with a digit: 0.5",
    "!": "only '!=' begins with '!'",
    "（": "write '('", "）": "write ')'", "，": "write ','", "、": "write ','", "：": "write ':'",
    "＝": "write '='", "｛": "write '{'", "｝": "write '}'", "～": "write '~'", "−": "write '-'",
    "×": "write '*'", "·": "write '*'", "÷": "write '/'", "≤": "write '<='", "≥": "write '>='",
    "≠": "write '!='",
  ]

  func malformedNumber(_ range: Range<Int>, isLong: Bool) {
    error(
      .malformedNumber,
      isLong ? "this number is too long" : "\(quote(source.text(range))) is no number", at: range,
      expected: isLong
        ? "at most \(TextLimits.numberLength) characters" : "a number such as 12, 0.5 or 1e-8")
  }

  func numberOutOfRange(_ range: Range<Int>, _ text: String, isInteger: Bool) {
    error(
      .numberOutOfRange,
      isInteger
        ? "\(quote(text)) does not fit in a 64-bit integer"
        : "\(quote(text)) does not fit in a 64-bit float", at: range,
      expected: isInteger
        ? "-9223372036854775808 to 9223372036854775807" : "at most about 1.8e308",
      fix: isInteger ? "a number with a dot or an exponent is a float" : "infinity is written inf")
  }

  func unterminatedName(_ range: Range<Int>) {
    error(
      .unterminatedName, "this name has no closing quote", at: range,
      fix: "a quoted name ends on its line; a line break in it is written \\n")
  }

  func unterminatedComment(_ range: Range<Int>) {
    hasUnterminatedComment = true
    error(
      .unterminatedComment, "this comment never ends", at: range,
      fix: "close it with */; comments may hold comments, each needs its own")
  }

  func invalidEscape(_ range: Range<Int>) {
    error(
      .invalidEscape, "\(quote(source.text(range))) is no escape", at: range,
      expected: #"one of \" \\ \n \u{1F600}"#)
  }

  func emptyName(_ range: Range<Int>) {
    error(.emptyName, "a name needs at least one character", at: range)
  }

  // MARK: Statements

  func noGraph(_ range: Range<Int>, got: String) {
    error(
      .noGraph, "a file holds one graph", at: range, expected: "'graph NAME { … }'", got: got)
  }

  func textAfterGraph(_ range: Range<Int>, isGraph: Bool) {
    error(
      .textAfterGraph, isGraph ? "a file holds one graph only" : "there is text after the graph",
      at: range, expected: "the end of the file",
      fix: isGraph ? "put it in a file of its own" : "is there a '}' too many before it?")
  }

  func unexpected(
    _ got: String, expected: String, at range: Range<Int>, fix: String?, opened: Range<Int>?
  ) {
    error(
      .syntax, "\(got) cannot stand here", at: range, expected: expected, got: got,
      notes: opened.map { [note("the bracket is opened here", $0)] } ?? [], fix: fix)
  }

  func lineEnds(at range: Range<Int>, expected: String, opened: Range<Int>?) {
    error(
      .syntax, "something is missing at the end of the line", at: range, expected: expected,
      got: "the next line",
      notes: opened.map { [note("the bracket is opened here", $0)] } ?? [])
  }

  func unclosedBrace(at range: Range<Int>, opened: Range<Int>) {
    error(
      .unclosedBrace, "the file ends inside a block", at: range, expected: "'}'",
      notes: [note("the block is opened here", opened)])
  }

  /// What may have been meant by a token where a statement should begin or go on.
  func statementHint(_ token: String) -> String? {
    switch token {
    case "@": "an annotation stands at the end of the statement it belongs to"
    case "==": "a definition is written with one '='"
    case "(": "an expression needs a name: 'h = (…)'"
    default: nil
    }
  }

  /// What may have been meant by a token where an operand should stand.
  func operandHint(_ token: String) -> String? {
    switch token {
    case "+": "there is no unary plus"
    case "**", "*": "an operator stands between two values"
    default: nil
    }
  }

  func unknownStatement(_ name: Name) {
    let keywords = StatementKeyword.allCases.map(\.rawValue)
    error(
      .unknownStatement, "\(quote(name.text)) begins no statement", at: name.range,
      expected: "NAME = …, NAME ~ … or one of \(list(keywords))",
      fix: suggestion(for: name.text, among: keywords))
  }

  func expressionStatement(_ range: Range<Int>) {
    error(
      .expressionStatement, "a value without a name is lost", at: range,
      fix: "give it a name: 'h = \(source.text(range).prefix(40))(…)'")
  }

  func keywordEquals(_ name: Name, at range: Range<Int>) {
    error(
      .keywordEquals, "a keyword argument is written with ':'", at: range, expected: "':'",
      got: "'='", fix: "write \(quote("\(name.text): …"))")
  }

  func chainedComparison(_ range: Range<Int>, first: Range<Int>) {
    error(
      .chainedComparison, "comparisons do not chain", at: range,
      notes: [note("the first comparison", first)],
      fix: "put one of them in parentheses, or compare twice and combine the results")
  }

  func reserved(_ name: Name) {
    error(
      .reservedName, "\(quote(name.text)) is a value, not a name", at: name.range,
      fix: "another name, or quoted: \"\(name.text)\"")
  }

  func nestingTooDeep(_ range: Range<Int>) {
    error(
      .nestingTooDeep, "this expression is nested too deeply", at: range,
      expected: "at most \(TextLimits.nesting) open brackets and operators",
      fix: "give parts of it names")
  }

  func scopeTooDeep(_ range: Range<Int>) {
    error(
      .scopeTooDeep, "scopes are nested too deeply", at: range,
      expected: "at most \(TextLimits.scopeDepth) levels")
  }

  func textTooLarge(_ range: Range<Int>) {
    error(
      .textTooLarge, "this text is too large", at: range,
      expected: "at most \(TextLimits.expressions) names, literals and operations")
  }

  func tooMany(_ severity: Diagnostic.Severity) -> Diagnostic {
    Diagnostic(
      TextDiagnosticID.tooManyErrors.rawValue,
      "too many \(severity.rawValue)s; only the first \(TextLimits.diagnostics) are shown",
      severity: severity, place: source.name)
  }

  // MARK: Names

  func redefinition(_ name: Name, first: Range<Int>) {
    error(
      .redefinition, "\(quote(name.text)) is defined already", at: name.range,
      notes: [note("first defined here", first)],
      fix: "each name is defined once in a graph, scopes included; use another name")
  }

  func unknownName(
    _ name: Name, among names: some Sequence<String>, _ dimensions: some Sequence<String>
  ) {
    error(
      .unknownName, "unknown name \(quote(name.text))", at: name.range,
      fix: name.flavor == .id
        ? nil : suggestion(for: name.text, among: Array(names) + Array(dimensions)))
  }

  func usedBeforeDefinition(_ name: Name, defined: Range<Int>) {
    error(
      .usedBeforeDefinition, "\(quote(name.text)) is used before it is defined", at: name.range,
      notes: [note("defined here", defined)], fix: "move the definition up")
  }

  func leafWithoutName(_ name: Name) {
    error(
      .leafWithoutName, "only constants and operations may be unnamed", at: name.range,
      expected: "a name", got: quote(name.text))
  }

  // MARK: Dimensions and types

  func dimensionName(_ name: Name) {
    error(
      .dimensionName, "a dimension's name is a plain word", at: name.range,
      expected: "letters, digits and '_'", got: quote(name.text))
  }

  func defaultIsNotANumber(_ name: Name, _ dim: Dim, at range: Range<Int>) {
    error(
      .dimensionDefault, "the default of \(quote(name.text)) depends on other dimensions",
      at: range, expected: "a number", got: dim.description,
      fix: "write \(dim) where the size is used: it follows when those dimensions change")
  }

  func unknownDim(_ name: Name, among dimensions: [String]) {
    error(
      .unknownDimension, "unknown dimension \(quote(name.text))", at: name.range,
      fix: suggestion(for: name.text, among: dimensions)
        ?? (name.flavor == .plain && Identifier.isPlain(name.text)
          ? "declare it: 'dim \(name.text.prefix(60))'" : nil))
  }

  func valueAsDim(_ name: Name, defined: Range<Int>) {
    error(
      .valueAsDimension, "\(quote(name.text)) is a value, not a dimension", at: name.range,
      expected: "a number or a name declared with 'dim'",
      notes: [note("defined here", defined)])
  }

  func notADim(_ range: Range<Int>) {
    error(
      .notADimension, "this is no size", at: range,
      expected: "integers and dimensions with + - * /")
  }

  func dimArithmetic(_ problem: DimError, at range: Range<Int>) {
    error(.dimensionArithmetic, problem.description, at: range)
  }

  func inexactDivision(_ left: Dim, _ right: Dim, at range: Range<Int>) {
    error(
      .dimensionArithmetic, "\(left) is not divided exactly by \(right)", at: range,
      expected: "a divisor of one term that goes into every term")
  }

  func negativeDim(_ dim: Dim, at range: Range<Int>) {
    error(
      .negativeDimension, "a size cannot be negative", at: range, expected: "0 or more",
      got: dim.description)
  }

  func unknownDType(_ name: Name) {
    let known = DType.allCases.map(\.rawValue)
    let meant = Self.foreignDTypes[name.text.lowercased()].map { "did you mean '\($0)'?" }
    error(
      .unknownDType, "unknown dtype \(quote(name.text))", at: name.range,
      expected: "one of \(list(known))", fix: meant ?? suggestion(for: name.text, among: known))
  }

  private static let foreignDTypes: [String: DType] = [
    "float": .f32, "float32": .f32, "single": .f32, "double": .f64, "float64": .f64,
    "int": .i64, "int64": .i64, "long": .i64, "int32": .i32, "boolean": .bool,
  ]

  func defaultHint(_ symbol: String, _ size: Int) -> String {
    "\(symbol) is \(size) by default but can be overridden; write \(symbol)"
  }

  func wrongType(_ written: ValueType, _ inferred: ValueType, at range: Range<Int>, hint: String?) {
    error(
      .wrongType, "the value has another type than is written", at: range,
      expected: written.description, got: inferred.description, fix: hint)
  }

  // MARK: Literals and constants

  func literalKind(_ value: String, _ dtype: DType, at range: Range<Int>) {
    error(
      .literalKind, "\(value) is no \(dtype)", at: range,
      expected: dtype == .bool ? "true or false" : "a number", got: value)
  }

  func fractionForInteger(_ scalar: Scalar, _ dtype: DType, at range: Range<Int>) {
    error(
      .fractionForInteger, "\(scalar) is no \(dtype)", at: range, expected: "a whole number",
      got: scalar.description,
      fix: "write a whole number, or convert the \(dtype) values beside it to f32 first")
  }

  func literalOutOfRange(_ scalar: Scalar, _ dtype: DType, at range: Range<Int>) {
    error(
      .literalOutOfRange, "\(scalar) does not fit in \(dtype)", at: range,
      got: scalar.description)
  }

  func numberRounds(_ scalar: Scalar, _ dtype: DType, to value: String, at range: Range<Int>) {
    add(
      Diagnostic(
        TextDiagnosticID.numberRounds.rawValue, "\(scalar) becomes \(value) in \(dtype)",
        severity: .warning, at: location(range), fix: "f64 can hold it"))
  }

  func notAConstant(_ range: Range<Int>) {
    error(
      .notAConstant, "a constant is a number or a size", at: range,
      expected: "a literal, or dimensions and integers with + - * /",
      fix: "a computed value needs no 'const': 'NAME = …'")
  }

  func constantShape(_ type: ValueType, at range: Range<Int>) {
    error(
      .constantShape, "a constant is a scalar", at: range, expected: "\(type.dtype)",
      got: type.description)
  }

  // MARK: Leaves and layers

  private var initializers: String { list(InitializerForm.all.map(\.signature)) }

  func missingInitializer(_ name: Name) {
    error(
      .missingInitializer, "\(quote(name.text)) needs an initialiser", at: name.range,
      expected: "'init' and one of \(initializers)")
  }

  func unknownInitializer(_ name: Name?, at range: Range<Int>) {
    error(
      .unknownInitializer,
      name.map { "unknown initialiser \(quote($0.text))" }
        ?? "this is no initialiser", at: range, expected: "one of \(initializers)",
      fix: name.flatMap { suggestion(for: $0.text, among: InitializerForm.all.map(\.name)) })
  }

  func initializerArguments(_ form: InitializerForm, at range: Range<Int>) {
    error(
      .initializerArguments, "these are not the arguments of '\(form.name)'", at: range,
      expected: form.signature)
  }

  func initializerNumber(_ range: Range<Int>) {
    error(.initializerArguments, "this is no number", at: range, expected: "a literal")
  }

  func unknownDistribution(at range: Range<Int>, _ text: String) {
    let known = NoiseDistribution.allCases.map(\.rawValue)
    error(
      .unknownDistribution, "unknown noise distribution \(quote(text))", at: range,
      expected: "one of \(list(known))", fix: suggestion(for: text, among: known))
  }

  func noiseDType(_ name: Name, _ dtype: DType) {
    error(
      .noiseDType, "noise is floating", at: name.range, expected: "f32 or f64", got: "\(dtype)")
  }

  func unknownLayer(_ name: Name?, at range: Range<Int>, among known: [String]) {
    error(
      .unknownLayer,
      name.map { "unknown kind of layer \(quote($0.text))" }
        ?? "this is no kind of layer", at: range,
      expected: known.isEmpty ? "no layers are known here" : "one of \(list(known))",
      fix: name.flatMap { suggestion(for: $0.text, among: known) })
  }

  func layerArguments(_ layer: LayerDefinition, at range: Range<Int>) {
    error(
      .layerArguments, "these are not the arguments of '\(layer.name)'", at: range,
      expected: "\(layer.name)(\(list(layer.arguments)))")
  }

  func unknownScheme(_ scheme: Name, _ layer: LayerDefinition) {
    error(
      .unknownScheme, "'\(layer.name)' has no scheme \(quote(scheme.text))", at: scheme.range,
      expected: "one of \(list(layer.schemes))",
      fix: suggestion(for: scheme.text, among: layer.schemes))
  }

  func layerNamedAsOp(_ name: Name) {
    error(
      .layerNamedAsOp, "\(quote(name.text)) is an op; a layer of that name would hide it",
      at: name.range, fix: "use another name")
  }

  func layerAsValue(_ name: Name, defined: Range<Int>) {
    error(
      .layerAsValue, "\(quote(name.text)) is a layer, not a value", at: name.range,
      notes: [note("defined here", defined)],
      fix: "apply it, as '\(name.text)(x)', or name one of its parameters")
  }

  // MARK: Calls

  func unknownOp(
    _ name: Name, among layers: some Sequence<String>, _ ops: some Sequence<String>
  ) {
    error(
      .unknownOp, "unknown op \(quote(name.text))", at: name.range,
      fix: suggestion(for: name.text, among: Array(layers) + Array(ops)))
  }

  func valueCalled(_ name: Name, defined: Range<Int>) {
    error(
      .valueCalled, "\(quote(name.text)) is a value and cannot be called", at: name.range,
      expected: "an op or a layer", notes: [note("defined here", defined)],
      fix: "multiplication is written with '*'")
  }

  func unknownOperator(_ symbol: String, at range: Range<Int>) {
    error(.unknownOperator, "there is no operator '\(symbol)' here", at: range)
  }

  private func signature(_ op: OpDefinition, _ specs: [OperandSpec]) -> String {
    let operands = specs.map { spec in
      ([spec.name] + spec.alternatives).joined(separator: "|")
        + (spec.isVariadic ? ", …" : spec.choice == nil ? "" : ":")
    }
    let attributes = op.attributes.filter { attribute in
      attribute.name != op.sampling?.estimatorAttribute
        && !specs.contains { $0.choice == attribute.name }
    }.map { "\($0.name):" }
    return "\(op.name)(\(list(operands + attributes)))"
  }

  func unknownArgument(_ keyword: Name, _ op: OpDefinition, _ specs: [OperandSpec]) {
    let known = specs.flatMap { [$0.name] + $0.alternatives } + op.attributes.map(\.name)
    error(
      .unknownArgument, "'\(op.name)' has no argument \(quote(keyword.text))", at: keyword.range,
      expected: signature(op, specs), fix: suggestion(for: keyword.text, among: known))
  }

  func duplicateArgument(_ keyword: Name, first: Range<Int>?) {
    error(
      .duplicateArgument, "\(quote(keyword.text)) is given twice", at: keyword.range,
      notes: first.map { [note("first given here", $0)] } ?? [])
  }

  func ambiguousOperand(_ spec: OperandSpec, _ op: OpDefinition, at range: Range<Int>) {
    let keywords = [spec.name] + spec.alternatives
    error(
      .ambiguousOperand, "'\(op.name)' cannot tell what this operand means", at: range,
      expected: "one of " + list(keywords.map { "\($0):" }),
      fix: "say which: '\(keywords[0]): \(source.text(range).prefix(40))'")
  }

  func missingOperands(
    _ missing: [OperandSpec], _ op: OpDefinition, _ specs: [OperandSpec], _ callee: Name
  ) {
    let names = missing.map { ([$0.name] + $0.alternatives).joined(separator: " or ") }
    error(
      .missingOperand, "\(quote(callee.text)) lacks \(list(names))", at: callee.range,
      expected: signature(op, specs))
  }

  func tooManyOperands(
    _ op: OpDefinition, _ specs: [OperandSpec], at range: Range<Int>, callee: Name
  ) {
    error(
      .tooManyOperands,
      "\(quote(callee.text)) takes \(specs.count) operand\(specs.count == 1 ? "" : "s")",
      at: range, expected: signature(op, specs),
      fix: op.attributes.isEmpty ? nil : "attributes are given by keyword")
  }

  func missingAttribute(_ spec: AttributeSpec, _ op: OpDefinition, _ callee: Name) {
    error(
      .missingAttribute, "\(quote(callee.text)) needs '\(spec.name)'", at: callee.range,
      expected: "\(spec.name): \(describe(spec))",
      notes: spec.summary.isEmpty
        ? [] : [Diagnostic.Note("'\(spec.name)' is \(spec.summary)")])
  }

  private func describe(_ spec: AttributeSpec) -> String {
    switch spec.kind {
    case .bool: "true or false"
    case .int: "an integer"
    case .scalar: "a number"
    case .symbol: spec.choices.isEmpty ? "a word" : "one of \(list(spec.choices))"
    case .dtype: "one of \(list(DType.allCases.map(\.rawValue)))"
    case .ints: "integers, as [0, -1]"
    case .dims: "sizes, as [N, 2*Z]"
    case .dim: "a size, as N"
    }
  }

  func attributeKind(
    _ spec: AttributeSpec, _ op: OpDefinition, at range: Range<Int>, got: String
  ) {
    error(
      .attributeKind, "'\(spec.name)' of '\(op.name)' cannot be this", at: range,
      expected: describe(spec), got: quote(got))
  }

  func unknownChoice(_ name: Name, _ spec: AttributeSpec, _ op: OpDefinition) {
    error(
      .unknownChoice, "\(quote(name.text)) is no \(spec.name) of '\(op.name)'", at: name.range,
      expected: "one of \(list(spec.choices))",
      fix: suggestion(for: name.text, among: spec.choices))
  }

  func listAsValue(_ range: Range<Int>) {
    error(
      .listAsValue, "a list is no value", at: range,
      fix: "lists are for attributes, as axes: [0, 1]; pass operands one by one")
  }

  func operandType(_ problem: TypeError, at range: Range<Int>, hint: String?) {
    error(
      .operandType, problem.message, at: range, expected: problem.expected, got: problem.got,
      notes: problem.fix == nil ? [] : hint.map { [Diagnostic.Note($0)] } ?? [],
      fix: problem.fix ?? hint)
  }

  // MARK: Sampling

  func samplingNeedsTilde(_ op: OpDefinition, at range: Range<Int>) {
    error(
      .samplingNeedsTilde, "'\(op.name)' draws a sample, which is not an equation", at: range,
      fix: "write 'NAME ~ \(op.name)(…)' as a statement of its own")
  }

  func tildeNeedsSampling(
    _ op: OpDefinition, _ target: Name, at range: Range<Int>, samplers: [String]
  ) {
    error(
      .tildeNeedsSampling, "'\(op.name)' draws no sample", at: range,
      expected: samplers.isEmpty ? nil : "one of \(list(samplers))",
      fix: "write '\(target.text.prefix(40)) = …'")
  }

  func tildeNeedsCall(_ range: Range<Int>, samplers: [String]) {
    error(
      .tildeNeedsSampling, "after '~' stands a distribution", at: range,
      expected: samplers.isEmpty ? "a call" : "a call of one of \(list(samplers))",
      fix: "an equation is written with '='")
  }

  func noiseNameTaken(_ noise: String, _ target: Name, first: Range<Int>) {
    error(
      .noiseNameTaken,
      "the noise of \(quote(target.text)) would be named \(quote(noise)), "
        + "which is taken", at: target.range, notes: [note("first defined here", first)],
      fix: "hand the noise over: 'noise: …'")
  }

  // MARK: Results and roles

  func outputWithoutName(_ name: Name) {
    error(
      .outputWithoutName, "an output needs a name", at: name.range,
      fix: "write 'output NAME = \(name.text)'")
  }

  func duplicateOutput(_ name: Name, first: Range<Int>) {
    error(
      .duplicateOutput, "the output \(quote(name.text)) is declared twice", at: name.range,
      notes: [note("first declared here", first)])
  }

  func notUpdatable(_ name: Name) {
    error(
      .notUpdatable, "\(quote(name.text)) does not outlive a run", at: name.range,
      expected: "a param or a state")
  }

  func duplicateUpdate(_ name: Name, first: Range<Int>) {
    error(
      .duplicateUpdate, "\(quote(name.text)) is updated twice", at: name.range,
      notes: [note("first updated here", first)])
  }

  func updateType(_ name: Name, _ target: ValueType, _ value: ValueType, at range: Range<Int>) {
    error(
      .updateType, "the new value of \(quote(name.text)) has another type", at: range,
      expected: target.description, got: value.description)
  }

  func unknownAnnotation(_ name: Name) {
    error(
      .unknownAnnotation, "unknown annotation \(quote("@" + name.text))", at: name.range,
      expected: "@adjoint(of: …, root: …, through: …) or @update",
      fix: suggestion(for: name.text, among: ["adjoint", "update"]))
  }

  func annotationArgument(_ range: Range<Int>, got: String?) {
    error(
      .annotationArgument, "this is no annotation as it should be", at: range,
      expected: "@adjoint(of: NAME, root: NAME, through: NAME), where 'root' is needed",
      got: got.map(quote))
  }

  // MARK: Overrides

  func unknownOverride(
    _ flag: String, _ name: String, graph: String, among known: [String], isDim: Bool = false
  ) {
    let kind = flag == "dim" ? "dimension" : "constant"
    add(
      Diagnostic(
        TextDiagnosticID.unknownOverride.rawValue,
        "the graph \(quote(graph)) has no \(kind) \(quote(name))", place: "--\(flag) \(name)",
        expected: known.isEmpty ? "no \(kind) can be set" : "one of \(list(known.prefix(20)))",
        fix: isDim
          ? "'\(name)' is a dimension: --dim \(name)=…"
          : suggestion(for: name, among: known)))
  }

  func negativeOverride(_ name: String, _ value: Int) {
    add(
      Diagnostic(
        TextDiagnosticID.overrideValue.rawValue, "a size cannot be negative",
        place: "--dim \(name)=\(value)", expected: "0 or more", got: String(value)))
  }

  func overrideValue(_ name: String, _ value: Scalar, _ dtype: DType) {
    add(
      Diagnostic(
        TextDiagnosticID.overrideValue.rawValue,
        "the constant \(quote(name)) cannot be \(value)", place: "--const \(name)=\(value)",
        expected: "a value of dtype \(dtype)", got: value.description))
  }
}
