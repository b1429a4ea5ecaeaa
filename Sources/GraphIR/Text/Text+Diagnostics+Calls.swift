// What can be wrong with applying ops and drawing samples.

extension Reporter {
  // MARK: Calls

  func unknownOp(
    _ name: Name, among layers: some Sequence<String>, _ ops: some Sequence<String>
  ) {
    error(
      .unknownOp, "unknown op \(quote(name.text))", at: name.range,
      fix: suggestion(for: name.text, among: Array(layers) + Array(ops))
        ?? "'ayatori ops' lists every op")
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
}
