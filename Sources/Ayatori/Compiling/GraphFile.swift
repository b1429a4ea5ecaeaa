public import GraphIR

/// The most bytes that a graph file may have: 8 MiB, or 42 for each part of a text that may have
/// more than usual. Read, a text takes up to thirteen times its length where every byte is a line's
/// end.
public func graphFileLimit(parts: Int = TextLimits.parts) -> Int {
  max(8 << 20, parts < Int.max / 42 ? 42 * parts : Int.max)
}

extension Graph {
  /// Reads, parses and verifies a `.aya` file.
  ///
  /// `limit` is the most names, literals, operations and statements that it may hold. Throws all
  /// diagnostics of the file at once. Warnings alone are handed to `warn`.
  public static func load(
    _ path: String, overrides: Overrides = Overrides(), dialect: Dialect = .standard,
    limit: Int = TextLimits.parts, warn: (Diagnostic) -> Void = { _ in }
  ) throws(Diagnostics) -> Graph {
    let bytes: [UInt8]
    do throws(Diagnostic) {
      bytes = try readFile(path, limit: graphFileLimit(parts: limit))
    } catch {
      throw Diagnostics([error])
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Diagnostics([.unreadableText(path)])
    }
    let result = parse(
      SourceFile(name: path, text: text), dialect: dialect, overrides: overrides, limit: limit)
    guard let graph = result.graph else { throw Diagnostics(result.diagnostics) }
    let broken = verify(graph)
    guard broken.isEmpty else { throw Diagnostics(result.diagnostics + broken) }
    result.diagnostics.forEach(warn)
    if graph.outputs.isEmpty, graph.updates.isEmpty { warn(.noOutputs(graph, path)) }
    return graph
  }
}
