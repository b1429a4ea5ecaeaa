// What can be wrong with outputs, updates, roles and overrides.

extension Reporter {
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
      expected: "@adjoint(of: …, root: …, through: …), @update or @absorbs(…)",
      fix: suggestion(for: name.text, among: ["adjoint", "update", "absorbs"]))
  }

  func annotationArgument(_ range: Range<Int>, got: String?) {
    error(
      .annotationArgument, "this is no annotation as it should be", at: range,
      expected: "@adjoint(of: NAME, root: NAME, through: NAME), where 'root' is needed, "
        + "or @absorbs(NAME, …)",
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
