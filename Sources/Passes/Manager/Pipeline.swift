/// The lists in which passes run, and what must come before what.
public enum Pipeline: String, CaseIterable, Sendable {
  /// Only what a run needs: what is drawn or printed is close to what was written.
  case debug
  case standard = "default"

  /// Before derivatives are taken: each op gets a kernel, and what would lose digits is rewritten,
  /// so that its derivative keeps them too.
  public var lowering: [Pass] { [.applyEstimators, .lowerSampling] }

  public var beforeGradient: [Pass] {
    switch self {
    case .debug: []
    case .standard: [.stabilize]
    }
  }

  /// Between gradient and plan.
  public var optimizing: [Pass] {
    switch self {
    case .debug: [.forwardContributions, .eliminateDeadNodes]
    case .standard:
      [
        .forwardContributions, .eliminateDeadNodes, .foldConstants, .simplify, .stabilize,
        .simplify, .mergeMatmuls, .simplify, .eliminateDeadNodes, .fuse,
      ]
    }
  }
}

extension Pass {
  /// Every pass there is, in the order of the pipelines.
  public static let all: [Pass] = [
    .applyEstimators, .lowerSampling, .forwardContributions, .eliminateDeadNodes, .foldConstants,
    .simplify, .stabilize, .mergeMatmuls, .fuse,
  ]

  public static func named(_ name: String) -> Pass? { all.first { $0.name == name } }
}

/// Where two passes stand in one list, the first must come first.
public struct PassOrder: Sendable {
  public var first: String
  public var second: String
  public var reason: String

  public static let all: [PassOrder] = [
    PassOrder(
      first: Pass.applyEstimators.name, second: Pass.lowerSampling.name,
      reason: "a lowered draw has no estimator left to apply"),
    PassOrder(
      first: Pass.lowerSampling.name, second: Pass.fuse.name,
      reason: "a sampling node has no kernel that a group could run"),
    PassOrder(
      first: Pass.forwardContributions.name, second: Pass.simplify.name,
      reason: "the marks on an adjoint's addends hide what is added"),
    PassOrder(
      first: Pass.mergeMatmuls.name, second: Pass.fuse.name,
      reason: "merging makes nodes that would stand between the members of a group"),
    PassOrder(
      first: Pass.simplify.name, second: Pass.fuse.name,
      reason: "a rule could tear a group apart"),
    PassOrder(
      first: Pass.stabilize.name, second: Pass.fuse.name,
      reason: "a rule could tear a group apart"),
    PassOrder(
      first: Pass.foldConstants.name, second: Pass.fuse.name,
      reason: "a folded constant has no place in a group"),
  ]

  /// The constraints that a list of passes breaks.
  public static func violated(by passes: [Pass]) -> [PassOrder] {
    all.filter { order in
      guard let last = passes.lastIndex(where: { $0.name == order.first }),
        let first = passes.firstIndex(where: { $0.name == order.second })
      else { return false }
      return last > first
    }
  }
}
