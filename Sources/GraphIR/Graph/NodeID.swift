/// The place of a node in its graph's order; `%12` in text when the node has no name.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let index: Int

  public init(_ index: Int) { self.index = index }

  public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }

  public var description: String { "%\(index)" }
}
