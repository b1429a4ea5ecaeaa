import Ayatori
import Foundation
import Passes

/// A table of passes: what each changed and how long it took, with a line for each rule.
struct PassTable {
  let steps: [PassStep]

  init(_ steps: [PassStep]) { self.steps = steps }

  var text: String {
    var rows = [["pass", "µs", "nodes", "replacements"]]
    for step in steps {
      let counts = step.counts
      rows.append([
        step.pass.name, microseconds(step.duration),
        "\(step.before.nodes.count) → \(step.after.nodes.count)", "\(step.replacements.count)",
      ])
      for (rule, count) in counts { rows.append(["  " + rule, "", "", "\(count)"]) }
    }
    let total = steps.reduce(Duration.zero) { $0 + $1.duration }
    let changes = steps.reduce(0) { $0 + $1.replacements.count }
    let nodes = steps.first.flatMap { first in
      steps.last.map { "\(first.before.nodes.count) → \($0.after.nodes.count)" }
    }
    rows.append(["all", microseconds(total), nodes ?? "", "\(changes)"])
    return TextTable(rows, right: [1, 3]).text
  }

  private func microseconds(_ duration: Duration) -> String {
    String(format: "%.0f", duration.seconds * 1e6)
  }
}

/// Columns as wide as their widest cell, two spaces apart.
struct TextTable {
  let rows: [[String]]
  let right: Set<Int>

  /// Columns in `right` are flush right: numbers.
  init(_ rows: [[String]], right: Set<Int> = []) {
    // Names that would break a line or move the cursor do not, and count as wide as they show.
    self.rows = rows.map { $0.map(visibleLine) }
    self.right = right
  }

  var text: String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let pad = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + (right.contains(column) ? pad + cell : cell + pad)
      }
      while line.hasSuffix(" ") { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
