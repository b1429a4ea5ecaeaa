import GraphIR

/// Fills memory of the arena with the byte 0xFF as soon as nothing in it is needed any more: a
/// quiet NaN in f32 and f64, −1 in integers. A step that reads what is freed, or what nobody has
/// written yet, then shows in the results.
///
/// Takes part only in builds with the trait `PoisonFreedMemory`.
struct Poison {
  private let base: UnsafeMutableRawPointer
  private let arenaBytes: Int
  /// The stretches whose last moment it is, by moment.
  private var stretches: [[(offset: Int, bytes: Int)]]

  init(_ program: Program, _ plan: MemoryPlan, base: UnsafeMutableRawPointer) {
    self.base = base
    arenaBytes = plan.arenaBytes
    let end = plan.steps.count + 1
    stretches = Array(repeating: [], count: end + 1)
    for allocation in plan.allocations where allocation.lifetime.upperBound < end {
      // A leaf that is fed once for many runs keeps its value.
      let isKept = allocation.nodes.contains {
        program.fed.contains(program.graph[$0].label) && plan.survivesRun($0)
      }
      if isKept { continue }
      stretches[allocation.lifetime.upperBound].append((allocation.offset, allocation.bytes))
    }
  }

  /// Fills the whole arena: to be called before anything is written into it.
  func fill() { fill(0, arenaBytes) }

  /// Fills what is needed no longer after a moment; touches the whole arena, so that nothing passes
  /// it by.
  func phase(after moment: Int) -> Phase {
    let arena = Phase.Span(base, bytes: arenaBytes)
    return Phase(.poison, units: 1, reads: [arena], writes: [arena]) { [self] _, _ in
      fill(after: moment)
    }
  }

  private func fill(after moment: Int) {
    guard stretches.indices.contains(moment) else { return }
    var index = 0
    while index < stretches[moment].count {
      fill(stretches[moment][index].offset, stretches[moment][index].bytes)
      index += 1
    }
  }

  private func fill(_ offset: Int, _ bytes: Int) {
    (base + offset).initializeMemory(as: UInt8.self, repeating: 0xFF, count: bytes)
  }
}
