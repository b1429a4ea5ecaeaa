import GraphIR
import Testing

/// The list of a few ids beside an array.
@Suite struct NodeListTests {
  @Test func isAnArrayWhoseLastTakesThePlaceOfWhatGoes() {
    var numbers = SeededNumbers()
    let seed = numbers.seed
    func next(_ bound: Int) -> Int { numbers.next(bound) }
    var list = NodeList()
    var expected: [NodeID] = []
    var longest = 0
    for step in 0..<2000 {
      // Grows and shrinks across what stands in place.
      if expected.isEmpty || next(100) < (step / 100 % 2 == 0 ? 60 : 40) {
        let id = NodeID(next(1000))
        list.append(id)
        expected.append(id)
      } else {
        let place = next(expected.count)
        list.remove(at: place)
        expected.swapAt(place, expected.count - 1)
        expected.removeLast()
      }
      longest = max(longest, expected.count)
      #expect(Array(list) == expected, "seed \(seed), step \(step)")
      #expect(list.firstIndex(of: NodeID(7)) == expected.firstIndex(of: NodeID(7)))
    }
    #expect(longest > 10, "seed \(seed)")
  }
}
