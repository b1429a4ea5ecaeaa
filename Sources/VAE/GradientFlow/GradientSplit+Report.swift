import Ayatori
import Foundation
import GraphIR

extension GradientSplit {
  /// The report as people read it.
  public func table(seed: UInt64) -> String {
    var lines = [
      "sampling node \(node) ~ \(distribution)   scale = \(scale), estimator = \(estimator), "
        + "seed \(seed)"
    ]
    let terms = termValues.map { term in
      (term.weight == 1 ? "" : "\(short(term.weight)) · ") + "\(term.name) \(fixed(term.value))"
    }
    lines.append("\(loss) \(fixed(lossValue)) = " + terms.joined(separator: " + "))
    lines.append("")
    lines.append(
      "at            shape         norm         mean           sd          min          max"
        + "  not finite"
    )
    for row in rows { lines.append(valueLine(row)) }
    lines.append("")
    lines.append("gradient of \(loss), by term (norms)")
    var header = pad("", 14)
    for term in termValues { header += pad(clipped(term.name, 20), 22) }
    lines.append(header + pad("total", 14) + pad("cos", 8) + "parts − total")
    for row in rows { lines.append(splitLine(row)) }
    for row in rows {
      for part in row.parts {
        if let refusal = part.refusal { lines.append("  \(row.name) ← \(part.term): \(refusal)") }
      }
    }
    if !blocked.isEmpty {
      lines.append("")
      lines.append("where no gradient passes")
      for edge in blocked { lines.append("  \(edge.from) ⊣ \(edge.to): \(edge.reason)") }
    }
    for parameter in unreached {
      lines.append("parameter \(parameter.name): \(parameter.reason)")
    }
    return lines.joined(separator: "\n")
  }

  private func valueLine(_ row: Row) -> String {
    let value = row.value
    let shape = "[" + value.shape.map(String.init).joined(separator: ", ") + "]"
    return pad(clipped(row.name, 13), 14) + pad(shape, 10)
      + [value.norm, value.mean, value.standardDeviation, value.minimum, value.maximum]
      .map { number("%12.6g ", $0) }.joined() + String(format: "%11d", value.nonFinite)
  }

  private func splitLine(_ row: Row) -> String {
    var line = pad(clipped(row.name, 13), 14)
    for part in row.parts {
      let text = part.statistics.map { statistics -> String in
        let norm = number("%.6g", statistics.norm)
        guard let whole = row.total?.norm, whole > 0 else { return norm }
        return norm + String(format: " (%.0f %%)", statistics.norm / whole * 100)
      }
      line += pad(text ?? "–", 22)
    }
    line += pad(row.total.map { number("%.6g", $0.norm) } ?? "–", 14)
    let cosine = row.parts.count == 2 ? row.cosine(0, 1) : nil
    line += pad(cosine.map { String(format: "%+.3f", $0) } ?? "–", 8)
    guard row.total != nil else { return line + "–" }
    if row.partsError == 0 { return line + "exact" }
    if row.partsError.isNaN { return line + "nan" }
    return line + String(format: "%.3g (%.1f ulp)", row.partsError, row.partsErrorUlps)
  }

  /// A NaN has a sign, which means nothing.
  private func number(_ format: String, _ value: Double) -> String {
    String(format: format, value.isNaN ? Double.nan.magnitude : value)
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private func clipped(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }

  private func fixed(_ value: Double) -> String { number("%.6f", value) }
  private func short(_ value: Double) -> String { String(format: "%g", value) }

  // MARK: JSON

  /// The report's numbers, one for each that the table prints.
  public struct Report: Encodable, Sendable {
    struct Term: Encodable, Sendable {
      var name: String
      var value: Double
      var weight: Double
    }

    struct Numbers: Encodable, Sendable {
      var shape: [Int]
      var norm: Double
      var mean: Double
      var standardDeviation: Double
      var minimum: Double
      var maximum: Double
      var nonFinite: Int

      init(_ statistics: Statistics) {
        shape = statistics.shape
        norm = statistics.norm
        mean = statistics.mean
        standardDeviation = statistics.standardDeviation
        minimum = statistics.minimum
        maximum = statistics.maximum
        nonFinite = statistics.nonFinite
      }
    }

    struct Part: Encodable, Sendable {
      var term: String
      var gradient: Numbers?
      var refusal: String?
    }

    struct Row: Encodable, Sendable {
      var name: String
      var role: String
      var value: Numbers
      var parts: [Part]
      var total: Numbers?
      var cosine: Double?
      var partsError: Double
      var partsErrorUlps: Double
    }

    struct Edge: Encodable, Sendable {
      var from: String
      var to: String
      var reason: String
    }

    struct Unreached: Encodable, Sendable {
      var parameter: String
      var reason: String
    }

    var graph: String
    var node: String
    var distribution: String
    var scale: String
    var estimator: String
    var seed: UInt64
    var loss: String
    var lossValue: Double
    var terms: [Term]
    var rows: [Row]
    var blocked: [Edge]
    var unreached: [Unreached]
  }

  public func report(seed: UInt64) -> Report {
    Report(
      graph: graph, node: node, distribution: distribution, scale: scale, estimator: estimator,
      seed: seed, loss: loss, lossValue: lossValue,
      terms: termValues.map { Report.Term(name: $0.name, value: $0.value, weight: $0.weight) },
      rows: rows.map { row in
        Report.Row(
          name: row.name, role: row.role, value: Report.Numbers(row.value),
          parts: row.parts.map {
            Report.Part(
              term: $0.term, gradient: $0.statistics.map(Report.Numbers.init), refusal: $0.refusal)
          }, total: row.total.map(Report.Numbers.init),
          cosine: row.parts.count == 2 ? row.cosine(0, 1) : nil, partsError: row.partsError,
          partsErrorUlps: row.partsErrorUlps)
      }, blocked: blocked.map { Report.Edge(from: $0.from, to: $0.to, reason: $0.reason) },
      unreached: unreached.map { Report.Unreached(parameter: $0.name, reason: $0.reason) })
  }
}
