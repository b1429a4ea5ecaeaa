import GraphIR
import Passes
import Testing

@Suite struct PassOrderTests {
  @Test func passesHaveDistinctNamesAndSummaries() {
    #expect(Set(Pass.all.map(\.name)).count == Pass.all.count)
    for pass in Pass.all {
      #expect(!pass.summary.isEmpty, "\(pass.name)")
      #expect(pass.name.allSatisfy { $0.isLowercase || $0 == "_" })
    }
  }

  /// A rule is told from every other by its name, in counts, dumps and failures.
  @Test func rulesHaveDistinctNamesAndPatterns() {
    var owners: [String: String] = [:]
    for pass in Pass.all {
      for rule in pass.rules {
        if let owner = owners.updateValue(pass.name, forKey: rule.name) {
          Issue.record("the rule '\(rule.name)' is in '\(owner)' and in '\(pass.name)'")
        }
        #expect(rule.pattern.contains("=>"), "\(rule.name)")
        #expect(!rule.ops.isEmpty, "\(rule.name)")
        #expect(rule.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
      }
    }
  }

  @Test(arguments: Pipeline.allCases)
  func pipelinesKeepToTheOrder(pipeline: Pipeline) {
    let whole = pipeline.lowering + pipeline.beforeGradient + pipeline.optimizing
    for list in [pipeline.lowering, pipeline.beforeGradient, pipeline.optimizing] {
      #expect(PassOrder.violated(by: list).map(\.reason) == [])
    }
    #expect(Set(whole.map(\.name)).isSubset(of: Set(Pass.all.map(\.name))))
  }

  /// Every pass runs in some pipeline: none is dead.
  @Test func everyPassIsUsed() {
    let used = Pipeline.allCases.flatMap { $0.lowering + $0.beforeGradient + $0.optimizing }
    #expect(Set(used.map(\.name)) == Set(Pass.all.map(\.name)))
  }

  @Test func constraintsNamePassesAndHaveReasons() {
    for order in PassOrder.all {
      #expect(Pass.named(order.first) != nil && Pass.named(order.second) != nil)
      #expect(order.first != order.second && order.reason.count > 10)
      // No two may ask for the opposite.
      #expect(!PassOrder.all.contains { $0.first == order.second && $0.second == order.first })
    }
  }

  @Test(arguments: PassOrder.all.map { [$0.first, $0.second] })
  func eachConstraintIsEnforced(pair: [String]) throws {
    let right = try Pass.list(named: pair)
    #expect(right.map(\.name) == pair)
    let error = #expect(throws: Diagnostics.self) { try Pass.list(named: pair.reversed()) }
    let first = try #require(error?.all.first)
    #expect(first.id == "pass-order" && error?.all.count == 1)
    let order = try #require(PassOrder.all.first { $0.first == pair[0] && $0.second == pair[1] })
    #expect(first.expected?.contains(order.reason) == true)
    // A pass that runs again at the end is after the other, whatever came before.
    #expect(throws: Diagnostics.self) { try Pass.list(named: pair + [pair[0]]) }
    // Alone, each may run.
    for name in pair { #expect(try Pass.list(named: [name, name]).count == 2) }
  }

  @Test func unknownNamesAreListed() throws {
    let error = #expect(throws: Diagnostics.self) {
      try Pass.list(named: ["simplfy", "fuse", "nothing_like_it"])
    }
    let found = try #require(error?.all)
    #expect(found.map(\.id) == ["unknown-pass", "unknown-pass"])
    #expect(found.map(\.fix) == ["did you mean 'simplify'?", nil])
    for pass in Pass.all {
      #expect(found.allSatisfy { $0.expected?.contains(pass.name) == true })
    }
  }
}
