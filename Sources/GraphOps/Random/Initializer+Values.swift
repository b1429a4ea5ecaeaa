public import GraphIR

extension Initializer {
  /// The first values of a persistent leaf, as doubles in row-major order.
  ///
  /// Drawn from the stream `init/<name>`; depends on the seed and the name alone. Throws what the
  /// fan dims throw when they cannot be evaluated.
  public func values(
    count: Int, name: String, seed: UInt64, sizes: [String: Int]
  ) throws(DimError) -> [Double] {
    let stream = NoiseStream(seed: seed, name: "init/\(name)")
    func uniform(_ low: Double, _ high: Double) -> [Double] {
      stream.values(.uniform, count: count, step: 0).map { low + (high - low) * $0 }
    }
    func normal(_ mean: Double, _ deviation: Double) -> [Double] {
      stream.values(.normal, count: count, step: 0).map { mean + deviation * $0 }
    }
    switch self {
    case .zeros: return [Double](repeating: 0, count: count)
    case .constant(let scalar): return [Double](repeating: scalar.doubleValue, count: count)
    case .uniform(let low, let high): return uniform(low, high)
    case .normal(let mean, let deviation): return normal(mean, deviation)
    case .xavierUniform(let fanIn, let fanOut):
      let fans = try fanIn.adding(fanOut).evaluated(sizes)
      let bound = (6 / Double(max(fans, 1))).squareRoot()
      return uniform(-bound, bound)
    case .torchLinear(let fanIn):
      let bound = 1 / Double(max(try fanIn.evaluated(sizes), 1)).squareRoot()
      return uniform(-bound, bound)
    case .lecunNormal(let fanIn):
      return normal(0, 1 / Double(max(try fanIn.evaluated(sizes), 1)).squareRoot())
    }
  }
}
