public import GraphIR

/// Finds a size for every dimension from defaults, explicit sizes and the shapes of fed arrays.
public struct SizeSolver {
  let graph: Graph

  public init(_ graph: Graph) { self.graph = graph }

  /// Explicit sizes win over defaults; a dimension with neither takes the extent that a fed array
  /// has in its place. Throws for unknown names, contradictions and shapes of another rank.
  public func solve(
    given: [String: Int], shapes: [String: [Int]]
  ) throws(Diagnostic) -> [String: Int] {
    for name in given.keys.sorted() where !graph.dimensions.contains(where: { $0.name == name }) {
      throw .unknownDimension(name, graph)
    }
    var sizes = graph.sizes(binding: given)
    let fed = graph.nodes.filter { node in node.name.map { shapes[$0] != nil } ?? false }
    for node in fed {
      guard let name = node.name, let shape = shapes[name] else { continue }
      guard shape.count == node.type.shape.rank else {
        throw Diagnostic(
          "fed-shape", "the array for '\(name)' has the wrong number of axes", place: name,
          expected: "\(node.type)", got: "\(shape)")
      }
      for (dim, extent) in zip(node.type.shape.dims, shape) {
        if let symbol = dim.symbolName, sizes[symbol] == nil { sizes[symbol] = extent }
      }
    }
    for node in fed {
      guard let name = node.name, let shape = shapes[name] else { continue }
      for (dim, extent) in zip(node.type.shape.dims, shape) {
        let value: Int
        do throws(DimError) {
          value = try dim.evaluated(sizes)
        } catch {
          throw .unsized(node, error)
        }
        if value != extent {
          if let symbol = dim.symbols.first {
            // Only a default that nobody has overruled can be set.
            let isDefault = given[symbol] == nil && graph.sizes()[symbol] != nil
            throw .conflictingSize(
              symbol, sizes[symbol] ?? value, node, shape,
              wanted: isDefault && dim.symbolName != nil ? extent : nil)
          }
          throw .fedShape(node, expected: [value], got: shape)
        }
      }
    }
    return sizes
  }
}
