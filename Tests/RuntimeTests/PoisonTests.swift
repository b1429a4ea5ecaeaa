import GraphIR
import GraphOps
import Runtime
import Testing

#if PoisonFreedMemory
  private let isPoisoned = true
#else
  private let isPoisoned = false
#endif

/// What a build with the trait `PoisonFreedMemory` shows:
/// `swift test --traits PoisonFreedMemory --filter PoisonTests`.
@Suite(.enabled(if: isPoisoned, "needs the trait PoisonFreedMemory")) struct PoisonTests {
  /// y = x · exp(x) + sin(exp(x)), with exp(x) read by two steps.
  private static func program(_ dtype: DType) throws -> Program {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(dtype, [5]))
    let a = exp(x).named("a")
    let b = sin(a).named("b")
    builder.output("y", x * a + b)
    return try Program(builder.build())
  }

  private static func run(
    _ dtype: DType, adjusting adjust: (inout MemoryPlan) -> Void
  ) throws -> [Double] {
    let bound = try BoundProgram(program(dtype), adjusting: adjust)
    try bound.feed("x", NDArray(converting: [1, 2, 3, 4, 5], to: dtype, shape: [5]))
    try bound.run()
    return try #require(bound.output("y")).doubles
  }

  @Test(arguments: [DType.f32, .f64]) func aRightPlanIsNotHarmed(dtype: DType) throws {
    let values = try Self.run(dtype) { _ in }
    #expect(values.allSatisfy(\.isFinite) && abs(values[0] - 3.129_063_172_5) < 1e-6)
  }

  /// The offsets stay, so without poison the right value would still be there to be read.
  @Test(arguments: [DType.f32, .f64]) func aLifetimeThatEndsTooEarlyShows(dtype: DType) throws {
    let graph = try Self.program(dtype).graph
    let a = try #require(graph.node(named: "a")).id
    let values = try Self.run(dtype) { plan in
      for index in plan.allocations.indices where plan.allocations[index].nodes.contains(a) {
        let start = plan.allocations[index].lifetime.lowerBound
        plan.allocations[index].lifetime = start...start
      }
    }
    #expect(values.allSatisfy { $0.isNaN })
  }

  /// A leaf that is fed once keeps its value for many runs, as without poison.
  @Test func whatIsFedOnceIsThereForEveryRun() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [5]))
    builder.output("y", exp(sum(x)))
    let bound = try BoundProgram(Program(builder.build()))
    try bound.feed("x", NDArray(converting: [1, 2, 3, 4, 5], to: .f64, shape: [5]))
    try bound.run()
    let first = try #require(bound.output("y")).doubles
    try bound.run()
    #expect(bound.output("y")?.doubles == first)
  }
}
