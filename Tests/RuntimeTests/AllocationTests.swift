import CAllocationCounter
import GraphIR
import GraphOps
import Passes
import Runtime
import Testing

private final class Box { var value = 0 }

/// What `body` asks of malloc on this thread.
private func allocations(_ body: () throws -> Void) rethrows -> Int {
  let before = allocation_count()
  try body()
  return allocation_count() - before
}

@Suite(.enabled(if: allocation_count() >= 0, "a sanitizer has a malloc of its own"))
struct AllocationTests {
  /// A small VAE's step: sampling, products, reductions, updates.
  private func step() throws -> BoundProgram {
    let builder = GraphBuilder("step")
    let n = builder.dimension("N")
    let x = builder.input("x", ValueType(.f32, [n, 8]))
    let (fc, mu) = (builder.linear("fc", from: 8, to: 6), builder.linear("mu", from: 6, to: 2))
    let z = normal("z", mean: mu(tanh(fc(x))), scale: mu(relu(fc(x))))
    let out = builder.linear("out", from: 2, to: 8)
    builder.output("loss", mean(bernoulliNLL(sigmoid(x), logits: out(z))))
    for parameter in fc.parameters + mu.parameters + out.parameters {
      builder.update(parameter, to: parameter * 0.99 - 0.1 * tanh(parameter))
    }
    let graph = try run(Pipeline.debug.lowering, on: builder.build())
    return try BoundProgram(try Program(graph), sizes: ["N": 16])
  }

  @Test func theCounterCounts() {
    var boxes: [Box] = []
    boxes.reserveCapacity(100)
    let counted = allocations { for _ in 0..<100 { boxes.append(Box()) } }
    #expect(counted >= 100 && counted < 200)
    #expect(boxes.count == 100)
  }

  /// No object a step, an element or a run: the runtime, the kernels and OpenBLAS ask nothing of
  /// malloc once the program is bound.
  @Test func aStepDoesNotAllocate() throws {
    let bound = try step()
    let buffer = try #require(bound.inputBuffer("x"))
    let (pixels, count) = (buffer.typed(Float.self), buffer.count)
    func runs(_ times: Int) throws {
      for index in 0..<times {
        for element in 0..<count { pixels[element] = 0.5 }
        try bound.run(step: UInt64(index))
      }
    }
    try runs(3)
    #expect(try allocations { try runs(100) } == 0)
    #expect(bound.scalar("loss")?.isFinite == true)
  }
}
