import CKernels
import GraphIR

// The C loops by what they are called with, the element types forgotten: a pointer is a pointer.
typealias UnaryCall =
  @convention(c) (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int64) -> Void
typealias BinaryCall =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeMutableRawPointer?, Int64,
    Int64
  ) -> Void
typealias SelectCall =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?,
    UnsafeMutableRawPointer?, Int64, Int64
  ) -> Void

extension BlockLoop {
  /// Traps when the loop is called in another way.
  var unary: UnaryCall {
    precondition(call == .unary, "a loop that is called as \(call)")
    return unsafeBitCast(address, to: UnaryCall.self)
  }

  var binary: BinaryCall {
    precondition(call == .binary, "a loop that is called as \(call)")
    return unsafeBitCast(address, to: BinaryCall.self)
  }

  var select: SelectCall {
    precondition(call == .select, "a loop that is called as \(call)")
    return unsafeBitCast(address, to: SelectCall.self)
  }
}

/// The loops of an elementwise op, one for each dtype that its last operand may have.
struct ElementLoops: Sendable {
  private var loops: [DType: BlockLoop] = [:]

  /// The type rule lets no other dtype through, so a missing loop is a mistake in the op's file.
  subscript(_ operands: [DType]) -> BlockLoop {
    guard let dtype = operands.last, let loop = loops[dtype] else {
      preconditionFailure("no loop for \(operands)")
    }
    return loop
  }

  private init(_ call: BlockLoop.Call, _ addresses: [(DType, UnsafeRawPointer?)]) {
    for (dtype, address) in addresses {
      if let address { loops[dtype] = BlockLoop(call, address) }
    }
  }
}

// A C function's type is spelled out for each element type: it cannot be generic.
typealias UnaryF32 =
  @convention(c) (
    UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int64
  ) -> Void
typealias UnaryF64 =
  @convention(c) (
    UnsafePointer<Double>?, UnsafeMutablePointer<Double>?, Int64
  ) -> Void
typealias UnaryI32 =
  @convention(c) (
    UnsafePointer<Int32>?, UnsafeMutablePointer<Int32>?, Int64
  ) -> Void
typealias UnaryI64 =
  @convention(c) (
    UnsafePointer<Int64>?, UnsafeMutablePointer<Int64>?, Int64
  ) -> Void
typealias UnaryBool =
  @convention(c) (
    UnsafePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, Int64
  ) -> Void
typealias BinaryF32 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
    UnsafeMutablePointer<Float>?,
    Int64, Int64
  ) -> Void
typealias BinaryF64 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Double>?, UnsafePointer<Double>?,
    UnsafeMutablePointer<Double>?,
    Int64, Int64
  ) -> Void
typealias BinaryI32 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?,
    UnsafeMutablePointer<Int32>?,
    Int64, Int64
  ) -> Void
typealias BinaryI64 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Int64>?, UnsafePointer<Int64>?,
    UnsafeMutablePointer<Int64>?,
    Int64, Int64
  ) -> Void
typealias BinaryBool =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?,
    UnsafeMutablePointer<UInt8>?,
    Int64, Int64
  ) -> Void
typealias ComparisonF32 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
    UnsafeMutablePointer<UInt8>?,
    Int64, Int64
  ) -> Void
typealias ComparisonF64 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Double>?, UnsafePointer<Double>?,
    UnsafeMutablePointer<UInt8>?,
    Int64, Int64
  ) -> Void
typealias ComparisonI32 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?,
    UnsafeMutablePointer<UInt8>?,
    Int64, Int64
  ) -> Void
typealias ComparisonI64 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<Int64>?, UnsafePointer<Int64>?,
    UnsafeMutablePointer<UInt8>?,
    Int64, Int64
  ) -> Void
typealias ComparisonBool =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?,
    UnsafeMutablePointer<UInt8>?,
    Int64, Int64
  ) -> Void
typealias SelectF32 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
    UnsafeMutablePointer<Float>?, Int64, Int64
  ) -> Void
typealias SelectF64 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<Double>?, UnsafePointer<Double>?,
    UnsafeMutablePointer<Double>?, Int64, Int64
  ) -> Void
typealias SelectI32 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?,
    UnsafeMutablePointer<Int32>?, Int64, Int64
  ) -> Void
typealias SelectI64 =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<Int64>?, UnsafePointer<Int64>?,
    UnsafeMutablePointer<Int64>?, Int64, Int64
  ) -> Void
typealias SelectBool =
  @convention(c) (
    UnsafePointer<ak_walk>?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?,
    UnsafeMutablePointer<UInt8>?, Int64, Int64
  ) -> Void

private func address<F>(_ function: F?) -> UnsafeRawPointer? {
  function.map { unsafeBitCast($0, to: UnsafeRawPointer.self) }
}

extension ElementLoops {
  /// Of one operand: y has its dtype.
  static func unary(
    f32: UnaryF32? = nil, f64: UnaryF64? = nil, i32: UnaryI32? = nil, i64: UnaryI64? = nil,
    bool: UnaryBool? = nil
  ) -> ElementLoops {
    ElementLoops(
      .unary,
      [
        (.f32, address(f32)), (.f64, address(f64)), (.i32, address(i32)), (.i64, address(i64)),
        (.bool, address(bool)),
      ])
  }

  /// Of two operands: y has their dtype.
  static func binary(
    f32: BinaryF32? = nil, f64: BinaryF64? = nil, i32: BinaryI32? = nil, i64: BinaryI64? = nil,
    bool: BinaryBool? = nil
  ) -> ElementLoops {
    ElementLoops(
      .binary,
      [
        (.f32, address(f32)), (.f64, address(f64)), (.i32, address(i32)), (.i64, address(i64)),
        (.bool, address(bool)),
      ])
  }

  /// Of two operands: y is a truth value, one byte.
  static func comparison(
    f32: ComparisonF32? = nil, f64: ComparisonF64? = nil, i32: ComparisonI32? = nil,
    i64: ComparisonI64? = nil, bool: ComparisonBool? = nil
  ) -> ElementLoops {
    ElementLoops(
      .binary,
      [
        (.f32, address(f32)), (.f64, address(f64)), (.i32, address(i32)), (.i64, address(i64)),
        (.bool, address(bool)),
      ])
  }

  /// Of a truth value and two operands of one dtype: y has that.
  static func select(
    f32: SelectF32? = nil, f64: SelectF64? = nil, i32: SelectI32? = nil, i64: SelectI64? = nil,
    bool: SelectBool? = nil
  ) -> ElementLoops {
    ElementLoops(
      .select,
      [
        (.f32, address(f32)), (.f64, address(f64)), (.i32, address(i32)), (.i64, address(i64)),
        (.bool, address(bool)),
      ])
  }
}
