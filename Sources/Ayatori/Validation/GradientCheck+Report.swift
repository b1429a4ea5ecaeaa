import Foundation
import GraphIR

extension GradientCheck {
  // MARK: Table

  /// The check as people read it: one line a target, the worst comparison, the refusals.
  public func table() -> String {
    let counts = targets.reduce(into: (agree: 0, differ: 0, refused: 0)) { counts, target in
      switch target.verdict {
      case .agrees: counts.agree += 1
      case .differs: counts.differ += 1
      case .refused: counts.refused += 1
      }
    }
    let sizes = sizes.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
    var lines = [
      "\(graph): gradient of \(loss) = \(number(lossValue)) against central differences, in f64",
      (["seed \(seed)", "noise frozen"] + sizes).joined(separator: ", "),
    ]
    if let heldLine { lines.append(heldLine) }
    lines.append("")
    lines += Self.aligned(
      [["target", "shape", "checked", "refused", "error / tolerance", "verdict"]]
        + targets.map(row))
    lines.append("")
    lines.append(
      "\(counts.agree) agree, \(counts.differ) differ, \(counts.refused) refused")
    if let (target, probe) = worst { lines.append("worst: " + sentence(target, probe)) }
    let refusals = refusalLines()
    if !refusals.isEmpty { lines += ["", "refused"] + refusals }
    return lines.map(visibleLine).joined(separator: "\n")
  }

  /// Which values were held, in a line; nil when none were.
  public var heldLine: String? {
    guard !held.isEmpty else { return nil }
    let most = 4
    let shown = held.count > most ? most - 1 : held.count
    let names = held.prefix(shown).map { cut in
      cut.node + (cut.scope.isEmpty ? "" : " (\(cut.scope.joined(separator: "/")))")
    }
    let rest = held.count - shown
    return "held at their values, as the graph's gradient takes them: "
      + names.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }

  /// What one comparison showed, in a line.
  func sentence(_ target: Target, _ probe: Probe) -> String {
    "\(place(target, probe)): symbolic \(number(probe.symbolic)), numeric "
      + "\(number(probe.numeric)), h \(short(probe.step)), |difference| "
      + "\(short(abs(probe.symbolic - probe.numeric))) = \(short(probe.error)) of the tolerance "
      + short(probe.tolerance)
  }

  /// `fc1.W[3, 17]`, or the target's name with a direction's number.
  package func place(_ target: Target, _ probe: Probe) -> String {
    switch probe.place {
    case .entry(let index): target.name + (index.isEmpty ? "" : "\(index)")
    case .direction(let number): "\(target.name) along random direction \(number + 1)"
    }
  }

  private func row(_ target: Target) -> [String] {
    let decided = target.decided.count
    let verdict =
      switch target.verdict {
      case .agrees: "agrees"
      case .differs: "DIFFERS"
      case .refused: "refused"
      }
    return [
      target.name, "\(target.shape)", "\(decided)", "\(target.probes.count - decided)",
      target.worst.map { short($0.error) } ?? "–", verdict,
    ]
  }

  /// Refusals by reason: each with the places where it stands first, and how many there are.
  private func refusalLines() -> [String] {
    var reasons: [String] = []
    var places: [String: [String]] = [:]
    var rest: [String: Int] = [:]
    func note(_ reason: String, _ place: String, _ more: Int = 0) {
      if places[reason] == nil { reasons.append(reason) }
      places[reason, default: []].append(place)
      rest[reason, default: 0] += more
    }
    for target in targets {
      if case .refused(let reason) = target.verdict, target.probes.isEmpty {
        note(reason, target.name)
        continue
      }
      let refused = target.probes.compactMap { probe -> (reason: String, place: String)? in
        guard case .refused(let reason) = probe.verdict else { return nil }
        return (reason, place(target, probe))
      }
      if let first = refused.first { note(first.reason, first.place, refused.count - 1) }
    }
    return reasons.map { reason in
      let more = rest[reason].flatMap { $0 > 0 ? "; and \($0) more" : nil } ?? ""
      return "  \((places[reason] ?? []).joined(separator: ", ")): \(reason)\(more)"
    }
  }

  /// Columns as wide as their widest cell, two blanks between them.
  private static func aligned(_ texts: [[String]]) -> [String] {
    let rows = texts.map { $0.map(visibleLine) }
    let columns = rows.first?.count ?? 0
    let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let isLast = column == columns - 1
        line +=
          cell + (isLast ? "" : String(repeating: " ", count: widths[column] - cell.count + 2))
      }
      return line
    }
  }

  private func number(_ value: Double) -> String {
    value.isNaN ? "nan" : String(format: "%.9g", value)
  }

  private func short(_ value: Double) -> String {
    value.isNaN ? "nan" : String(format: "%.2g", value)
  }

  // MARK: JSON

  /// The check as data: every comparison, those that were refused among them.
  public struct Report: Encodable, Sendable {
    struct Comparison: Encodable, Sendable {
      /// Nil along a random direction.
      var index: [Int]?
      var direction: Int?
      var symbolic: Double
      var numeric: Double
      var step: Double
      var tolerance: Double
      var verdict: String
      var reason: String?
    }

    /// A value that the numeric side held.
    struct Held: Encodable, Sendable {
      var node: String
      var scope: [String]
      var line: Int?
    }

    struct Row: Encodable, Sendable {
      var name: String
      var shape: [Int]
      var line: Int?
      var verdict: String
      var reason: String?
      /// In units of the tolerance.
      var worstError: Double?
      var comparisons: [Comparison]
    }

    var graph: String
    var loss: String
    var lossValue: Double
    var seed: UInt64
    var sizes: [String: Int]
    var drawnInputs: [String]
    var held: [Held]
    var passes: Bool
    var targets: [Row]
  }

  public var report: Report {
    Report(
      graph: graph, loss: loss, lossValue: lossValue, seed: seed, sizes: sizes,
      drawnInputs: drawnInputs,
      held: held.map { Report.Held(node: $0.node, scope: $0.scope, line: $0.location?.line) },
      passes: passes,
      targets: targets.map { target in
        Report.Row(
          name: target.name, shape: target.shape, line: target.location?.line,
          verdict: target.verdict.word, reason: target.verdict.reason,
          worstError: target.worst?.error,
          comparisons: target.probes.map { probe in
            var comparison = Report.Comparison(
              symbolic: probe.symbolic, numeric: probe.numeric, step: probe.step,
              tolerance: probe.tolerance, verdict: probe.verdict.word,
              reason: probe.verdict.reason)
            switch probe.place {
            case .entry(let index): comparison.index = index
            case .direction(let number): comparison.direction = number
            }
            return comparison
          })
      })
  }
}

extension GradientCheck.Verdict {
  fileprivate var word: String {
    switch self {
    case .agrees: "agrees"
    case .differs: "differs"
    case .refused: "refused"
    }
  }

  fileprivate var reason: String? {
    if case .refused(let reason) = self { reason } else { nil }
  }
}
