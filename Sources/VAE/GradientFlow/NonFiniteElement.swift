import Ayatori

/// The first element of an array, in row-major order, that is not finite.
struct NonFiniteElement {
  let index: [Int]
  let value: Double

  /// Nil when all are finite. As many values as the shape has places.
  init?(_ values: [Double], shape: [Int]) {
    guard let place = values.firstIndex(where: { !$0.isFinite }) else { return nil }
    value = values[place]
    var rest = place
    var index: [Int] = []
    for extent in shape.reversed() {
      index.append(rest % extent)
      rest /= extent
    }
    self.index = index.reversed()
  }
}

extension NDArray {
  /// Whether no element is NaN or infinite.
  var isFinite: Bool {
    withUnsafeBytes { bytes in
      switch dtype {
      case .f32: bytes.bindMemory(to: Float.self).allSatisfy(\.isFinite)
      case .f64: bytes.bindMemory(to: Double.self).allSatisfy(\.isFinite)
      case .i32, .i64, .bool: true
      }
    }
  }

  /// Nil when all are finite: then no copy is made.
  var firstNonFinite: NonFiniteElement? {
    isFinite ? nil : NonFiniteElement(doubles, shape: shape)
  }
}
