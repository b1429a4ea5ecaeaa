import GraphIR

/// Row-major strides of a shape.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in stride(from: shape.count - 2, through: 0, by: -1) {
    strides[axis] = strides[axis + 1] * shape[axis + 1]
  }
  return strides
}

/// Strides that read an array of `shape` as if broadcast to `target`: 0 along stretched axes.
func broadcastStrides(_ shape: [Int], to target: [Int]) -> [Int] {
  let own = rowMajorStrides(shape)
  let missing = target.count - shape.count
  return target.indices.map { axis in
    axis < missing || (shape[axis - missing] == 1 && target[axis] != 1) ? 0 : own[axis - missing]
  }
}

/// Every index of `shape` in row-major order.
struct IndexSequence: Sequence, IteratorProtocol {
  private let shape: [Int]
  private var upcoming: [Int]?

  init(_ shape: [Int]) {
    self.shape = shape
    upcoming = shape.contains(0) ? nil : [Int](repeating: 0, count: shape.count)
  }

  mutating func next() -> [Int]? {
    guard let current = upcoming else { return nil }
    var following = current
    var axis = shape.count - 1
    while axis >= 0 {
      following[axis] += 1
      if following[axis] < shape[axis] { break }
      following[axis] = 0
      axis -= 1
    }
    upcoming = axis < 0 ? nil : following
    return current
  }
}

/// Σ index·stride.
func offset(_ index: [Int], _ strides: [Int]) -> Int {
  zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
}

/// An i32 result wraps as in the kernels, as far as a Double holds it exactly.
private func wrapped(_ value: Double, _ dtype: DType) -> Double {
  guard dtype == .i32, Swift.abs(value) < 0x1p53, let exact = Int64(exactly: value) else {
    return value
  }
  return Double(Int32(truncatingIfNeeded: exact))
}

extension ReferenceRule {
  /// One operand, element by element.
  static func elementwise(_ f: @escaping @Sendable (Double) -> Double) -> ReferenceRule {
    ReferenceRule { context throws(RunError) in
      ReferenceArray(
        shape: context.shape, values: context[0].values.map { wrapped(f($0), context.type.dtype) })
    }
  }

  /// Two operands with broadcasting.
  static func elementwise(_ f: @escaping @Sendable (Double, Double) -> Double) -> ReferenceRule {
    broadcast { f($0[0], $0[1]) }
  }

  /// Any number of operands with broadcasting; `f` gets one element of each.
  static func broadcast(_ f: @escaping @Sendable ([Double]) -> Double) -> ReferenceRule {
    ReferenceRule { context throws(RunError) in
      let strides = context.operands.map { broadcastStrides($0.shape, to: context.shape) }
      return ReferenceArray(
        shape: context.shape,
        values: IndexSequence(context.shape).map { index in
          wrapped(
            f(zip(context.operands, strides).map { $0.values[offset(index, $1)] }),
            context.type.dtype)
        })
    }
  }

  /// `f` over all elements that fall into one element of the result, in row-major order.
  static func reduction(_ f: @escaping @Sendable ([Double]) -> Double) -> ReferenceRule {
    ReferenceRule { context throws(RunError) in
      let shape = context[0].shape
      let axes = reducedAxes(context.attributes, rank: shape.count)
      let kept = shape.indices.filter { !axes.contains($0) }
      let strides = rowMajorStrides(shape)
      var values: [Double] = []
      for outer in IndexSequence(kept.map { shape[$0] }) {
        let base = offset(outer, kept.map { strides[$0] })
        let line = IndexSequence(axes.map { shape[$0] }).map { inner in
          context[0].values[base + offset(inner, axes.map { strides[$0] })]
        }
        values.append(wrapped(f(line), context.type.dtype))
      }
      return ReferenceArray(shape: context.shape, values: values)
    }
  }
}
