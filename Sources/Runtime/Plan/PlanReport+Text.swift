import GraphIR

extension PlanReport {
  /// The figures at the head, one a line.
  public func summary() -> String {
    let count = steps.count == 1 ? "1 step" : "\(steps.count) steps"
    return Self.table(
      [
        ["planned peak", byteText(arenaBytes), "by \(planner)"],
        [
          "lower bound", byteText(lowerBound),
          "in use at once, \(moment(fullestMoment)) of \(count); peak / bound = "
            + fixed(ratio, decimals: 3),
        ],
        [
          "saved for backward", byteText(saved.reduce(0) { $0 + $1.bytes }),
          saved.count == 1 ? "1 value" : "\(saved.count) values",
        ],
        ["constants", byteText(constantBytes), "written once"],
        ["parameters", byteText(parameterBytes), "outside the arena"],
        ["state", byteText(stateBytes), "outside the arena"],
      ], right: [1])
  }

  /// What the backward pass needs of the forward pass, and who reads it there.
  public func savedTable() -> String {
    guard !saved.isEmpty else { return "nothing is saved for backward" }
    return Self.table(
      [["value", "type", "bytes", "made", "last forward read", "kept until", "read by"]]
        + saved.map { value in
          [
            value.name, value.type, byteText(value.bytes), moment(value.born),
            value.lastForwardRead.map(moment) ?? "never", moment(value.lastRead ?? value.born),
            value.savedFor.map(\.text).joined(separator: " … "),
          ]
        }, right: [2])
  }

  /// Every allocation, the lowest first.
  public func allocationTable() -> String {
    Self.table(
      [["offset", "bytes", "alive", "kind", "values"]]
        + allocations.map { allocation in
          [
            "\(allocation.offset)", byteText(allocation.bytes),
            allocation.first == allocation.last
              ? moment(allocation.first)
              : "\(moment(allocation.first)) – \(moment(allocation.last))",
            allocation.kindText, allocation.valuesText,
          ]
        }, right: [0, 1])
  }

  /// Every step, with what is in use while it runs.
  public func stepTable() -> String {
    Self.table(
      [["step", "in use", "kind", "renews", "reads", "computes"]]
        + steps.enumerated().map { index, step in
          [
            "\(index + 1)", byteText(step.liveBytes), step.kind.rawValue,
            Self.list(step.updates), Self.list(step.reads),
            zip(step.nodes, step.ops).map { node, op in
              node.hasPrefix("\(op) %") ? node : "\(node) = \(op)"
            }.joined(separator: "; "),
          ]
        }, right: [0, 1])
  }

  /// How text and drawings call a moment.
  public func moment(_ moment: Int) -> String {
    if moment == 0 { return "start" }
    return moment > steps.count ? "end" : "step \(moment)"
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(4).joined(separator: ", ")
    return names.count > 4 ? "\(shown) and \(names.count - 4) more" : shown
  }

  /// Columns side by side, those in `right` flush right.
  private static func table(_ texts: [[String]], right: Set<Int>) -> String {
    let rows = texts.map { $0.map(visibleLine) }
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return right.contains(column) ? space + cell : cell + space
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}

extension PlanReport.Reader {
  /// `d_loss/d_fc2.W (matmul)`, `mul %17 for d_loss/d_h1`.
  public var text: String {
    (node.hasPrefix("\(op) %") ? node : "\(node) (\(op))")
      + (derivative.map { " for \($0)" } ?? "")
  }
}

extension PlanReport.Allocation {
  /// What it holds, in the order of time: `forward, saved → backward`.
  public var kindText: String {
    var texts: [String] = []
    for value in values {
      let text =
        value.kind.rawValue + (value.isSaved ? ", saved" : "") + (value.isOutput ? ", output" : "")
      if texts.last != text { texts.append(text) }
    }
    return texts.joined(separator: " → ")
  }

  /// The names of its values: `a → b` for values one over the other, `1.0, 0.5` for constants.
  public var valuesText: String {
    let isConstant = values.first?.kind == .constant
    let shown = values.prefix(isConstant ? 4 : 8).map(\.name).joined(
      separator: isConstant ? ", " : " → ")
    let left = values.count - (isConstant ? 4 : 8)
    return left > 0 ? "\(shown) and \(left) more" : shown
  }
}
