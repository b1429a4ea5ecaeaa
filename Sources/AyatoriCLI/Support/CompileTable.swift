import ArgumentParser
import Ayatori
import Foundation
import GraphIR

/// Numbers of nodes, separated by commas.
struct NodeCounts: ExpressibleByArgument {
  let counts: [Int]

  init(counts: [Int]) { self.counts = counts }

  /// Nil for what is no number, or too few for a random graph; 0 stands for no graph.
  init?(argument: String) {
    var counts: [Int] = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let count = Int(word), count == 0 || (16...10_000_000).contains(count) else {
        return nil
      }
      if count > 0 { counts.append(count) }
    }
    self.counts = counts
  }

  var defaultValueDescription: String { counts.map(String.init).joined(separator: ",") }
}

/// What `ayatori bench --compile` prints.
struct CompileTable {
  let files: [String]
  let overrides: OverrideOptions
  let passes: PassOptions
  let nodes: [Int]
  let size: Int
  let rounds: Int

  private static let seed: UInt64 = 20

  private struct Report: Encodable {
    var graphs: [CompileBenchmark]
    var random: [CompileBenchmark]
    /// Powers of the number of nodes, from each random graph to the next.
    var growth: [[String: Double]]
  }

  func print(json: Bool) throws {
    let compiler = try passes.compiler()
    var graphs: [CompileBenchmark] = []
    for file in files {
      graphs.append(
        try CompileBenchmark(
          file: file, overrides: overrides.overrides, options: compiler.options, size: size,
          rounds: rounds, textLimit: overrides.textLimit))
    }
    var random: [CompileBenchmark] = []
    for forwardOnly in [true, false] {
      for count in nodes.sorted() {
        let graph = RandomGraph.make(nodes: count, seed: CompileTable.seed)
        // Of our own making, so that nothing is to be feared of it.
        random.append(
          try CompileBenchmark(
            graph.text(), named: graph.name, options: compiler.options, forwardOnly: forwardOnly,
            size: size, rounds: rounds, textLimit: .max))
      }
    }
    if json {
      return try Console.json(
        Report(
          graphs: graphs, random: random,
          growth: pairs(random).map { small, large in
            Dictionary(
              uniqueKeysWithValues: columns.compactMap { column in
                CompileBenchmark.growth(from: small, to: large, column.time).map {
                  (column.name, $0)
                }
              })
          }))
    }
    try Console.result(lines: table(graphs, random))
  }

  private func pairs(
    _ random: [CompileBenchmark]
  ) -> [(CompileBenchmark, CompileBenchmark)] {
    zip(random, random.dropFirst()).filter { $0.trains == $1.trains }
  }

  private var columns: [(name: String, time: (CompileBenchmark) -> Double)] {
    CompileBenchmark.Phases.all.map { phase in (phase.name, { $0.median[keyPath: phase.path] }) }
      + [("plan", { $0.median.plan }), ("total", { $0.median.total })]
  }

  private func table(_ graphs: [CompileBenchmark], _ random: [CompileBenchmark]) -> String {
    let columns = self.columns
    var rows = [
      ["graph", "nodes", "gradient", "optimized", "steps"]
        + columns.map { $0.name == "plan" ? "(plan)" : $0.name } + ["fastest", "µs/node"]
    ]
    for entry in graphs + random {
      let counts = [
        entry.sourceNodes, entry.gradientNodes, entry.optimizedNodes, entry.planSteps,
      ]
      rows.append(
        [entry.graph] + counts.map(String.init)
          + columns.map { milliseconds($0.time(entry)) }
          + [
            milliseconds(entry.fastest),
            String(format: "%.1f", entry.median.total / Double(entry.sourceNodes) * 1e6),
          ])
    }
    for (small, large) in pairs(random) {
      rows.append(
        [
          "growth \(small.sourceNodes) → \(large.sourceNodes)" + (small.trains ? "" : " forward"),
          "", "", "", "",
        ]
          + columns.map { column in
            CompileBenchmark.growth(from: small, to: large, column.time).map {
              String(format: "%.2f", $0)
            } ?? ""
          } + ["", ""])
    }
    let counts = Set((graphs + random).map(\.rounds)).sorted().map(String.init)
    return "ms, median of \(counts.joined(separator: " to ")) rounds; (plan) is a part of bind; "
      + "growth is the power of nodes\n"
      + TextTable(rows, right: Set(1..<rows[0].count)).text
  }

  private func milliseconds(_ seconds: Double) -> String { String(format: "%.2f", seconds * 1e3) }
}
