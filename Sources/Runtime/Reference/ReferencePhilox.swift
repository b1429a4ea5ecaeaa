import Foundation
import GraphIR

/// Philox4x32-10 in plain Swift, written from the paper (Salmon et al. 2011, section 3.3): the
/// reference for the C loops.
enum ReferencePhilox {
  static func words(counter: [UInt32], key: [UInt32]) -> [UInt32] {
    var (c, k) = (counter, key)
    for round in 0..<10 {
      if round > 0 {
        k[0] &+= 0x9E37_79B9
        k[1] &+= 0xBB67_AE85
      }
      let a = c[0].multipliedFullWidth(by: 0xD251_1F53)
      let b = c[2].multipliedFullWidth(by: 0xCD9E_8D57)
      c = [b.high ^ c[1] ^ k[0], b.low, a.high ^ c[3] ^ k[1], a.low]
    }
    return c
  }

  /// Elements 0..<count of the stream of (seed, name) at a step.
  static func draw(
    _ distribution: NoiseDistribution, count: Int, seed: UInt64, name: String, step: UInt64
  ) -> [Double] {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let key = words(
      counter: halves(hash) + [0x4159_5A31, 0], key: halves(seed))
    var values: [Double] = []
    var block: UInt64 = 0
    while values.count < count {
      let w = words(counter: halves(block) + halves(step), key: [key[0], key[1]])
      switch distribution {
      case .uniform: values += w.map { Double($0 >> 8) * 0x1p-24 }
      case .normal:
        for pair in [(w[0], w[1]), (w[2], w[3])] {
          let radius = (-2 * Foundation.log((Double(pair.0) + 1) * 0x1p-32)).squareRoot()
          let angle = 2 * Double.pi * (Double(pair.1) * 0x1p-32)
          values += [radius * Foundation.cos(angle), radius * Foundation.sin(angle)]
        }
      }
      block += 1
    }
    return Array(values.prefix(count))
  }

  private static func halves(_ value: UInt64) -> [UInt32] {
    [UInt32(truncatingIfNeeded: value), UInt32(value >> 32)]
  }
}
