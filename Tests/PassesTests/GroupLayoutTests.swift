import GraphIR
import GraphOps
import Testing

/// The layout of two groups as one beside the layout of all their members, found from nothing.
@Suite struct GroupLayoutTests {
  @Test(arguments: 0..<24)
  func aMergedLayoutIsThatOfItsMembers(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let graph = GroupLayoutTests.graph(&random)
    let operations = graph.nodes.filter { $0.operation != nil }.map { $0.id.index }
    var clusters = operations.map { [$0] }
    var (legal, illegal) = (0, 0)
    for _ in 0..<600 where clusters.count > 1 {
      let i = Int.random(in: 0..<clusters.count, using: &random)
      var j = Int.random(in: 0..<(clusters.count - 1), using: &random)
      if j >= i { j += 1 }
      let (a, b) = (clusters[i], clusters[j])
      let both = (a + b).sorted()
      func isProduct(_ id: Int) -> Bool { graph.nodes[id].definition == .matmul }
      if both.count(where: isProduct) > 1 { continue }
      func layout(_ members: [Int]) -> GroupLayout? {
        let ids = GroupLayoutTests.inOrder(members, isProduct)
        return try? GroupLayout(graph, members: ids) { _ in false }
      }
      let (first, second) = b.contains(where: isProduct) ? (b, a) : (a, b)
      guard let one = layout(first), let other = layout(second) else { continue }
      let users = graph.users()
      func isUsedOutside(_ id: NodeID) -> Bool {
        graph.outputs.contains { $0.node == id }
          || users[id.index].contains { !both.contains($0.index) }
      }
      let ids = GroupLayoutTests.inOrder(both, isProduct)
      let whole = try? GroupLayout(graph, members: ids, isUsedOutside: isUsedOutside)
      let merged = try? GroupLayout.merged(
        one, other, members: ids, of: graph, isUsedOutside: isUsedOutside)
      #expect(merged?.space == whole?.space, "seed \(seed): \(ids)")
      #expect(merged?.split == whole?.split, "seed \(seed): \(ids)")
      #expect(merged?.members == whole?.members, "seed \(seed): \(ids)")
      #expect(
        merged.map { "\($0.parts)" } == whole.map { "\($0.parts)" }, "seed \(seed): \(ids)")
      if whole == nil {
        illegal += 1
        continue
      }
      legal += 1
      clusters[i] = both
      clusters.remove(at: j)
    }
    #expect(legal > 5 && illegal > 5, "seed \(seed): \(legal) legal, \(illegal) not")
  }

  /// A matrix product first.
  private static func inOrder(_ members: [Int], _ isProduct: (Int) -> Bool) -> [NodeID] {
    (members.filter(isProduct) + members.filter { !isProduct($0) }).map { NodeID($0) }
  }

  /// Full matrices, rows, columns and numbers, with sums and products of matrices between them.
  private static func graph(_ random: inout SplitMix) -> Graph {
    let builder = GraphBuilder("g")
    builder.dimension("N")
    let w = builder.input("w", .f32, [8, 8])
    var values = [
      builder.input("x", .f32, ["N", 8]), builder.input("row", .f32, [8]),
      builder.input("column", .f32, ["N", 1]), builder.input("s", .f32, []),
    ]
    while builder.nodeCount < 60 {
      func any() -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
      let x = any()
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<2: values.append(exp(x))
      case 2..<5: values.append(x + any())
      case 5..<7: values.append(x * any())
      case 7 where x.shape.rank == 2:
        values.append(sum(x, axes: [Int.random(in: 0..<2, using: &random)], keepdims: true))
      case 8 where x.shape == ["N", 8]: values.append(matmul(x, w))
      case 9 where x.shape.rank == 2: values.append(sum(x))
      default: values.append(tanh(x))
      }
    }
    builder.output("last", values[values.count - 1])
    return builder.build()
  }
}
