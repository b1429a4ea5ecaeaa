import CKernels
import COpenBLAS
import GraphIR

/// One row-major matrix product through BLAS, tile by tile: C = A·B, or C += A·B.
struct Gemm: Sendable, CustomStringConvertible {
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
      rows: rows, columns: columns, inner: inner, transposesA: transposeA)
    BLASThreads.leaveThreadsToUs()
  }

  var strips: PreparedKernel.Strips {
    PreparedKernel.Strips(
      units: tiling.tilesOfStrip, rows: tiling.stripRows, columns: tiling.stripColumns)
  }

  /// The rows and columns of a tile; either may be none at the edges.
  func extent(of tile: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (top, left) = tiling.origin(of: tile)
    func part(_ start: Int, _ extent: Int, of whole: Int) -> Range<Int> {
      min(whole, start)..<min(whole, start + extent)
    }
    return (part(top, tiling.rows, of: rows), part(left, tiling.columns, of: columns))
  }

  /// Computes one tile. Pointers are to the first elements of A, B and C.
  func run(
    tile: Int, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer,
    _ c: UnsafeMutableRawPointer, isSingle: Bool
  ) {
    let (top, left) = extent(of: tile)
    guard !top.isEmpty, !left.isEmpty else { return }
    let ta = transposeA ? CblasTrans : CblasNoTrans
    let tb = transposeB ? CblasTrans : CblasNoTrans
    let (m, n) = (Int32(top.count), Int32(left.count))
    let lda = max(1, transposeA ? rows : inner)
    let ldb = max(1, transposeB ? inner : columns)
    let aStart = transposeA ? top.lowerBound : top.lowerBound * lda
    let bStart = transposeB ? left.lowerBound * ldb : left.lowerBound
    if tiling.way == .panels, tile % tiling.tilesOfStrip == 0 {
      // The first tile of a panel would wait for each row of it: they lie too far apart for the
      // hardware to see what comes next.
      let size = Int64(isSingle ? 4 : 8)
      ak_prefetch_rows(
        b + bStart * Int(size), transposeB ? Int64(n) : Int64(inner),
        size * (transposeB ? Int64(inner) : Int64(n)), size * Int64(ldb))
    }
    let cStart = top.lowerBound * columns + left.lowerBound
    var start = 0
    repeat {
      let k = Int32(min(tiling.inner, inner - start))
      let aPart = aStart + start * (transposeA ? lda : 1)
      let bPart = bStart + start * (transposeB ? 1 : ldb)
      let adds = accumulates || start > 0
      if isSingle {
        cblas_sgemm(
          CblasRowMajor, ta, tb, m, n, k, 1, a.assumingMemoryBound(to: Float.self) + aPart,
          Int32(lda), b.assumingMemoryBound(to: Float.self) + bPart, Int32(ldb),
          adds ? 1 : 0, c.assumingMemoryBound(to: Float.self) + cStart, Int32(columns))
      } else {
        cblas_dgemm(
          CblasRowMajor, ta, tb, m, n, k, 1, a.assumingMemoryBound(to: Double.self) + aPart,
          Int32(lda), b.assumingMemoryBound(to: Double.self) + bPart, Int32(ldb),
          adds ? 1 : 0, c.assumingMemoryBound(to: Double.self) + cStart, Int32(columns))
      }
      start += Int(k)
    } while start < inner
  }

  /// The shapes and the way that was chosen for them, with the reason.
  var description: String {
    let a = "[\(rows), \(inner)]" + (transposeA ? "ᵀ" : "")
    let b = "[\(inner), \(columns)]" + (transposeB ? "ᵀ" : "")
    return "\(a) · \(b)  \(tiling)"
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
