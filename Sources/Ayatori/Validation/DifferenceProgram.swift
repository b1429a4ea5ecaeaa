import GraphIR
import GraphOps
import Runtime

/// A scalar of a lowered f64 graph as a function of one leaf, everything else fixed, ready to be
/// evaluated many times; and on which pieces of its kinks it is.
final class DifferenceProgram {
  /// What is fixed: arrays by leaf name, sizes, and where noise is drawn.
  struct Point {
    var inputs: [String: NDArray]
    var parameters: [String: NDArray]
    var sizes: [String: Int]
    var seed: UInt64
    var step: UInt64
  }

  /// A value that tells the piece of an operation: the operation, and the output that holds it.
  private struct Piece {
    var node: Node
    var output: String
  }

  private let bound: BoundProgram
  private let inputs: [String: NDArray]
  private let leaf: Node
  private let step: UInt64
  private let pieces: [Piece]
  private var home: [NDArray] = []
  /// The leaf's value at t = 0.
  let values: [Double]
  let shape: [Int]
  /// The scalar at t = 0.
  private(set) var origin = 0.0

  private static let valueName = "value"

  /// `leaf` is an input or parameter of `graph`. Throws as binding and running do.
  init(_ graph: Graph, value: NodeID, of leaf: NodeID, at point: Point) throws {
    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    builder.output(DifferenceProgram.valueName, Value(builder: builder, id: value))
    let needed = graph.needed(by: [value])
    var depends = [Bool](repeating: false, count: graph.nodes.count)
    depends[leaf.index] = true
    var pieces: [Piece] = []
    for node in graph.nodes where needed[node.id.index] {
      guard node.operands.contains(where: { depends[$0.index] }) else { continue }
      depends[node.id.index] = true
      for value in builder.pieces(of: node)?.values ?? [] {
        let name = "piece \(pieces.count)"
        builder.output(name, value)
        pieces.append(Piece(node: node, output: name))
      }
    }
    self.pieces = pieces
    let whole = builder.build()
    let program = try Program(
      whole, feeding: whole.fedNoise(point.inputs.keys), updating: false)
    let state = try StateStore(whole, sizes: point.sizes)
    try state.initialize(seed: point.seed) { point.parameters[$0.label] == nil }
    for (name, array) in point.parameters.sorted(by: { $0.key < $1.key }) {
      try state.set(name, array)
    }
    bound = try BoundProgram(program, sizes: point.sizes, state: state, seed: point.seed)
    inputs = point.inputs.filter { program.fed.contains($0.key) }
    step = point.step
    self.leaf = graph[leaf]
    let held = self.leaf.isPersistent ? state.array(self.leaf.label) : inputs[self.leaf.label]
    let array = held ?? NDArray(zeros: .f64, shape: [0])
    (values, shape) = (array.doubles, array.shape)
    origin = try run(values)
    home = pieces.compactMap { bound.output($0.output) }
  }

  /// The scalar where the leaf has these values.
  func sample(_ values: [Double]) throws -> DifferenceQuotient.Sample {
    let value = try run(values)
    for (piece, home) in zip(pieces, home) {
      guard let now = bound.output(piece.output), let index = now.firstDifference(from: home)
      else { continue }
      let place = index.isEmpty ? "" : "\(index)"
      return DifferenceQuotient.Sample(value: value, kink: "'\(piece.node.mention)'\(place)")
    }
    return DifferenceQuotient.Sample(value: value, kink: nil)
  }

  private func run(_ values: [Double]) throws -> Double {
    // A feed lasts for one run.
    for (name, array) in inputs.sorted(by: { $0.key < $1.key }) where name != leaf.label {
      try bound.feed(name, array)
    }
    let moved = NDArray(values, shape: shape)
    if leaf.isPersistent {
      try bound.state.set(leaf.label, moved)
    } else {
      try bound.feed(leaf.label, moved)
    }
    try bound.run(step: step)
    return bound.scalar(DifferenceProgram.valueName) ?? .nan
  }
}

extension NDArray {
  /// Where the first element stands that is not that of `other`, which has the same shape and
  /// dtype; nil when all are equal. A NaN is equal to itself.
  fileprivate func firstDifference(from other: NDArray) -> [Int]? {
    withUnsafeBytes { own in
      other.withUnsafeBytes { others in
        let bytes = dtype.byteCount
        guard let first = own.indices.first(where: { own[$0] != others[$0] }) else { return nil }
        return shape.index(ofElement: first / bytes)
      }
    }
  }
}

extension [Int] {
  /// The index of the element at `place` in row-major order of an array of this shape.
  package func index(ofElement place: Int) -> [Int] {
    var rest = place
    var index: [Int] = []
    for extent in reversed() {
      index.append(rest % extent)
      rest /= extent
    }
    return index.reversed()
  }
}
