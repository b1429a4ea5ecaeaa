import Foundation
import GraphIR
public import Runtime

/// What this machine can do at best, measured: the two sides of a roofline.
///
/// Williams, Waterman & Patterson 2009, "Roofline: an insightful visual performance model".
public struct MachineLimits: Sendable, Encodable {
  /// Floating-point operations a second, of a matrix product that suits the CPU.
  public var flops: Double
  /// Bytes a second that a sum of two arrays reads and writes.
  public var bandwidth: Double
  /// Bytes of the arrays that `bandwidth` was measured on.
  public var workingSet: Int

  /// Measures for about a tenth of a second, with memory of about `workingSet` bytes in use: caches
  /// are faster than what lies behind them. Throws when there is too little memory.
  public init(workingSet: Int, pool: WorkerPool = .shared) throws {
    let bytes = max(1 << 18, min(workingSet, 1 << 27))
    let (size, inner) = (1024, 112)
    let product = try MachineLimits.seconds(pool) { builder in
      let type = ValueType(.f32, [Dim(inner), Dim(size)])
      let (a, b) = (builder.input("a", type), builder.input("b", type))
      builder.output("c", matmul(a, b, transposeA: true).named("c"))
    }
    flops = 2 * Double(size * size * inner) / product
    let count = bytes / 12
    let sum = try MachineLimits.seconds(pool) { builder in
      // Not over its operands, of which one is kept for the end.
      let vector = ValueType(.f32, [Dim(count)])
      let (a, b) = (builder.input("a", vector), builder.input("b", vector))
      builder.output("c", (a + b).named("c"))
      builder.output("a", a)
      builder.output("b", b)
    }
    bandwidth = Double(3 * 4 * count) / sum
    self.workingSet = 12 * count
  }

  /// The least time in which so much could be done, in seconds.
  public func seconds(flops: Int, bytes: Int) -> Double {
    max(Double(flops) / self.flops, Double(bytes) / bandwidth)
  }

  /// The fastest of several runs.
  private static func seconds(
    _ pool: WorkerPool, _ build: (GraphBuilder) -> Void
  ) throws -> Double {
    let builder = GraphBuilder("limit")
    build(builder)
    let program = try Program(builder.build())
    let bound = try BoundProgram(program, pool: pool)
    try RandomInputs(program).fill(bound)
    var best = Double.infinity
    let clock = ContinuousClock()
    let begin = clock.now
    var runs = 0
    while runs < 3 || clock.now - begin < .milliseconds(40) {
      let start = clock.now
      try bound.run()
      best = min(best, (clock.now - start).seconds)
      runs += 1
    }
    return best
  }
}
