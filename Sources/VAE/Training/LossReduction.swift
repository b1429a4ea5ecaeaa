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
  /// Evaluates the lowered graph twice with random parameters. Throws a diagnostic when the loss does
  /// neither, or dimensions other than `batch` are free.
  public static func derived(
    from lowered: Graph, loss: String, batch: String
  ) throws(Diagnostic) -> LossReduction {
    let state = try StateStore(lowered, sizes: lowered.sizes())
    // Zeros would hide much: every parameter is drawn, small enough not to saturate anything.
    for node in lowered.persistent {
      guard let zeros = state.array(node.label) else { continue }
      let drawn = NoiseStream(seed: 0, name: "probe/\(node.label)").values(
        .normal, count: zeros.count, step: 0)
      try state.set(
        node.label,
        NDArray(converting: drawn.map { 0.05 * $0 }, to: zeros.dtype, shape: zeros.shape))
    }
    let program = try Program(
      lowered, outputs: [loss], feeding: Set(lowered.noises.compactMap(\.name)), updating: false)
    func value(_ copies: Int) throws(Diagnostic) -> Double {
      let bound = try BoundProgram(
        program, sizes: lowered.sizes(binding: [batch: examples * copies]), state: state)
      for name in bound.fedNames {
        guard let node = lowered.node(named: name) else { continue }
        try bound.feed(name, try probe(node, lowered, batch: batch, copies: copies))
      }
      try bound.run()
      return bound.scalar(loss) ?? .nan
    }
    let (single, double) = (try value(1), try value(2))
    let ratio = double / single
    if abs(ratio - 2) < 1e-3 { return .sum }
    if abs(ratio - 1) < 1e-3 { return .mean }
    throw .unclearReduction(loss, ratio)
  }

  /// Enough that a random classifier is right now and then.
  private static let examples = 64

  /// Values for a leaf at `examples` examples, repeated `copies` times along each batch axis.
  private static func probe(
    _ node: Node, _ graph: Graph, batch: String, copies: Int
  ) throws(Diagnostic) -> NDArray {
    let shape: [Int]
    let single: [Int]
    do throws(DimError) {
      single = try node.type.shape.evaluated(graph.sizes(binding: [batch: examples]))
      shape = try node.type.shape.evaluated(graph.sizes(binding: [batch: examples * copies]))
    } catch {
      throw Diagnostic("bad-size", "'\(node.label)': \(error)", at: node.location)
    }
    let isNoise = node.isNoise
    let stream = NoiseStream(seed: 1, name: "probe/\(node.label)")
    let drawn = stream.values(
      isNoise ? .normal : .uniform, count: single.reduce(1, *), step: 0)
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
