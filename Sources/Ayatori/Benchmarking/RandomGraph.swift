public import GraphIR
import GraphOps

/// Random graphs to time compiling with: elementwise operations, reductions, products with
/// parameters and movement, all of which a scalar `loss` needs.
///
/// The values are of no interest; the shapes are small, so that compiling is all that takes time.
/// The same count and seed give the same graph on every machine.
public enum RandomGraph {
  /// A graph of `count` nodes, give or take a handful. Misuse traps: at least 16.
  public static func make(nodes count: Int, seed: UInt64) -> Graph {
    precondition(count >= 16, "a random graph has at least 16 nodes, not \(count)")
    var generator = Generator(count, seed)
    return generator.make()
  }

  /// A graph of `count` nodes in a row, each computed from the last alone: as deep as can be.
  /// Misuse traps: at least 4.
  public static func chain(nodes count: Int) -> Graph {
    precondition(count >= 4, "a chain has at least 4 nodes, not \(count)")
    let builder = GraphBuilder("chain_\(count)")
    var last = builder.input("x", .f32, [4]) * builder.parameter("p", ValueType(.f32, [4]), .zeros)
    while builder.nodeCount < count - 1 {
      last = builder.nodeCount % 2 == 0 ? tanh(last) : sigmoid(last)
    }
    builder.output("loss", sum(last).named("loss"))
    return builder.build()
  }
}

/// SplitMix64. Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

private struct Generator {
  /// Columns of every matrix; rows are the free dimension N.
  private static let width = 8
  private let count: Int
  private let builder: GraphBuilder
  private var random: SplitMix64
  /// Matrices [N, width], of which `open` are used by nothing yet.
  private var values: [Value] = []
  private var open: [Value] = []
  private var weights: [Value] = []
  private var biases: [Value] = []

  init(_ count: Int, _ seed: UInt64) {
    self.count = count
    builder = GraphBuilder("random_\(count)")
    random = SplitMix64(state: seed)
    builder.dimension("N")
    let size = Dim(Generator.width)
    for index in 0..<2 { keep(builder.input("x\(index)", .f32, [.symbol("N"), size])) }
    // As in networks: a parameter for every few dozen operations.
    for index in 0..<max(1, count / 64) {
      weights.append(
        builder.parameter(
          "w\(index)", ValueType(.f32, [size, size]),
          .xavierUniform(fanIn: size, fanOut: size)))
      biases.append(builder.parameter("b\(index)", ValueType(.f32, [size]), .zeros))
    }
  }

  mutating func make() -> Graph {
    // What is open at the end takes two nodes each.
    while builder.nodeCount + 2 * open.count + unused() < count { step() }
    // Every parameter is trained, also those that chance passed over.
    for weight in weights where !isUsed.contains(weight.id) { keep(matmul(take(), weight)) }
    for bias in biases where !isUsed.contains(bias.id) { keep(take() + bias) }
    var total = mean(open[0])
    for value in open.dropFirst() { total = total + mean(value) }
    builder.output("loss", total.named("loss"))
    return builder.build()
  }

  private var isUsed: Set<NodeID> = []

  private func unused() -> Int { weights.count + biases.count - isUsed.count }

  private mutating func keep(_ value: Value) {
    values.append(value)
    open.append(value)
  }

  /// A value that nothing uses yet, so that in the end the loss needs everything.
  private mutating func take() -> Value {
    let index = Int.random(in: open.indices, using: &random)
    open.swapAt(index, open.count - 1)
    return open.removeLast()
  }

  /// Any value: most often a recent one, as in networks.
  private mutating func any() -> Value {
    let reach = Int.random(in: 0..<8, using: &random) == 0 ? values.count : min(values.count, 32)
    return values[values.count - 1 - Int.random(in: 0..<reach, using: &random)]
  }

  private mutating func parameter(_ list: [Value]) -> Value {
    let value = list[Int.random(in: list.indices, using: &random)]
    isUsed.insert(value.id)
    return value
  }

  private mutating func step() {
    // A few open ends, so that there is something to choose from.
    let x = open.count > 12 || Bool.random(using: &random) ? take() : any()
    if open.isEmpty { keep(x) }
    switch Int.random(in: 0..<24, using: &random) {
    case 0..<2: keep(tanh(x))
    case 2..<4: keep(sigmoid(x))
    case 4..<6: keep(relu(x))
    case 6: keep(softplus(x))
    case 7: keep(exp(-square(x)))
    case 8..<12: keep(x + any())
    case 12..<15: keep(x * any())
    case 15: keep(x - any())
    case 16: keep(maximum(x, any()))
    case 17..<20: keep(matmul(x, parameter(weights)))
    case 20: keep(x + parameter(biases))
    case 21: keep(x - mean(x, axes: [1], keepdims: true))
    case 22: keep(x + sum(x * any(), axes: [0]))
    default: keep(transpose(transpose(x) * transpose(any())))
    }
  }
}
