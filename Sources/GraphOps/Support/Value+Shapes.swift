import GraphIR

extension Value {
  /// Sums over the axes along which `shape` was stretched to this value's shape: the adjoint of
  /// broadcasting.
  func summed(to shape: Shape) -> Value {
    let own = self.shape
    if own == shape { return self }
    let missing = own.rank - shape.rank
    let axes = own.dims.indices.filter { axis in
      axis < missing || (shape.dims[axis - missing] == 1 && own.dims[axis] != 1)
    }
    let sum = axes.isEmpty ? self : sum(self, axes: axes)
    return sum.shape == shape ? sum : reshape(sum, shape)
  }

  /// Undoes a reduction without `keepdims`: 1s back in place of `axes`, then stretched to `shape`.
  func spread(over axes: [Int], to shape: Shape) -> Value {
    // Leading axes come back by broadcasting alone.
    if axes == Array(0..<axes.count), self.shape.dims == Array(shape.dims.dropFirst(axes.count)) {
      return broadcast(self, to: shape)
    }
    let kept = keepingDims(axes, of: shape)
    return kept.shape == shape ? kept : broadcast(kept, to: shape)
  }

  /// This reduction's result with 1s in place of the reduced `axes` of `shape`.
  func keepingDims(_ axes: [Int], of shape: Shape) -> Value {
    var dims = shape.dims
    for axis in axes { dims[axis] = 1 }
    return self.shape.dims == dims ? self : reshape(self, Shape(dims))
  }

  /// A constant of this value's dtype.
  func constant(_ value: Double) -> Value { builder.constant(.float(value), dtype) }

  /// Zero of this value's dtype, as a scalar that broadcasts.
  var zero: Value { constant(0) }
}
