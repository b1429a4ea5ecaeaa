// What can be wrong with dimensions, types, literals and constants.

extension Reporter {
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
    error(
      .dimensionArithmetic, problem.description, at: range,
      expected: "a whole number of at most \(Int.max)")
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

  func typeTooLarge(
    _ type: ValueType, _ excess: (message: String, expected: String), at range: Range<Int>
  ) {
    error(
      .typeTooLarge, "the type has \(excess.message)", at: range, expected: excess.expected,
      got: type.description)
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
}
