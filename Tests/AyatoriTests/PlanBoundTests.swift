import Ayatori
import Testing

/// The memory plans of every graph in `Graphs/`, forward and training, with and without the
/// optimising passes: close to what no plan can do without, and right.
@Suite struct PlanBoundTests {
  enum Part: String, CaseIterable { case forward, training }

  private static func program(
    _ name: String, _ part: Part, _ options: CompilerOptions
  ) throws -> Program? {
    let source = try Oracle.graph(name)
    let compiler = Compiler(options)
    guard part == .training else { return try CompiledGraph(source, compiler: compiler).program }
    if source.parameters.isEmpty { return nil }
    let loss = try Compiler.lossName(of: source)
    let graph = try compiler.trainingGraph(of: source, loss: loss, optimizer: .adam())
    return try Program(graph, outputs: [loss])
  }

  /// What a plan must hold to at any batch.
  private static func check(_ program: Program, _ what: String) throws {
    for batch in [1, 64, 1_000] {
      var sizes = program.graph.sizes()
      for dimension in program.graph.dimensions where dimension.defaultSize == nil {
        sizes[dimension.name] = batch
      }
      let plan = try MemoryPlan(program, sizes: sizes)
      let place = "\(what), batch \(batch), by \(plan.planner)"
      #expect(plan.violations() == [], "\(place)")
      #expect(plan.replay(program) == [], "\(place)")
      // Intermediates alone: constants and what waits for the end throughout would flatter.
      let end = plan.steps.count + 1
      let fixed = plan.allocations.filter { $0.lifetime == 0...end }.reduce(0) { $0 + $1.bytes }
      let (peak, bound) = (plan.arenaBytes - fixed, plan.lowerBound - fixed)
      #expect(
        Double(peak) <= 1.1 * Double(bound), "\(place): \(peak) bytes for \(bound) at least")
    }
  }

  @Test(arguments: CompilerTests.trainable, Part.allCases)
  func plansAreCloseToTheBound(name: String, part: Part) throws {
    guard let program = try Self.program(name, part, CompilerOptions()) else { return }
    try Self.check(program, "\(name), \(part.rawValue)")
  }

  @Test(arguments: CompilerTests.trainable, Part.allCases)
  func unoptimisedPlansToo(name: String, part: Part) throws {
    var options = CompilerOptions()
    options.pipeline = .debug
    guard let program = try Self.program(name, part, options) else { return }
    try Self.check(program, "\(name), \(part.rawValue), unoptimised")
  }
}
