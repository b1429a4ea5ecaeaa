// What can be wrong with names.

extension Reporter {
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
    let fix =
      name.flavor == .id
      ? nil : suggestion(for: name.text, among: Array(names) + Array(dimensions))
    error(
      .unknownName, "unknown name \(quote(name.text))", at: name.range,
      expected: fix == nil ? "a value that is defined above" : nil, fix: fix)
  }

  func usedBeforeDefinition(_ name: Name, defined: Range<Int>) {
    error(
      .usedBeforeDefinition, "\(quote(name.text)) is used before it is defined", at: name.range,
      notes: [note("defined here", defined)],
      fix: defined.lowerBound < name.range.lowerBound
        ? "nothing is made of itself; what a run leaves for the next is a 'state' with an 'update'"
        : "move the definition up")
  }

  func leafWithoutName(_ name: Name) {
    error(
      .leafWithoutName, "only constants and operations may be unnamed", at: name.range,
      expected: "a name", got: quote(name.text))
  }
}
