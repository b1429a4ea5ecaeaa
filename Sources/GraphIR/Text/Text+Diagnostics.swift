/// Every mistake that reading a text can find. The raw value is the diagnostic's id.
package enum TextDiagnosticID: String, CaseIterable, Sendable {
  // Characters
  case unexpectedCharacter = "unexpected-character"
  case bidirectionalControl = "bidirectional-control"
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
  case nestedGroup = "nested-group"
  case repeatedGroup = "repeated-group"
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
  case typeTooLarge = "type-too-large"
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
  func error(
    _ id: TextDiagnosticID, _ message: String, at range: Range<Int>, expected: String? = nil,
    got: String? = nil, notes: [Diagnostic.Note] = [], fix: String? = nil
  ) {
    add(
      Diagnostic(
        id.rawValue, message, at: location(range), expected: expected, got: got, notes: notes,
        fix: fix))
  }

  func note(_ message: String, _ range: Range<Int>) -> Diagnostic.Note {
    Diagnostic.Note(message, at: location(range))
  }

  func list(_ names: some Sequence<String>) -> String { names.joined(separator: ", ") }
}
