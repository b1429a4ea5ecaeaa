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
}
