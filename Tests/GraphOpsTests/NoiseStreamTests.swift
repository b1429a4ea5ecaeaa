import CKernels
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

/// One stream of philox.json; Tools/oracle/make_philox.py describes the format.
struct OracleStream: Decodable, Sendable, CustomTestStringConvertible {
  var seed: String
  var name: String
  var step: String
  var firstElement: String
  var nameHash: String
  var key: [String]
  var words: [String]
  var uniform: [Double]
  var normal: [Double]

  enum CodingKeys: String, CodingKey {
    case seed, name, step, key, words, uniform, normal
    case firstElement = "first_element"
    case nameHash = "name_hash"
  }

  var testDescription: String { "\(name), seed \(seed), step \(step), from \(firstElement)" }

  func values(_ distribution: NoiseDistribution) -> [Double] {
    distribution == .normal ? normal : uniform
  }
}

@Suite("Noise streams")
struct NoiseStreamTests {
  struct KnownAnswer: Decodable, Sendable {
    var counter: [String]
    var key: [String]
    var answer: [String]
  }

  struct File: Decodable {
    var knownAnswers: [KnownAnswer]
    var streams: [OracleStream]

    enum CodingKeys: String, CodingKey {
      case streams
      case knownAnswers = "known_answers"
    }
  }

  static let file: File? = try? JSONDecoder().decode(
    File.self, from: Data(contentsOf: OracleTests.folder.appending(path: "philox.json")))
  static let streams = file?.streams ?? []
  static let knownAnswers = file?.knownAnswers ?? []

  @Test("The oracle's file is read")
  func complete() {
    #expect(Self.knownAnswers.count >= 3)
    #expect(Self.streams.count >= 12)
    #expect(Self.streams.contains { $0.firstElement != "0000000000000000" })
  }

  private static func words(_ hex: [String]) throws -> [UInt32] {
    try hex.map { try #require(UInt32($0, radix: 16)) }
  }

  @Test("Random123's known answers", arguments: knownAnswers)
  func known(_ known: KnownAnswer) throws {
    var out: [UInt32] = [0, 0, 0, 0]
    ak_philox4x32_10(try Self.words(known.counter), try Self.words(known.key), &out)
    #expect(out == (try Self.words(known.answer)))
  }

  @Test("Key and elements of the oracle's streams", arguments: streams)
  func elements(_ oracle: OracleStream) throws {
    let seed = try #require(UInt64(oracle.seed, radix: 16))
    let step = try #require(UInt64(oracle.step, radix: 16))
    let first = try #require(Int(oracle.firstElement, radix: 16))
    #expect(NoiseStream.fnv1a(oracle.name) == UInt64(oracle.nameHash, radix: 16))
    let stream = NoiseStream(seed: seed, name: oracle.name)
    #expect([stream.key.0, stream.key.1] == (try Self.words(oracle.key)))
    for distribution in NoiseDistribution.allCases {
      let expected = oracle.values(distribution)
      let got = Self.draw(stream, distribution, .f64, step, first..<(first + expected.count))
      for (a, b) in zip(got, expected) { #expect(Swift.abs(a - b) <= 1e-14) }
      // f32 is the f64 draw, rounded.
      let single = Self.draw(stream, distribution, .f32, step, first..<(first + expected.count))
      #expect(single == got.map { Double(Float($0)) })
    }
    // Whatever the words, uniform takes their upper 24 bits.
    for (word, value) in zip(try Self.words(oracle.words), oracle.uniform) {
      #expect(value == Double(word >> 8) / 16_777_216)
    }
  }

  /// Elements of a range, drawn alone. The buffer's base is shifted, so that far elements need no
  /// memory before them.
  private static func draw(
    _ stream: NoiseStream, _ distribution: NoiseDistribution, _ dtype: DType, _ step: UInt64,
    _ range: Range<Int>
  ) -> [Double] {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: range.count * dtype.byteCount, alignment: 64)
    defer { memory.deallocate() }
    let base = memory - range.lowerBound * dtype.byteCount
    stream.fill(
      Buffer(pointer: base, dtype: dtype, shape: [range.upperBound]), distribution, step: step,
      range: range)
    return NDArray(dtype: dtype, shape: [range.count], copying: memory).doubles
  }

  @Test("Nodes draw the oracle's streams", arguments: streams)
  func nodes(_ oracle: OracleStream) throws {
    guard oracle.firstElement == "0000000000000000" else { return }
    let seed = try #require(UInt64(oracle.seed, radix: 16))
    let step = try #require(UInt64(oracle.step, radix: 16))
    for distribution in NoiseDistribution.allCases {
      let expected = oracle.values(distribution)
      for dtype in [DType.f64, .f32] {
        let builder = GraphBuilder("noise")
        let count = expected.count
        let noise = builder.noise(oracle.name, ValueType(dtype, sizes: [count]), distribution)
        builder.output("y", noise)
        let graph = builder.build()
        let bound = try BoundProgram(try Program(graph), seed: seed)
        try bound.run(step: step)
        let ran = try #require(bound.output("y")).doubles
        let reference = try ReferenceInterpreter(graph).evaluate(
          [noise.id], feeds: [:], seed: seed, step: step)[noise.id]
        let unit = dtype == .f64 ? 1e-14 : 2.5e-7
        for index in expected.indices {
          #expect(Swift.abs(ran[index] - expected[index]) <= unit)
          #expect(Swift.abs((reference?.values[index] ?? .nan) - expected[index]) <= 1e-14)
        }
      }
    }
  }

  @Test("A range's elements do not depend on how it is cut", arguments: [0, 1, 7, 8, 9, 33])
  func ranges(count: Int) {
    let stream = NoiseStream(seed: 3, name: "cut")
    for distribution in NoiseDistribution.allCases {
      for dtype in [DType.f32, .f64] {
        let whole = Self.draw(stream, distribution, dtype, 5, 0..<count)
        for cut in 0...count {
          let parts =
            Self.draw(stream, distribution, dtype, 5, 0..<cut)
            + Self.draw(stream, distribution, dtype, 5, cut..<count)
          #expect(parts == whole, "cut at \(cut)")
        }
        for element in 0..<count {
          let alone = Self.draw(stream, distribution, dtype, 5, element..<(element + 1))
          #expect(alone == [whole[element]])
        }
      }
    }
  }

  @Test("Seed, name and step each change the draw; nothing else does")
  func dependence() {
    func draw(_ seed: UInt64, _ name: String, _ step: UInt64) -> [Double] {
      NoiseStream(seed: seed, name: name).values(.normal, count: 9, step: step)
    }
    let base = draw(1, "z.eps", 2)
    #expect(draw(1, "z.eps", 2) == base)
    #expect(draw(1 << 32 | 1, "z.eps", 2) != base)
    #expect(draw(2, "z.eps", 2) != base)
    #expect(draw(1, "z.epr", 2) != base)
    #expect(draw(1, "z.eps", 3) != base)
    #expect(draw(1, "z.eps", 1 << 32 | 2) != base)
    #expect(NoiseStream(seed: 1, name: "z.eps") == NoiseStream(seed: 1, name: "z.eps"))
    #expect(NoiseStream(seed: 1, name: "a") != NoiseStream(seed: 1, name: "b"))
  }

  @Test("Permutations", arguments: [0, 1, 2, 9, 1000])
  func permutations(count: Int) {
    let stream = NoiseStream(seed: 7, name: "shuffle")
    let order = stream.permutation(count, step: 0)
    #expect(order.sorted() == Array(0..<count))
    #expect(stream.permutation(count, step: 0) == order)
    guard count > 2 else { return }
    #expect(order != Array(0..<count))
    #expect(stream.permutation(count, step: 1) != order)
    #expect(NoiseStream(seed: 8, name: "shuffle").permutation(count, step: 0) != order)
  }

  @Test("Every permutation of three comes equally often")
  func fairness() {
    let stream = NoiseStream(seed: 1, name: "fair")
    var counts: [[Int]: Int] = [:]
    let draws = 6000
    for step in 0..<draws { counts[stream.permutation(3, step: UInt64(step)), default: 0] += 1 }
    #expect(counts.count == 6)
    // Binomial with p = 1/6: five standard deviations.
    let deviation = (Double(draws) * 5 / 36).squareRoot()
    for count in counts.values {
      #expect(Swift.abs(Double(count) - Double(draws) / 6) < 5 * deviation)
    }
  }
}

@Suite("Initialisers")
struct InitializerTests {
  struct Distribution: Sendable, CustomTestStringConvertible {
    var initializer: Initializer
    var mean: Double
    var deviation: Double
    var bound: Double?

    var testDescription: String { "\(initializer)" }
  }

  private static func uniform(_ initializer: Initializer, _ bound: Double) -> Distribution {
    Distribution(
      initializer: initializer, mean: 0, deviation: bound / 3.0.squareRoot(), bound: bound)
  }

  static let distributions = [
    uniform(.uniform(low: -0.3, high: 0.3), 0.3),
    uniform(.xavierUniform(fanIn: D, fanOut: 5), (6.0 / 8).squareRoot()),
    uniform(.torchLinear(fanIn: D), 1 / 3.0.squareRoot()),
    Distribution(
      initializer: .normal(mean: 2, standardDeviation: 0.25), mean: 2, deviation: 0.25, bound: nil),
    Distribution(
      initializer: .lecunNormal(fanIn: D), mean: 0, deviation: 1 / 3.0.squareRoot(), bound: nil),
  ]

  @Test("Bounds, mean and variance", arguments: distributions)
  func moments(_ wanted: Distribution) throws {
    let count = 20_000
    let values = try wanted.initializer.values(
      count: count, name: "w", seed: 4, sizes: exampleSizes)
    if let bound = wanted.bound {
      #expect(values.allSatisfy { $0 >= -bound && $0 < bound })
      #expect((values.max() ?? 0) > bound * 0.999 && (values.min() ?? 0) < -bound * 0.999)
    }
    let mean = values.reduce(0, +) / Double(count)
    let squares = values.map { ($0 - wanted.mean) * ($0 - wanted.mean) }
    let variance = squares.reduce(0, +) / Double(count)
    #expect(Swift.abs(mean - wanted.mean) < 5 * wanted.deviation / Double(count).squareRoot())
    // The variance of (x − μ)² is σ⁴(κ − 1): κ is 3 for a normal, 9/5 for a uniform distribution.
    let kurtosis = wanted.bound == nil ? 3 : 1.8
    let expected = wanted.deviation * wanted.deviation
    let error = expected * ((kurtosis - 1) / Double(count)).squareRoot()
    #expect(Swift.abs(variance - expected) < 5 * error)
  }

  @Test("Zeros and constants")
  func constants() throws {
    #expect(try Initializer.zeros.values(count: 3, name: "b", seed: 1, sizes: [:]) == [0, 0, 0])
    let half = Initializer.constant(.float(0.5))
    #expect(try half.values(count: 2, name: "b", seed: 1, sizes: [:]) == [0.5, 0.5])
    #expect(try half.values(count: 0, name: "b", seed: 1, sizes: [:]).isEmpty)
  }

  @Test("Values depend on seed and name alone, not on order or company", arguments: distributions)
  func independence(_ wanted: Distribution) throws {
    func graph(_ names: [String]) -> Graph {
      let builder = GraphBuilder("parameters")
      builder.dimension("D")
      for name in names { _ = builder.parameter(name, .f64(9, 7), wanted.initializer) }
      return builder.build()
    }
    func values(_ graph: Graph, _ name: String, seed: UInt64) throws -> [Double] {
      let store = try StateStore(graph, sizes: ["D": 3])
      try store.initialize(seed: seed)
      return try #require(store.array(name)).doubles
    }
    let alone = try values(graph(["w"]), "w", seed: 1)
    let direct = try wanted.initializer.values(count: 63, name: "w", seed: 1, sizes: ["D": 3])
    #expect(alone == direct)
    #expect(try values(graph(["v", "w", "u"]), "w", seed: 1) == alone)
    #expect(try values(graph(["w", "v"]), "w", seed: 1) == alone)
    #expect(try values(graph(["v", "w"]), "v", seed: 1) != alone)
    #expect(try values(graph(["w"]), "w", seed: 2) != alone)
  }

  @Test("A fan that has no size is an error")
  func unbound() {
    for initializer in [
      Initializer.torchLinear(fanIn: N), .lecunNormal(fanIn: N),
      .xavierUniform(fanIn: D, fanOut: N),
    ] {
      #expect(throws: DimError.unbound("N")) {
        try initializer.values(count: 1, name: "w", seed: 0, sizes: ["D": 3])
      }
    }
  }
}
