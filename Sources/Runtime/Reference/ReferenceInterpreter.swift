public import GraphIR

/// Evaluates a graph one op after another in Double with each op's reference rule: plain Swift, no
/// BLAS, no C, no plan. The measure of every faster way.
public struct ReferenceInterpreter: Sendable {
  public let graph: Graph

  public init(_ graph: Graph) { self.graph = graph }

  /// The value of every node that `roots` need.
  ///
  /// `feeds` holds arrays by leaf name: all inputs and persistent leaves that take part, and any
  /// noise that should not be drawn. Throws a diagnostic for a missing or ill-shaped feed, a
  /// dimension without value, and what a step reports.
  public func evaluate(
    _ roots: [NodeID], feeds: [String: ReferenceArray], sizes: [String: Int] = [:],
    seed: UInt64 = 0, step: UInt64 = 0
  ) throws(Diagnostic) -> [NodeID: ReferenceArray] {
    let sizes = try SizeSolver(graph).solve(
      given: sizes, shapes: feeds.mapValues { array in array.shape })
    let needed = graph.needed(by: roots)
    var values: [NodeID: ReferenceArray] = [:]
    for node in graph.nodes where needed[node.id.index] {
      let shape: [Int]
      do throws(DimError) {
        shape = try node.type.shape.evaluated(sizes)
      } catch {
        throw .unsized(node, error)
      }
      switch node.body {
      case .leaf(let leaf):
        values[node.id] = try value(
          of: leaf, node, shape, feeds: feeds, sizes: sizes, seed: seed, step: step)
      case .operation(let operation):
        let operands = node.operands.compactMap { values[$0] }
        if let complaint = operation.definition.bindCheck?(
          operands.map(\.shape), operation.attributes, sizes)
        {
          throw .failed(node, complaint)
        }
        do throws(RunError) {
          values[node.id] = try operation.definition.reference(
            ReferenceRule.Context(
              operands: operands, operandTypes: node.operands.map { graph[$0].type },
              attributes: operation.attributes, type: node.type, shape: shape, sizes: sizes))
        } catch {
          throw .failed(node, error)
        }
      }
    }
    return values
  }

  private func value(
    of leaf: Leaf, _ node: Node, _ shape: [Int], feeds: [String: ReferenceArray],
    sizes: [String: Int], seed: UInt64, step: UInt64
  ) throws(Diagnostic) -> ReferenceArray {
    if let name = node.name, let fed = feeds[name] {
      guard fed.shape == shape else { throw .fedShape(node, expected: shape, got: fed.shape) }
      return fed
    }
    switch leaf {
    case .constant(let scalar): return ReferenceArray(scalar: scalar.doubleValue)
    case .size(let dim):
      do throws(DimError) {
        return ReferenceArray(scalar: Double(try dim.evaluated(sizes)))
      } catch {
        throw .unsized(node, error)
      }
    case .noise(let distribution):
      return ReferenceArray(
        shape: shape,
        values: ReferencePhilox.draw(
          distribution, count: shape.reduce(1, *), seed: seed, name: node.label, step: step))
    case .input, .parameter, .state: throw .notFed(node)
    }
  }
}
