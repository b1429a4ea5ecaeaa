import Ayatori
import GraphIR

extension SamplingSite {
  /// The axis of the draw that is the batch: of those whose extents are bound when the graph runs
  /// the one that most inputs have; where there is none, of those that inputs have and parameters
  /// have not; of equals the one that something is averaged over; else the first of several.
  var batchAxis: Int? {
    let dims = node.type.shape.dims
    guard dims.count > 1 else { return nil }
    let isOfModel = Set(graph.parameters.flatMap(\.type.shape.dims))
    func inputs(_ axis: Int) -> Int {
      graph.inputs.count { $0.type.shape.dims.contains(dims[axis]) }
    }
    let free = dims.indices.filter { isFree(dims[$0]) }
    let data = dims.indices.filter { inputs($0) > 0 && !isOfModel.contains(dims[$0]) }
    let axes = free.isEmpty ? data : free
    let most = axes.map(inputs).max()
    let equals = axes.filter { inputs($0) == most }
    return equals.first { equals.count > 1 && isAveraged(dims[$0]) } ?? equals.first ?? 0
  }

  /// The dimension that is the batch; nil where its extent is no name.
  var batchDimension: String? {
    guard let axis = batchAxis else { return nil }
    let dim = node.type.shape.dims[axis]
    return dim.symbols.count == 1 && dim.symbols.contains(dim.description) ? dim.description : nil
  }

  /// Whether some mean is taken over a dimension.
  private func isAveraged(_ dim: Dim) -> Bool {
    graph.nodes.contains { node in
      guard case .sum(isMean: true)? = node.definition?.fusion else { return false }
      let shape = graph[node.operands[0]].type.shape.dims
      let axes = node.operation?.attributes.ints("axes") ?? []
      return shape.indices.contains { shape[$0] == dim && (axes.isEmpty || axes.contains($0)) }
    }
  }

  /// Whether the first axis of a parameter of the draw is the batch, of several images.
  func hasImagesFirst(_ place: Int, _ images: Int, _ shape: [Int]) -> Bool {
    guard images > 1, shape.first == images,
      let axis = batchAxis
    else { return false }
    let first = graph.node(named: parameters[place].name)?.type.shape.dims.first
    return first == node.type.shape.dims[axis]
  }

  private func isFree(_ dim: Dim) -> Bool {
    dim.symbols.contains { symbol in
      graph.dimensions.first { $0.name == symbol }?.defaultSize == nil
    }
  }
}
