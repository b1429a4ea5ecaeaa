import COpenBLAS

/// How a matrix product is cut into tiles of C, each of which is one call of single-threaded
/// OpenBLAS.
///
/// Tiles come in strips, one after the other: those of a strip read the same part of the larger
/// operand, so that it stays in the second-level cache. Both depend on shapes and on the CPU's
/// kernels alone, never on the number of threads: so the result is the same to the bit on any
/// number of them.
package struct GemmTiling: Equatable, Sendable, CustomStringConvertible {
  /// The ways to go about a product, each with its reason.
  package enum Way: String, Sendable {
    case whole = "one call: too little work to share out"
    case panels = "down B's columns: B does not stay in the cache, its panels do"
    case bands = "along C's rows: what they share stays in the cache"
    case large = "few large tiles: this CPU's OpenBLAS has no kernels for small ones"
  }

  package let way: Way
  /// Rows and columns of a tile; those at the edges may be smaller or empty.
  package let rows: Int
  package let columns: Int
  /// Rows and columns of a strip: whole tiles, or all of them.
  package let stripRows: Int
  package let stripColumns: Int
  package let strips: Int
  private let stripsAcross: Int
  private let tilesAcross: Int
  package let tilesOfStrip: Int
  /// Multiply-adds an element in one call; the next call adds to its result.
  package let inner: Int
  private let calls: Int

  package var count: Int { strips * tilesOfStrip }

  /// OpenBLAS has kernels that read small matrices where they lie, without packing them first, for
  /// CPUs with AVX-512 (since 0.3.16). On tiles that they take, the products of a training step ran
  /// 1.2 to 1.5 times as fast as whole products do.
  package static let hasSmallKernels: Bool = {
    let name = String(cString: openblas_get_corename()).lowercased()
    return ["skylakex", "cooperlake", "sapphirerapids"].contains(name)
  }()

  /// The most multiply-adds for which OpenBLAS takes those kernels: rows · columns · inner ≤ 100³.
  private static let smallest = 1_000_000
  /// With more of them an element, not even a tile of 16 · 64 is small.
  private static let mostInner = 976
  /// Less work than this is one tile: about two microseconds.
  private static let smallWork = 100_000
  /// Elements of an operand that leave no room for the others in the second-level cache.
  private static let largeOperand = 1 << 16

  /// For C [rows, columns] with `inner` multiply-adds an element. `transposesA` is that of the
  /// row-major product.
  package init(
    rows: Int, columns: Int, inner: Int, transposesA: Bool,
    hasSmallKernels: Bool = GemmTiling.hasSmallKernels
  ) {
    let whole = (rows: rows, columns: columns)
    guard rows > 0, columns > 0, inner > 0, rows * columns * inner > GemmTiling.smallWork else {
      self.init(.whole, of: whole, tile: whole, strip: whole, inner: inner, calls: 1)
      return
    }
    guard hasSmallKernels else {
      // Cut across the longer side, so that little is packed twice.
      func part(_ extent: Int) -> Int { (extent + 3) / 4 + 15 & ~15 }
      let tile = columns >= rows ? (rows, part(columns)) : (part(rows), columns)
      self.init(.large, of: whole, tile: tile, strip: tile, inner: inner, calls: 1)
      return
    }
    let calls = (inner + GemmTiling.mostInner - 1) / GemmTiling.mostInner
    let part = (inner + calls - 1) / calls
    // Widths of 64 columns, four vectors of f32, were the best or close to it on all shapes.
    let width = 64
    if !transposesA, inner >= 64, columns >= 4 * width, inner * columns > GemmTiling.largeOperand {
      // At most so far down that the strip of C stays in the cache too.
      let strips = (rows + 111) / 112
      let height = ((rows + strips - 1) / strips + 15) / 16 * 16
      self.init(
        .panels, of: whole, tile: (16, width), strip: (height, width), inner: part, calls: calls)
      return
    }
    let most = max(16, GemmTiling.smallest / (min(width, columns) * part) / 16 * 16)
    // Bands of few rows, for those who go on with them, and of about the same size.
    let sixteens = (rows + 15) / 16
    let bands = 2 * ((rows + 95) / 96)
    let height = transposesA || inner < 64 ? min(most, (sixteens + bands - 1) / bands * 16) : 16
    self.init(
      .bands, of: whole, tile: (height, width), strip: (height, columns), inner: part,
      calls: calls)
  }

  private init(
    _ way: Way, of whole: (rows: Int, columns: Int), tile: (rows: Int, columns: Int),
    strip: (rows: Int, columns: Int), inner: Int, calls: Int
  ) {
    func parts(_ whole: Int, _ part: Int) -> Int { max(1, (whole + part - 1) / part) }
    self.way = way
    self.inner = inner
    self.calls = calls
    rows = max(1, min(tile.rows, whole.rows))
    columns = max(1, min(tile.columns, whole.columns))
    stripRows = max(1, min(strip.rows, whole.rows))
    stripColumns = max(1, min(strip.columns, whole.columns))
    stripsAcross = parts(whole.columns, stripColumns)
    strips = parts(whole.rows, stripRows) * stripsAcross
    tilesAcross = parts(stripColumns, columns)
    tilesOfStrip = parts(stripRows, rows) * tilesAcross
  }

  /// The first row and column of a tile, which at the edges may lie outside.
  package func origin(of tile: Int) -> (row: Int, column: Int) {
    let (strip, place) = tile.quotientAndRemainder(dividingBy: tilesOfStrip)
    let (down, across) = strip.quotientAndRemainder(dividingBy: stripsAcross)
    let (row, column) = place.quotientAndRemainder(dividingBy: tilesAcross)
    return (down * stripRows + row * rows, across * stripColumns + column * columns)
  }

  /// The way, its reason, and what it comes to.
  package var description: String {
    if way == .whole { return way.rawValue }
    let parts = calls == 1 ? "" : ", each in \(calls) calls of \(inner) multiply-adds an element"
    func count(_ number: Int, _ name: String) -> String {
      "\(number) \(name)\(number == 1 ? "" : "s")"
    }
    return "\(way.rawValue); \(count(strips, "strip")) of \(count(tilesOfStrip, "tile")) of "
      + "\(rows)×\(columns)\(parts)"
  }
}
