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

  mutating func array(_ dtype: DType, _ shape: [Int]) -> NDArray {
    NDArray(
      converting: (0..<shape.reduce(1, *)).map { _ in Double.random(in: -1...1, using: &self) },
      to: dtype, shape: shape)
  }

  mutating func pick<T>(_ values: [T]) -> T {
    values[Int.random(in: 0..<values.count, using: &self)]
  }
}

func near(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy {
      $0 == $1 || ($0.isNaN && $1.isNaN) || abs($0 - $1) <= tolerance * max(1, abs($0), abs($1))
    }
}

/// The diagnostic that `body` throws, if it does.
func diagnostic<R>(_ body: () throws(Diagnostic) -> R) -> Diagnostic? {
  do throws(Diagnostic) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

/// A random graph over every kind of memory: inputs, noise, constants, parameters, state, views,
/// ops that may work in place, broadcasts; random outputs and updates.
struct RandomGraph {
  let graph: Graph
  let dtype: DType

  /// Without `steps` no rounding can make a comparison fall the other way.
  init(seed: Int, size: Int = 14, dtype: DType = .f64, steps: Bool = true) {
    var generator = SeededGenerator(seed: seed)
    self.dtype = dtype
    let builder = GraphBuilder("random\(seed)")
    let n = builder.dimension("N")
    func type(_ dims: [Dim]) -> ValueType { ValueType(dtype, Shape(dims)) }
    var pool = [
      builder.input("x", type([n, 3])), builder.input("y", type([3])),
      builder.parameter("p", type([3]), .uniform(low: -1, high: 1)),
      builder.parameter("w", type([3, 3]), .normal(mean: 0, standardDeviation: 0.5)),
      builder.state("s", type([3]), .zeros), builder.state("t", type([3]), .constant(.float(0.5))),
      builder.state("u", type([]), .zeros), builder.noise("e", type([n, 3]), .normal),
      builder.constant(.float(0.75), dtype), builder.size(n, dtype),
    ]
    for _ in 0..<size {
      if let value = Self.step(pool, n, steps, &generator) { pool.append(value) }
    }
    for index in 0..<Int.random(in: 1...4, using: &generator) {
      builder.output("o\(index)", generator.pick(pool))
    }
    for name in ["p", "w", "s", "t", "u"] where Int.random(in: 0..<3, using: &generator) > 0 {
      guard let target = builder.value(named: name) else { continue }
      let fitting = pool.filter { $0.type == target.type }
      // Late values more often: those are computed from the others.
      builder.update(
        target,
        to: Bool.random(using: &generator) ? fitting[fitting.count - 1] : generator.pick(fitting))
    }
    graph = builder.build()
  }

  private static func step(
    _ pool: [Value], _ n: Dim, _ steps: Bool, _ generator: inout SeededGenerator
  ) -> Value? {
    let (a, b) = (generator.pick(pool), generator.pick(pool))
    let recent = generator.pick(Array(pool.suffix(3)))
    let rank = recent.shape.rank
    let both = recent.shape.broadcast(with: b.shape) != nil
    switch Int.random(in: 0..<17, using: &generator) {
    case 0: return tanh(recent)
    case 1: return sin(a)
    case 2: return -recent
    case 3: return both ? recent + b : nil
    case 4: return both ? tanh(recent - b) : nil
    case 5: return both ? tanh(b * recent) : nil
    case 6: return stopGradient(recent)
    case 7: return contribution(a, index: 0)
    case 8: return rank == 0 ? nil : mean(recent, axes: [0])
    case 9: return rank == 0 ? nil : sum(recent, axes: [rank - 1], keepdims: true) * 0.1
    case 10: return rank == 2 ? transpose(recent) : nil
    case 11: return rank == 1 ? reshape(recent, Shape([1] + recent.shape.dims)) : nil
    case 12:
      guard rank == 2, b.shape.rank == 2, recent.shape.dims[1] == b.shape.dims[0] else {
        return nil
      }
      return tanh(matmul(recent, b))
    case 13: return rank == 1 ? concat([recent, recent], axis: 0) : nil
    case 14: return both && steps ? select(greater(recent, b), recent, b) : nil
    case 15: return rank == 0 ? nil : logSoftmax(recent, axis: rank - 1)
    default:
      guard rank == 2, recent.shape.dims[0] == n else { return nil }
      return slice(recent, axis: 1, from: 0, to: 1)
    }
  }

  /// Random arrays for the inputs at batch `n`.
  func inputs(batch n: Int, _ generator: inout SeededGenerator) -> [String: NDArray] {
    ["x": generator.array(dtype, [n, 3]), "y": generator.array(dtype, [3])]
  }
}

/// Runs a graph the slow way over several steps: what outputs and kept values should be.
struct ReferenceRunner {
  let graph: Graph
  var state: [String: ReferenceArray]

  mutating func run(
    _ inputs: [String: NDArray], sizes: [String: Int], seed: UInt64, step: UInt64
  ) throws -> [String: [Double]] {
    let feeds = state.merging(inputs.mapValues { ReferenceArray($0) }) { $1 }
    let values = try ReferenceInterpreter(graph).evaluate(
      graph.outputs.map(\.node) + graph.updates.map(\.value), feeds: feeds, sizes: sizes,
      seed: seed, step: step)
    for update in graph.updates { state[graph[update.target].label] = values[update.value] }
    return Dictionary(
      uniqueKeysWithValues: graph.outputs.map { ($0.name, values[$0.node]?.values ?? []) })
  }
}

extension StateStore {
  /// Every kept value as the reference interpreter takes it.
  var references: [String: ReferenceArray] {
    Dictionary(
      uniqueKeysWithValues: names.compactMap { name in
        array(name).map { (name, ReferenceArray($0)) }
      })
  }
}
