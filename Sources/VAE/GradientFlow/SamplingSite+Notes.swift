import Ayatori
import GraphIR

extension SamplingSite {
  /// The axis of the draw that is the batch: the first whose extent is bound when the graph runs,
  /// else the first of several.
  func batchAxis(of shape: [Int]) -> Int? {
    guard shape.count > 1 else { return nil }
    return node.type.shape.dims.firstIndex(where: isFree) ?? 0
  }

  /// Whether the first axis of a parameter of the draw is the batch, of several images.
  func hasImagesFirst(_ place: Int, _ images: Int, _ shape: [Int]) -> Bool {
    guard images > 1, shape.first == images,
      let axis = node.type.shape.dims.firstIndex(where: isFree)
    else { return images > 1 && shape.first == images }
    let first = graph.node(named: parameters[place].name)?.type.shape.dims.first
    return first == node.type.shape.dims[axis]
  }

  private func isFree(_ dim: Dim) -> Bool {
    dim.symbols.contains { symbol in
      graph.dimensions.first { $0.name == symbol }?.defaultSize == nil
    }
  }

  /// Whether the draw's noise is given, so that all draws are the same.
  func isNoiseFed(_ feeds: Feeds) -> Bool { noise.map { feeds.inputs[$0] != nil } ?? false }

  /// What a reader of the report has to know of how its numbers were taken.
  func notes(
    _ feeds: Feeds, _ program: SplitProgram, _ options: GradientFlow.Options
  ) -> [String] {
    var notes: [String] = []
    if isNoiseFed(feeds), let noise {
      notes.append(
        options.isExact
          ? "'\(noise)' is given, and not used: expectations are over it"
          : "'\(noise)' is given: all draws are this one, and no estimators are compared")
    }
    guard options.comparesEstimators, options.isExact || !isNoiseFed(feeds) else { return notes }
    if !program.heldDraws.isEmpty {
      let names = program.heldDraws.map { "'\($0)'" }.joined(separator: ", ")
      notes.append("estimators are compared with \(names) held as first drawn")
    }
    for parameter in parameters {
      guard let id = graph.node(named: parameter.name)?.id else { continue }
      let needed = graph.needed(by: [id])
      for other in parameters where other.name != parameter.name {
        guard let source = graph.node(named: other.name)?.id, needed[source.index] else { continue }
        notes.append(
          "estimators are compared with '\(parameter.name)' held while '\(other.name)', which it "
            + "depends on, moves: their means at '\(other.name)' leave that way out")
      }
    }
    return notes
  }
}
