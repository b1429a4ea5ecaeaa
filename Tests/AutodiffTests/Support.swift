import Autodiff
import GraphIR
import GraphOps
import Runtime
import Testing

/// SplitMix64 (Steele, Lea & Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func values(_ count: Int, in range: ClosedRange<Double> = -1...1) -> [Double] {
    (0..<count).map { _ in Double.random(in: range, using: &self) }
  }
}

typealias Feeds = [String: ReferenceArray]

extension Graph {
  func id(_ name: String) throws -> NodeID {
    try #require(node(named: name)?.id, "no node '\(name)' among \(names)")
  }

  /// The value of one node by the reference interpreter.
  func value(of id: NodeID, _ feeds: Feeds) throws -> [Double] {
    try #require(try ReferenceInterpreter(self).evaluate([id], feeds: feeds)[id]).values
  }

  func value(_ name: String, _ feeds: Feeds) throws -> [Double] { try value(of: id(name), feeds) }

  /// The node that computes ∂root/∂target.
  func differentiated(
    _ root: String, _ targets: [String]
  ) throws -> (result: ReverseMode.Result, ids: [NodeID]) {
    let result = try ReverseMode.differentiate(
      self, root: .init(try id(root)), withRespectTo: targets.map { try id($0) })
    let ids = try targets.map { name in
      guard case .node(let id)? = result.derivatives[try id(name)] else {
        throw Missing(description: "no derivative of \(root) for \(name)")
      }
      return id
    }
    return (result, ids)
  }
}

struct Missing: Error, CustomStringConvertible { let description: String }

/// `feeds` moved by h along `direction`.
func moved(_ feeds: Feeds, by h: Double, along direction: Feeds) -> Feeds {
  feeds.merging(direction) { at, way in
    ReferenceArray(shape: at.shape, values: zip(at.values, way.values).map { $0 + h * $1 })
  }
}

func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

/// |a − b| within `tolerance` of the larger of 1 and the values.
func near(_ a: Double, _ b: Double, _ tolerance: Double) -> Bool {
  abs(a - b) <= tolerance * max(1, abs(a), abs(b))
}

func near(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { near($0, $1, tolerance) }
}

/// A random smooth graph over the inputs x [2, 3], y [3], w [3, 3] and s [], whose scalar `loss`
/// depends on some of its values `v0`, `v1`, …
struct SmoothGraph {
  static let inputs: [(name: String, shape: [Int])] = [
    ("x", [2, 3]), ("y", [3]), ("w", [3, 3]), ("s", []),
  ]
  let graph: Graph
  let feeds: Feeds
  private(set) var generator: SeededGenerator

  init(seed: Int, size: Int = 10) {
    var generator = SeededGenerator(seed: seed)
    let builder = GraphBuilder("smooth\(seed)")
    var pool: [Value] = []
    var feeds: Feeds = [:]
    for (name, shape) in Self.inputs {
      pool.append(builder.input(name, ValueType(.f64, Shape(shape.map { Dim($0) }))))
      feeds[name] = ReferenceArray(
        shape: shape, values: generator.values(shape.reduce(1, *), in: -0.9...0.9))
    }
    while pool.count < Self.inputs.count + size {
      guard let value = Self.step(pool, &generator), value.name == nil else { continue }
      pool.append(value.named("v\(pool.count - Self.inputs.count)"))
    }
    var total = sum(pool[pool.count - 1])
    for value in pool.suffix(3).dropLast() { total = total + mean(value) }
    total.named("loss")
    builder.output("loss", total)
    graph = builder.build()
    self.feeds = feeds
    self.generator = generator
  }

  /// The inputs that the loss depends on.
  var targets: [String] {
    let needed = graph.outputs.first.map { graph.needed(by: [$0.node]) } ?? []
    return graph.inputs.filter { needed[$0.id.index] }.map(\.label)
  }

  /// A random direction over the inputs `names`.
  mutating func direction(_ names: [String]) -> Feeds {
    var result: Feeds = [:]
    for (name, shape) in Self.inputs where names.contains(name) {
      result[name] = ReferenceArray(shape: shape, values: generator.values(shape.reduce(1, *)))
    }
    return result
  }

  func loss(_ feeds: Feeds) throws -> Double { try graph.value("loss", feeds)[0] }

  private static func step(_ pool: [Value], _ generator: inout SeededGenerator) -> Value? {
    let a = pool[Int.random(in: 0..<pool.count, using: &generator)]
    let b = pool[Int.random(in: 0..<pool.count, using: &generator)]
    let rank = a.shape.rank
    let axis = rank == 0 ? 0 : Int.random(in: 0..<rank, using: &generator)
    let both = a.shape.broadcast(with: b.shape) != nil
    switch Int.random(in: 0..<22, using: &generator) {
    case 0: return tanh(a)
    case 1: return sigmoid(a)
    case 2: return sin(a)
    case 3: return softplus(a)
    case 4: return exp(tanh(a))
    case 5: return log(1.5 + square(a))
    case 6: return sqrt(1 + square(a))
    case 7: return both ? a + b : nil
    case 8: return both ? a - b : nil
    case 9: return both ? tanh(a * b) : nil
    case 10: return both ? a / (2 + square(b)) : nil
    case 11: return both ? pow(2 + tanh(a), sin(b)) : nil
    case 12: return tanh(a * a)
    case 13: return rank == 0 ? nil : sum(a, axes: [axis], keepdims: axis == 0) * 0.5
    case 14: return rank == 0 ? nil : mean(a, axes: [axis])
    case 15: return rank == 0 ? nil : logsumexp(a, axes: [axis])
    case 16: return rank == 0 ? nil : logSoftmax(a, axis: axis)
    case 17: return rank < 2 ? nil : transpose(a)
    case 18:
      guard rank == 2, b.shape.rank == 2, a.shape.dims[1] == b.shape.dims[0] else { return nil }
      return tanh(matmul(a, b))
    case 19:
      guard rank == 2, b.shape.rank == 2, a.shape.dims[1] == b.shape.dims[1] else { return nil }
      return tanh(matmul(a, b, transposeB: true))
    case 20:
      guard rank == 1 else { return nil }
      return broadcast(a, to: Shape([2] + a.shape.dims))
    default: return both ? klNormal(mean: a, logVariance: tanh(b)) : nil
    }
  }
}
