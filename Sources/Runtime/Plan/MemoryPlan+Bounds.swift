package import GraphIR

extension MemoryPlan {
  /// The nodes that each step computes: the members of a fused group, or one node.
  package var stepNodes: [[NodeID]] { steps.map(\.nodes) }

  /// The bytes in use at each moment, for the given order of steps.
  public var liveBytes: [Int] { OffsetPlanner.liveBytes(of: allocations.map(\.range)) }

  /// The bytes in use at the fullest moment: no arena for this order of steps can be smaller.
  public var lowerBound: Int { liveBytes.max() ?? 0 }
}

extension MemoryPlan.Allocation {
  /// What an offset planner knows of it.
  var range: LiveRange { LiveRange(bytes: bytes, lifetime: lifetime) }
}

extension MemoryPlan {
  /// The allocation in which a node's value is; nil for persistent leaves and what has no memory.
  func allocation(of id: NodeID) -> Int? {
    if case .arena(let index)? = places[id.index] { index } else { nil }
  }
}
