public import Ayatori
import GraphIR

/// Which inputs of a graph take a data set's images and labels, and which dimension is the batch.
///
/// Read off the types: the floating matrix input takes images, one a row; the integer vector input,
/// if any, takes labels; the batch is the images' first dimension.
public struct DataInputs: Sendable {
  public let images: Node
  public let labels: Node?
  /// The name of the batch dimension.
  public let batch: String

  /// Throws a diagnostic when the inputs are not of that kind, the images are of another size, or
  /// a label is none of the classes.
  public init(_ graph: Graph, for dataSet: DataSet) throws(Diagnostic) {
    try self.init(graph, imageShape: dataSet.imageShape, of: dataSet.name)
    if let labels { try dataSet.check(labels, in: graph) }
  }

  /// As above, of a data set's shape alone, before its images are read.
  init(_ graph: Graph, imageShape: [Int], of name: String) throws(Diagnostic) {
    let matrices = graph.inputs.filter { $0.type.dtype.isFloating && $0.type.shape.rank == 2 }
    let vectors = graph.inputs.filter { $0.type.dtype.isInteger && $0.type.shape.rank == 1 }
    guard matrices.count == 1, vectors.count <= 1,
      graph.inputs.count == matrices.count + vectors.count
    else {
      throw .dataInputs(graph)
    }
    images = matrices[0]
    labels = vectors.first
    guard let batch = images.type.shape.dims[0].symbolName,
      graph.dimensions.contains(where: { $0.name == batch && $0.defaultSize == nil })
    else { throw .noBatchDimension(images) }
    self.batch = batch
    if let labels, labels.type.shape.dims[0] != images.type.shape.dims[0] {
      throw .labelBatch(labels, images)
    }
    let width: Int
    do throws(DimError) {
      width = try images.type.shape.dims[1].evaluated(graph.sizes())
    } catch {
      throw .imageSize(images, imageShape, of: name, got: nil)
    }
    guard width == imageShape.reduce(1, *) else {
      throw .imageSize(images, imageShape, of: name, got: width)
    }
  }

  /// The first `count` images of a split, and their labels, as arrays by input name.
  public func arrays(
    of split: DataSet.Split, in dataSet: DataSet, count: Int
  ) throws(Diagnostic) -> [String: NDArray] {
    guard count >= 1, count <= split.count else { throw .batchSize(count, split.count) }
    var pixels = [Double](repeating: 0, count: count * dataSet.imageSize)
    pixels.withUnsafeMutableBufferPointer { dataSet.gather(0..<count, of: split, into: $0) }
    var arrays = [
      images.label: NDArray(
        converting: pixels, to: images.type.dtype, shape: [count, dataSet.imageSize])
    ]
    if let labels {
      arrays[labels.label] = NDArray(
        converting: split.labels.prefix(count).map(Double.init), to: labels.type.dtype,
        shape: [count])
    }
    return arrays
  }

  /// Fills a bound program's inputs with rows of a split. Misuse traps: the rows must be as many as
  /// the program's batch.
  func fill(
    _ program: BoundProgram, from split: DataSet.Split, of dataSet: DataSet, rows: ArraySlice<Int>
  ) {
    for name in [images.label] + (labels.map { [$0.label] } ?? []) {
      if let buffer = program.inputBuffer(name) {
        fill(buffer, of: name, from: split, of: dataSet, rows: rows, at: 0)
      }
    }
  }

  /// Writes rows of a split into an input's memory, from its row `place` on.
  func fill(
    _ buffer: Buffer, of name: String, from split: DataSet.Split, of dataSet: DataSet,
    rows: ArraySlice<Int>, at place: Int
  ) {
    guard name == images.label else {
      for (offset, row) in rows.enumerated() {
        if buffer.dtype == .i32 {
          buffer.typed(Int32.self)[place + offset] = Int32(split.labels[row])
        } else {
          buffer.typed(Int64.self)[place + offset] = Int64(split.labels[row])
        }
      }
      return
    }
    let (start, count) = (place * dataSet.imageSize, rows.count * dataSet.imageSize)
    if buffer.dtype == .f32 {
      dataSet.gather(
        rows, of: split,
        into: UnsafeMutableBufferPointer(start: buffer.typed(Float.self) + start, count: count))
    } else {
      dataSet.gather(
        rows, of: split,
        into: UnsafeMutableBufferPointer(start: buffer.typed(Double.self) + start, count: count))
    }
  }
}
