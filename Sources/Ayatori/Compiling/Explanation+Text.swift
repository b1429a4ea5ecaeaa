import GraphIR

extension Explanation {
  /// The most entries of a list that the text shows.
  private static let longestList = 12

  /// The explanation for people: a fact a line, what belongs together below its word.
  public var text: String {
    var rows: [(word: String, lines: [String])] = []
    func add(_ word: String, _ lines: [String]) {
      if !lines.isEmpty { rows.append((word, lines)) }
    }
    if let removal, absorbedBy == nil || removal.heir != nil {
      add(
        "removed",
        [
          "by the pass '\(removal.pass)'; it was \(line(removal.node))"
        ])
      add("source", lines(source))
      add("replaced", removal.changes.flatMap(lines))
      add("its users", removal.userChanges.flatMap(lines) + removal.userHeirs)
      add("now", [removal.heir.map { "\(line($0)) stands for it" } ?? "nothing stands for it"])
      return visibleLine("\(name): not in the graph at the stage '\(stage)'") + "\n"
        + Explanation.table(rows)
    }
    if let absorbedBy {
      if let removal {
        add("removed", ["by the pass '\(removal.pass)'; it was \(line(removal.node))"])
        add("source", lines(source))
        add("replaced", removal.changes.flatMap(lines))
        add("its users", removal.userChanges.flatMap(lines) + removal.userHeirs)
      }
      add("now", ["\(line(absorbedBy)) does its work"])
      return visibleLine("\(name): not in the graph at the stage '\(stage)'") + "\n"
        + Explanation.table(rows)
    }
    if let summary { add("op", ["\(op ?? "") — \(summary)"]) } else { add("is", [op ?? ""]) }
    add("line", line.map { [$0] } ?? [])
    add("source", lines(source))
    add("scope", scope.isEmpty ? [] : [scope.joined(separator: "/")])
    add("role", [roleText])
    add("also called", aliases.isEmpty ? [] : [aliases.joined(separator: ", ")])
    add("absorbs", absorbed.isEmpty ? [] : [absorbed.joined(separator: ", ")])
    add("operands", list(operands))
    add("users", list(users))
    add("output", outputs.isEmpty ? [] : [outputs.joined(separator: ", ")])
    add("replaces", replaces.map { "\($0) after the step" })
    add("becomes", replacedBy.map { ["\(line($0)) after the step"] } ?? [])
    add(
      "adjoints",
      derivatives.map { derivative in
        line(derivative.node)
          + (derivative.through.map { "  through \($0)" }
            ?? "  ∂\(derivative.root)/∂\(name)")
      })
    add("fused", groupLines)
    add("made by", madeBy.prefix(Explanation.longestList).flatMap(lines) + rest(madeBy.count))
    add("memory", [memoryText])
    return visibleLine("\(name): \(type ?? "")") + "\n" + Explanation.table(rows)
  }

  private var roleText: String {
    guard let adjoint else { return role ?? "" }
    var text = "part of ∂\(adjoint.root)/∂(\(adjoint.of ?? "a node that is gone"))"
    if let through = adjoint.through { text += ", through \(through)" }
    return text
  }

  private var groupLines: [String] {
    guard let group else { return [] }
    var head = "#\(group.number), \(group.members.count) ops"
    if let before = group.trafficBefore, let after = group.trafficAfter {
      head += ", \(Graph.Traffic(before: before, after: after).description) of traffic"
    }
    head += group.isUsedOutside ? "" : "; nothing outside the group uses this one"
    return [head] + list(group.members)
  }

  private var memoryText: String {
    if let viewOf { return "none of its own: a view of \(viewOf)" }
    guard let bytes, let shape else { return "unknown: a dim of the type has no value" }
    let dims = "[" + shape.map(String.init).joined(separator: ", ") + "]"
    return bytes < 1024
      ? "\(byteText(bytes)) as \(dims)" : "\(byteText(bytes)) (\(bytes) B) as \(dims)"
  }

  private func line(_ mention: Mention) -> String {
    "\(mention.name): \(mention.type) = \(mention.call)"
  }

  private func list(_ mentions: [Mention]) -> [String] {
    mentions.prefix(Explanation.longestList).map { mention in
      line(mention) + (mention.use.map { "  (\($0))" } ?? "")
    } + rest(mentions.count)
  }

  private func rest(_ count: Int) -> [String] {
    count > Explanation.longestList ? ["… and \(count - Explanation.longestList) more"] : []
  }

  private func lines(_ source: Source?) -> [String] {
    guard let source else { return [] }
    return ["\(source.file):\(source.line):\(source.column)", "  \(source.text)"]
  }

  private func lines(_ change: Change) -> [String] {
    let place = change.source.map { "  \($0.file):\($0.line):\($0.column)" } ?? ""
    return [
      "\(change.pass): \(change.rule) (\(change.float))  \(change.pattern)",
      "  \(change.replaced.joined(separator: ", ")) became \(change.result)\(place)",
    ]
  }

  private static func table(_ rows: [(word: String, lines: [String])]) -> String {
    let width = rows.map(\.word.count).max() ?? 0
    return rows.flatMap { row in
      row.lines.enumerated().map { index, line in
        let word = index == 0 ? row.word : ""
        return "  " + word + String(repeating: " ", count: width - word.count) + "  "
          + visibleLine(line) + "\n"
      }
    }.joined()
  }
}
