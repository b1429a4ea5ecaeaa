import Foundation
import GraphIR
import GraphOps
import Runtime
import Testing

@Suite struct PlanReportTests {
  /// Steps: a = exp(x), b = sin(a), loss = sum(b), adjoint = tanh(a), new w.
  private static func report() throws -> (PlanReport, MemoryPlan) {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f32, [100]))
    let w = builder.parameter("w", ValueType(.f32, [100]), .zeros)
    let a = exp(x).named("a")
    let b = sin(a).named("b")
    builder.output("loss", sum(b).named("loss"))
    let slope = builder.with(scope: [], role: .adjoint(of: w.id, root: "loss", through: nil)) {
      tanh(a)
    }
    builder.with(scope: [], role: .update) { builder.update(w, to: w - slope) }
    let program = try Program(builder.build())
    let plan = try MemoryPlan(program, sizes: [:])
    return (PlanReport(program, plan), plan)
  }

  @Test func figuresAreThoseOfThePlan() throws {
    let (report, plan) = try Self.report()
    #expect(report.graph == "g" && report.planner == plan.planner)
    #expect(report.arenaBytes == plan.arenaBytes && report.lowerBound == plan.lowerBound)
    #expect(report.liveBytes == plan.liveBytes)
    #expect(report.liveBytes[report.fullestMoment] == report.lowerBound)
    #expect(report.ratio == Double(plan.arenaBytes) / Double(plan.lowerBound))
    #expect(report.parameterBytes == 400 && report.stateBytes == 0 && report.constantBytes == 0)
    #expect(report.allocations.count == plan.allocations.count)
    #expect(
      report.allocations.map(\.bytes).sorted() == plan.allocations.map(\.bytes).sorted())
  }

  @Test func whatIsSavedAndWhy() throws {
    let (report, _) = try Self.report()
    let a = try #require(report.saved.first)
    #expect(report.saved.count == 1 && a.name == "a" && a.kind == .forward && a.op == "exp")
    #expect(a.born == 1 && a.lastForwardRead == 2 && a.lastRead == 4 && a.bytes == 400)
    let reader = try #require(a.savedFor.first)
    #expect(a.savedFor.count == 1 && reader.step == 4 && reader.op == "tanh")
    #expect(reader.derivative == "d_loss/d_w" && reader.text == "\(reader.node) for d_loss/d_w")
  }

  /// What the backward pass reads before the forward pass is done with it costs nothing more.
  @Test func dont_callSavedWhatTheForwardPassStillNeeds() throws {
    let builder = GraphBuilder("g")
    let a = exp(builder.input("x", ValueType(.f32, [100]))).named("a")
    builder.with(scope: [], role: .adjoint(of: a.id, root: "loss", through: nil)) {
      builder.output("d", tanh(a))
    }
    builder.output("y", sin(a))
    let program = try Program(builder.build())
    let report = PlanReport(program, try MemoryPlan(program, sizes: [:]))
    #expect(report.saved.isEmpty && report.savedTable() == "nothing is saved for backward")
  }

  @Test func valuesAndKindsOfEachAllocation() throws {
    let (report, _) = try Self.report()
    func allocation(_ name: String) throws -> PlanReport.Allocation {
      try #require(report.allocations.first { $0.values.contains { $0.name == name } })
    }
    // Each is written over the one before, which dies there.
    let names = try allocation("a").values.map(\.name)
    #expect(names.count == 3 && names.prefix(2) == ["x", "a"])
    #expect(try allocation("a").valuesText == names.joined(separator: " → "))
    #expect(try allocation("a").kindText == "input → forward, saved → backward")
    #expect(try allocation("loss").kindText == "forward, output")
    #expect(try allocation("loss").last == report.steps.count + 1)
  }

  @Test func stepsInOrder() throws {
    let (report, _) = try Self.report()
    #expect(report.steps.map(\.kind) == [.forward, .forward, .forward, .backward, .update])
    #expect(report.steps.map(\.label).prefix(3) == ["a", "b", "loss"])
    #expect(report.steps[4].label == "update w" && report.steps[4].updates == ["w"])
    #expect(report.steps[1].reads == ["a"] && report.steps[1].ops == ["sin"])
    #expect(report.steps.map(\.liveBytes) == Array(report.liveBytes[1...5]))
  }

  @Test func tablesAreColumns() throws {
    let (report, _) = try Self.report()
    for table in [
      report.summary(), report.savedTable(), report.allocationTable(), report.stepTable(),
    ] {
      let lines = table.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.allSatisfy { !$0.isEmpty && !$0.hasSuffix(" ") }, "\(table)")
    }
    let lines = report.allocationTable().split(separator: "\n").map(Array.init)
    // "alive" begins in the same column of every row, after two blanks.
    let column = try #require(String(lines[0]).range(of: "alive"))
    let place = String(lines[0]).distance(from: String(lines[0]).startIndex, to: column.lowerBound)
    for line in lines {
      #expect(line[place] != " " && line[place - 1] == " " && line[place - 2] == " ")
    }
    #expect(lines.count == report.allocations.count + 1)
  }

  @Test func jsonHasEveryAllocation() throws {
    let (report, _) = try Self.report()
    let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(report))
    let json = try #require(object as? [String: Any])
    #expect((json["allocations"] as? [Any])?.count == report.allocations.count)
    #expect((json["saved"] as? [[String: Any]])?.first?["name"] as? String == "a")
    #expect((json["arenaBytes"] as? NSNumber)?.intValue == report.arenaBytes)
  }

  @Test(arguments: [
    (0, "0 B"), (1_023, "1023 B"), (1_024, "1.00 KiB"), (10_000, "9.77 KiB"),
    (10_230, "9.99 KiB"), (10_239, "10.0 KiB"), (100_000, "97.7 KiB"), (102_399, "100 KiB"),
    (1 << 20, "1.00 MiB"), (3 << 40, "3.00 TiB"), (-2_048, "-2.00 KiB"),
  ])
  func bytesAsPeopleReadThem(bytes: Int, text: String) { #expect(byteText(bytes) == text) }

  /// Groups, views, noise, constants: whatever the graph, the report goes together with the plan.
  @Test(arguments: 0..<60) func randomGraphsAreReported(seed: Int) throws {
    let program = try Program(RandomGraph(seed: seed, size: 30).graph)
    let plan = try MemoryPlan(program, sizes: ["N": 5])
    let report = PlanReport(program, plan)
    #expect(report.steps.count == plan.steps.count)
    for allocation in report.allocations {
      #expect(!allocation.values.isEmpty, "seed \(seed)")
      for value in allocation.values where value.kind != .constant {
        #expect(value.bytes <= allocation.bytes, "seed \(seed): \(value.name)")
        #expect(
          allocation.first <= value.born && value.born <= allocation.last
            && value.lastRead ?? 0 <= allocation.last, "seed \(seed): \(value.name)")
      }
    }
    #expect(report.saved.isEmpty)
  }
}
