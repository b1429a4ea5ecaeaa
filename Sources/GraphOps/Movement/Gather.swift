import CKernels
public import GraphIR

extension OpDefinition {
  /// `gather(x, index, axis: 0)`: the slices of x at the positions `index` (i32 or i64, any shape)
  /// along one axis. A position outside the axis stops the run.
  public static let gather = OpDefinition(
    "gather", "x at positions along an axis",
    operands: ["x", OperandSpec("index", edge: .nondifferentiable)],
    attributes: [AttributeSpec("axis", .int, default: .int(0), "the axis, negative from the end")],
    type: TypeRule { context throws(TypeError) in
      try context.require(1, .integer)
      let shape = context[0].shape
      let axis = try context.normalized(axis: context.attributes.int("axis"), rank: shape.rank)
      return ValueType(
        context[0].dtype,
        Shape(shape.dims[..<axis] + context[1].shape.dims + shape.dims[(axis + 1)...]))
    },
    range: .operand,
    gradient: .partial { g in
      let axis = g.attributes.axis(rank: g[0].shape.rank)
      return [
        .value(GraphOps.scatterAdd(g.cotangent, g[1], axis: axis, size: g[0].shape.dims[axis])),
        .notConnected(because: "positions are integers"),
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let (x, index) = (context[0], context[1])
      let geometry = Geometry(x.shape, axis: context.attributes.axis(rank: x.shape.count))
      var values: [Double] = []
      for outer in 0..<geometry.outer {
        for position in index.values.map({ Int($0) }) {
          guard position >= 0, position < geometry.size else {
            throw geometry.outside(position)
          }
          let start = (outer * geometry.size + position) * geometry.inner
          values += x.values[start..<(start + geometry.inner)]
        }
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .prepare { context in
      let (x, index, y) = (context[0], context[1], context.result)
      let geometry = Geometry(x.shape, axis: context.attributes.axis(rank: x.shape.count))
      let bad = BadIndex(index, geometry)
      let size = Int32(x.dtype.byteCount)
      let (outer, extent, inner, count) = (
        Int64(geometry.outer), Int64(geometry.size), Int64(geometry.inner), Int64(index.count)
      )
      if index.dtype == .i32 {
        return PreparedKernel(
          units: 1,
          run: { _ in
            bad.position = ak_gather_i32(
              size, x.pointer, index.typed(Int32.self), y.pointer, outer, extent, inner, count)
          }, failure: bad.failure)
      }
      return PreparedKernel(
        units: 1,
        run: { _ in
          bad.position = ak_gather_i64(
            size, x.pointer, index.typed(Int64.self), y.pointer, outer, extent, inner, count)
        }, failure: bad.failure)
    },
    drawing: .init(.movement, chainer: "Take", notation: .function(.upright("gather"))),
    axes: AxisRule { axis, context in
      let along = context.attributes.axis(rank: context.operands[0].rank)
      if context.operand == 1 { return axis + along }
      if axis == along { return nil }
      return axis < along ? axis : axis + context.operands[1].rank - 1
    })

  /// `scatter_add(x, index, axis: 0, size: K)`: zeros of extent `size` with the slices of x added
  /// at the positions `index`; the adjoint of `gather`.
  public static let scatterAdd = OpDefinition(
    "scatter_add", "x added at positions along an axis",
    operands: ["x", OperandSpec("index", edge: .nondifferentiable)],
    attributes: [
      AttributeSpec("axis", .int, default: .int(0), "the axis of the result, from the front"),
      AttributeSpec("size", .dim, "the extent of that axis"),
    ],
    type: TypeRule { context throws(TypeError) in
      try context.require(0, .floating)
      try context.require(1, .integer)
      let (x, index) = (context[0].shape, context[1].shape)
      let axis = context.attributes.int("axis")
      guard axis >= 0, axis <= x.rank - index.rank,
        Array(x.dims[axis..<(axis + index.rank)]) == index.dims
      else {
        throw .shape(
          context, 0, "the axes from \(axis) on are not those of the index",
          expected: "[…, \(index.dims.map(\.description).joined(separator: ", ")), …]")
      }
      return ValueType(
        context[0].dtype,
        Shape(x.dims[..<axis] + [context.attributes.dim("size")] + x.dims[(axis + index.rank)...]))
    },
    gradient: .partial { g in
      [
        .value(GraphOps.gather(g.cotangent, g[1], axis: g.attributes.int("axis"))),
        .notConnected(because: "positions are integers"),
      ]
    },
    reference: ReferenceRule { context throws(RunError) in
      let (x, index) = (context[0], context[1])
      let geometry = Geometry(context.shape, axis: context.attributes.int("axis"))
      var values = [Double](repeating: 0, count: context.shape.reduce(1, *))
      for outer in 0..<geometry.outer {
        for (place, position) in index.values.map({ Int($0) }).enumerated() {
          guard position >= 0, position < geometry.size else {
            throw geometry.outside(position)
          }
          for inner in 0..<geometry.inner {
            values[(outer * geometry.size + position) * geometry.inner + inner] +=
              x.values[(outer * index.values.count + place) * geometry.inner + inner]
          }
        }
      }
      return ReferenceArray(shape: context.shape, values: values)
    },
    kernel: .prepare { context in
      switch (context.result.dtype, context[1].dtype) {
      case (.f32, .i32): scatter(context, ak_scatter_add_f32_i32, Float.self, Int32.self)
      case (.f32, .i64): scatter(context, ak_scatter_add_f32_i64, Float.self, Int64.self)
      case (.f64, .i32): scatter(context, ak_scatter_add_f64_i32, Double.self, Int32.self)
      case (.f64, .i64): scatter(context, ak_scatter_add_f64_i64, Double.self, Int64.self)
      default: KernelRule.missing(context)
      }
    },
    drawing: .init(.movement, chainer: "ScatterAdd", notation: .function(.upright("scatter_add"))))
}

/// An array as [outer, size, inner] round one axis.
private struct Geometry {
  var outer: Int
  var size: Int
  var inner: Int

  init(_ shape: [Int], axis: Int) {
    outer = shape[..<axis].reduce(1, *)
    size = shape[axis]
    inner = shape[(axis + 1)...].reduce(1, *)
  }

  func outside(_ position: some BinaryInteger) -> RunError {
    RunError("the position \(position) is outside an axis of extent \(size)")
  }
}

/// What the last run of a kernel that reads positions found wrong.
private final class BadIndex {
  /// The place of the first bad position in the index array, −1 when all were good.
  var position: Int64 = -1
  private let index: Buffer
  private let geometry: Geometry

  init(_ index: Buffer, _ geometry: Geometry) {
    self.index = index
    self.geometry = geometry
  }

  func failure() -> RunError? {
    guard position >= 0 else { return nil }
    let place = Int(position)
    return index.dtype == .i32
      ? geometry.outside(index.typed(Int32.self)[place])
      : geometry.outside(index.typed(Int64.self)[place])
  }
}

private func scatter<T, I>(
  _ context: KernelRule.Context,
  _ loop:
    @escaping (
      UnsafePointer<T>?, UnsafePointer<I>?, UnsafeMutablePointer<T>?, Int64, Int64, Int64, Int64
    ) -> Int64, _: T.Type, _: I.Type
) -> PreparedKernel {
  let (x, index, y) = (context[0], context[1], context.result)
  let geometry = Geometry(y.shape, axis: context.attributes.int("axis"))
  let bad = BadIndex(index, geometry)
  return PreparedKernel(
    units: 1,
    run: { _ in
      bad.position = loop(
        x.typed(T.self), index.typed(I.self), y.typed(T.self), Int64(geometry.outer),
        Int64(geometry.size), Int64(geometry.inner), Int64(index.count))
    }, failure: bad.failure)
}

/// The slices of `x` at the positions `index` along `axis`.
public func gather(_ x: Value, _ index: Value, axis: Int = 0) -> Value {
  x.builder.make(.gather, [x, index], ["axis": .int(axis)])
}

public func scatterAdd(_ x: Value, _ index: Value, axis: Int = 0, size: Dim) -> Value {
  x.builder.make(.scatterAdd, [x, index], ["axis": .int(axis), "size": .dim(size)])
}
