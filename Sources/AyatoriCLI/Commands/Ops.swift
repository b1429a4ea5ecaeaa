import ArgumentParser
import Ayatori
import GraphIR
import GraphOps

struct Ops: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Lists every op: operands, attributes, meaning, derivative.")
  static let example = "ayatori ops --markdown"

  @Flag(name: .long, help: "Prints a Markdown table.")
  var markdown = false

  func run() throws {
    let rows = Dialect.standard.ops.map { op in
      [signature(op), op.summary, op.gradient.refusal.map { "none: \($0)" } ?? "yes"]
    }
    let header = ["op", "meaning", "gradient"]
    if markdown {
      try Console.result("| " + header.joined(separator: " | ") + " |")
      try Console.result("|" + String(repeating: "---|", count: header.count))
      for row in rows {
        let cells = row.map { $0.replacing("|", with: "\\|") }
        try Console.result("| `\(cells[0])` | " + cells.dropFirst().joined(separator: " | ") + " |")
      }
      return
    }
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    for row in [header] + rows {
      let cells = zip(row, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }
      try Console.result(String(cells.joined(separator: "  ").trimmingSuffix { $0 == " " }))
    }
  }

  private func signature(_ op: OpDefinition) -> String {
    let operands = op.operands.map { spec in
      ([spec.name] + spec.alternatives).joined(separator: "|") + (spec.isVariadic ? ", …" : "")
    }
    let hidden = Set(op.operands.compactMap(\.choice))
    let attributes = op.attributes.filter { !hidden.contains($0.name) }.map { spec in
      "\(spec.name): " + (spec.defaultValue?.description ?? spec.kind.rawValue)
    }
    return (op.sampling == nil ? "" : "~ ") + op.name
      + "(" + (operands + attributes).joined(separator: ", ") + ")"
  }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var end = endIndex
    while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
    return self[..<end]
  }
}
