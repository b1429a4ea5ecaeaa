import CKernels
import GraphIR

typealias ReductionLoop<T, R> =
  @Sendable (
    UnsafePointer<ak_reduction>?, UnsafePointer<T>?, UnsafeMutablePointer<R>?, Int64, Int64
  ) -> Void

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

  /// Element by element; the last operand's dtype chooses the loop.
  static func elements(_ loops: ElementLoops) -> KernelRule {
    .elementwise(
      { context in
        let loop = loops[context.operands.map(\.dtype)]
        switch loop.call {
        case .unary: return unary(context, loop.unary)
        case .binary:
          let call = loop.binary
          let (a, b, y) = (context[0].pointer, context[1].pointer, context.result.pointer)
          return rows(context) { walk, begin, end in call(walk, a, b, y, begin, end) }
        case .select:
          let call = loop.select
          let (c, a, b) = (context[0].pointer, context[1].pointer, context[2].pointer)
          let y = context.result.pointer
          return rows(context) { walk, begin, end in call(walk, c, a, b, y, begin, end) }
        case .copy: preconditionFailure("a copy is no loop")
        }
      },
      BlockKernel { operands, _ in loops[operands] })
  }

  static func unary(_ context: Context, _ loop: @escaping UnaryCall) -> PreparedKernel {
    let (x, y) = (context[0].pointer, context.result.pointer)
    let (from, to) = (context[0].dtype.byteCount, context.result.dtype.byteCount)
    let count = context.result.count
    return PreparedKernel(units: tiles(count, tile)) { range in
      let begin = range.lowerBound * tile
      loop(x + begin * from, y + begin * to, Int64(min(count, range.upperBound * tile) - begin))
    }
  }

  /// A kernel over the rows of a walk, cut into tiles of about the same number of elements.
  private static func rows(
    _ context: Context, _ body: @escaping (UnsafePointer<ak_walk>, Int64, Int64) -> Void
  ) -> PreparedKernel {
    let walk = ak_walk(broadcasting: context.operands.map(\.shape), to: context.result.shape)
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

  /// A sum or mean of floats over the first axes or all of them runs as a block program, so that it
  /// adds up as in a fused group; other axes, and integers, by loops of their own.
  static func sum(_ loops: ReductionLoops, isMean: Bool) -> KernelRule {
    let others = reduction(loops)
    return .prepare { context in
      let shape = context[0].shape
      let axes = reducedAxes(context.attributes, rank: shape.count)
      guard context[0].dtype.isFloating, axes == Array(0..<axes.count) else {
        guard let kernel = others.prepared(context) else { missing(context) }
        return kernel
      }
      let isAll = axes.count == shape.count
      let split = isAll ? max(0, shape.count - 1) : axes.count
      let program = BlockProgram(shape: shape, split: split, hasSums: true)
      let columns = shape[split...].reduce(1, *)
      let added = shape[..<axes.count].reduce(1, *)
      program.sum(
        .memory(context[0].pointer, context[0].dtype, stride: columns, rows: true, columns: true),
        over: isAll ? .all : .rows, divisor: isMean ? Double(added) : 1,
        into: context.result.pointer, context.result.dtype)
      program.seal()
      return PreparedKernel(
        units: program.units, withScratch: { program.run($0, $1) }, finish: { program.finish() })
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
