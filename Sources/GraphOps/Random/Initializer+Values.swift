public import GraphIR

extension Initializer {
  /// The first values of a persistent leaf, as doubles in row-major order.
  ///
  /// Drawn from the stream `init/<name>`; depends on the seed and the name alone. Throws what the
  /// fan dims throw when they cannot be evaluated.
  public func values(
    count: Int, name: String, seed: UInt64, sizes: [String: Int]
  ) throws(DimError) -> [Double] {
    var values: [Double] = []
    values.reserveCapacity(count)
    try forEachBlock(count: count, name: name, seed: seed, sizes: sizes) { _, block in
      values += block
    }
    return values
  }

  /// Writes the first values into memory, converted to its dtype, without a second copy of them.
  package func fill(
    _ buffer: Buffer, name: String, seed: UInt64, sizes: [String: Int]
  ) throws(DimError) {
    // The one value that a double may not hold.
    if case .constant(.int(let exact)) = self, buffer.dtype == .i64 {
      return buffer.typed(Int64.self).update(repeating: exact, count: buffer.count)
    }
    try forEachBlock(count: buffer.count, name: name, seed: seed, sizes: sizes) { start, block in
      let converted = NDArray(converting: block, to: buffer.dtype, shape: [block.count])
      converted.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        (buffer.pointer + start * buffer.dtype.byteCount)
          .copyMemory(from: base, byteCount: bytes.count)
      }
    }
  }

  private func forEachBlock(
    count: Int, name: String, seed: UInt64, sizes: [String: Int],
    _ body: (_ start: Int, _ block: [Double]) -> Void
  ) throws(DimError) {
    let stream = NoiseStream(seed: seed, name: "init/\(name)")
    let draw = try drawing(sizes)
    let size = 1 << 16
    for start in stride(from: 0, to: count, by: size) {
      let range = start..<min(start + size, count)
      switch draw {
      case .constant(let value):
        body(start, [Double](repeating: value, count: range.count))
      case .uniform(let low, let high):
        body(start, stream.values(.uniform, range, step: 0).map { low + (high - low) * $0 })
      case .normal(let mean, let deviation):
        body(start, stream.values(.normal, range, step: 0).map { mean + deviation * $0 })
      }
    }
  }

  /// The initialiser with its fans worked out.
  private enum Drawing {
    case constant(Double)
    case uniform(Double, Double)
    case normal(Double, Double)
  }

  private func drawing(_ sizes: [String: Int]) throws(DimError) -> Drawing {
    switch self {
    case .zeros: return .constant(0)
    case .constant(let scalar): return .constant(scalar.doubleValue)
    case .uniform(let low, let high): return .uniform(low, high)
    case .normal(let mean, let deviation): return .normal(mean, deviation)
    case .xavierUniform(let fanIn, let fanOut):
      let fans = try fanIn.adding(fanOut).evaluated(sizes)
      let bound = (6 / Double(max(fans, 1))).squareRoot()
      return .uniform(-bound, bound)
    case .torchLinear(let fanIn):
      let bound = 1 / Double(max(try fanIn.evaluated(sizes), 1)).squareRoot()
      return .uniform(-bound, bound)
    case .lecunNormal(let fanIn):
      return .normal(0, 1 / Double(max(try fanIn.evaluated(sizes), 1)).squareRoot())
    }
  }
}
