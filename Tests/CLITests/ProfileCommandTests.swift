import Foundation
import Testing

/// `ayatori profile`.
@Suite struct ProfileCommandTests {
  private struct Table: Decodable {
    struct Row: Decodable {
      var step: Int?
      var part: String
      var nodes: [String]
      var wave: Int
      var units: Int
      var microseconds: Double
      var busyMicroseconds: Double
      var flops: Int
      var bytes: Int
      var shareOfTime: Double
    }
    var threads: Int
    var runs: Int
    var waves: Int
    var microseconds: Double
    var rows: [Row]
  }

  private static func table(_ flags: [String]) throws -> Table {
    let result = try Tool.run(["profile"] + flags + ["--json"])
    expectFine(result)
    return try JSONDecoder().decode(Table.self, from: Data(result.out.utf8))
  }

  @Test func accountsForTheStep() throws {
    let table = try Self.table([
      Tool.graphs + "vae_pytorch.aya", "--batch-size", "8", "--runs", "3", "--threads", "2",
    ])
    #expect(table.threads == 2 && table.runs == 3)
    #expect(table.rows.map(\.wave) == table.rows.map(\.wave).sorted())
    #expect(table.waves == (table.rows.map(\.wave).max() ?? -1) + 1)
    #expect(abs(table.rows.reduce(0) { $0 + $1.shareOfTime } - 1) < 1e-9)
    // Eleven products, 2·m·n·k each: those of the step at batch 8.
    let products = table.rows.filter { row in
      ["product", "carried"].contains(row.part)
        || row.nodes.count == 1 && row.nodes[0].hasPrefix("matmul")
    }
    #expect(products.count == 11)
    let (n, d, h, z) = (8, 784, 128, 20)
    let layers = [d * h, 2 * z * h, z * h, h * d]
    // Forward and the weight's gradient of each; the input's gradient of all but the first.
    let wanted = 2 * n * (2 * layers.reduce(0, +) + layers.dropFirst().reduce(0, +))
    // What is carried along counts too: Adam's dozen operations a parameter, a little more.
    let counted = products.reduce(0) { $0 + $1.flops }
    #expect(counted >= wanted && counted <= wanted + 16 * (d * h * 2 + 3 * z * h + n * d))
    let first = try #require(table.rows.first { $0.nodes.contains("h1") })
    // The product, and relu of it where that is not written over it.
    let read = 4 * (n * d + d * h + h)
    #expect([read + 4 * n * h, read + 8 * n * h].contains(first.bytes))
    #expect(table.rows.allSatisfy { $0.microseconds >= 0 && $0.busyMicroseconds >= 0 })
  }

  @Test func oneThreadIsNeverBusierThanTheClock() throws {
    let table = try Self.table([
      Tool.graphs + "vae_pytorch.aya", "--batch-size", "2", "--runs", "1", "--threads", "1",
      "--forward",
    ])
    #expect(table.threads == 1)
    for row in table.rows { #expect(row.busyMicroseconds <= row.microseconds + 1e-6) }
  }

  @Test func theTraceTellsWhatEachThreadDid() throws {
    struct Trace: Decodable {
      struct Event: Decodable {
        var name: String
        var ph: String
        var ts: Double?
        var dur: Double?
        var tid: Int
      }
      var traceEvents: [Event]
    }
    try Tool.withDirectory { directory in
      let result = try Tool.run(
        [
          "profile", Tool.graphs + "vae_pytorch.aya", "--batch-size", "64", "--runs", "2",
          "--threads", "2", "--trace", "trace.json",
        ], in: directory)
      expectFine(result)
      let data = try Data(contentsOf: URL(filePath: directory + "trace.json"))
      let events = try JSONDecoder().decode(Trace.self, from: data).traceEvents
      let kinds = Dictionary(grouping: events, by: \.ph)
      let tracks = (kinds["M"] ?? []).map(\.tid)
      let boxes = kinds["X"] ?? []
      let names = Set(boxes.map(\.name))
      #expect(tracks == [0, 1])
      #expect(names.contains("h1 (carried)"))
      // Every kernel in each of the two runs, by one thread or by both.
      #expect(names.count > 20)
      #expect(names.allSatisfy { name in boxes.count { $0.name == name } >= 2 })
      // A thread does one thing at a time.
      for thread in 0..<2 {
        let own = boxes.filter { $0.tid == thread }.sorted { ($0.ts ?? 0) < ($1.ts ?? 0) }
        for (a, b) in zip(own, own.dropFirst()) {
          #expect((a.ts ?? 0) + (a.dur ?? 0) <= (b.ts ?? 0) + 1e-3)
        }
      }
    }
  }

  @Test(arguments: [
    ["--runs", "0"], ["--threads", "0"], ["--batch-size", "0"], ["--trace", "trace.txt"],
    ["--train", "--forward"],
  ])
  func refusesBadFlags(_ flags: [String]) throws {
    expectRefusal(try Tool.run(["profile", Tool.graphs + "vae_pytorch.aya"] + flags), 64)
  }

  @Test func refusesAGraphThatIsNotThere() throws {
    expectRefusal(try Tool.run(["profile", "absent.aya"]), 1, ["file-not-found"])
  }
}
