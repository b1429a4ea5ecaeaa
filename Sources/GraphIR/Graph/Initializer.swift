/// How a parameter or a state array gets its first values. Every draw comes from the Philox stream
/// that bears the parameter's name, so that it depends on the seed and the name alone.
public enum Initializer: Hashable, Sendable {
  case zeros
  case constant(Scalar)
  /// U(low, high).
  case uniform(low: Double, high: Double)
  /// N(mean, standardDeviation²).
  case normal(mean: Double, standardDeviation: Double)
  /// U(±√(6 / (fanIn + fanOut))). Glorot & Bengio 2010, equation 16.
  case xavierUniform(fanIn: Dim, fanOut: Dim)
  /// U(±1/√fanIn): PyTorch's default for the weight and the bias of `Linear`.
  case torchLinear(fanIn: Dim)
  /// N(0, 1/fanIn): Chainer's default weight of `Linear`. LeCun et al. 1998, section 4.6.
  case lecunNormal(fanIn: Dim)

  /// Every dimension that the initialiser reads.
  public var dims: [Dim] {
    switch self {
    case .zeros, .constant, .uniform, .normal: []
    case .xavierUniform(let fanIn, let fanOut): [fanIn, fanOut]
    case .torchLinear(let fanIn), .lecunNormal(let fanIn): [fanIn]
    }
  }
}

/// The distribution of a noise leaf, before any parameters act on it.
public enum NoiseDistribution: String, CaseIterable, Hashable, Sendable {
  /// N(0, 1).
  case normal
  /// U[0, 1).
  case uniform
}
