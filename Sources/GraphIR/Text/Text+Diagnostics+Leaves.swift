// What can be wrong with inputs, parameters, noise and layers.

extension Reporter {
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
}
