import Foundation
import GraphIR

// Interval rules that several ops share. Kernels of functions keep to the function's image and are
// otherwise off by a few units in the last place; bounds are set that much wider.

extension ValueRange {
  /// Wider by more than any kernel's error.
  var slack: ValueRange {
    func below(_ x: Double) -> Double { x == 0 ? 0 : x - abs(x) * 1e-6 }
    func above(_ x: Double) -> Double { x == 0 ? 0 : x + abs(x) * 1e-6 }
    return ValueRange(
      low.isFinite ? below(low) : low, high.isFinite ? above(high) : high, isPositive: isPositive)
  }
}

extension RangeRule {
  /// A function that grows, with its image. Below its domain it has no value.
  static func increasing(
    into image: ValueRange = .everything, from start: Double = -.infinity,
    _ f: @escaping @Sendable (Double) -> Double
  ) -> RangeRule {
    RangeRule { c in
      let (low, high) = (f(max(c[0].low, start)), f(max(c[0].high, start)))
      guard low <= high else { return image }
      return ValueRange(low, high).slack.intersection(image)
    }
  }

  /// x² and |x|: by how far from 0 the operand lies.
  static func even(_ f: @escaping @Sendable (Double) -> Double) -> RangeRule {
    RangeRule { c in ValueRange.even(c[0], f) }
  }

  static let sum = RangeRule { c in
    let x = c[0]
    let axes = reducedAxes(c.attributes, rank: c.operandTypes[0].shape.rank)
    let count = axes.reduce(1.0 as Double?) { count, axis in
      let extent = try? c.operandTypes[0].shape.dims[axis].evaluated([:])
      return extent.flatMap { extent in count.map { $0 * Double(extent) } }
    }
    let counts = ValueRange(count ?? 1, count ?? .infinity)
    guard counts.high > 0 else { return .exactly(0) }
    return (x * counts).slack
  }

  static let mean = RangeRule { $0[0].slack }

  static let logSumExp = RangeRule { c in ValueRange(c[0].low, .infinity).slack }

  /// Any of the operands from the given one on.
  static func either(from first: Int = 0) -> RangeRule {
    RangeRule { c in
      c.operands.dropFirst(first).reduce(c[first]) { $0.union($1) }
    }
  }

  /// aᵇ: what is known is the sign.
  static let power = RangeRule { c in
    if c[1].low == c[1].high, let exponent = Int(exactly: c[1].low), exponent >= 0 {
      if exponent % 2 == 0 { return ValueRange.even(c[0]) { Foundation.pow($0, Double(exponent)) } }
      return ValueRange(
        Foundation.pow(c[0].low, Double(exponent)), Foundation.pow(c[0].high, Double(exponent)),
        isPositive: c[0].isPositive
      ).slack
    }
    if c[0].isPositive { return .positive }
    return c[0].low >= 0 ? .nonnegative : .everything
  }

  static let cast = RangeRule { c in
    switch c.type.dtype {
    case .bool: return .unit
    case .i32, .i64:
      // Towards zero; what does not fit becomes the nearest bound.
      let x = c[0]
      return ValueRange(min(x.low.rounded(.towardZero), x.high), x.high.rounded(.towardZero))
    case .f32, .f64: return c[0]
    }
  }
}

extension ValueRange {
  static func even(_ x: ValueRange, _ f: (Double) -> Double) -> ValueRange {
    let nearest = x.contains(0) ? 0 : min(abs(x.low), abs(x.high))
    let farthest = max(abs(x.low), abs(x.high))
    return ValueRange(f(nearest), f(farthest), isPositive: x.isPositive).slack
  }
}
