public import GraphIR

/// A name in a formula: a value of the graph that is not written out.
public struct FormulaSymbol: Hashable, Sendable {
  /// What the name stands for. The order is that in which factors are written.
  public enum Kind: Int, Hashable, Sendable, Comparable {
    /// A named number: `beta`.
    case constant
    /// The extent of an axis: `N`.
    case size
    /// A node that somebody named.
    case value
    /// What a score function weighs: one slice's or one draw's share of a named cost.
    case share
    /// State, and what is computed from it alone: what a cost is compared with.
    case kept
    /// A noise leaf.
    case noise
    /// A node without a name whose formula would be long.
    case part
    /// ∂root/∂name.
    case derivative

    public static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
  }

  public var kind: Kind
  /// The node's name, `z.sigma`; of a derivative the name of what it is taken by; the extent's
  /// text; `t1` of a part.
  public var name: String
  /// What is differentiated, when this is a derivative.
  public var root: String?
  /// Of a share: the axis whose elements have one each, `N` of `bce_N`.
  public var index: String?
  /// Of a derivative by an operand that is there twice: which of its places is meant, `stddev`.
  public var place: String?
  /// The Greek letter that stands for the name: `sigma` for `z.sigma`.
  public var letter: GreekLetter?
  /// How the name is written, and how that of the root is.
  public var spelling = Spelling()
  public var rootSpelling = Spelling()
  /// The node whose value it is; nil of an extent.
  public var node: NodeID?
  /// The extent whose value it is.
  public var extent: Dim?
  /// Of a share: whether its node bears that name in the graph, as the cost of a further draw does.
  var isNodesName = false
  /// Of a value whose elements are shares, as a softmax has them: the axis along which they add up
  /// to 1.
  var sharesAxis: Int?
}
