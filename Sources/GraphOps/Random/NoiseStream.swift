import CKernels
public import GraphIR

/// One of the counter-based streams from which all of Ayatori's randomness comes.
///
/// Philox4x32-10 (Salmon et al. 2011). The key is made from the seed and the name of what is drawn,
/// the counter from the element's position and the step; so a draw depends on (seed, name, step,
/// position) and on nothing that happened before.
///
/// key = first two words of philox(counter: [lo h, hi h, 0x41595A31, 0], key: [lo seed, hi seed])
/// with h the 64-bit FNV-1a hash of the name's UTF-8. Elements 4j…4j+3 at step s are the words of
/// philox(counter: [lo j, hi j, lo s, hi s], key).
public struct NoiseStream: Sendable, Hashable {
  public let key: (UInt32, UInt32)

  public static func == (a: NoiseStream, b: NoiseStream) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(key.0)
    hasher.combine(key.1)
  }

  public init(seed: UInt64, name: String) {
    let hash = NoiseStream.fnv1a(name)
    let counter: [UInt32] = [UInt32(truncatingIfNeeded: hash), UInt32(hash >> 32), 0x4159_5A31, 0]
    let seedWords: [UInt32] = [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)]
    var words: [UInt32] = [0, 0, 0, 0]
    ak_philox4x32_10(counter, seedWords, &words)
    key = (words[0], words[1])
  }

  /// The 64-bit FNV-1a hash of the text's UTF-8 (Fowler, Noll, Vo).
  public static func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }

  /// Fills a buffer with the elements 0, 1, … of the given step. f32 is the f64 draw rounded.
  public func fill(_ buffer: Buffer, _ distribution: NoiseDistribution, step: UInt64) {
    fill(buffer, distribution, step: step, range: 0..<buffer.count)
  }

  /// Fills only the elements in `range`; what they are does not depend on the range.
  public func fill(
    _ buffer: Buffer, _ distribution: NoiseDistribution, step: UInt64, range: Range<Int>
  ) {
    var stream = ak_stream(key: key, step: step)
    let (begin, end) = (Int64(range.lowerBound), Int64(range.upperBound))
    switch (distribution, buffer.dtype) {
    case (.normal, .f32): ak_normal_f32(&stream, buffer.typed(Float.self), begin, end)
    case (.normal, .f64): ak_normal_f64(&stream, buffer.typed(Double.self), begin, end)
    case (.uniform, .f32): ak_uniform_f32(&stream, buffer.typed(Float.self), begin, end)
    case (.uniform, .f64): ak_uniform_f64(&stream, buffer.typed(Double.self), begin, end)
    default: preconditionFailure("no noise of dtype \(buffer.dtype)")
    }
  }

  /// The elements 0..<count of the given step as doubles.
  public func values(_ distribution: NoiseDistribution, count: Int, step: UInt64) -> [Double] {
    values(distribution, 0..<count, step: step)
  }

  /// The elements in `range` of the given step as doubles.
  public func values(
    _ distribution: NoiseDistribution, _ range: Range<Int>, step: UInt64
  ) -> [Double] {
    [Double](unsafeUninitializedCapacity: range.count) { memory, initialized in
      initialized = range.count
      guard let base = memory.baseAddress, !range.isEmpty else { return }
      base.initialize(repeating: 0, count: range.count)
      // The loops write element e of a stream to y[e].
      fill(
        Buffer(
          pointer: UnsafeMutableRawPointer(base - range.lowerBound), dtype: .f64,
          shape: [range.upperBound]), distribution, step: step, range: range)
    }
  }

  /// Integers 0..<count in a random order: Fisher–Yates with 64 random bits a swap.
  public func permutation(_ count: Int, step: UInt64) -> [Int] {
    var order = Array(0..<count)
    guard count > 1 else { return order }
    for index in stride(from: count - 1, to: 0, by: -1) {
      let block = UInt64(count - 1 - index)
      let counter = [
        UInt32(truncatingIfNeeded: block), UInt32(block >> 32), UInt32(truncatingIfNeeded: step),
        UInt32(step >> 32),
      ]
      var words: [UInt32] = [0, 0, 0, 0]
      ak_philox4x32_10(counter, [key.0, key.1], &words)
      let bits = UInt64(words[0]) | UInt64(words[1]) << 32
      // The high half of a 128-bit product maps 64 bits to 0...index, biased by less than 2^-40.
      order.swapAt(index, Int(bits.multipliedFullWidth(by: UInt64(index + 1)).high))
    }
    return order
  }
}
