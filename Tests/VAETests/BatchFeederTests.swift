import Ayatori
import Testing

@testable import VAE

/// The batch that a run leaves in the inputs is the one that filling them gives.
@Suite struct BatchFeederTests {
  /// label * 1 is the label itself: then it is no good to write the next ones over it.
  @Test(arguments: ["1", "2"])
  func handsOverTheNextBatch(factor: String) throws {
    let (count, size) = (40, 6)
    let pixels = (0..<(count * size)).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
    let split = DataSet.Split(images: pixels, labels: (0..<count).map { UInt8($0 % 10) })
    let set = DataSet(
      name: "tiny", imageShape: [2, 3], train: split, test: split, maximum: 255, source: "made up")
    let text = """
      graph g {
        dim N
        input x: f32[N, 6]
        input label: i64[N]
        seen = x + 0.5
        also = label * \(factor)
        output seen, also
      }
      """
    let parsed = parse(SourceFile(name: "g.aya", text: text), dialect: .standard)
    let graph = try #require(parsed.graph, "\(parsed.diagnostics)")
    let program = try CompiledGraph(graph).program
    let inputs = try DataInputs(graph, for: set)
    let feeder = try BatchFeeder(
      program, inputs, batch: 12, of: split, in: set, state: StateStore(program.graph, sizes: [:]),
      seed: 0)
    // Out of order, with a batch that was not announced, and one of another size announced.
    let order = (0..<count).map { ($0 * 7) % count }
    let batches = [order[0..<12], order[12..<24], order[3..<15], order[24..<36], order[0..<12]]
    for (place, rows) in batches.enumerated() {
      let next: ArraySlice<Int> =
        switch place {
        case 0: batches[1]
        case 1: batches[3]
        case 2: order[36..<40]
        default: batches[min(place + 1, batches.count - 1)]
        }
      try feeder.run(rows, next: next, step: UInt64(place))
      let seen = try #require(feeder.program.output("seen")).doubles
      let also = try #require(feeder.program.output("also")).doubles
      let wanted = rows.flatMap { row in
        (0..<size).map { Double(Float(pixels[row * size + $0]) / 255 + 0.5) }
      }
      #expect(seen == wanted, "batch \(place)")
      #expect(also == rows.map { Double($0 % 10) * (Double(factor) ?? 0) }, "batch \(place)")
    }
  }
}
