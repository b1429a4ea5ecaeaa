public import Runtime

extension BoundProgram {
  /// Random values for every fed leaf, and a closure that puts them there again: steps may write
  /// over them. The closure allocates nothing.
  public func randomInputs(seed: UInt64 = 0) -> () -> Void {
    var refills: [() -> Void] = []
    for name in fedNames {
      guard let buffer = inputBuffer(name) else { continue }
      let drawn = NoiseStream(seed: seed, name: "bench/\(name)").values(
        .uniform, count: buffer.count, step: 0)
      let array = NDArray(converting: drawn, to: buffer.dtype, shape: buffer.shape)
      refills.append {
        array.withUnsafeBytes { bytes in
          if let base = bytes.baseAddress {
            buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
          }
        }
      }
    }
    return { for refill in refills { refill() } }
  }
}
