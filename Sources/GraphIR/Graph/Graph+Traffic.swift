extension ValueType {
  /// The bytes of such an array, or nil when a dim has no value under `sizes` or the shape is none.
  public func byteCount(_ sizes: [String: Int]) -> Int? {
    guard let shape = try? shape.evaluated(sizes) else { return nil }
    // `evaluated` bounds the element count so that the bytes fit.
    return shape.reduce(dtype.byteCount, *)
  }
}

extension Graph {
  /// Bytes that a fused group moves between memory and processor.
  public struct Traffic: Hashable, Sendable {
    /// When each member runs by itself: the operands that it reads, each once, and its result.
    public var before: Int
    /// When the group runs as one step: the values from outside, each once, and the members that
    /// are used outside.
    public var after: Int

    public init(before: Int, after: Int) {
      self.before = before
      self.after = after
    }

    /// `1.5 MiB → 0.4 MiB`, in one unit where both have digits in it.
    public var description: String {
      var unit = 1
      while unit <= before / 1024, unit < 1 << 60 { unit *= 1024 }
      guard unit > 1, after >= unit / 10 else { return "\(byteText(before)) → \(byteText(after))" }
      let symbol = byteText(unit).drop { $0 != " " }
      func text(_ bytes: Int) -> String {
        fixed(Double(bytes) / Double(unit), decimals: 1) + symbol
      }
      return "\(text(before)) → \(text(after))"
    }
  }

  /// The traffic of every fused group, by its number; groups are left out whose types have dims
  /// without a value in `sizes`.
  ///
  /// A view is its operand's memory and moves nothing; an operand whose shape alone matters is not
  /// read. Time is linear in the size of the graph.
  public func traffic(sizes: [String: Int]) -> [Int: Traffic] {
    let bases = viewBases()
    var isWritten = [Bool](repeating: false, count: nodes.count)
    for output in outputs { isWritten[bases[output.node.index].index] = true }
    for update in updates { isWritten[bases[update.value.index].index] = true }
    for node in nodes {
      for operand in readOperands(of: node) where self[operand].group != node.group {
        isWritten[bases[operand.index].index] = true
      }
    }
    var result: [Int: Traffic] = [:]
    for group in groups {
      result[group.number] = traffic(of: group, bases, isWritten, sizes)
    }
    return result
  }

  private func traffic(
    of group: Group, _ bases: [NodeID], _ isWritten: [Bool], _ sizes: [String: Int]
  ) -> Traffic? {
    var (before, after) = (0, 0)
    var seen: Set<NodeID> = []
    func bytes(_ id: NodeID) -> Int? { self[id].type.byteCount(sizes) }
    func add(_ bytes: Int, to total: inout Int) -> Bool {
      let (sum, overflow) = total.addingReportingOverflow(bytes)
      total = sum
      return !overflow
    }
    for id in group.members {
      guard let result = bytes(id) else { return nil }
      if bases[id.index] != id { continue }
      guard add(result, to: &before) else { return nil }
      if isWritten[id.index] { guard add(result, to: &after) else { return nil } }
      for operand in Set(readOperands(of: self[id])).sorted() {
        guard let read = bytes(operand), add(read, to: &before) else { return nil }
        let base = bases[operand.index]
        guard self[base].group != group.number, seen.insert(base).inserted else { continue }
        guard let read = bytes(base), add(read, to: &after) else { return nil }
      }
    }
    return Traffic(before: before, after: after)
  }

  /// The operands whose elements an operation reads.
  private func readOperands(of node: Node) -> [NodeID] {
    guard let definition = node.definition else { return [] }
    return node.operands.enumerated().filter {
      definition.operandSpec(at: $0.offset).edge != .shapeOnly
    }.map(\.element)
  }

  /// Whose memory each node is: that of the first operand that a chain of views shows.
  private func viewBases() -> [NodeID] {
    var bases = nodes.map(\.id)
    for node in nodes {
      guard case .view(let place)? = node.definition?.storage,
        node.operands.indices.contains(place)
      else { continue }
      bases[node.id.index] = bases[node.operands[place].index]
    }
    return bases
  }
}
