import GraphIR
import Testing

/// The optimal string alignment distance straight from its recursive definition.
private func distance(_ a: ArraySlice<Character>, _ b: ArraySlice<Character>) -> Int {
  guard let x = a.last else { return b.count }
  guard let y = b.last else { return a.count }
  let (restA, restB) = (a.dropLast(), b.dropLast())
  var best = min(
    distance(restA, b) + 1, distance(a, restB) + 1, distance(restA, restB) + (x == y ? 0 : 1))
  if let beforeX = restA.last, let beforeY = restB.last, x == beforeY, y == beforeX {
    best = min(best, distance(restA.dropLast(), restB.dropLast()) + 1)
  }
  return best
}

@Suite struct SuggestionTests {
  @Test func typos() {
    #expect(nearest(to: "muu", among: ["x", "mu", "logvar"]) == "mu")
    #expect(nearest(to: "lgovar", among: ["x", "mu", "logvar"]) == "logvar")
    #expect(nearest(to: "LOGVAR", among: ["logvar"]) == "logvar")
    #expect(nearest(to: "recon", among: ["logvar", "mu"]) == nil)
    #expect(nearest(to: "x", among: ["y", "z"]) == nil)
    #expect(nearest(to: "", among: ["y"]) == nil)
    #expect(nearest(to: "mu", among: ["mu"]) == nil)
    #expect(nearest(to: "abc", among: [String]()) == nil)
  }

  @Test func hostileLengthsCostNothing() {
    let long = String(repeating: "a", count: 100_000)
    #expect(nearest(to: long, among: [long + "b"]) == nil)
    #expect(nearest(to: "aa", among: [long]) == nil)
  }

  /// The nearest by the naive distance, ties by name, within a third of the length.
  @Test(arguments: 0..<60) func agreesWithTheDefinition(seed: Int) {
    var generator = SeededGenerator(state: UInt64(seed))
    func word(_ lengths: ClosedRange<Int>) -> String {
      let count = Int.random(in: lengths, using: &generator)
      return String((0..<count).map { _ in "abc".randomElement(using: &generator) ?? "a" })
    }
    let name = word(2...6)
    let candidates = (0..<6).map { _ in word(1...6) }
    let limit = max(1, name.count / 3)
    let expected = candidates.filter { $0 != name }.map { candidate in
      (distance(Array(name)[...], Array(candidate)[...]), candidate)
    }.filter { $0.0 <= limit }.min { $0 < $1 }?.1
    #expect(
      nearest(to: name, among: candidates) == expected, "seed \(seed): \(name) in \(candidates)")
  }
}
