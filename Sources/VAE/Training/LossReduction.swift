import Ayatori
import GraphIR
import GraphOps

/// How a loss treats the examples of a batch.
public enum LossReduction: String, CaseIterable, Sendable {
  case sum, mean

  /// Nats per image from a batch's loss.
  public func perImage(_ loss: Double, batch: Int) -> Double {
    self == .sum ? loss / Double(batch) : loss
  }

  /// Derives it from the graph: a batch with every example given twice doubles a sum and leaves a
  /// mean as it is. Noise is doubled along with the examples.
  ///
  /// Evaluates the lowered graph at random parameters. Throws a diagnostic when the loss does
  /// neither, or dimensions other than `batch` are free.
  public static func derived(
    from graph: Graph, loss: String, batch: String
  ) throws(Diagnostic) -> LossReduction {
    // In f64, so that a small term that is reduced otherwise than the rest shows.
    let lowered = graph.retyped(from: .f32, to: .f64)
    let state = try StateStore(lowered, sizes: lowered.sizes())
    let program = try Program(
      lowered, outputs: [loss], feeding: Set(lowered.noises.compactMap(\.name)), updating: false)
    func value(_ copies: Int, _ attempt: UInt64) throws(Diagnostic) -> Double {
      let bound = try BoundProgram(
        program, sizes: lowered.sizes(binding: [batch: examples * copies]), state: state)
      for name in bound.fedNames {
        guard let node = lowered.node(named: name) else { continue }
        try bound.feed(name, try probe(node, lowered, batch: batch, copies: copies, attempt))
      }
      try bound.run()
      return bound.scalar(loss) ?? .nan
    }
    // Zeros would hide much, so parameters are drawn, small enough not to saturate anything. Where
    // that says nothing — a scale is negative, a count is 0 — come the initialisers, then other
    // draws.
    for attempt in 0..<16 as Range<UInt64> {
      if attempt == 1 {
        try state.initialize(seed: 20_131_220)
      } else {
        try draw(state, lowered, attempt)
      }
      let single = try value(1, attempt)
      guard single.isFinite, single != 0 else { continue }
      let ratio = try value(2, attempt) / single
      if abs(ratio - 2) < 1e-9 { return .sum }
      if abs(ratio - 1) < 1e-9 { return .mean }
      throw .unclearReduction(loss, ratio)
    }
    throw .unclearReduction(loss, nil)
  }

  /// Sets every parameter to small normal numbers, others at each attempt.
  private static func draw(
    _ state: StateStore, _ graph: Graph, _ attempt: UInt64
  ) throws(Diagnostic) {
    for node in graph.persistent {
      guard let zeros = state.array(node.label) else { continue }
      let drawn = NoiseStream(seed: 0, name: "probe/\(node.label)").values(
        .normal, count: zeros.count, step: attempt)
      try state.set(
        node.label,
        NDArray(converting: drawn.map { 0.05 * $0 }, to: zeros.dtype, shape: zeros.shape))
    }
  }

  /// Enough that a random classifier is right now and then.
  private static let examples = 64

  /// Values for a leaf at `examples` examples, repeated `copies` times along each batch axis.
  private static func probe(
    _ node: Node, _ graph: Graph, batch: String, copies: Int, _ attempt: UInt64
  ) throws(Diagnostic) -> NDArray {
    let shape: [Int]
    let single: [Int]
    do throws(DimError) {
      single = try node.type.shape.evaluated(graph.sizes(binding: [batch: examples]))
      shape = try node.type.shape.evaluated(graph.sizes(binding: [batch: examples * copies]))
    } catch {
      throw Diagnostic("bad-size", "'\(node.label)': \(error)", at: node.location)
    }
    var distribution = NoiseDistribution.uniform
    if case .leaf(.noise(let own)) = node.body { distribution = own }
    let drawn = NoiseStream(seed: 1, name: "probe/\(node.label)").values(
      distribution, count: single.reduce(1, *), step: attempt)
    // Labels are small positions; 0 and 1 exist in every set of classes.
    let values = node.type.dtype.isFloating ? drawn : drawn.map { $0 < 0.5 ? 0 : 1 }
    var repeated: [Double] = []
    repeated.reserveCapacity(shape.reduce(1, *))
    for position in 0..<shape.reduce(1, *) {
      var rest = position
      var source = 0
      var stride = 1
      for axis in shape.indices.reversed() {
        source += (rest % shape[axis]) % single[axis] * stride
        stride *= single[axis]
        rest /= shape[axis]
      }
      repeated.append(values[source])
    }
    return NDArray(converting: repeated, to: node.type.dtype, shape: shape)
  }
}
