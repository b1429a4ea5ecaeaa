public import GraphIR

extension BoundProgram {
  /// How a kernel that has a choice goes about its work.
  public struct Method: Sendable {
    /// The number of the plan's step, from 0.
    public var step: Int
    /// The node whose kernel it is.
    public var node: NodeID
    /// Units that threads share out.
    public var units: Int
    /// Whether what follows takes parts of the result over while they are in the cache.
    public var isCarried: Bool
    /// Shapes, way and reason.
    public var text: String
  }

  /// What was chosen when the program was bound: the ways of its matrix products.
  public var methods: [Method] {
    executor.phases.compactMap { phase in
      guard let text = phase.method?(), let step = phase.step,
        let node = plan.steps[step].nodes.first
      else { return nil }
      return Method(
        step: step, node: node, units: phase.units, isCarried: phase.part == .carried, text: text)
    }
  }
}
