public import GraphIR

/// Which part of a graph is drawn, and in how much detail.
public struct DrawingOptions: Sendable {
  public enum Selection: Hashable, Sendable {
    /// The named nodes and what is at most `radius` edges away from any, in either direction.
    case around([String], radius: Int)
    /// Every node on a path of edges from one named node to another.
    case paths(from: String, to: String)
  }

  /// Everything when nil. What is cut off shows as `…`.
  public var selection: Selection?
  /// Scopes that are drawn as one box each: a path `encoder/block`, or a name, which means every
  /// scope that ends in it.
  public var collapsed: [String]
  /// When there are more boxes than this, scopes are collapsed until there are not; never when nil.
  public var mostBoxes: Int?
  /// Boxes and lines bear the ids that `DrawnGraph` lists; title and legend are left to the page.
  public var isForPage: Bool

  public init(
    selection: Selection? = nil, collapsed: [String] = [], mostBoxes: Int? = nil,
    isForPage: Bool = false
  ) {
    self.selection = selection
    self.collapsed = collapsed
    self.mostBoxes = mostBoxes
    self.isForPage = isForPage
  }

  /// The boxes up to which `ayatori dot` draws every node: more of them no one reads.
  public static let readableBoxes = 250

  var isWhole: Bool {
    selection == nil && collapsed.isEmpty && mostBoxes == nil && !isForPage
  }
}

/// What a comparison says about a node.
public struct DrawingMark: Hashable, Sendable {
  public var kind: GraphDiff.Kind
  /// Lines below the node's formula: `op: was relu`.
  public var notes: [String]

  public init(_ kind: GraphDiff.Kind, notes: [String] = []) {
    self.kind = kind
    self.notes = notes
  }
}

extension DrawingAnnotations {
  /// The marks of a comparison, for drawing `union.graph`.
  public init(
    union: GraphDiff.Union, constants: [NodeID: Scalar] = [:], sizes: [String: Int] = [:],
    title: String? = nil
  ) {
    self.init(constants: constants, sizes: sizes, title: title)
    marks = union.kinds.reduce(into: [:]) { marks, entry in
      marks[entry.key] = DrawingMark(entry.value, notes: union.notes[entry.key] ?? [])
    }
    removedEdges = union.removedEdges
    addedEdges = union.addedEdges
  }
}
