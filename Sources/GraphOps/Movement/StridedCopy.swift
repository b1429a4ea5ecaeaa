import CKernels
import GraphIR

/// A copy between two strided arrays of one shape.
struct StridedCopy {
  var shape: [Int]
  var source: [Int]
  var target: [Int]
  var sourceOffset = 0
  var targetOffset = 0

  /// Copies elements of `from`'s size; offsets and strides count elements.
  func prepared(_ from: Buffer, _ to: Buffer) -> () -> Void {
    let size = from.dtype.byteCount
    let dims = shape.map { Int64($0) }
    let (reading, writing) = (source.map { Int64($0) }, target.map { Int64($0) })
    let rank = Int32(shape.count)
    let (src, dst) = (from.pointer + sourceOffset * size, to.pointer + targetOffset * size)
    return { ak_copy_strided(Int32(size), rank, dims, reading, writing, src, dst) }
  }
}
