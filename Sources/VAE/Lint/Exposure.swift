import Foundation
import GraphIR

/// How an operand lies to a hazard of its op.
enum Exposure: Equatable {
  /// Beyond `limit` the result overflows: above it, or below.
  case overflow(limit: Double, isAbove: Bool)
  case pole
  /// A logarithm of what lies in [0, 1] and can round to 0.
  case probability
  case domain(String)
  /// A function of what is positive and can round to 0 all the same.
  case underflow

  /// Nil where the operand keeps clear. `ranges` bounds every node of the graph.
  init?(_ hazard: Hazard, of node: Node, _ graph: Graph, _ ranges: [ValueRange]) {
    let operand = node.operands[hazard.operand]
    let (range, dtype) = (ranges[operand.index], graph[operand].type.dtype)
    guard dtype.isFloating else { return nil }
    switch hazard.kind {
    case .overflow(let rate, let base):
      let start = base.map { Exposure.start(ranges[node.operands[$0].index], rate) } ?? 0
      let limit = start + exponentLimit(dtype) / rate
      guard rate > 0 ? range.high > limit : range.low < limit else { return nil }
      self = .overflow(limit: limit, isAbove: rate > 0)
    case .pole:
      guard range.canBeZero else { return nil }
      self = .pole
    case .logarithm(let end):
      let (low, high) = (range.low - end, range.high - end)
      if low > 0 { return nil }
      if low == 0, high <= 1 {
        self = .probability
      } else if low == 0 {
        self = range.isPositive ? .underflow : .domain("be 0")
      } else {
        self = .domain("be 0 or negative")
      }
    case .root:
      guard range.low < 0 else { return nil }
      self = .domain("be negative")
    case .scale:
      if range.low > 0 { return nil }
      self = range.isPositive ? .underflow : .domain(range.low < 0 ? "be 0 or negative" : "be 0")
    }
  }

  /// From where an exponent x − y is counted: the y that leaves x the least room; where y has no
  /// such bound, whose own hazard tells of that, the y nearest to 0.
  private static func start(_ y: ValueRange, _ rate: Double) -> Double {
    let worst = rate > 0 ? y.low : y.high
    return worst.isFinite ? worst : min(max(0, y.low), y.high)
  }
}

/// The ln of the largest number.
private func exponentLimit(_ dtype: DType) -> Double {
  log(dtype == .f32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude)
}

/// An operand at which a hazard is exposed.
struct Danger {
  var node: Node
  var operand: NodeID
  var exposure: Exposure

  /// Those of `node`, in the order of its op's hazards.
  static func all(at node: Node, _ graph: Graph, _ ranges: [ValueRange]) -> [Danger] {
    (node.operation?.hazards ?? []).compactMap { hazard in
      Exposure(hazard, of: node, graph, ranges).map {
        Danger(node: node, operand: node.operands[hazard.operand], exposure: $0)
      }
    }
  }
}
