extension Graph {
  /// What each node's elements may be, whatever is fed: interval arithmetic in graph order, by the
  /// ops' own rules. A dimension counts as 1 or more. `known` bounds leaves.
  ///
  /// Sound for values that are not NaN: bounds that are not known are infinite.
  public func ranges(assuming known: [NodeID: ValueRange] = [:]) -> [ValueRange] {
    var ranges: [ValueRange] = []
    ranges.reserveCapacity(nodes.count)
    for node in nodes {
      switch node.body {
      case .leaf(let leaf):
        ranges.append(known[node.id] ?? Self.range(of: leaf, node.type.dtype))
      case .operation(let operation):
        let context = RangeRule.Context(
          operands: node.operands.map { ranges[$0.index] }, nodes: node.operands,
          operandTypes: node.operands.map { self[$0].type }, attributes: operation.attributes,
          type: node.type)
        let range = operation.definition.range?(context) ?? Self.whole(node.type.dtype)
        ranges.append(Self.fitting(range, node.type.dtype))
      }
    }
    return ranges
  }

  private static func range(of leaf: Leaf, _ dtype: DType) -> ValueRange {
    switch leaf {
    case .constant(let scalar): .exactly(scalar.doubleValue).rounded(to: dtype)
    case .size(let dim):
      (try? dim.evaluated([:])).map { .exactly(Double($0)) } ?? ValueRange(1, .infinity)
    case .noise(.uniform): .unit
    case .input, .parameter, .state, .noise: whole(dtype)
    }
  }

  /// Integers wrap round where they leave their dtype.
  private static func fitting(_ range: ValueRange, _ dtype: DType) -> ValueRange {
    let most = dtype == .i32 ? 0x1p31 - 1 : 0x1p53
    if dtype.isInteger, range.low < -most || range.high > most { return .everything }
    return range.rounded(to: dtype)
  }

  private static func whole(_ dtype: DType) -> ValueRange { dtype == .bool ? .unit : .everything }
}
