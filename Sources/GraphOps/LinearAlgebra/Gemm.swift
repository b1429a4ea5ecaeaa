import COpenBLAS
import GraphIR

/// One row-major matrix product through BLAS: C = A·B, or C += A·B.
struct Gemm: Sendable {
  var rows: Int
  var columns: Int
  var inner: Int
  var transposeA: Bool
  var transposeB: Bool
  /// Adds to what C holds instead of overwriting it.
  var accumulates = false

  /// Offsets count elements.
  func run(_ a: Buffer, _ aOffset: Int, _ b: Buffer, _ bOffset: Int, _ c: Buffer, _ cOffset: Int) {
    guard rows > 0, columns > 0 else { return }
    let ta = transposeA ? CblasTrans : CblasNoTrans
    let tb = transposeB ? CblasTrans : CblasNoTrans
    let (m, n, k) = (Int32(rows), Int32(columns), Int32(inner))
    let lda = Int32(max(1, transposeA ? rows : inner))
    let ldb = Int32(max(1, transposeB ? inner : columns))
    switch c.dtype {
    case .f32:
      cblas_sgemm(
        CblasRowMajor, ta, tb, m, n, k, 1, a.typed(Float.self) + aOffset, lda,
        b.typed(Float.self) + bOffset, ldb, accumulates ? 1 : 0, c.typed(Float.self) + cOffset, n)
    case .f64:
      cblas_dgemm(
        CblasRowMajor, ta, tb, m, n, k, 1, a.typed(Double.self) + aOffset, lda,
        b.typed(Double.self) + bOffset, ldb, accumulates ? 1 : 0, c.typed(Double.self) + cOffset, n)
    case .i32, .i64, .bool: preconditionFailure("no matrix product of \(c.dtype)")
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
