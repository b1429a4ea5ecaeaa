/// How the members of a fused group run as one step: rows · columns of elements, block by block.
///
/// The space is a shape whose first `split` axes are the rows, the others the columns. Every value
/// of the group spans all of the rows or one, and all of the columns or one. What is legal depends
/// on types alone, never on sizes.
public struct GroupLayout: Sendable {
  /// What a member does.
  public enum Part: Sendable {
    /// Runs before everything else, by its own kernel, into memory of its own.
    case anchor
    case elementwise
    /// A value under another name: `stop_gradient`.
    case alias
    /// Reads part of each row of its operand, from the column `start` on.
    case window(start: Dim)
    /// Writes its operands into each row side by side.
    case join
    case sum(Axes, isMean: Bool)
  }

  /// What a sum adds up.
  public enum Axes: Sendable {
    case all
    /// One result a column.
    case rows
    /// One result a row.
    case columns
  }

  /// Whether a value has an element for each row, or one for all; and the same for columns.
  public struct Extent: Hashable, Sendable {
    public var rows: Bool
    public var columns: Bool

    public init(rows: Bool, columns: Bool) {
      self.rows = rows
      self.columns = columns
    }

    public var isFull: Bool { rows && columns }
  }

  /// Why nodes cannot run as one step.
  public struct Illegal: Error, Sendable {
    public let reason: String
    /// The member at fault.
    public let node: NodeID?
  }

  public let members: [NodeID]
  /// In the order of `members`.
  public let parts: [Part]
  public let space: Shape
  public let split: Int

  public var anchor: NodeID? {
    if case .anchor? = parts.first { members[0] } else { nil }
  }

  /// No group has more members: each keeps a block of the cache in use.
  public static let mostMembers = 96

  /// The layout of `members`, which stand in graph order; `isUsedOutside` says whose values others
  /// need. Throws the reason why they cannot run as one step.
  public init(
    _ graph: Graph, members: [NodeID], isUsedOutside: (NodeID) -> Bool
  ) throws(Illegal) {
    if members.count > GroupLayout.mostMembers {
      throw Illegal(reason: "more than \(GroupLayout.mostMembers) members", node: nil)
    }
    var parts: [Part] = []
    for (index, id) in members.enumerated() {
      parts.append(try GroupLayout.part(graph[id], graph, isFirst: index == 0))
    }
    self.members = members
    self.parts = parts
    // Values that blocks hold, and those that sums and joins read.
    var shapes: [Shape] = []
    for (id, part) in zip(members, parts) {
      switch part {
      case .elementwise, .alias, .window: shapes.append(graph[id].type.shape)
      case .sum, .join: shapes.append(graph[graph[id].operands[0]].type.shape)
      case .anchor: break
      }
    }
    guard var space = shapes.first else {
      throw Illegal(reason: "nothing but a matrix product", node: members.first)
    }
    for shape in shapes.dropFirst() {
      guard let both = space.broadcast(with: shape) else {
        throw Illegal(reason: "shapes \(space) and \(shape) that do not go together", node: nil)
      }
      space = both
    }
    guard shapes.contains(space) else {
      throw Illegal(reason: "no member of the whole shape \(space)", node: nil)
    }
    self.space = space
    guard
      let split = (0...space.rank).first(where: {
        GroupLayout.fits(graph, members, parts, space, split: $0)
      })
    else {
      throw Illegal(reason: "shapes that are no rows and columns of \(space)", node: nil)
    }
    self.split = split
    try check(graph, isUsedOutside)
  }

  /// The layout of two groups as one, `members` in the order of the whole. Throws the reason why
  /// they cannot run as one step.
  ///
  /// Where both run over the same space, and the one can have the other's rows and columns, they
  /// have these together: then only who reads whom is looked at again.
  package static func merged(
    _ a: GroupLayout, _ b: GroupLayout, members: [NodeID], of graph: Graph,
    isUsedOutside: (NodeID) -> Bool
  ) throws(Illegal) -> GroupLayout {
    // No earlier split fits both.
    let (lower, split) = a.split < b.split ? (a, b.split) : (b, a.split)
    guard a.space == b.space, b.anchor == nil, members.count <= mostMembers,
      lower.split == split || fits(graph, lower.members, lower.parts, a.space, split: split)
    else { return try GroupLayout(graph, members: members, isUsedOutside: isUsedOutside) }
    var parts: [Part] = []
    parts.reserveCapacity(members.count)
    var (i, j) = (0, 0)
    for member in members {
      let isOfA = i < a.members.count && a.members[i] == member
      parts.append(isOfA ? a.parts[i] : b.parts[j])
      if isOfA { i += 1 } else { j += 1 }
    }
    let layout = GroupLayout(members: members, parts: parts, space: a.space, split: split)
    try layout.check(graph, isUsedOutside)
    return layout
  }

  private init(members: [NodeID], parts: [Part], space: Shape, split: Int) {
    self.members = members
    self.parts = parts
    self.space = space
    self.split = split
  }

  private static func part(
    _ node: Node, _ graph: Graph, isFirst: Bool
  ) throws(Illegal) -> Part {
    guard let operation = node.operation else {
      throw Illegal(reason: "a leaf", node: node.id)
    }
    let definition = operation.definition
    switch definition.fusion {
    case .elementwise: return .elementwise
    case .anchor:
      if isFirst { return .anchor }
      throw Illegal(reason: "a matrix product that is not first", node: node.id)
    case .sum(let isMean):
      guard node.type.dtype.isFloating else {
        throw Illegal(reason: "a sum of \(node.type.dtype)", node: node.id)
      }
      let rank = graph[node.operands[0]].type.shape.rank
      return .sum(
        try axes(operation.attributes, rank: rank, of: node.id), isMean: isMean)
    case .window:
      let shape = graph[node.operands[0]].type.shape
      guard shape.rank >= 2, axis(operation.attributes, rank: shape.rank) == shape.rank - 1,
        operation.attributes["step"] == .int(1)
      else { throw Illegal(reason: "a slice that is not of the last axis", node: node.id) }
      return .window(start: operation.attributes.dim("start"))
    case .join:
      let shapes = node.operands.map { graph[$0].type.shape }
      guard shapes[0].rank >= 2,
        axis(operation.attributes, rank: shapes[0].rank) == shapes[0].rank - 1,
        shapes.allSatisfy({ $0 == shapes[0] })
      else { throw Illegal(reason: "a join that is not along the last axis", node: node.id) }
      return .join
    case nil:
      if case .view(let place) = definition.storage,
        graph[node.operands[place]].type == node.type, node.operands.count == 1
      {
        return .alias
      }
      throw Illegal(reason: "'\(definition.name)', which runs by itself", node: node.id)
    }
  }

  private static func axis(_ attributes: Attributes, rank: Int) -> Int {
    let axis = attributes.int("axis")
    return axis < 0 ? axis + rank : axis
  }

  private static func axes(
    _ attributes: Attributes, rank: Int, of node: NodeID
  ) throws(Illegal) -> Axes {
    let given = Set(attributes.ints("axes").map { $0 < 0 ? $0 + rank : $0 })
    if given.isEmpty || given.count == rank { return .all }
    if given == Set(0..<given.count) { return .rows }
    if given == Set((rank - given.count)..<rank) { return .columns }
    throw Illegal(reason: "a sum over axes that are neither rows nor columns", node: node)
  }

  /// What `shape` spans of the space; nil when it is no rows and columns of it.
  public func extent(of shape: Shape) -> Extent? { extent(of: shape, split: split) }

  /// The same with the first `split` axes of the space as its rows.
  package func extent(of shape: Shape, split: Int) -> Extent? {
    GroupLayout.extent(of: shape, in: space, split: split)
  }

  private static func extent(of shape: Shape, in space: Shape, split: Int) -> Extent? {
    if shape == space { return Extent(rows: true, columns: true) }
    let missing = space.rank - shape.rank
    guard missing >= 0 else { return nil }
    func spans(_ axes: Range<Int>) -> Bool? {
      var isAll = true
      var isOne = true
      for axis in axes {
        let dim: Dim = axis < missing ? 1 : shape.dims[axis - missing]
        if dim != space.dims[axis] { isAll = false }
        if dim != 1 { isOne = false }
      }
      return isAll ? true : isOne ? false : nil
    }
    guard let rows = spans(0..<split), let columns = spans(split..<space.rank) else { return nil }
    return Extent(rows: rows, columns: columns)
  }

  private static func fits(
    _ graph: Graph, _ members: [NodeID], _ parts: [Part], _ space: Shape, split: Int
  ) -> Bool {
    func isFull(_ id: NodeID) -> Bool {
      extent(of: graph[id].type.shape, in: space, split: split)?.isFull ?? false
    }
    for (id, part) in zip(members, parts) {
      let node = graph[id]
      switch part {
      case .anchor: break
      case .elementwise, .alias:
        if extent(of: node.type.shape, in: space, split: split) == nil { return false }
        for value in node.operands
        where extent(of: graph[value].type.shape, in: space, split: split) == nil {
          return false
        }
      case .window:
        guard isFull(id), split == space.rank - 1,
          graph[node.operands[0]].type.shape.rank == space.rank
        else { return false }
      case .join:
        guard split == space.rank - 1, node.operands.allSatisfy(isFull) else { return false }
      case .sum(let axes, _):
        guard isFull(node.operands[0]),
          graph[node.operands[0]].type.shape.rank == space.rank
        else { return false }
        guard let given = node.operation?.attributes.ints("axes").count else { return false }
        switch axes {
        case .all: break
        case .rows: if split != given { return false }
        case .columns: if split != space.rank - given { return false }
        }
      }
    }
    return true
  }

  /// Who may read whom.
  private func check(_ graph: Graph, _ isUsedOutside: (NodeID) -> Bool) throws(Illegal) {
    let sorted = members.indices.dropFirst(anchor == nil ? 0 : 1)
    func place(of id: NodeID) -> Int? {
      if id == anchor { return 0 }
      var (low, high) = (sorted.lowerBound, sorted.upperBound)
      while low < high {
        let middle = (low + high) / 2
        if members[middle] < id { low = middle + 1 } else { high = middle }
      }
      return low < sorted.upperBound && members[low] == id ? low : nil
    }
    for (index, id) in members.enumerated() {
      let node = graph[id]
      for operand in node.operands {
        guard let place = place(of: operand) else { continue }
        if case .anchor = parts[index] {
          throw Illegal(reason: "a matrix product of what the group computes", node: id)
        }
        if index > 0, case .window = parts[index] {
          // A window into a value of the group: only the matrix product's is in memory by then.
          if place == 0, anchor != nil { continue }
          throw Illegal(reason: "a slice of a value that is still being made", node: id)
        }
        switch parts[place] {
        case .sum: throw Illegal(reason: "a value that needs a finished sum", node: id)
        case .join: throw Illegal(reason: "a value that needs a finished join", node: id)
        case .anchor, .elementwise, .alias, .window: break
        }
        if place == 0, anchor != nil, extent(of: graph[operand].type.shape) == nil {
          throw Illegal(reason: "a matrix product of another shape", node: id)
        }
      }
      switch parts[index] {
      case .elementwise, .alias, .window:
        // A smaller value would be written once for every block.
        if isUsedOutside(id), !(extent(of: node.type.shape)?.isFull ?? false) {
          throw Illegal(reason: "a value of less than the whole shape", node: id)
        }
      case .anchor, .join, .sum: break
      }
    }
  }
}
