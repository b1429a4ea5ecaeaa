extension MemoryPlan {
  /// Checks the plan knowing only lifetimes and offsets, not how it was made: allocations that are
  /// alive at the same moment must not share a byte, and all must lie aligned inside the arena.
  /// Returns what is wrong, in words.
  public func violations() -> [String] {
    var found: [String] = []
    for (index, allocation) in allocations.enumerated() {
      if allocation.offset % MemoryPlan.alignment != 0 {
        found.append("allocation \(index) starts at \(allocation.offset), which is not aligned")
      }
      if allocation.offset < 0 || allocation.offset + allocation.bytes > arenaBytes {
        found.append("allocation \(index) leaves the arena of \(arenaBytes) bytes")
      }
    }
    // A sweep over offsets: only allocations that overlap in space are compared in time.
    let order = allocations.indices.sorted { allocations[$0].offset < allocations[$1].offset }
    var open: [Int] = []
    for index in order {
      let allocation = allocations[index]
      open.removeAll { allocations[$0].offset + allocations[$0].bytes <= allocation.offset }
      for other in open where allocations[other].lifetime.overlaps(allocation.lifetime) {
        found.append("allocations \(other) and \(index) share memory while both are alive")
      }
      open.append(index)
    }
    return found
  }
}
