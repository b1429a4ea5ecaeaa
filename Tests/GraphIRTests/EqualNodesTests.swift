import GraphIR
import Testing

/// The table of equal nodes beside a dictionary, under hashes that collide more often than not.
@Suite struct EqualNodesTests {
  @Test(arguments: [1, 3, 64, Int.max])
  func isADictionary(distinctHashes: Int) {
    var numbers = SeededNumbers()
    let seed = numbers.seed
    func next(_ bound: Int) -> Int { numbers.next(bound) }
    var table = EqualNodes()
    if next(2) == 0 { table.reserve(100) }
    // What an id stands for is id mod 50: equal ids are those of one residue.
    var expected: [Int: Int] = [:]
    func hash(_ key: Int) -> Int { (key % distinctHashes) &* 0x9E37_79B9 }
    func place(_ key: Int) -> Int? { table.place(hash(key)) { $0.index % 50 == key } }
    for step in 0..<4000 {
      let id = next(500)
      let key = id % 50
      let found = place(key)
      if let found {
        if next(2) == 0 {
          table.remove(at: found)
          expected[key] = nil
        } else {
          table[found] = NodeID(id)
          expected[key] = id
        }
      } else {
        table.insert(NodeID(id), hash(key))
        expected[key] = id
      }
      // Whatever else is here must not get lost.
      for key in step % 40 == 0 ? 0..<50 : key..<key + 1 {
        let id = place(key).map { table[$0].index }
        #expect(id == expected[key], "seed \(seed), step \(step), key \(key)")
      }
    }
  }

  @Test func equalNumbersOfOneTypeAreOneNode() {
    let builder = GraphBuilder("g")
    let two = builder.constant(.float(2), .f32)
    #expect(builder.constant(.float(2), .f32).id == two.id)
    #expect(builder.constant(.float(2), .f64).id != two.id)
    let zero = builder.constant(.float(0), .f32)
    #expect(builder.constant(.float(-0.0), .f32).id != zero.id)
  }
}
