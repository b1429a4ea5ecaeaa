/// A 64-bit hash of bytes that stays the same across runs and machines, unlike `Hasher`.
///
/// FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo) over little-endian 8-byte words instead of bytes, with
/// the high half folded down after each step, since the multiplication only carries upwards. Not
/// for security: it tells data sets apart, no more.
struct Fingerprint {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func combine(_ word: UInt64) {
    value = (value ^ word) &* 0x0000_0100_0000_01B3
    value ^= value >> 32
  }

  /// Length first, so that the border between two arrays counts.
  mutating func combine(_ bytes: [UInt8]) {
    combine(UInt64(bytes.count))
    bytes.withUnsafeBytes { raw in
      let words = raw.count / 8
      for index in 0..<words {
        combine(
          UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)))
      }
      var last: UInt64 = 0
      for byte in raw[(words * 8)...].reversed() { last = last << 8 | UInt64(byte) }
      combine(last)
    }
  }
}
