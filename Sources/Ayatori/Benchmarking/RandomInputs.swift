import GraphIR
import GraphOps
public import Runtime

/// Random values, uniform on [0, 1), for all that a program is fed.
///
///     let inputs = RandomInputs(program)
///     let bound = try BoundProgram(program, state: state, refilling: inputs.refills)
///     try inputs.fill(bound)
public final class RandomInputs {
  private let names: [String]
  private let seed: UInt64
  // Drawn once the program is bound: then the sizes are known to fit.
  private var arrays: [String: NDArray] = [:]

  public init(_ program: Program, seed: UInt64 = 0) {
    names = program.fed.sorted()
    self.seed = seed
  }

  /// Puts the values in. Throws as feeding does.
  public func fill(_ bound: BoundProgram) throws(Diagnostic) {
    for name in names {
      guard let buffer = bound.inputBuffer(name) else { continue }
      let array =
        arrays[name]
        ?? NDArray(
          converting: NoiseStream(seed: seed, name: "bench/\(name)").values(
            .uniform, count: buffer.count, step: 0), to: buffer.dtype, shape: buffer.shape)
      arrays[name] = array
      try bound.feed(name, array)
    }
  }

  /// Put the values in again for the next run, as a part of each run: so training writes the next
  /// batch.
  public var refills: [BoundProgram.Refill] {
    names.map { name in
      BoundProgram.Refill(name, units: RandomInputs.parts) { [self] units, buffer in
        arrays[name]?.withUnsafeBytes { bytes in
          let start = bytes.count * units.lowerBound / RandomInputs.parts
          let end = bytes.count * units.upperBound / RandomInputs.parts
          guard let base = bytes.baseAddress, start < end else { return }
          (buffer.pointer + start).copyMemory(from: base + start, byteCount: end - start)
        }
      }
    }
  }

  private static let parts = 16
}
