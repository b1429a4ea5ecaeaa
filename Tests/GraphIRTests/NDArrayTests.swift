import GraphIR
import Testing

@Suite struct NDArrayTests {
  @Test func valuesSurviveInEveryDType() {
    #expect(NDArray([1.5, -2] as [Float], shape: [2]).doubles == [1.5, -2])
    #expect(NDArray([0.1, -2] as [Double], shape: [1, 2]).doubles == [0.1, -2])
    #expect(NDArray([Int32.min, .max], shape: [2]).doubles == [-2_147_483_648, 2_147_483_647])
    #expect(NDArray([Int64(-5), 1 << 53], shape: [2]).doubles == [-5, 0x1p53])
    #expect(NDArray([true, false, true], shape: [3]).doubles == [1, 0, 1])
    #expect(NDArray([true, false], shape: [2]).bytes == [1, 0])
    #expect(NDArray([0.1] as [Double], shape: []).floats == [Float(0.1)])
  }

  @Test func sizesFollowDTypeAndShape() {
    for dtype in DType.allCases {
      let array = NDArray(zeros: dtype, shape: [2, 0, 3])
      #expect(array.count == 0 && array.bytes.isEmpty)
      let full = NDArray(zeros: dtype, shape: [2, 3])
      #expect(full.count == 6 && full.bytes.count == 6 * dtype.byteCount)
      #expect(NDArray(zeros: dtype, shape: []).count == 1)
    }
  }

  @Test func bytesAreLittleEndianAndRowMajor() {
    #expect(NDArray([Int32(1), 256], shape: [2]).bytes == [1, 0, 0, 0, 0, 1, 0, 0])
    let array = NDArray([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(array.reshaped([3, 2]).doubles == array.doubles)
    #expect(array.reshaped([3, 2]).shape == [3, 2])
  }

  @Test func conversionTruncatesAndSaturates() {
    let wild: [Double] = [.nan, .infinity, -.infinity, 1e300, -1e300, 2.9, -2.9, 0x1p63, -0x1p63]
    let i32 = NDArray(converting: wild, to: .i32, shape: [9]).doubles
    let (low, high) = (-2_147_483_648.0, 2_147_483_647.0)
    let expected: [Double] = [0, high, low, high, low, 2, -2, high, low]
    #expect(i32 == expected)
    let pairs: [(Double, Int64)] = [
      (.nan, 0), (.infinity, .max), (-.infinity, .min), (0x1p63, .max), (-0x1p63, .min),
      (0x1p62, 1 << 62), (-2.9, -2),
    ]
    for (value, expected) in pairs {
      #expect(Int64(saturating: value) == expected, "\(value)")
    }
    #expect(Int32(saturating: 2_147_483_646.9) == 2_147_483_646)
    #expect(Int32(saturating: -2_147_483_648.5) == .min)
    #expect(UInt8(saturating: 255.5) == 255)
    #expect(UInt8(saturating: -0.5) == 0)
    #expect(NDArray(converting: [0.1, 0, -3], to: .bool, shape: [3]).doubles == [1, 0, 1])
    #expect(NDArray(converting: [0.1], to: .f32, shape: [1]).doubles == [Double(Float(0.1))])
    #expect(NDArray([1.5, 2.5] as [Float], shape: [2]).converted(to: .i64).doubles == [1, 2])
    #expect(NDArray([1.5] as [Float], shape: [1]).converted(to: .f32).doubles == [1.5])
  }

  @Test func copyingFromMemory() {
    let source: [Float] = [1, 2, 3, 4]
    let array = source.withUnsafeBytes { raw in
      raw.baseAddress.map { NDArray(dtype: .f32, shape: [2, 2], copying: $0) }
    }
    #expect(array == NDArray(source, shape: [2, 2]))
  }

  @Test func equalityIsOfTypeShapeAndBytes() {
    let array = NDArray([0, 0] as [Float], shape: [2])
    #expect(array != NDArray([Int32(0), 0], shape: [2]))
    #expect(array != array.reshaped([1, 2]))
    #expect(array != NDArray([0, -0.0] as [Float], shape: [2]))
  }

  @Test func scalarsCompareByBits() {
    #expect(Scalar.float(0) != .float(-0.0))
    #expect(Scalar.float(.nan) == .float(-.nan))
    #expect(Set([Scalar.float(.nan), .float(-.nan), .float(0), .float(-0.0), .int(0)]).count == 4)
    #expect(Scalar.int(1) != .float(1))
    #expect(Scalar.float(1e-8).description == "1e-08")
    #expect(Scalar.float(-.infinity).description == "-inf")
    #expect(Scalar.bool(true).doubleValue == 1)
  }
}
