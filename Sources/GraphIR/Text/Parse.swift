/// A graph from a text, or all that is wrong with the text.
public struct ParseResult: Sendable {
  /// Nil exactly when there are errors.
  public var graph: Graph?
  /// Errors and warnings in the order of the text.
  public var diagnostics: [Diagnostic]
}

/// Reads a graph from `.aya` text. The grammar is on the DocC page "The language".
///
/// Total: whatever the text holds, the result is a graph or diagnostics. `limit` is the most names,
/// literals, operations and statements that it may hold, so that a text from anywhere takes no more
/// memory than is allowed it.
public func parse(
  _ source: SourceFile, dialect: Dialect, overrides: Overrides = .init(),
  limit: Int = TextLimits.parts
) -> ParseResult {
  let report = Reporter(source)
  var parser = Parser(source, report, mostParts: limit)
  let tree = parser.parse()
  if parser.isTooLarge { return ParseResult(graph: nil, diagnostics: report.sorted()) }
  var elaborator = Elaborator(tree, dialect, overrides, source, report)
  let graph = elaborator.run()
  let diagnostics = report.sorted()
  return ParseResult(
    graph: diagnostics.contains { $0.severity == .error } ? nil : graph, diagnostics: diagnostics)
}
