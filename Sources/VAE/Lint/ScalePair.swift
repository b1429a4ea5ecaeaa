import Ayatori
import Foundation
import GraphIR
import GraphOps
import Passes

/// ln σ² of a draw against that of the divergence with the same mean.
struct ScalePair {
  let draw: Draw
  let divergence: ClosedDivergence

  /// For each draw of a graph the divergences with its mean; none where one of them is its own.
  static func all(in graph: Graph) -> [[ScalePair]] {
    Draw.all(in: graph).map { draw in
      let own = graph.closedDivergences(mean: draw.mean, scale: draw.scale, as: draw.kind)
      guard own.isEmpty else { return [] }
      return graph.closedDivergences(withMean: draw.mean).map {
        ScalePair(draw: draw, divergence: $0)
      }
    }
  }

  /// What both are at random parameters and inputs: an expression for ln σ² may be written in any
  /// way, its value not.
  func values(_ graph: Graph) throws -> (draw: [Double], divergence: [Double])? {
    let builder = GraphBuilder(continuing: graph)
    builder.removeOutputs()
    for (name, id, kind) in [
      ("draw", draw.scale, draw.kind), ("divergence", divergence.scale, divergence.kind),
    ] { builder.output(name, kind.logVariance(of: Value(builder: builder, id: id))) }
    let lowered = try Compiler().run(
      [.lowerSampling], on: builder.build().retyped(from: .f32, to: .f64), isOptional: false)
    let needed = lowered.needed(by: lowered.outputs.map(\.node))
    let sizes = lowered.sizes(
      binding: Dictionary(
        uniqueKeysWithValues: lowered.dimensions.filter { $0.defaultSize == nil }.map {
          ($0.name, 2)
        }))
    var leaves: [String: NDArray] = [:]
    for node in lowered.inputs + lowered.persistent where needed[node.id.index] {
      guard let shape = try? node.type.shape.evaluated(sizes) else { return nil }
      let drawn = NoiseStream(seed: 0, name: "lint/\(node.label)").values(
        .normal, count: shape.reduce(1, *), step: 0)
      let values =
        node.type.dtype.isFloating ? drawn.map { 0.1 * $0 } : drawn.map { $0 < 0 ? 0 : 1 }
      leaves[node.label] = NDArray(converting: values, to: node.type.dtype, shape: shape)
    }
    let results = try CompiledGraph(optimized: lowered).run(inputs: leaves, sizes: sizes)
    guard let own = results["draw"]?.doubles, let other = results["divergence"]?.doubles,
      !own.isEmpty, own.count == other.count, (own + other).allSatisfy(\.isFinite)
    else { return nil }
    return (own, other)
  }

  /// What the divergence's ln σ² must be multiplied by, when a number does it.
  static func factor(_ values: (draw: [Double], divergence: [Double])) -> Double? {
    let largest = values.divergence.indices.max {
      abs(values.divergence[$0]) < abs(values.divergence[$1])
    }
    guard let largest, values.divergence[largest] != 0 else { return nil }
    let factor = values.draw[largest] / values.divergence[largest]
    let isConstant = zip(values.draw, values.divergence).allSatisfy {
      abs($0 - factor * $1) <= 1e-9 * max(abs($0), 1e-3)
    }
    return isConstant ? factor : nil
  }
}

extension NormalScale {
  /// ln σ² as graph; of a σ that may be negative, as a random one, by its square.
  fileprivate func logVariance(of scale: Value) -> Value {
    switch self {
    case .logVariance: scale
    case .logStandardDeviation: 2 * scale
    case .standardDeviation: log(square(scale))
    }
  }
}
