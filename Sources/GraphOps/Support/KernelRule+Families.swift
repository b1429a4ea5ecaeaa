import CKernels
import GraphIR

// Function types of the C loops.
typealias UnaryLoop<T> = @Sendable (UnsafePointer<T>?, UnsafeMutablePointer<T>?, Int64) -> Void
typealias BinaryLoop<T, R> =
  @Sendable (
    UnsafePointer<ak_walk>?, UnsafePointer<T>?, UnsafePointer<T>?, UnsafeMutablePointer<R>?, Int64,
    Int64
  ) -> Void
typealias ReductionLoop<T, R> =
  @Sendable (
    UnsafePointer<ak_reduction>?, UnsafePointer<T>?, UnsafeMutablePointer<R>?, Int64, Int64
  ) -> Void

/// The loops of a one-operand op, one per dtype it takes.
struct UnaryLoops: Sendable {
  var f32: UnaryLoop<Float>?
  var f64: UnaryLoop<Double>?
  var i32: UnaryLoop<Int32>?
  var i64: UnaryLoop<Int64>?
  var bool: UnaryLoop<UInt8>?
}

/// The loops of a two-operand op whose result has the operands' dtype.
struct BinaryLoops: Sendable {
  var f32: BinaryLoop<Float, Float>?
  var f64: BinaryLoop<Double, Double>?
  var i32: BinaryLoop<Int32, Int32>?
  var i64: BinaryLoop<Int64, Int64>?
  var bool: BinaryLoop<UInt8, UInt8>?
}

/// The loops of a comparison; a truth value is one byte.
struct ComparisonLoops: Sendable {
  var f32: BinaryLoop<Float, UInt8>
  var f64: BinaryLoop<Double, UInt8>
  var i32: BinaryLoop<Int32, UInt8>
  var i64: BinaryLoop<Int64, UInt8>
  var bool: BinaryLoop<UInt8, UInt8>?
}

/// The loops of a reduction to the operand's dtype.
struct ReductionLoops: Sendable {
  var f32: ReductionLoop<Float, Float>
  var f64: ReductionLoop<Double, Double>
  var i32: ReductionLoop<Int32, Int32>?
  var i64: ReductionLoop<Int64, Int64>?
}

/// Elements that one work item of an elementwise kernel covers.
private let tile = 16_384

/// The number of tiles of `size` that cover `count`.
func tiles(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }

extension KernelRule {
  /// The type rule lets no other dtype through, so a missing loop is a mistake in the op's file.
  static func missing(_ context: Context) -> Never {
    preconditionFailure("no loop for \(context.operands.map(\.dtype)) → \(context.result.dtype)")
  }

  static func unary(_ loops: UnaryLoops) -> KernelRule {
    .elementwise(
      { context in
        switch context[0].dtype {
        case .f32: unary(context, loops.f32)
        case .f64: unary(context, loops.f64)
        case .i32: unary(context, loops.i32)
        case .i64: unary(context, loops.i64)
        case .bool: unary(context, loops.bool)
        }
      },
      BlockKernel { operands, _ in
        switch operands[0] {
        case .f32: blocks(loops.f32)
        case .f64: blocks(loops.f64)
        case .i32: blocks(loops.i32)
        case .i64: blocks(loops.i64)
        case .bool: blocks(loops.bool)
        }
      })
  }

  private static func unary<T>(_ context: Context, _ loop: UnaryLoop<T>?) -> PreparedKernel {
    guard let loop else { missing(context) }
    let x = context[0].typed(T.self)
    let y = context.result.typed(T.self)
    let count = context.result.count
    return PreparedKernel(units: tiles(count, tile)) { range in
      let begin = range.lowerBound * tile
      loop(x + begin, y + begin, Int64(min(count, range.upperBound * tile) - begin))
    }
  }

  static func binary(_ loops: BinaryLoops) -> KernelRule {
    .elementwise(
      { context in
        switch context[0].dtype {
        case .f32: binary(context, loops.f32)
        case .f64: binary(context, loops.f64)
        case .i32: binary(context, loops.i32)
        case .i64: binary(context, loops.i64)
        case .bool: binary(context, loops.bool)
        }
      },
      BlockKernel { operands, _ in
        switch operands[0] {
        case .f32: blocks(loops.f32)
        case .f64: blocks(loops.f64)
        case .i32: blocks(loops.i32)
        case .i64: blocks(loops.i64)
        case .bool: blocks(loops.bool)
        }
      })
  }

  static func comparison(_ loops: ComparisonLoops) -> KernelRule {
    .elementwise(
      { context in
        switch context[0].dtype {
        case .f32: binary(context, loops.f32)
        case .f64: binary(context, loops.f64)
        case .i32: binary(context, loops.i32)
        case .i64: binary(context, loops.i64)
        case .bool: binary(context, loops.bool)
        }
      },
      BlockKernel { operands, _ in
        switch operands[0] {
        case .f32: blocks(loops.f32)
        case .f64: blocks(loops.f64)
        case .i32: blocks(loops.i32)
        case .i64: blocks(loops.i64)
        case .bool: blocks(loops.bool)
        }
      })
  }

  private static func binary<T, R>(
    _ context: Context, _ loop: BinaryLoop<T, R>?
  ) -> PreparedKernel {
    guard let loop else { missing(context) }
    let walk = ak_walk(broadcasting: context.operands.map(\.shape), to: context.result.shape)
    let a = context[0].typed(T.self)
    let b = context[1].typed(T.self)
    let y = context.result.typed(R.self)
    return rows(walk) { walk, begin, end in loop(walk, a, b, y, begin, end) }
  }

  /// A kernel over the rows of a walk, cut into tiles of about the same number of elements.
  static func rows(
    _ walk: ak_walk, _ body: @escaping (UnsafePointer<ak_walk>, Int64, Int64) -> Void
  ) -> PreparedKernel {
    let rows = walk.rows
    let perTile = max(1, tile / max(1, walk.rowLength))
    return PreparedKernel(units: tiles(rows, perTile)) { range in
      withUnsafePointer(to: walk) { pointer in
        body(
          pointer, Int64(range.lowerBound * perTile), Int64(min(rows, range.upperBound * perTile)))
      }
    }
  }

  static func reduction(_ loops: ReductionLoops) -> KernelRule {
    .prepare { context in
      switch context[0].dtype {
      case .f32: reduction(context, loops.f32)
      case .f64: reduction(context, loops.f64)
      case .i32: reduction(context, loops.i32)
      case .i64: reduction(context, loops.i64)
      case .bool: missing(context)
      }
    }
  }

  static func reduction<T, R>(
    _ context: Context, _ loop: ReductionLoop<T, R>?
  ) -> PreparedKernel {
    guard let loop else { missing(context) }
    let shape = context[0].shape
    let axes = reducedAxes(context.attributes, rank: shape.count)
    let reduction = ak_reduction(shape, reducing: axes)
    let x = context[0].typed(T.self)
    let y = context.result.typed(R.self)
    let count = context.result.count
    // A column sum wants whole rows; cut only where there are many results.
    let perTile = max(64, tile / max(1, shape.reduce(1, *) / max(1, count)))
    return PreparedKernel(units: tiles(count, perTile)) { range in
      withUnsafePointer(to: reduction) { pointer in
        loop(
          pointer, x, y, Int64(range.lowerBound * perTile),
          Int64(min(count, range.upperBound * perTile)))
      }
    }
  }
}
