/// Along which axes an op works slice by slice.
///
/// An axis of an operand is *carried* when slice i of the result along some axis depends on no
/// other slice of that operand than slice i: the batch axis through a layer. What is not carried is
/// mixed.
public struct AxisRule: Sendable {
  /// One use of an op, as far as axes go.
  public struct Context {
    /// The operand that the axis belongs to.
    public let operand: Int
    public let operands: [Shape]
    public let result: Shape
    public let attributes: Attributes

    public var shape: Shape { operands[operand] }

    package init(operand: Int, operands: [Shape], result: Shape, attributes: Attributes) {
      self.operand = operand
      self.operands = operands
      self.result = result
      self.attributes = attributes
    }
  }

  private let body: @Sendable (_ axis: Int, Context) -> Int?

  /// `body` gives the axis of the result that carries `axis` of the operand; nil when none does.
  public init(_ body: @escaping @Sendable (_ axis: Int, Context) -> Int?) { self.body = body }

  package func callAsFunction(_ axis: Int, _ context: Context) -> Int? { body(axis, context) }

  /// Every element of an operand may reach every element of the result.
  public static let mixed = AxisRule { _, _ in nil }

  /// Element by element, with axes aligned at the right; an axis that is stretched is not carried.
  public static let aligned = AxisRule { axis, context in
    let place = axis + context.result.rank - context.shape.rank
    return context.shape.dims[axis] == context.result.dims[place] ? place : nil
  }
}

extension Graph {
  /// What of a node's axes a later node still works on slice by slice: for each axis of the node at
  /// `source` the axis of the other that carries it, nil where slices are mixed. Nil for nodes that
  /// do not depend on `source`.
  package func carriedAxes(from source: NodeID) -> [[Int?]?] {
    var carried = [[Int?]?](repeating: nil, count: nodes.count)
    carried[source.index] = self[source].type.shape.dims.indices.map { $0 }
    for node in nodes.dropFirst(source.index + 1) {
      guard let operation = node.operation else { continue }
      let shapes = node.operands.map { self[$0].type.shape }
      var found: [Int?]?
      for (place, operand) in node.operands.enumerated() {
        guard let axes = carried[operand.index] else { continue }
        let context = AxisRule.Context(
          operand: place, operands: shapes, result: node.type.shape,
          attributes: operation.attributes)
        let here = axes.map { axis in axis.flatMap { operation.definition.axes($0, context) } }
        // Two ways that carry an axis to different places mix its slices.
        found = found.map { zip($0, here).map { $0 == $1 ? $0 : nil } } ?? here
      }
      carried[node.id.index] = found
    }
    return carried
  }
}
