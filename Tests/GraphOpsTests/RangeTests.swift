import GraphIR
import GraphOps
import Runtime
import Testing

/// What ops compute lies within the range that they give, for operands within theirs.
@Suite("Ranges of every op")
struct RangeTests {
  /// Boxes that operands are drawn from: either sign, one side of 0, around 0, a point, extremes.
  private static let boxes = [
    ValueRange(-2, 3), ValueRange(0.25, 4), ValueRange(-3, -0.5), ValueRange(0, 1),
    ValueRange(-1, 0), ValueRange(2, 2), ValueRange(0, 0), ValueRange(-1e30, 1e30),
    ValueRange(50, 200), ValueRange(-200, -50), ValueRange(-1e-30, 1e-30),
  ]

  private static func draw(_ box: ValueRange, _ generator: inout SeededGenerator) -> Double {
    // The ends are where a bound is tight.
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: box.low
    case 1: box.high
    default: Double.random(in: box.low...box.high, using: &generator)
    }
  }

  @Test("Kernels and references stay within the range", arguments: Dialect.standard.ops)
  func soundness(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    guard op.range != nil else { return }
    let further = OpGradientTests.further[op.name] ?? []
    for (number, use) in ([example.typical] + further).enumerated() {
      for seed in 0..<60 {
        try check(op, use, SeededGenerator(state: UInt64(number * 1000 + seed)), "seed \(seed)")
      }
    }
  }

  private func check(
    _ op: OpDefinition, _ use: OpCase, _ generator: SeededGenerator, _ comment: Comment
  ) throws {
    var generator = generator
    let single = try OneOpGraph(op, use)
    let sizes = ["N": 2, "D": 3].filter { size in
      single.graph.dimensions.contains { $0.name == size.key }
    }
    var arrays = try use.operands(&generator, sizes: sizes)
    var known: [NodeID: ValueRange] = [:]
    for (index, type) in use.types.enumerated() where type.dtype.isFloating {
      guard let box = Self.boxes.randomElement(using: &generator) else { continue }
      let values = (0..<arrays[index].count).map { _ in Self.draw(box, &generator) }
      arrays[index] = NDArray(converting: values, to: type.dtype, shape: arrays[index].shape)
      known[single.operands[index]] = box.rounded(to: type.dtype)
    }
    let range = single.graph.ranges(assuming: known)[single.result.index]
    let kernel = try #require(try single.run(arrays, sizes: sizes).output("y")).doubles
    let reference = try single.reference(arrays, sizes: sizes)?.values ?? []
    for value in kernel + reference where !value.isNaN {
      // The reference does not round to f32, where small numbers become 0.
      let slack = value.isFinite ? Swift.abs(value) * 1e-7 + 1e-45 : 0
      let isInside = value >= range.low - slack && value <= range.high + slack
      #expect(isInside, "\(op.name)\(use): \(value) in \(range), \(comment)")
    }
    let isInside = kernel.allSatisfy { $0.isNaN || range.contains($0) }
    #expect(isInside, "\(op.name)\(use): \(kernel) in \(range), \(comment)")
    if range.isPositive {
      let isNonnegative = kernel.allSatisfy { $0.isNaN || $0 >= 0 }
      #expect(isNonnegative, "\(op.name)\(use), \(comment)")
    }
  }

  private static func ranges(_ build: (Value) -> Value) -> ValueRange {
    let builder = GraphBuilder("range")
    let x = builder.input("x", ValueType(.f64, [3]))
    let y = build(x)
    return builder.build().ranges()[y.id.index]
  }

  /// Bounds that lint relies on: sound ones that said nothing would pass the test above.
  @Test func boundsAreTight() {
    #expect(Self.ranges { sigmoid($0) } == ValueRange(0, 1, isPositive: true))
    #expect(Self.ranges { 1 - sigmoid($0) } == ValueRange(0, 1))
    #expect(Self.ranges { tanh($0) * 8 } == ValueRange(-8, 8))
    #expect(Self.ranges { exp($0) } == .positive && Self.ranges { softplus($0) } == .positive)
    #expect(Self.ranges { $0 * $0 } == .nonnegative && Self.ranges { square($0) } == .nonnegative)
    #expect(Self.ranges { $0 * ($0 + 1) } == .everything)
    #expect(
      Self.ranges { minimum(maximum($0, $0.builder.constant(.float(-5), .f64)), tanh($0)) }
        == ValueRange(-5, 1))
    #expect(Self.ranges { softplus($0) + 1e-6 }.low == 1e-6)
    #expect(Self.ranges { sum(exp($0)) }.isPositive && Self.ranges { mean(relu($0)) }.low == 0)
    #expect(Self.ranges { 1 / (1 + exp(-$0)) } == ValueRange(0, 1, isPositive: true))
    #expect(Self.ranges { logSoftmax($0) }.high == 0)
    #expect(Self.ranges { 1 / $0 } == .everything && Self.ranges { log($0) } == .everything)
    #expect(Self.ranges { cast(greater($0, tanh($0)), to: .f32) } == .unit)
  }

  /// Densities: at most what they are at the mode. ln N(m; m, 1) = −½ ln 2π.
  @Test func boundsOfDensities() {
    let top = -0.918_938_533_204_672_8
    func highest(_ scale: Double, _ kind: NormalScale) -> Double {
      Self.ranges { x in
        normalLogProb(x, mean: 2 * x, scale: x.builder.constant(.float(scale), .f64), as: kind)
      }.high
    }
    for (scale, kind) in [(0.0, NormalScale.logVariance), (1, .standardDeviation)] {
      #expect(abs(highest(scale, kind) - top) < 1e-5)
    }
    #expect(abs(highest(-2, .logStandardDeviation) - (top + 2)) < 1e-5)
    #expect(abs(highest(-2, .logVariance) - (top + 1)) < 1e-5)
    #expect(abs(highest(0.5, .standardDeviation) - (top + 0.693_147_180_559_945)) < 1e-5)
    #expect(Self.ranges { normalLogProb($0, mean: $0, scale: 8 * tanh($0)) }.high < 4)
    #expect(Self.ranges { normalLogProb($0, mean: $0, scale: $0) } == .everything)
    #expect(Self.ranges { bernoulliNLL(sigmoid($0), logits: $0) } == .positive)
    #expect(Self.ranges { bernoulliNLL($0, logits: $0) } == .everything)
    #expect(Self.ranges { categoricalLogProb(softmax($0), logits: $0) }.high == 0)
    #expect(Self.ranges { categoricalLogProb($0, logits: $0) } == .everything)
    for estimator in [Estimator.score, .gumbelSoftmax, .straightThrough] {
      #expect(Self.ranges { bernoulli("b", logits: $0, estimator: estimator) } == .unit)
      #expect(Self.ranges { categorical("c", logits: $0, estimator: estimator) } == .unit)
    }
  }

  @Test func integersWrap() {
    let builder = GraphBuilder("wrap")
    let n = builder.input("n", ValueType(.i32, []))
    let one = builder.constant(.int(2_000_000_000), .i32)
    let sums = [one + one, one - one, n + one]
    let ranges = builder.build().ranges()
    #expect(sums.map { ranges[$0.id.index] } == [.everything, .exactly(0), .everything])
  }
}
