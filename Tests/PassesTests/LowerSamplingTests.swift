import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

@Suite struct LowerSamplingTests {
  private func sampled(_ scale: NormalScale, estimator: Estimator) -> Graph {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let mu = builder.input("mu", matrix)
    let s = builder.input("s", matrix)
    let z = builder.scope("sampling") {
      normal("z", mean: mu, scale: s, as: scale, estimator: estimator)
    }
    builder.output("z", z)
    builder.output("loss", sum(square(z)).named("loss"))
    return builder.build()
  }

  /// The lowered graph computes what the op means, which is m + σ·ε.
  @Test(arguments: NormalScale.allCases, [Estimator.pathwise, .stopped])
  func valuesStay(scale: NormalScale, estimator: Estimator) throws {
    let graph = sampled(scale, estimator: estimator)
    let lowered = try run(Pipeline.debug.lowering, on: graph)
    #expect(lowered.count(.normal) == 0)
    let noise: [Double] = [1, -0.5, 0.25, 0, 2, -3]
    var feeds = someFeeds
    feeds["z.eps"] = ReferenceArray(shape: [2, 3], values: noise)
    let before = try graph.outputValues(feeds)
    let after = try lowered.outputValues(feeds)
    #expect(near(before["z"], after["z"]) && near(before["loss"], after["loss"]))
    let mu = try #require(feeds["mu"]).values
    let s = try #require(feeds["s"]).values
    let closed = mu.indices.map { i -> Double in
      let sigma =
        switch scale {
        case .logVariance: Foundation.exp(s[i]).squareRoot()
        case .standardDeviation: s[i]
        case .logStandardDeviation: Foundation.exp(s[i])
        }
      return mu[i] + sigma * noise[i]
    }
    #expect(near(after["z"], closed))
    // Drawn rather than fed, both draw the same.
    #expect(try graph.outputValues(someFeeds, seed: 5) == lowered.outputValues(someFeeds, seed: 5))
  }

  @Test(arguments: [NormalScale.logVariance, .logStandardDeviation])
  func structure(scale: NormalScale) throws {
    let lowered = try run(Pipeline.debug.lowering, on: sampled(scale, estimator: .pathwise))
    let sigma = try #require(lowered.node(named: "z.sigma"))
    let z = try #require(lowered.node(named: "z"))
    #expect(z.definition == .add && z.scope == ["sampling"])
    #expect(sigma.definition == .exp && sigma.scope == ["sampling"])
    #expect(lowered.count(.stopGradient) == 0)
  }

  @Test func aGivenDeviationKeepsItsName() throws {
    let lowered = try run(
      Pipeline.debug.lowering, on: sampled(.standardDeviation, estimator: .pathwise))
    #expect(lowered.node(named: "z.sigma") == nil)
    #expect(lowered.names == ["mu", "s", "z.eps", "z", "loss"])
  }

  @Test func aStoppedDrawEndsInABarrier() throws {
    let lowered = try run(Pipeline.debug.lowering, on: sampled(.logVariance, estimator: .stopped))
    let z = try #require(lowered.node(named: "z"))
    #expect(z.definition == .stopGradient)
    #expect(lowered.output(named: "z")?.node == z.id)
    #expect(lowered[z.operands[0]].definition == .add)
  }

  @Test func noiseStaysALeafOfItsName() throws {
    let graph = sampled(.logVariance, estimator: .pathwise)
    let lowered = try run(Pipeline.debug.lowering, on: graph)
    #expect(lowered.noises.map(\.label) == ["z.eps"])
    #expect(lowered.inputs.map(\.label) == ["mu", "s"])
  }

  /// The name that lowering would give may be a person's own, of a node that comes later.
  @Test func dont_takeANameThatALaterNodeBears() throws {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let mu = builder.input("mu", matrix)
    let s = builder.input("s", matrix)
    let z = normal("z", mean: mu, scale: s)
    let own = builder.input("z.sigma", matrix)
    builder.output("y", (z + own).named("z.sigma#2"))
    let lowered = try run(Pipeline.debug.lowering, on: builder.build())
    #expect(lowered.node(named: "z.sigma")?.isInput == true)
    #expect(lowered.node(named: "z.sigma#2")?.id == lowered.output(named: "y")?.node)
    #expect(lowered.node(named: "z.sigma#3")?.definition == .exp)
  }

  /// Composites with a kernel of their own stay: their decomposition is for whoever asks.
  @Test func dont_lowerWhatHasAKernel() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [2, 3]))
    builder.output("a", softplus(x))
    builder.output("b", logsumexp(x))
    builder.output("c", klNormal(mean: x, logVariance: x))
    builder.output("d", klBernoulli(logits: x, priorLogits: x))
    builder.output("e", klCategorical(logits: x, priorLogits: x))
    let graph = builder.build()
    #expect(try run([.lowerSampling], on: graph).text() == graph.text())
  }

  @Test func twoDrawsKeepTheirOwnParts() throws {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let mu = builder.input("mu", matrix)
    let s = builder.input("s", matrix)
    let a = normal("a", mean: mu, scale: s)
    let b = normal("b", mean: mu, scale: s)
    builder.output("d", a - b)
    let graph = builder.build()
    let lowered = try run(Pipeline.debug.lowering, on: graph)
    // σ is the same node for both; the noise is not.
    #expect(lowered.count(.exp) == 1)
    #expect(lowered.noises.count == 2)
    #expect(near(try graph.outputValues(someFeeds)["d"], try lowered.outputValues(someFeeds)["d"]))
    #expect(try lowered.outputValues(someFeeds)["d"]?.contains { abs($0) > 1e-3 } == true)
  }
}
