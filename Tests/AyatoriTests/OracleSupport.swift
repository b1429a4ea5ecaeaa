import Ayatori
import Foundation
import Testing

/// What tests against the fixtures of Tools/oracle share.
enum Oracle {
  static let fixtures =
    URL(filePath: #filePath).deletingLastPathComponent().path() + "Fixtures/oracle/"
  /// The directory of `Package.swift`.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path()

  static func arrays(_ file: String) throws -> [String: NDArray] {
    Dictionary(
      try readNPZ(fixtures + file).map { ($0.name, $0.array) }, uniquingKeysWith: { a, _ in a })
  }

  static func json<Content: Decodable>(_ file: String, as type: Content.Type) throws -> Content {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: fixtures + file)))
  }

  /// A graph of `Graphs/`.
  static func graph(_ name: String, dims: [String: Int] = [:], dtype: DType = .f32) throws -> Graph
  {
    let graph = try Graph.load(root + "Graphs/\(name).aya", overrides: Overrides(dims: dims))
    return dtype == .f32 ? graph : graph.retyped(from: .f32, to: dtype)
  }

  /// A graph from text; a text with mistakes fails the test.
  static func graph(
    text: String, sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> Graph {
    let result = parse(SourceFile(name: "test.aya", text: text), dialect: .standard)
    return try #require(
      result.graph, "\(result.diagnostics.map(\.description))", sourceLocation: sourceLocation)
  }

  /// Everything that a run is compared by: outputs and gradients under the fixtures' names.
  static func run(
    _ graph: Graph, keys: some Sequence<String>, inputs: [String: NDArray],
    parameters: [String: NDArray]
  ) throws -> [String: NDArray] {
    let prefix = "d_loss/d_"
    let names = keys.sorted()
    let targets = names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    let compiled = try CompiledGraph(
      graph, outputs: names.filter { !$0.hasPrefix(prefix) }, gradientsOf: "loss",
      withRespectTo: targets, feeding: Set(inputs.keys))
    return try compiled.run(inputs: inputs, parameters: parameters)
  }

  /// The worst |got − expected| in units of `relative·|expected| + absolute·max|expected|`.
  static func distance(
    _ got: [Double], _ expected: [Double], relative: Double, absolute: Double
  ) -> Double {
    guard got.count == expected.count else { return .infinity }
    let largest = expected.reduce(0) { max($0, abs($1)) }
    var worst = 0.0
    for (a, b) in zip(got, expected) where a != b {
      let error = abs(a - b) / (relative * abs(b) + absolute * largest)
      if error.isNaN { return .infinity }
      worst = max(worst, error)
    }
    return worst
  }

  /// The diagnostics that `body` throws; none fails the test.
  static func diagnostics(
    sourceLocation: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) -> [Diagnostic] {
    do {
      try body()
      Issue.record("no error", sourceLocation: sourceLocation)
    } catch let diagnostics as Diagnostics {
      return diagnostics.all
    } catch let diagnostic as Diagnostic {
      return [diagnostic]
    } catch {
      Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return []
  }
}
