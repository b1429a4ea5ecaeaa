import CKernels

/// f32 arithmetic of which one loop can do a few steps, each rounded as by itself.
enum ArithmeticPairs {
  enum Operation: Hashable {
    case add, sub, mul, div
    /// The other way round: c − t, c / t.
    case reversedSub, reversedDiv

    /// What it is with its operands swapped.
    var swapped: Operation {
      switch self {
      case .add, .mul: self
      case .sub: .reversedSub
      case .div: .reversedDiv
      case .reversedSub: .sub
      case .reversedDiv: .div
      }
    }

    var isCommutative: Bool { self == .add || self == .mul }
  }

  private struct Pair: Hashable {
    var first: Operation
    var second: Operation
  }

  private typealias Ternary =
    @convention(c) (
      UnsafePointer<ak_walk>?, UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
      UnsafeMutablePointer<Float>?, Int64, Int64
    ) -> Void
  private typealias Quaternary =
    @convention(c) (
      UnsafePointer<ak_walk>?, UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
      UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int64, Int64
    ) -> Void

  /// What the loop of a single operation computes; nil for any other loop.
  static func operation(of loop: UnsafeRawPointer?) -> Operation? {
    loop.flatMap { single[$0] }
  }

  /// The loop for `second(first(a, b), c)`.
  static func loop(_ first: Operation, _ second: Operation) -> UnsafeRawPointer? {
    pairs[Pair(first: first, second: second)]
  }

  /// A loop of one operand that is a part of a longer one.
  static func isSquareRoot(_ loop: UnsafeRawPointer?) -> Bool { loop == squareRoot }
  static func isSquare(_ loop: UnsafeRawPointer?) -> Bool { loop == square }

  static func isFlush(_ loop: UnsafeRawPointer?) -> Bool { loop == flush }

  private nonisolated(unsafe) static let flush = address(ak_flush_subnormals_f32 as UnaryF32)
  private nonisolated(unsafe) static let squareRoot = address(ak_sqrt_f32 as UnaryF32)
  private nonisolated(unsafe) static let square = address(ak_square_f32 as UnaryF32)

  /// The loop for a·b + c·d.
  nonisolated(unsafe) static let sumOfProducts = address(ak_mul_mul_add_f32 as Quaternary)
  /// The loop for a·b + c²·d.
  nonisolated(unsafe) static let sumWithSquare = address(ak_mul_square_add_f32 as Quaternary)
  /// The loop for √a·b + c.
  nonisolated(unsafe) static let scaledRoot = address(ak_sqrt_mul_add_f32 as Ternary)
  /// The loop for d − a·b / c.
  nonisolated(unsafe) static let lessQuotient = address(ak_mul_div_rsub_f32 as Quaternary)

  /// The loop for what `loop` computes, without subnormals; nil where there is none.
  static func flushed(_ loop: UnsafeRawPointer?) -> UnsafeRawPointer? {
    switch loop {
    case sumOfProducts: flushedSumOfProducts
    case sumWithSquare: flushedSumWithSquare
    default: nil
    }
  }

  private nonisolated(unsafe) static let flushedSumOfProducts = address(
    ak_mul_mul_add_flush_f32 as Quaternary)
  private nonisolated(unsafe) static let flushedSumWithSquare = address(
    ak_mul_square_add_flush_f32 as Quaternary)

  private static func address<F>(_ function: F) -> UnsafeRawPointer {
    unsafeBitCast(function, to: UnsafeRawPointer.self)
  }

  private nonisolated(unsafe) static let single: [UnsafeRawPointer: Operation] = {
    let loops: [(BinaryF32, Operation)] = [
      (ak_add_f32, .add), (ak_sub_f32, .sub), (ak_mul_f32, .mul), (ak_div_f32, .div),
    ]
    return Dictionary(
      uniqueKeysWithValues: loops.map { (unsafeBitCast($0, to: UnsafeRawPointer.self), $1) })
  }()

  private nonisolated(unsafe) static let pairs: [Pair: UnsafeRawPointer] = {
    let loops: [(Operation, Operation, Ternary)] = [
      (.mul, .add, ak_mul_add_f32), (.mul, .sub, ak_mul_sub_f32),
      (.mul, .reversedSub, ak_mul_rsub_f32), (.mul, .mul, ak_mul_mul_f32),
      (.mul, .div, ak_mul_div_f32), (.mul, .reversedDiv, ak_mul_rdiv_f32),
      (.div, .add, ak_div_add_f32), (.div, .sub, ak_div_sub_f32),
      (.div, .reversedSub, ak_div_rsub_f32), (.add, .mul, ak_add_mul_f32),
      (.add, .div, ak_add_div_f32), (.sub, .mul, ak_sub_mul_f32), (.sub, .div, ak_sub_div_f32),
    ]
    return Dictionary(
      uniqueKeysWithValues: loops.map {
        (Pair(first: $0, second: $1), unsafeBitCast($2, to: UnsafeRawPointer.self))
      })
  }()
}
