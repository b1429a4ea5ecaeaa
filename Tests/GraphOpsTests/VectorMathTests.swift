import CKernels
import Foundation
import Testing

/// An f32 function of the C loops, as ak_math.h promises it.
struct VectorFunction: Sendable, CustomTestStringConvertible {
  var name: String
  /// The largest error over all floats, in units of the last place.
  var bound: Double
  /// Over n elements, by the copy of the loop that the CPU can run.
  var loop: @convention(c) (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int64) -> Void
  /// Of one element, compiled for any CPU of the architecture.
  var single: @Sendable (Float) -> Float
  /// The C library's.
  var reference: @Sendable (Double) -> Double
  var specials: [(x: Float, y: Float)]

  var testDescription: String { name }

  func callAsFunction(_ x: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: x.count) { y, count in
      loop(x, y.baseAddress, Int64(x.count))
      count = x.count
    }
  }

  private static let tiny = Float.leastNonzeroMagnitude
  private static let top = Float.greatestFiniteMagnitude

  /// NaN gives NaN in all of them. −103.5 is where e^x is nearest to the least float.
  static let all = [
    VectorFunction(
      name: "exp", bound: 0.9, loop: ak_exp_f32, single: { ak_exp_of_f32($0) },
      reference: { exp($0) },
      specials: [
        (0, 1), (-0.0, 1), (tiny, 1), (.infinity, .infinity), (-.infinity, 0), (89, .infinity),
        (top, .infinity), (-103.5, tiny), (-104, 0), (-top, 0),
      ]),
    VectorFunction(
      name: "expm1", bound: 1.0, loop: ak_expm1_f32, single: { ak_expm1_of_f32($0) },
      reference: { expm1($0) },
      specials: [
        (0, 0), (-0.0, -0.0), (tiny, tiny), (-tiny, -tiny), (.infinity, .infinity),
        (-.infinity, -1), (89, .infinity), (top, .infinity), (-18, -1), (-top, -1),
      ]),
    VectorFunction(
      name: "log", bound: 0.7, loop: ak_log_f32, single: { ak_log_of_f32($0) },
      reference: { log($0) },
      specials: [
        (0, -.infinity), (-0.0, -.infinity), (1, 0), (.infinity, .infinity), (-tiny, .nan),
        (-1, .nan), (-.infinity, .nan), (tiny, -103.278931), (top, 88.7228394),
      ]),
    VectorFunction(
      name: "log1p", bound: 0.7, loop: ak_log1p_f32, single: { ak_log1p_of_f32($0) },
      reference: { log1p($0) },
      specials: [
        (0, 0), (-0.0, -0.0), (tiny, tiny), (-tiny, -tiny), (-1, -.infinity), (-2, .nan),
        (-.infinity, .nan), (.infinity, .infinity), (top, 88.7228394),
      ]),
    VectorFunction(
      name: "tanh", bound: 0.9, loop: ak_tanh_f32, single: { ak_tanh_of_f32($0) },
      reference: { tanh($0) },
      specials: [
        (0, 0), (-0.0, -0.0), (tiny, tiny), (-tiny, -tiny), (.infinity, 1), (-.infinity, -1),
        (10, 1), (-top, -1),
      ]),
    VectorFunction(
      name: "sigmoid", bound: 0.9, loop: ak_sigmoid_f32, single: { ak_sigmoid_of_f32($0) },
      reference: { 1 / (1 + exp(-$0)) },
      specials: [
        (0, 0.5), (-0.0, 0.5), (tiny, 0.5), (.infinity, 1), (-.infinity, 0), (20, 1), (top, 1),
        (-103.5, tiny), (-104, 0), (-top, 0),
      ]),
    VectorFunction(
      name: "softplus", bound: 1.1, loop: ak_softplus_f32, single: { ak_softplus_of_f32($0) },
      reference: { Swift.max($0, 0) + log1p(exp(-Swift.abs($0))) },
      specials: [
        (0, 0.693147182), (-0.0, 0.693147182), (.infinity, .infinity), (-.infinity, 0), (20, 20),
        (top, top), (-103.5, tiny), (-104, 0), (-top, 0),
      ]),
    VectorFunction(
      name: "erf", bound: 1.2, loop: ak_erf_f32, single: { ak_erf_of_f32($0) },
      reference: { erf($0) },
      specials: [
        (0, 0), (-0.0, -0.0), (tiny, tiny), (-tiny, -tiny), (.infinity, 1), (-.infinity, -1),
        (4, 1), (-top, -1),
      ]),
    VectorFunction(
      name: "sin", bound: 0.8, loop: ak_sin_f32,
      single: { ak_is_huge_angle($0) != 0 ? ak_sin_of_huge_f32($0) : ak_sin_of_f32($0) },
      reference: { sin($0) },
      specials: [
        (0, 0), (-0.0, -0.0), (tiny, tiny), (-tiny, -tiny), (.infinity, .nan), (-.infinity, .nan),
        (top, -0.521876523),
      ]),
    VectorFunction(
      name: "cos", bound: 0.8, loop: ak_cos_f32,
      single: { ak_is_huge_angle($0) != 0 ? ak_cos_of_huge_f32($0) : ak_cos_of_f32($0) },
      reference: { cos($0) },
      specials: [
        (0, 1), (-0.0, 1), (tiny, 1), (.infinity, .nan), (-.infinity, .nan), (top, 0.853021040),
      ]),
  ]
}

extension Float {
  /// Bits by which results are compared; all NaNs are the same.
  fileprivate var comparable: UInt32 { isNaN ? Float.nan.bitPattern : bitPattern }
}

@Suite("Vector math")
struct VectorMathTests {
  // MARK: Errors

  /// |got − wanted| in last places of a float of that size. Infinity counts as 2^128, the float
  /// after the largest. Infinite where one is NaN, or where a zero has the wrong sign.
  private static func ulps(_ got: Float, _ wanted: Double) -> Double {
    if got.isNaN || wanted.isNaN { return got.isNaN && wanted.isNaN ? 0 : .infinity }
    if got == 0, got.sign != wanted.sign { return .infinity }
    let top = 0x1p128
    let near = Swift.max(-top, Swift.min(wanted, top))
    let value = got.isInfinite ? (got < 0 ? -top : top) : Double(got)
    let exponent = Swift.max(Int(near.bitPattern >> 52 & 0x7FF), 1023 - 126)
    return Swift.abs(value - near) / Double(bitPattern: UInt64(exponent - 23) << 52)
  }

  /// The largest error over every `stride`-th float, and where.
  private static func worst(_ function: VectorFunction, stride: Int) -> (ulps: Double, at: Float) {
    let block = 4096
    var result = (ulps: 0.0, at: Float.nan)
    for start in Swift.stride(from: 0, to: 1 << 32, by: stride * block) {
      let count = Swift.min(block, ((1 << 32) - start + stride - 1) / stride)
      let x = (0..<count).map { Float(bitPattern: UInt32(start + $0 * stride)) }
      let y = function(x)
      for index in 0..<count {
        let ulps = ulps(y[index], function.reference(Double(x[index])))
        if ulps > result.ulps { result = (ulps, x[index]) }
      }
    }
    return result
  }

  /// Every float with `AYATORI_EXHAUSTIVE=1`, which wants a release build; Tools/ulp is faster.
  @Test("Errors keep to their bounds over all floats", arguments: VectorFunction.all)
  func errors(_ function: VectorFunction) {
    let isExhaustive = ProcessInfo.processInfo.environment["AYATORI_EXHAUSTIVE"] == "1"
    let worst = Self.worst(function, stride: isExhaustive ? 1 : 6007)
    #expect(
      worst.ulps <= function.bound,
      "\(worst.ulps) ulp at \(String(format: "%a", Double(worst.at))), \(worst.at)")
  }

  @Test("Errors are counted right")
  func counting() {
    let tiny = Double(Float.leastNonzeroMagnitude)
    #expect(Self.ulps(1.5, 1.5) == 0)
    #expect(Self.ulps(1.5, 1.5 + 0x1p-24) == 0.5)
    #expect(Self.ulps(1, 1 - 0x1p-24) == 1)
    #expect(Self.ulps(0, tiny / 2) == 0.5)
    #expect(Self.ulps(.infinity, 0x1p128 - 0x1p104) == 1)
    #expect(Self.ulps(-.infinity, -1e300) == 0)
    #expect(Self.ulps(.nan, .nan) == 0)
    #expect(Self.ulps(.nan, 1).isInfinite)
    #expect(Self.ulps(1, .nan).isInfinite)
    #expect(Self.ulps(-0.0, 0).isInfinite)
    #expect(Self.ulps(0, -tiny / 8).isInfinite)
  }

  @Test("Special values", arguments: VectorFunction.all)
  func specials(_ function: VectorFunction) {
    for (x, y) in function.specials + [(.nan, .nan), (-.nan, .nan)] {
      let got = function([x])[0]
      #expect(got.comparable == y.comparable, "\(function.name)(\(x)) is \(got), not \(y)")
    }
  }

  // MARK: Bits

  /// Arguments of all sizes, infinities, NaN and huge angles among them.
  private static func arguments(_ count: Int) -> [Float] {
    var generator = SeededGenerator(state: 11)
    return (0..<count).map { index in
      switch index % 7 {
      case 0: Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
      case 1: [.infinity, -.infinity, .nan, 0, -0.0, 1e30, -1e6][index / 7 % 7]
      default: Float.random(in: -20...20, using: &generator)
      }
    }
  }

  @Test(
    "Every length and alignment gives the bits of single elements", arguments: VectorFunction.all)
  func tails(_ function: VectorFunction) {
    let guardian: Float = 12345
    // 600 elements are three of the blocks by which sine and cosine look for huge angles.
    for count in Array(0...40) + [255, 256, 257, 600] {
      let x = Self.arguments(count)
      let wanted = x.map { function([$0])[0].comparable }
      for offset in 0..<4 {
        let pad = [Float](repeating: guardian, count: offset)
        let from = pad + x
        var to = [Float](repeating: guardian, count: offset + count + 8)
        from.withUnsafeBufferPointer { from in
          to.withUnsafeMutableBufferPointer { to in
            function.loop(
              from.baseAddress.map { $0 + offset }, to.baseAddress.map { $0 + offset },
              Int64(count))
          }
        }
        #expect(to[offset..<offset + count].map(\.comparable) == wanted, "\(count) from \(offset)")
        #expect(to.prefix(offset).allSatisfy { $0 == guardian })
        #expect(to.suffix(8).allSatisfy { $0 == guardian })
        // In place.
        var both = from
        both.withUnsafeMutableBufferPointer { both in
          let base = both.baseAddress.map { $0 + offset }
          function.loop(base, base, Int64(count))
        }
        #expect(both[offset...].map(\.comparable) == wanted, "\(count) from \(offset) in place")
      }
    }
  }

  /// The loop runs instructions of this CPU; `single` is compiled for the oldest, which on x86-64
  /// takes fused products from the C library.
  @Test("The bits do not depend on the CPU's instructions", arguments: VectorFunction.all)
  func levels(_ function: VectorFunction) {
    let x = Self.arguments(5000)
    let differing = zip(x, function(x)).filter { function.single($0).comparable != $1.comparable }
    #expect(differing.map(\.0) == [])
  }
}

/// The normals of a stream, whose blocks are drawn side by side.
@Suite("Vector normals")
struct VectorNormalTests {
  private static func draw<T>(
    _ loop: (UnsafePointer<ak_stream>?, UnsafeMutablePointer<T>?, Int64, Int64) -> Void,
    _ range: Range<Int>, _ zero: T
  ) -> [T] {
    var stream = ak_stream(key: (3, 14), step: 15)
    var y = [T](repeating: zero, count: range.count)
    y.withUnsafeMutableBufferPointer { y in
      // The base is element 0, which lies before the memory.
      loop(
        &stream, y.baseAddress.map { $0 - range.lowerBound }, Int64(range.lowerBound),
        Int64(range.upperBound))
    }
    return y
  }

  @Test(
    "Pieces that begin and end anywhere are parts of the whole", arguments: [0, 3, 1 << 34 | 1])
  func pieces(first: Int) {
    let range = first..<first + 1500
    let doubles = Self.draw(ak_normal_f64, range, 0)
    let floats = Self.draw(ak_normal_f32, range, 0)
    #expect(floats == doubles.map { Float($0) })
    for size in [1, 3, 37, 255, 256, 257, 1001] {
      var pieces: ([Double], [Float]) = ([], [])
      for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
        let piece = start..<Swift.min(start + size, range.upperBound)
        pieces.0 += Self.draw(ak_normal_f64, piece, 0)
        pieces.1 += Self.draw(ak_normal_f32, piece, 0)
      }
      #expect(pieces.0 == doubles, "pieces of \(size)")
      #expect(pieces.1 == floats, "pieces of \(size)")
    }
  }

  @Test("Each element is Box and Muller's of its words")
  func words() {
    let doubles = Self.draw(ak_normal_f64, 0..<1000, 0)
    for block in 0..<250 {
      var w: [UInt32] = [0, 0, 0, 0]
      ak_philox4x32_10([UInt32(block), 0, 15, 0], [3, 14], &w)
      for pair in [0, 2] {
        var x = 0.0
        var y = 0.0
        ak_box_muller(UInt64(w[pair]), UInt64(w[pair + 1]), &x, &y)
        #expect([x, y] == Array(doubles[block * 4 + pair..<block * 4 + pair + 2]))
      }
    }
  }

  #if arch(x86_64)
    @Test("Within three ulp of the same by 64-bit mantissas")
    func errors() {
      var generator = SeededGenerator(state: 5)
      var edges: [UInt32] = [0, 1, 2, .max, .max - 1]
      for eighth in 1..<8 as Range<UInt32> {
        edges += [eighth << 29 - 1, eighth << 29, eighth << 29 + 1]
      }
      var pairs = edges.flatMap { a in edges.map { (a, $0) } }
      for _ in 0..<20_000 {
        pairs.append((generator.word(), generator.word()))
      }
      for (a, b) in pairs {
        var got = (0.0, 0.0)
        ak_box_muller(UInt64(a), UInt64(b), &got.0, &got.1)
        let radius = (-2 * log((Float80(a) + 1) * 0x1p-32)).squareRoot()
        // Exact zeros and signs by symmetry: the angle is taken from the nearest quarter turn.
        let quarter = (UInt64(b) + 1 << 29) >> 30
        let angle = (Float80(b) - Float80(quarter << 30)) * Float80.pi * 0x1p-31
        let (c, s) = (radius * cos(angle), radius * sin(angle))
        let wanted = [(c, s), (-s, c), (-c, -s), (s, -c)][Int(quarter % 4)]
        for (got, wanted) in [(got.0, wanted.0), (got.1, wanted.1)] {
          let error = Swift.abs(Float80(got) - wanted) / Float80(Double(wanted).ulp)
          #expect(error <= 3, "\(got), not \(wanted), from the words \(a), \(b)")
        }
      }
    }
  #endif
}

extension SeededGenerator {
  fileprivate mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next() >> 32) }
}
