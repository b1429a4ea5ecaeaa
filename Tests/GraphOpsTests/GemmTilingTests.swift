import GraphIR
import GraphOps
import Testing

/// How matrix products are cut into tiles, and that the tiles make the whole.
@Suite struct GemmTilingTests {
  private static let shapes = [
    (1, 784, 128), (64, 784, 400), (100, 500, 784), (100, 40, 500), (784, 500, 100),
    (512, 1_200, 1_200), (203, 257, 3_000), (1, 1, 5_000), (4_096, 300, 977), (7, 300, 976),
    (100, 500, 20), (33, 256, 300), (0, 300, 300), (300, 0, 300), (300, 300, 0),
  ]

  private static func tilings(
    _ shape: (rows: Int, columns: Int, inner: Int)
  ) -> [GemmTiling] {
    [(true, true), (true, false), (false, true), (false, false)].map {
      GemmTiling(
        rows: shape.rows, columns: shape.columns, inner: shape.inner, transposesA: $0.0,
        hasSmallKernels: $0.1)
    }
  }

  @Test(arguments: shapes)
  func tilesCoverEachElementOnce(rows: Int, columns: Int, inner: Int) {
    for tiling in Self.tilings((rows, columns, inner)) {
      #expect(tiling.count == tiling.strips * tiling.tilesOfStrip)
      var covered = [UInt8](repeating: 0, count: rows * columns)
      var stripsOf = [Int](repeating: -1, count: rows * columns)
      for tile in 0..<tiling.count {
        let (top, left) = tiling.origin(of: tile)
        for row in min(rows, top)..<min(rows, top + tiling.rows) {
          for column in min(columns, left)..<min(columns, left + tiling.columns) {
            covered[row * columns + column] += 1
            stripsOf[row * columns + column] = tile / tiling.tilesOfStrip
          }
        }
      }
      #expect(covered.allSatisfy { $0 == 1 }, "\(tiling)")
      // Strips follow each other from left to right, then downwards.
      let across = max(1, (columns + tiling.stripColumns - 1) / tiling.stripColumns)
      for (place, strip) in stripsOf.enumerated() {
        let (row, column) = place.quotientAndRemainder(dividingBy: max(1, columns))
        guard strip != row / tiling.stripRows * across + column / tiling.stripColumns else {
          continue
        }
        Issue.record("\(row), \(column) in strip \(strip): \(tiling)")
        break
      }
    }
  }

  /// Each call is small enough for the kernels that it is cut for.
  @Test(arguments: shapes)
  func smallTilesAreSmall(rows: Int, columns: Int, inner: Int) {
    for tiling in Self.tilings((rows, columns, inner)) {
      switch tiling.way {
      case .panels, .bands: #expect(tiling.rows * tiling.columns * tiling.inner <= 1_000_000)
      case .whole: #expect(tiling.count == 1 && tiling.inner == inner)
      case .large: #expect(tiling.inner == inner)
      }
    }
  }

  @Test func dontCutWhatIsLittle() {
    let tiling = GemmTiling(rows: 16, columns: 64, inner: 90, transposesA: false)
    #expect(tiling.way == .whole)
  }

  @Test func dontGoDownColumnsThatAreFew() {
    let few = GemmTiling(
      rows: 100, columns: 40, inner: 500, transposesA: false, hasSmallKernels: true)
    #expect(few.way == .bands)
    let many = GemmTiling(
      rows: 100, columns: 500, inner: 500, transposesA: false, hasSmallKernels: true)
    #expect(many.way == .panels)
    // The rows of a weight's gradient are the larger extent, and what follows is Adam.
    let gradient = GemmTiling(
      rows: 500, columns: 500, inner: 500, transposesA: true, hasSmallKernels: true)
    #expect(gradient.way == .bands)
  }

  /// Products against sums in f64, also where an element takes several calls.
  @Test(
    arguments: [(5, 70, 2_100), (130, 260, 1_000), (40, 300, 977), (100, 264, 64)],
    [(false, false), (false, true), (true, false), (true, true)])
  func productsAreRight(
    _ shape: (rows: Int, columns: Int, inner: Int), _ transposes: (a: Bool, b: Bool)
  ) throws {
    let (rows, columns, inner) = shape
    func drawn(_ name: String, _ count: Int) -> [Double] {
      // Few bits, so that f32 holds products and sums exactly.
      NoiseStream(seed: 2, name: name).values(.uniform, count: count, step: 0).map {
        ($0 * 16).rounded() - 8
      }
    }
    let (a, b) = (drawn("a", rows * inner), drawn("b", inner * columns))
    for dtype in [DType.f32, .f64] {
      func array(_ values: [Double], _ shape: [Int]) -> Buffer {
        let bytes = NDArray(converting: values, to: dtype, shape: shape).bytes
        let memory = UnsafeMutableRawPointer.allocate(
          byteCount: max(64, bytes.count), alignment: 64)
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        return Buffer(pointer: memory, dtype: dtype, shape: shape)
      }
      let x = array(a, transposes.a ? [inner, rows] : [rows, inner])
      let y = array(b, transposes.b ? [columns, inner] : [inner, columns])
      let z = array(
        Array(repeating: .nan, count: rows * columns), [rows, columns])
      defer { for buffer in [x, y, z] { buffer.pointer.deallocate() } }
      let kernel = try #require(
        OpDefinition.matmul.kernel.prepared(
          KernelRule.Context(
            operands: [x, y], result: z,
            attributes: ["transpose_a": .bool(transposes.a), "transpose_b": .bool(transposes.b)],
            sizes: [:])))
      #expect(kernel.runAlone() == nil)
      let result =
        dtype == .f32
        ? (0..<z.count).map { Double(z.typed(Float.self)[$0]) }
        : (0..<z.count).map { z.typed(Double.self)[$0] }
      var wrong = 0
      for row in 0..<rows {
        for column in 0..<columns {
          var sum = 0.0
          for k in 0..<inner {
            sum +=
              a[transposes.a ? k * rows + row : row * inner + k]
              * b[transposes.b ? column * inner + k : k * columns + column]
          }
          if result[row * columns + column] != sum { wrong += 1 }
        }
      }
      #expect(wrong == 0, "\(dtype)")
    }
  }
}
