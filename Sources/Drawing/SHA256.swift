/// SHA-256 (FIPS 180-4): what a Content-Security-Policy names an inline script by.
enum SHA256 {
  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the
  /// square roots of the first 8 (sections 4.2.2 and 5.3.3).
  private static let (roundConstants, initial): ([UInt32], [UInt32]) = {
    var primes: [UInt64] = []
    var candidate: UInt64 = 2
    while primes.count < 64 {
      if !primes.contains(where: { candidate % $0 == 0 }) { primes.append(candidate) }
      candidate += 1
    }
    /// ⌊root · 2³²⌋ mod 2³² of `power`-th roots, bit by bit.
    func fraction(_ prime: UInt64, power: Int) -> UInt32 {
      var root: UInt64 = 0
      for bit in stride(from: 34, through: 0, by: -1) {
        let next = root | 1 << UInt64(bit)
        // next^power ≤ prime · 2^(32·power), in words of 64 bits.
        let square = next.multipliedFullWidth(by: next)
        let isLess: Bool
        if power == 2 {
          isLess = (square.high, square.low) <= (prime, 0)
        } else {
          let low = square.low.multipliedFullWidth(by: next)
          let high = square.high.multipliedFullWidth(by: next)
          let (middle, overflow) = low.high.addingReportingOverflow(high.low)
          let top = high.high + (overflow ? 1 : 0)
          isLess = top == 0 && (middle < prime << 32 || (middle == prime << 32 && low.low == 0))
        }
        if isLess { root = next }
      }
      return UInt32(truncatingIfNeeded: root)
    }
    return (
      primes.map { fraction($0, power: 3) }, primes.prefix(8).map { fraction($0, power: 2) }
    )
  }()

  static func digest(_ message: [UInt8]) -> [UInt8] {
    var bytes = message + [0x80]
    while bytes.count % 64 != 56 { bytes.append(0) }
    let length = UInt64(message.count) * 8
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: length >> UInt64(shift)))
    }
    var state = initial
    for start in stride(from: 0, to: bytes.count, by: 64) { compress(bytes[start...], &state) }
    return state.flatMap { word in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
    }
  }

  private static func compress(_ block: ArraySlice<UInt8>, _ state: inout [UInt32]) {
    func rotated(_ x: UInt32, _ count: UInt32) -> UInt32 { x >> count | x << (32 - count) }
    var words = [UInt32](repeating: 0, count: 64)
    for index in 0..<16 {
      let at = block.startIndex + index * 4
      words[index] = block[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }
    for index in 16..<64 {
      let (a, b) = (words[index - 15], words[index - 2])
      let low = rotated(a, 7) ^ rotated(a, 18) ^ a >> 3
      let high = rotated(b, 17) ^ rotated(b, 19) ^ b >> 10
      words[index] = words[index - 16] &+ low &+ words[index - 7] &+ high
    }
    var s = state
    for index in 0..<64 {
      let choice = s[4] & s[5] ^ ~s[4] & s[6]
      let first =
        s[7] &+ (rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)) &+ choice
        &+ roundConstants[index] &+ words[index]
      let majority = s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2]
      let second = (rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)) &+ majority
      s = [first &+ second, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
    }
    for index in 0..<8 { state[index] = state[index] &+ s[index] }
  }

  /// As policies write it: `sha256-…` in Base64 (RFC 4648, section 4).
  static func source(of text: String) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    let digest = digest(Array(text.utf8))
    var result = "sha256-"
    for start in stride(from: 0, to: digest.count, by: 3) {
      let bytes = digest[start..<min(start + 3, digest.count)]
      let word = (bytes + [0, 0]).prefix(3).reduce(0) { $0 << 8 | Int($1) }
      for place in 0..<4 {
        result.append(place <= bytes.count ? letters[word >> (18 - 6 * place) & 63] : "=")
      }
    }
    return result
  }
}
