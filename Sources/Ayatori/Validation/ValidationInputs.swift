import Foundation
import GraphIR

/// What the leaves of a graph are fed with at one point of comparison.
enum InputProfile: String, CaseIterable, Sendable {
  case normal
  /// Inputs in [0, 1], both ends among them.
  case images
  /// Everything above zero: logarithms and square roots are smooth there.
  case positive
  /// Zeros of either sign.
  case zeros
  /// Few different numbers, so that many elements are equal.
  case ties
  case tiny = "1e-30"
  case twenty = "20"
  case eightyEight = "88"
  case tenThousand = "1e4"
  /// Magnitudes from 1e-8 to 1e4 side by side.
  case mixed

  /// The magnitude that stands among ordinary numbers, if one does.
  fileprivate func extreme(_ random: inout PointRandom) -> Double? {
    switch self {
    case .normal, .images, .positive, .zeros, .ties: nil
    case .tiny: 1e-30
    case .twenty: 20
    case .eightyEight: 88
    case .tenThousand: 1e4
    case .mixed: Foundation.pow(10, random.uniform() * 12 - 8)
    }
  }
}

/// A point at which graphs are compared: feeds for every leaf, by its name alone, and the sizes.
struct ValidationPoint {
  let profile: InputProfile
  let seed: UInt64
  let sizes: [String: Int]

  /// The values of a leaf; the same for equal names and shapes.
  func values(
    _ name: String, _ kind: ValueNumbering.LeafKind, _ dtype: DType, count: Int
  ) -> [Double] {
    var random = PointRandom(seed: seed, name)
    return (0..<count).map { _ in
      switch dtype {
      case .bool: boolean(&random)
      case .i32, .i64: integer(kind, &random)
      case .f32, .f64: float(kind, &random)
      }
    }
  }

  private func boolean(_ random: inout PointRandom) -> Double {
    switch profile {
    case .zeros: 0
    default: random.uniform() < 0.5 ? 0 : 1
    }
  }

  /// Indices and labels that fit anywhere, mostly; with mixed magnitudes, any small number.
  private func integer(_ kind: ValueNumbering.LeafKind, _ random: inout PointRandom) -> Double {
    switch (profile, kind) {
    case (.zeros, _): 0
    case (_, .state): (random.uniform() * 5).rounded(.down)
    case (.mixed, _): (random.uniform() * 9).rounded(.down) - 4
    default: random.uniform() < 0.5 ? 0 : 1
    }
  }

  private func float(_ kind: ValueNumbering.LeafKind, _ random: inout PointRandom) -> Double {
    switch kind {
    case .noise(.uniform): return random.uniform()
    case .noise(.normal), .weight: return random.normal()
    // Optimizer state holds means of squares.
    case .state: return abs(number(share: 0.25, scale: 1, &random))
    case .parameter: return number(share: 0.1, scale: 0.5, &random)
    case .input:
      guard profile == .images else { return number(share: 0.5, scale: 1, &random) }
      let value = random.uniform()
      return value < 0.2 ? 0 : value > 0.8 ? 1 : value
    }
  }

  /// A number of the profile; `share` of them bear an extreme magnitude where the profile has one.
  private func number(
    share: Double, scale: Double, _ random: inout PointRandom
  ) -> Double {
    let ordinary = random.normal() * scale
    switch profile {
    case .normal, .images: return ordinary
    case .positive: return abs(ordinary) + 0.05
    case .zeros: return ordinary < 0 ? -0.0 : 0
    case .ties: return [-1, -0.5, 0.5, 1, 1][Int(random.uniform() * 5)]
    case .tiny, .twenty, .eightyEight, .tenThousand, .mixed:
      guard random.uniform() < share, let magnitude = profile.extreme(&random) else {
        return ordinary
      }
      return ordinary < 0 ? -magnitude : magnitude
    }
  }

  /// `profile 'normal', seed 7, N = 3`.
  var description: String {
    let sizes = sizes.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
    return (["profile '\(profile.rawValue)'", "seed \(seed)"] + sizes).joined(separator: ", ")
  }
}

/// Sizes small enough for the reference interpreter.
enum ValidationSizes {
  /// Choices to try in order: first all dimensions small and different, so that axes cannot be
  /// mistaken for one another; then even ones, for halves; then the defaults, with small sizes only
  /// where there is none.
  static func candidates(for graph: Graph) -> [[String: Int]] {
    func sizes(_ small: [Int], keepingDefaults: Bool = false) -> [String: Int] {
      var result: [String: Int] = [:]
      for (index, dimension) in graph.dimensions.enumerated() {
        let size = small[index % small.count] + index / small.count
        result[dimension.name] = keepingDefaults ? dimension.defaultSize ?? size : size
      }
      return result
    }
    return [
      sizes([3, 5, 4, 2, 7, 6]), sizes([4, 8, 6, 2, 12, 10]), sizes([4]),
      sizes([3, 2], keepingDefaults: true),
    ]
  }

  /// `sizes` with a single element along what is most likely the batch: a dimension that is bound
  /// when the graph runs. Nil without one.
  static func single(_ sizes: [String: Int], _ graph: Graph) -> [String: Int]? {
    guard let batch = graph.dimensions.first(where: { $0.defaultSize == nil }) else { return nil }
    return sizes.merging([batch.name: 1]) { $1 }
  }
}

/// SplitMix64 (Steele, Lea & Flood 2014): reproducible numbers from a seed.
struct PointRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// A stream of its own for each name.
  init(seed: UInt64, _ name: String) {
    // FNV-1a.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var mixed = PointRandom(seed: seed)
    state = hash ^ mixed.next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// U[0, 1).
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// N(0, 1), by Box and Muller.
  mutating func normal() -> Double {
    let radius = (-2 * Foundation.log(uniform() + 0x1p-54)).squareRoot()
    return radius * Foundation.cos(2 * Double.pi * uniform())
  }
}
