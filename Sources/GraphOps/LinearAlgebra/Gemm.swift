import COpenBLAS
import GraphIR

/// One row-major matrix product through BLAS, tile by tile: C = A·B, or C += A·B.
struct Gemm: Sendable {
  let rows: Int
  let columns: Int
  let inner: Int
  let transposeA: Bool
  let transposeB: Bool
  /// Adds to what C holds instead of overwriting it.
  let accumulates: Bool
  let tiling: GemmTiling

  init(
    rows: Int, columns: Int, inner: Int, transposeA: Bool, transposeB: Bool,
    accumulates: Bool = false
  ) {
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.transposeA = transposeA
    self.transposeB = transposeB
    self.accumulates = accumulates
    tiling = GemmTiling(
      rows: rows, columns: columns, inner: inner, transposesA: transposeA, transposesB: transposeB)
    BLASThreads.leaveThreadsToUs()
  }

  /// The tiles as bands of rows.
  var bands: PreparedKernel.Bands {
    PreparedKernel.Bands(units: tiling.columnTiles, rows: tiling.rows)
  }

  /// The rows and columns of a tile.
  func extent(of tile: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (row, column) = tile.quotientAndRemainder(dividingBy: tiling.columnTiles)
    let (top, left) = (row * tiling.rows, column * tiling.columns)
    return (top..<min(rows, top + tiling.rows), left..<min(columns, left + tiling.columns))
  }

  /// Computes one tile. Pointers are to the first elements of A, B and C.
  func run(
    tile: Int, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer,
    _ c: UnsafeMutableRawPointer, isSingle: Bool
  ) {
    guard rows > 0, columns > 0 else { return }
    let (top, left) = extent(of: tile)
    let ta = transposeA ? CblasTrans : CblasNoTrans
    let tb = transposeB ? CblasTrans : CblasNoTrans
    let (m, n, k) = (Int32(top.count), Int32(left.count), Int32(inner))
    let lda = max(1, transposeA ? rows : inner)
    let ldb = max(1, transposeB ? inner : columns)
    let aStart = transposeA ? top.lowerBound : top.lowerBound * lda
    let bStart = transposeB ? left.lowerBound * ldb : left.lowerBound
    let cStart = top.lowerBound * columns + left.lowerBound
    if isSingle {
      cblas_sgemm(
        CblasRowMajor, ta, tb, m, n, k, 1, a.assumingMemoryBound(to: Float.self) + aStart,
        Int32(lda), b.assumingMemoryBound(to: Float.self) + bStart, Int32(ldb),
        accumulates ? 1 : 0, c.assumingMemoryBound(to: Float.self) + cStart, Int32(columns))
    } else {
      cblas_dgemm(
        CblasRowMajor, ta, tb, m, n, k, 1, a.assumingMemoryBound(to: Double.self) + aStart,
        Int32(lda), b.assumingMemoryBound(to: Double.self) + bStart, Int32(ldb),
        accumulates ? 1 : 0, c.assumingMemoryBound(to: Double.self) + cStart, Int32(columns))
    }
  }

  /// BLAS counts extents in 32 bits.
  static func tooLarge(_ operands: [[Int]]) -> RunError? {
    guard let shape = operands.first(where: { $0.contains { $0 > Int(Int32.max) } }) else {
      return nil
    }
    return RunError(
      "a matrix of shape \(shape) is too large for BLAS, whose extents end at 2^31 − 1")
  }
}
