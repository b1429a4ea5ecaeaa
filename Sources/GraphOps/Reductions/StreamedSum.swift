import CKernels
package import GraphIR

/// A sum of floats whose operand comes in pieces, to the bit what the op `sum` gives for the whole:
/// in double, along sixteen lanes for elements that lie together, in plain order down a column.
package struct StreamedSum: Sendable {
  package static let lanes = Int(AK_STREAM_LANES)

  private let isSingle: Bool

  /// For operands of f32 or f64.
  package init(_ dtype: DType) { isSingle = dtype == .f32 }

  /// Adds `count` elements, of which the first is the number `position` of its line.
  package func addLine(
    _ lanes: UnsafeMutablePointer<Double>, position: Int, _ x: UnsafeMutableRawPointer, count: Int
  ) {
    if isSingle {
      ak_stream_line_f32(
        lanes, Int64(position), x.assumingMemoryBound(to: Float.self), Int64(count))
    } else {
      ak_stream_line_f64(
        lanes, Int64(position), x.assumingMemoryBound(to: Double.self), Int64(count))
    }
  }

  /// Adds rows to one sum a column; rows lie `stride` elements apart.
  package func addColumns(
    _ sums: UnsafeMutablePointer<Double>, _ x: UnsafeMutableRawPointer, rows: Int, columns: Int,
    stride: Int
  ) {
    if isSingle {
      ak_stream_columns_f32(
        sums, x.assumingMemoryBound(to: Float.self), Int64(rows), Int64(columns), Int64(stride))
    } else {
      ak_stream_columns_f64(
        sums, x.assumingMemoryBound(to: Double.self), Int64(rows), Int64(columns), Int64(stride))
    }
  }

  /// What the lanes hold together.
  package func total(_ lanes: UnsafePointer<Double>) -> Double { ak_stream_total(lanes) }

  /// Writes a finished sum as the element `index` of `result`.
  package func store(_ value: Double, at index: Int, of result: UnsafeMutableRawPointer) {
    if isSingle {
      result.assumingMemoryBound(to: Float.self)[index] = Float(value)
    } else {
      result.assumingMemoryBound(to: Double.self)[index] = value
    }
  }
}
