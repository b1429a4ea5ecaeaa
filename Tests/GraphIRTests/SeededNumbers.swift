/// Numbers at random from a seed that a failure can name: Knuth's MMIX generator.
struct SeededNumbers {
  let seed: UInt64
  private var state: UInt64

  init() {
    var random = SystemRandomNumberGenerator()
    seed = UInt64.random(in: 0...UInt64.max, using: &random)
    state = seed
  }

  /// A number from 0 up to `bound`, which it is not.
  mutating func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}
