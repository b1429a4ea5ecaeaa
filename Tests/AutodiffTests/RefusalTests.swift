import Autodiff
import GraphIR
import GraphOps
import Runtime
import Testing

private let vector = ValueType(.f64, [3])

@Suite struct RefusalTests {
  private struct Answer {
    let derivative: Derivative
    let result: ReverseMode.Result
    let x: NodeID
  }

  /// ∂loss/∂x for a loss made from x and a constant vector c.
  private func answer(_ loss: (Value, Value) -> Value) throws -> Answer {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    let c = builder.input("c", vector)
    loss(x, c).named("loss")
    let graph = builder.build()
    let result = try ReverseMode.differentiate(
      graph, root: .init(try graph.id("loss")), withRespectTo: [x.id])
    return Answer(
      derivative: try #require(result.derivatives[x.id]), result: result, x: x.id)
  }

  @Test func anUnusedTargetIsNotConnected() throws {
    let found = try answer { _, c in sum(c) }
    guard case .notConnected(let reason) = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    #expect(reason == "'loss' does not depend on 'x'")
    #expect(found.derivative.refusal == "no gradient reaches it: 'loss' does not depend on 'x'")
    #expect(found.result.blocked.isEmpty)
  }

  @Test func aStoppedGradientSaysWhereItStops() throws {
    let found = try answer { x, c in sum(exp(stopGradient(tanh(x).named("t")).named("s")) * c) }
    guard case .notConnected(let reason) = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    #expect(reason == "stop_gradient cuts the path (at 's')")
    let graph = found.result.graph
    let edge = BlockedEdge(
      operand: try graph.id("t"), user: try graph.id("s"), reason: reason,
      hidesTarget: true)
    #expect(found.result.blocked == [edge])
  }

  /// Behind an edge where the gradient stops nothing is left to stop: the cut is told of once, and
  /// it is the reason.
  @Test func dont_listWhatLiesBehindACut() throws {
    let found = try answer { x, c in
      sum(stopGradient(cast(greater(x, c), to: .f64).named("t")).named("s") * x)
    }
    guard case .node = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    #expect(found.result.blocked.map { found.result.graph[$0.user].label } == ["s"])
    let alone = try answer { x, c in
      sum(stopGradient(cast(greater(x, c), to: .f64)).named("s") * c)
    }
    #expect(
      alone.derivative.refusal == "no gradient reaches it: stop_gradient cuts the path (at 's')")
  }

  /// What an estimator stops because it brings it another way is no cut; the same comparison used
  /// beside it is one.
  @Test(arguments: [false, true]) func aRealCutBesideAReroutedOne(isUsedBeside: Bool) throws {
    let found = try answer { x, c in
      let hard = cast(greater(x, c).named("steps"), to: .f64)
      let rerouted = stopForEstimator(hard) * tanh(x)
      return sum(isUsedBeside ? rerouted + hard : rerouted)
    }
    guard case .node = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    let cuts = found.result.blocked.filter { $0.hidesTarget && !$0.isRerouted }
    #expect(cuts.map { found.result.graph[$0.user].label } == (isUsedBeside ? ["steps"] : []))
    let rerouted = found.result.blocked.filter(\.isRerouted)
    #expect(rerouted.count == 1)
  }

  @Test func aStepFunctionIsZeroAlmostEverywhere() throws {
    let found = try answer { x, c in sum(sign(sin(x)).named("s") * c) }
    guard case .zero(let reason) = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    #expect(reason == "sign is piecewise constant (at 's')")
    #expect(found.derivative.refusal?.hasPrefix("its gradient is zero almost everywhere") == true)
  }

  @Test func aPositionHasNoDerivative() throws {
    let found = try answer { x, c in sum(cast(argmax(x).named("best"), to: .f64) * c) }
    guard case .undefined(let reason) = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    #expect(reason == "a position is an integer (at 'best')")
    #expect(found.result.blocked.map(\.reason) == [reason])
  }

  /// Through integers: the step is where the floats end, not where they begin again.
  @Test func aPathThroughIntegersIsAStep() throws {
    let found = try answer { x, c in
      let whole = cast(x, to: .i64).named("whole")
      return sum(cast(whole + whole, to: .f64) * c)
    }
    guard case .zero(let reason) = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    #expect(reason == "a cast to i64 is piecewise constant (at 'whole')")
    #expect(found.result.blocked.map(\.operand) == [found.x])
  }

  /// An open way beside one through integers: the value is the open part, the other is listed.
  @Test func aBlockedPathThroughIntegersIsListed() throws {
    let found = try answer { x, c in sum(x * c) + sum(cast(argmax(x).named("best"), to: .f64) * c) }
    guard case .node(let id) = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    let feeds: Feeds = [
      "x": ReferenceArray(shape: [3], values: [3, 1, 2]),
      "c": ReferenceArray(shape: [3], values: [4, 5, 6]),
    ]
    #expect(try found.result.graph.value(of: id, feeds) == [4, 5, 6])
    #expect(found.result.blocked.map { found.result.graph[$0.user].label } == ["best"])
    #expect(found.result.blocked.allSatisfy { $0.hidesTarget })
  }

  @Test func aComparisonHasNoDerivative() throws {
    let found = try answer { x, c in sum(select(greater(x, c), c, -c)) }
    switch found.derivative {
    case .node, .notConnected: Issue.record("\(found.derivative)")
    case .zero(let reason), .undefined(let reason): #expect(reason.contains("step function"))
    }
  }

  /// Of several refusals the one that says most is the answer.
  @Test func undefinedBeatsZeroBeatsNotConnected() throws {
    let all = try answer { x, c in
      sum(stopGradient(x)) + sum(sign(x)) + sum(cast(argmax(x), to: .f64) * c)
    }
    guard case .undefined = all.derivative else {
      Issue.record("\(all.derivative)")
      return
    }
    let two = try answer { x, c in sum(stopGradient(x) * c) + sum(sign(x)) }
    guard case .zero = two.derivative else {
      Issue.record("\(two.derivative)")
      return
    }
    #expect(two.result.blocked.count == 2)
  }

  @Test func openPathsCountAndBlockedOnesAreListed() throws {
    let found = try answer { x, c in
      let open = sin(x)
      let closed = stopGradient(x).named("closed")
      return sum(open * closed) + sum(sign(x).named("steps"))
    }
    guard case .node(let id) = found.derivative else {
      Issue.record("\(found.derivative)")
      return
    }
    let at = [0.4, -1.2, 2]
    let feeds: Feeds = [
      "x": ReferenceArray(shape: [3], values: at), "c": ReferenceArray(shape: [3], values: at),
    ]
    let cosines = try found.result.graph.value(
      of: id, feeds)
    // Only d(sin x)·x: the factor x is behind the barrier.
    let builder = GraphBuilder("expected")
    let x = builder.input("x", vector)
    (cos(x) * x).named("y")
    #expect(near(cosines, try builder.build().value("y", feeds), 1e-14))
    let users = found.result.blocked.map { found.result.graph[$0.user].label }
    #expect(users == ["closed", "steps"])
    #expect(found.result.blocked.allSatisfy { $0.operand == found.x && !$0.reason.isEmpty })
  }

  @Test func noiseTakesNoGradient() throws {
    let builder = GraphBuilder("g")
    let mu = builder.input("mu", vector)
    let s = builder.input("s", vector)
    let z = normal("z", mean: mu, scale: s)
    let still = normal("still", mean: mu, scale: s, estimator: .stopped)
    sum(square(z)).named("loss")
    sum(square(still)).named("stopped")
    let graph = builder.build()
    let noise = try graph.id("z.eps")
    let result = try ReverseMode.differentiate(
      graph, root: .init(try graph.id("loss")), withRespectTo: [mu.id, s.id, noise])
    guard case .node? = result.derivatives[mu.id], case .node? = result.derivatives[s.id],
      case .notConnected(let reason)? = result.derivatives[noise]
    else {
      Issue.record("\(result.derivatives)")
      return
    }
    #expect(reason.hasPrefix("noise"))
    let stopped = try ReverseMode.differentiate(
      graph, root: .init(try graph.id("stopped")), withRespectTo: [mu.id])
    guard case .notConnected(let cut)? = stopped.derivatives[mu.id] else {
      Issue.record("\(stopped.derivatives)")
      return
    }
    #expect(cut.contains("the estimator 'stopped'"))
  }

  @Test func whatCannotBeDifferentiatedIsADiagnostic() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", vector)
    let i = builder.input("i", ValueType(.i64, [3]))
    let y = tanh(x).named("y")
    let n = sum(i).named("n")
    sum(y).named("loss")
    let graph = builder.build()
    func diagnostic(_ root: NodeID, _ target: NodeID) -> Diagnostic? {
      do throws(Diagnostic) {
        _ = try ReverseMode.differentiate(graph, root: .init(root), withRespectTo: [target])
        return nil
      } catch {
        return error
      }
    }
    let vectorRoot = diagnostic(y.id, x.id)
    #expect(vectorRoot?.id == "root-not-scalar" && vectorRoot?.fix == "reduce it: sum(y)")
    #expect(vectorRoot?.got == "f64[3]")
    let integerRoot = diagnostic(n.id, x.id)
    #expect(integerRoot?.id == "root-not-scalar" && integerRoot?.fix == nil)
    let target = diagnostic(try graph.id("loss"), i.id)
    #expect(target?.id == "target-not-floating" && target?.got == "i64[3]")
    #expect(diagnostic(try graph.id("loss"), x.id) == nil)
  }
}
