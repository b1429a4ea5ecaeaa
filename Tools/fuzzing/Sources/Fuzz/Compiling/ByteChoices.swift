/// Bytes as a run of choices: where they end, every choice is the first one.
struct ByteChoices {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isEmpty: Bool { rest.isEmpty }

  /// A number below `bound`, at most 256.
  mutating func below(_ bound: Int) -> Int { Int(rest.popFirst() ?? 0) % bound }

  mutating func isSo() -> Bool { below(2) == 1 }

  mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }
}
