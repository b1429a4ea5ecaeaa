import Ayatori
import Runtime
import Testing

/// The same bits on any number of threads: outputs, parameters and the optimiser's state.
@Suite struct ThreadCountTests {
  /// What training leaves after a few steps on `threads` threads.
  private static func trained(
    _ graph: Graph, _ loss: String, batch: Int, threads: Int
  ) throws -> [String: NDArray] {
    let step = try Compiler().trainingGraph(of: graph, loss: loss, optimizer: .adam())
    let program = try Program(step, outputs: [loss])
    var sizes = graph.sizes()
    for dimension in graph.dimensions where dimension.defaultSize == nil {
      sizes[dimension.name] = batch
    }
    let state = try StateStore(step, sizes: sizes)
    try state.initialize(seed: 3)
    let bound = try BoundProgram(
      program, sizes: sizes, state: state, seed: 4, pool: WorkerPool(threads: threads))
    for index in 0..<3 as Range<UInt64> {
      for name in bound.fedNames {
        let buffer = try #require(bound.inputBuffer(name))
        let drawn = NoiseStream(seed: 5, name: name).values(
          .uniform, count: buffer.count, step: index)
        try bound.feed(
          name, NDArray(converting: drawn, to: buffer.dtype, shape: buffer.shape))
      }
      try bound.run(step: index)
    }
    var left: [String: NDArray] = [:]
    for name in state.names { left[name] = state.array(name) }
    left[" the loss"] = bound.output(loss)
    return left
  }

  @Test(arguments: CompilerTests.trainable, [3, 64])
  func trainingIsTheSameToTheBit(name: String, batch: Int) throws {
    let graph = try Oracle.graph(name)
    let loss = try Compiler.lossName(of: graph)
    let alone = try Self.trained(graph, loss, batch: batch, threads: 1)
    #expect(alone.count > 3)
    for threads in 2...4 {
      let together = try Self.trained(graph, loss, batch: batch, threads: threads)
      for (name, array) in alone {
        #expect(
          together[name].map { bits($0) } == bits(array), "\(name) on \(threads) threads")
      }
    }
  }

  /// As wide as OpenBLAS's small kernels do not take: large tiles, and sums of many units.
  @Test func wideLayersToo() throws {
    let text = """
      graph wide {
        dim N
        input x: f32[N, 1200]
        layer a = linear(1200, 96) init torch
        layer b = linear(96, 1200) init torch
        loss = mean(square(b(softplus(a(x))) - x)) + 0.001 * sum(sum(sigmoid(x), axes: [0]))
        output loss
      }
      """
    let parsed = parse(SourceFile(name: "wide.aya", text: text), dialect: .standard)
    let graph = try #require(parsed.graph, "\(parsed.diagnostics)")
    let alone = try Self.trained(graph, "loss", batch: 40, threads: 1)
    for threads in 2...4 {
      let together = try Self.trained(graph, "loss", batch: 40, threads: threads)
      for (name, array) in alone {
        #expect(together[name].map { bits($0) } == bits(array), "\(name), \(threads) threads")
      }
    }
  }
}

private func bits(_ array: NDArray) -> [UInt64] { array.doubles.map(\.bitPattern) }
