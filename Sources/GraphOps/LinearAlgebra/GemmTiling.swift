import COpenBLAS

/// How a matrix product is cut into tiles of C, each of which is one call of single-threaded
/// OpenBLAS.
///
/// The tiles depend on shapes and on the CPU's kernels alone, never on the number of threads: so
/// the result is the same to the bit on any number of them.
package struct GemmTiling: Equatable, Sendable {
  /// Rows and columns of a tile; those at the end may be smaller.
  package var rows: Int
  package var columns: Int
  package var rowTiles: Int
  package var columnTiles: Int

  package var count: Int { rowTiles * columnTiles }

  /// OpenBLAS has kernels that read small matrices where they lie, without packing them first, for
  /// CPUs with AVX-512 (since 0.3.16). On tiles that they take, the products of a training step ran
  /// 1.2 to 1.5 times as fast as whole products do.
  package static let hasSmallKernels: Bool = {
    let name = String(cString: openblas_get_corename()).lowercased()
    return ["skylakex", "cooperlake", "sapphirerapids"].contains(name)
  }()

  /// The most multiply-adds for which OpenBLAS takes those kernels: rows · columns · inner ≤ 100³.
  private static let smallest = 1_000_000

  init(rows: Int, columns: Int, rowTile: Int, columnTile: Int) {
    self.rows = max(1, min(rowTile, rows))
    self.columns = max(1, min(columnTile, columns))
    rowTiles = (rows + self.rows - 1) / self.rows
    columnTiles = (columns + self.columns - 1) / self.columns
  }

  /// For C [rows, columns] with `inner` multiply-adds an element. `transposesA` is that of the
  /// row-major product.
  package init(
    rows: Int, columns: Int, inner: Int, transposesA: Bool, transposesB: Bool,
    hasSmallKernels: Bool = GemmTiling.hasSmallKernels
  ) {
    guard rows > 0, columns > 0, inner > 0, rows * columns * inner > GemmTiling.smallWork else {
      self.init(rows: rows, columns: columns, rowTile: rows, columnTile: columns)
      return
    }
    guard hasSmallKernels, inner <= GemmTiling.mostInner else {
      self.init(rows: rows, columns: columns, inner: inner)
      return
    }
    // Widths of 64 columns, four vectors of f32, were the best or close to it on all shapes.
    let width = 64
    let most = max(16, GemmTiling.smallest / (min(width, columns) * inner) / 16 * 16)
    // Bands of few rows, for those who go on with them, and of about the same size.
    let strips = (rows + 15) / 16
    let bands = 2 * ((rows + 95) / 96)
    let height = transposesA || inner < 64 ? min(most, (strips + bands - 1) / bands * 16) : 16
    self.init(rows: rows, columns: columns, rowTile: height, columnTile: width)
  }

  /// Less work than this is one tile: about two microseconds.
  private static let smallWork = 100_000
  /// Above it not even a tile of 16 · 64 is small.
  private static let mostInner = 976

  /// A few large tiles, cut across the longer side, so that little is packed twice.
  private init(rows: Int, columns: Int, inner: Int) {
    func part(_ extent: Int) -> Int { (extent + 3) / 4 + 15 & ~15 }
    if columns >= rows {
      self.init(rows: rows, columns: columns, rowTile: rows, columnTile: part(columns))
    } else {
      self.init(rows: rows, columns: columns, rowTile: part(rows), columnTile: columns)
    }
  }
}
