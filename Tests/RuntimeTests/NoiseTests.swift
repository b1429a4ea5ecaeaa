import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

private func noisy(_ name: String = "e", _ kind: NoiseDistribution = .normal, extra: Bool = false)
  -> Graph
{
  let builder = GraphBuilder("g")
  let n = builder.dimension("N")
  let type = ValueType(.f64, [n, 3])
  if extra { builder.output("other", exp(builder.noise("before", type, .normal))) }
  let e = builder.noise(name, type, kind)
  builder.output("y", e * 1)
  return builder.build()
}

private func drawn(
  _ graph: Graph, seed: UInt64 = 1, step: UInt64 = 0, batch: Int = 4
) throws -> [Double] {
  let bound = try BoundProgram(try Program(graph), sizes: ["N": batch], seed: seed)
  try bound.run(step: step)
  return try #require(bound.output("y")).doubles
}

@Suite struct NoiseTests {
  @Test(arguments: NoiseDistribution.allCases) func drawsAreTheReferences(
    kind: NoiseDistribution
  ) throws {
    let graph = noisy("e", kind)
    for (seed, step) in [(0, 0), (1, 0), (1, 5), (UInt64.max, 1 << 40)] as [(UInt64, UInt64)] {
      let y = try #require(graph.output(named: "y")).node
      let expected = try ReferenceInterpreter(graph).evaluate(
        [y], feeds: [:], sizes: ["N": 4], seed: seed, step: step)[y]
      #expect(near(try drawn(graph, seed: seed, step: step), expected?.values ?? [], 1e-12))
    }
  }

  @Test func drawsDependOnSeedNameAndStepAlone() throws {
    let first = try drawn(noisy())
    #expect(try drawn(noisy()) == first)
    #expect(try drawn(noisy(extra: true)) == first)
    #expect(try drawn(noisy(), seed: 2) != first)
    #expect(try drawn(noisy(), step: 1) != first)
    #expect(try drawn(noisy("f")) != first)
    // A larger batch begins with the smaller one.
    #expect(Array(try drawn(noisy(), batch: 9).prefix(12)) == first)
    #expect(Set(first).count == 12)
  }

  @Test func runningAgainDrawsTheStepsOwnNumbers() throws {
    let graph = noisy()
    let bound = try BoundProgram(try Program(graph), sizes: ["N": 4], seed: 1)
    var runs: [[Double]] = []
    for step in [0, 1, 0] as [UInt64] {
      try bound.run(step: step)
      runs.append(try #require(bound.output("y")).doubles)
    }
    #expect(runs[0] == runs[2] && runs[0] != runs[1])
    #expect(runs[1] == (try drawn(graph, step: 1)))
  }

  @Test func noiseIsFedByName() throws {
    let graph = noisy()
    let bound = try BoundProgram(try Program(graph, feeding: ["e"]), sizes: ["N": 1], seed: 1)
    #expect(bound.fedNames == ["e"])
    #expect(diagnostic { () throws(Diagnostic) in try bound.run() }?.id == "not-fed")
    try bound.feed("e", NDArray([1, 2, 3] as [Double], shape: [1, 3]))
    try bound.run()
    #expect(bound.output("y")?.doubles == [1, 2, 3])
  }

  /// An alias is the node: what is fed under it must not be drawn all the same.
  @Test func noiseIsFedByAnAliasToo() throws {
    let builder = GraphBuilder("g")
    let e = builder.noise("e", ValueType(.f64, [3]), .normal)
    let x = builder.input("x", ValueType(.f64, [3]))
    e.named("epsilon")
    x.named("images")
    builder.output("y", e + x)
    let program = try Program(builder.build(), feeding: ["epsilon"])
    let bound = try BoundProgram(program, seed: 1)
    #expect(bound.fedNames == ["e", "x"])
    try bound.feed("epsilon", NDArray([1, 2, 3] as [Double], shape: [3]))
    try bound.feed("images", NDArray([10, 20, 30] as [Double], shape: [3]))
    try bound.run()
    #expect(bound.output("y")?.doubles == [11, 22, 33])
  }

  @Test func loweredSamplesAreTheReferencesOfTheWholeOp() throws {
    let builder = GraphBuilder("vae")
    let n = builder.dimension("N")
    let mu = builder.input("mu", ValueType(.f64, [n, 3]))
    let s = builder.input("s", ValueType(.f64, [n, 3]))
    builder.output("z", normal("z", mean: mu, scale: s))
    let graph = builder.build()
    let bound = try BoundProgram(
      try Program(Passes.run([.lowerSampling], on: graph)), sizes: ["N": 5], seed: 9)
    var generator = SeededGenerator(seed: 4)
    let arrays = ["mu": generator.array(.f64, [5, 3]), "s": generator.array(.f64, [5, 3])]
    for (name, array) in arrays { try bound.feed(name, array) }
    try bound.run(step: 3)
    let z = try #require(graph.output(named: "z")).node
    let expected = try ReferenceInterpreter(graph).evaluate(
      [z], feeds: arrays.mapValues { ReferenceArray($0) }, seed: 9, step: 3)[z]
    #expect(near(bound.output("z")?.doubles ?? [], expected?.values ?? [.nan], 1e-12))
  }
}
