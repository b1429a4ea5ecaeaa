/// Ids in no particular order, few as a rule: three stand in place, and only further ones cost an
/// allocation.
package struct NodeList: RandomAccessCollection {
  private var first: (Int32, Int32, Int32) = (0, 0, 0)
  package private(set) var count = 0
  private var rest: [NodeID] = []

  private static let inPlace = 3

  package init() {}

  package var startIndex: Int { 0 }
  package var endIndex: Int { count }

  package subscript(_ index: Int) -> NodeID {
    precondition(index >= 0 && index < count, "no id at \(index)")
    switch index {
    case 0: return NodeID(Int(first.0))
    case 1: return NodeID(Int(first.1))
    case 2: return NodeID(Int(first.2))
    default: return rest[index - NodeList.inPlace]
    }
  }

  private mutating func put(_ id: NodeID, at index: Int) {
    switch index {
    case 0: first.0 = Int32(id.index)
    case 1: first.1 = Int32(id.index)
    case 2: first.2 = Int32(id.index)
    default: rest[index - NodeList.inPlace] = id
    }
  }

  package mutating func append(_ id: NodeID) {
    if count < NodeList.inPlace { put(id, at: count) } else { rest.append(id) }
    count += 1
  }

  /// Takes an id out; the last one takes its place.
  package mutating func remove(at index: Int) {
    put(self[count - 1], at: index)
    count -= 1
    if count >= NodeList.inPlace { rest.removeLast() }
  }
}
