import GraphIR
import GraphOps
import Runtime
import Testing

/// Where an op says that it works slice by slice, one slice of an operand changes no other slice of
/// the result.
@Suite("Axes of every op")
struct AxisTests {
  private static let sizes = ["N": 2, "D": 3]

  @Test("What is carried does not mix", arguments: Dialect.standard.ops)
  func soundness(_ op: OpDefinition) throws {
    let example = try #require(OpExample.of(op), "no example of '\(op.name)'")
    let small = example.cases.filter { use in
      let counts = use.types.map { type in
        type.shape.dims.reduce(1) { $0 * ($1.constant ?? 1) }
      }
      return counts.allSatisfy { (2...120).contains($0) }
    }
    var tried = 0
    let uses = [example.typical] + (OpGradientTests.further[op.name] ?? [])
    for use in uses + small.prefix(40) { tried += try walk(op, use) }
    // An op for which the rule never says anything had better be known for it.
    let isMute = ["reshape", "scatter_add"].contains(op.name)
    #expect(tried > 0 || isMute, "no axis of '\(op.name)' is carried")
  }

  /// How many slices were moved.
  private func walk(_ op: OpDefinition, _ use: OpCase) throws -> Int {
    let single = try OneOpGraph(op, use)
    let names = single.graph.dimensions.map(\.name)
    let sizes = Self.sizes.filter { names.contains($0.key) }
    var generator = SeededGenerator(state: 7)
    let (one, two) = (
      try use.operands(&generator, sizes: sizes),
      try use.operands(&generator, sizes: sizes)
    )
    let home = try #require(try single.reference(one, sizes: sizes))
    let result = single.graph[single.result].type.shape
    let attributes = try op.completed(use.attributes)
    var moved = 0
    for (place, type) in use.types.enumerated() {
      let context = AxisRule.Context(
        operand: place, operands: use.types.map(\.shape), result: result, attributes: attributes)
      for axis in type.shape.dims.indices {
        guard let target = op.axes(axis, context) else { continue }
        let shape = one[place].shape
        #expect(home.shape[target] == shape[axis], "\(op.name)\(use): axis \(axis) of \(place)")
        for slice in 0..<shape[axis] {
          var arrays = one
          arrays[place] = Self.replacing(slice, of: one[place], along: axis, by: two[place])
          let changed = try #require(try single.reference(arrays, sizes: sizes))
          for (position, (a, b)) in zip(home.values, changed.values).enumerated() where a != b {
            if a.isNaN && b.isNaN { continue }
            let index = Self.index(position, home.shape)
            #expect(
              index[target] == slice,
              "\(op.name)\(use): slice \(slice) of operand \(place) reaches \(index)")
          }
          moved += 1
        }
      }
    }
    return moved
  }

  private static func index(_ position: Int, _ shape: [Int]) -> [Int] {
    var rest = position
    return shape.reversed().map { extent in
      defer { rest /= extent }
      return rest % extent
    }.reversed()
  }

  private static func replacing(
    _ slice: Int, of array: NDArray, along axis: Int, by other: NDArray
  ) -> NDArray {
    var values = array.doubles
    let news = other.doubles
    for position in values.indices where index(position, array.shape)[axis] == slice {
      values[position] = news[position]
    }
    return NDArray(converting: values, to: array.dtype, shape: array.shape)
  }
}
