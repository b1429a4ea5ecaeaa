import Ayatori
import Foundation
import GraphIR

/// How the gradient flow round a sampling node went over a training run: the file
/// `gradflow.json` of a run's directory.
public struct FlowCourse: Codable, Sendable {
  /// What all records have in common.
  public struct Header: Codable, Sendable, Equatable {
    public var graph: String
    public var node: String
    public var estimator: String
    public var loss: String
    public var terms: [String]
    /// Steps between two records.
    public var every: Int
    /// Images of the probe batch.
    public var batch: Int
    public var draws: Int
    public var activeAbove: Double
    /// What tells the run from others, as `Trainer.fingerprint`; nil in files that were written
    /// before there was one.
    public var run: String?

    /// Whether a course under this header goes on under `other`.
    package func isContinued(by other: Header) -> Bool {
      var earlier = self
      if earlier.run == nil { earlier.run = other.run }
      return earlier == other
    }
  }

  static let format = "ayatori-gradflow"
  static let version = 1
  /// The file's name inside a run's directory.
  public static let fileName = "gradflow.json"

  public static func path(in directory: String) -> String { directory + "/" + fileName }

  public private(set) var format = FlowCourse.format
  public private(set) var version = FlowCourse.version
  public var header: Header
  /// In the order of the steps.
  public var records: [FlowRecord]

  public init(header: Header, records: [FlowRecord]) {
    self.header = header
    self.records = records
  }

  /// The most bytes that a file may have: 8 MiB, some 2,500 records of 20 latents. Foundation's
  /// decoder takes up to twenty times as much memory.
  private static let limit = 8 << 20

  /// Reads a run's course. Throws diagnostics for files that are none.
  public init(readFrom directory: String) throws(Diagnostic) {
    let path = FlowCourse.path(in: directory)
    try self.init(readFile(path, limit: FlowCourse.limit), path: path)
  }

  /// What the bytes of the file at `path` hold. Throws when that is no course.
  init(_ bytes: [UInt8], path: String) throws(Diagnostic) {
    let course: FlowCourse
    do {
      let decoder = JSONDecoder()
      decoder.nonConformingFloatDecodingStrategy = .convertFromString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      course = try decoder.decode(FlowCourse.self, from: Data(bytes))
    } catch {
      throw .notACourse(path, "JSON of another kind")
    }
    guard course.format == FlowCourse.format else { throw .notACourse(path, course.format) }
    guard course.version == FlowCourse.version else {
      throw .notACourse(path, "version \(course.version)")
    }
    if let fault = course.fault { throw .notACourse(path, fault) }
    self = course
  }

  /// Where the records do not fit the header or each other, as those of a run always do.
  private var fault: String? {
    for (place, record) in records.enumerated() {
      let first = records[0]
      if record.terms.map(\.name) != header.terms {
        return "record \(place) with other terms than the header"
      }
      if record.rows.map(\.name) != first.rows.map(\.name) {
        return "record \(place) with other rows than the first"
      }
      if record.rows.contains(where: { $0.norms.count != header.terms.count }) {
        return "record \(place) with other norms than terms"
      }
      if record.latents.count != first.latents.count {
        return "record \(place) with \(record.latents.count) latents, the first with "
          + "\(first.latents.count)"
      }
      if place > 0, record.step < records[place - 1].step {
        return "record \(place) of step \(record.step) after step \(records[place - 1].step)"
      }
    }
    return nil
  }

  /// Throws a diagnostic when `count` records like those that are there would make a file that is
  /// longer than any that is read; asked before a run, not at its end.
  public func check(count: Int) throws(Diagnostic) {
    guard !records.isEmpty else { return }
    // Digits differ from record to record.
    let each = 1.25 * Double(encoded.count) / Double(records.count)
    let most = Int(Double(FlowCourse.limit) / each)
    guard count > most else { return }
    let often = Int(exactly: (Double(header.every) * Double(count) / Double(most)).rounded(.up))
    throw Diagnostic(
      "course-too-long", "the run would note the gradient flow \(count) times",
      expected: "at most \(most) records of this graph, 8 MiB",
      got: "one every \(header.every) steps", fix: often.map { "--record-gradflow \($0)" })
  }

  /// Writes atomically, in the place of a link as well: the file in the directory is always a whole
  /// course.
  public func write(to directory: String) throws(Diagnostic) {
    try AtomicFile.write(
      Array(encoded), to: FlowCourse.path(in: directory), replacingLinks: true)
  }

  private var encoded: Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      return try encoder.encode(self)
    } catch {
      preconditionFailure("a course that cannot be encoded: \(error)")
    }
  }
}

extension FlowCourse {
  /// What went wrong in the course, in words; empty when nothing did.
  public var warnings: [String] {
    // Before the first step nothing has been learnt that could have collapsed.
    guard let last = records.last, last.step > 0, !last.latents.isEmpty else { return [] }
    var lines: [String] = []
    let collapsed = last.latents.indices.filter { last.latents[$0].state == .collapsed }
    if collapsed.count == last.latents.count {
      lines.append(
        "posterior collapse: no latent is active; the draw says nothing of the image"
          + since(collapsed[0]))
    } else if !collapsed.isEmpty {
      let names = collapsed.prefix(12).map(String.init).joined(separator: ", ")
      lines.append(
        "\(collapsed.count) of \(last.latents.count) latents collapsed: \(names)"
          + (collapsed.count > 12 ? ", …" : ""))
    }
    let revived = last.latents.indices.filter { latent in
      last.latents[latent].state == .collapsed
        && records.contains { $0.latents[latent].state == .active }
    }
    if !revived.isEmpty {
      lines.append(
        "\(revived.count) of them had been active: "
          + revived.prefix(12).map { "\($0)\(since($0))" }.joined(separator: ", "))
    }
    let constant = last.latents.indices.filter { last.latents[$0].state == .constant }
    if !constant.isEmpty {
      lines.append(
        "\(constant.count) of \(last.latents.count) latents cost KL and say the same of every "
          + "image: " + constant.prefix(12).map(String.init).joined(separator: ", ")
          + (constant.count > 12 ? ", …" : ""))
    }
    for target in last.rows {
      if let cosine = target.cosine, cosine < -0.9 {
        lines.append(
          "at \(target.name) the gradients\(pair(target)) point against each other: cosine "
            + String(format: "%.2f", cosine))
      }
    }
    return lines
  }

  /// `, since step 400`: from which record on a latent has been collapsed.
  private func since(_ latent: Int) -> String {
    let lastAlive = records.lastIndex { record in
      record.latents[latent].state.map { $0 != .collapsed } ?? false
    }
    guard let lastAlive else {
      return ", from the first record on"
    }
    return lastAlive + 1 < records.count ? ", since step \(records[lastAlive + 1].step)" : ""
  }

  /// The course as people read it: one line a record, then the latents of the last, then warnings.
  public var text: String {
    var lines = [
      "gradient flow at '\(header.node)' of \(header.graph), estimator \(header.estimator)",
      "\(records.count) records, every \(header.every) steps, on \(header.batch) test images with "
        + "\(header.draws) draws",
      "",
    ]
    guard let first = records.first, let last = records.last else {
      return (lines + ["no records"]).map(visibleLine).joined(separator: "\n")
    }
    lines.insert(sum(last), at: 2)
    var head = left("step", 9) + right("epoch", 7) + right(header.loss, 12)
    for term in header.terms { head += right(clipped(term, 12), 14) }
    head += right("KL/image", 10) + right("active", 8)
    for target in first.rows.dropLast() {
      let name = clipped(target.name, 8)
      head += right("|∂\(name)|", 12) + right("cos", 7) + right("SNR", 8)
    }
    lines.append(head)
    for record in shown {
      var line = left(String(record.step), 9) + right(String(format: "%.2f", record.epoch), 7)
      line += right(short(record.loss), 12)
      for term in record.terms { line += right(short(term.value), 14) }
      line += right(record.latents.isEmpty ? "–" : short(record.divergence), 10)
      let isJudged = record.latents.contains { $0.state != nil }
      line += right(isJudged ? "\(record.activeUnits)/\(record.latents.count)" : "–", 8)
      for target in record.rows.dropLast() {
        line += right(target.total.map(short) ?? "–", 12)
        line += right(target.cosine.map { String(format: "%+.2f", $0) } ?? "–", 7)
        line += right(target.signalToNoise.map { String(format: "%.3f", $0) } ?? "–", 8)
      }
      lines.append(line)
    }
    for target in last.rows.dropLast() where target.pair != nil {
      lines.append("  cos at \(target.name): the cosine between the gradients\(pair(target))")
    }
    if shown.count < records.count {
      lines.append("  (\(shown.count) of \(records.count) records; --json has all)")
    }
    if !last.latents.isEmpty {
      lines += ["", "latents at step \(last.step), with their KL over the run"]
      for (index, latent) in last.latents.enumerated() {
        let course = records.map { $0.latents[index].divergence }
        lines.append(
          left("  \(index)", 6) + right(short(latent.divergence), 10) + "  "
            + sparkline(course) + "  " + (latent.state?.rawValue ?? ""))
      }
    }
    let found = warnings
    if !found.isEmpty { lines += [""] + found.map { "warning: \($0)" } }
    return lines.map(visibleLine).joined(separator: "\n")
  }

  /// `loss = bce + 2 · kld + constant -3`.
  private func sum(_ record: FlowRecord) -> String {
    var parts = record.terms.map { ($0.weight == 1 ? "" : "\(short($0.weight)) · ") + $0.name }
    if let constant = record.constant { parts.append("constant \(short(constant))") }
    return "\(header.loss) = " + parts.joined(separator: " + ")
  }

  /// ` from bce and kld`: the terms that a row's cosine is of.
  private func pair(_ row: FlowRecord.Row) -> String {
    row.pair.map { " from \(header.terms[$0.first]) and \(header.terms[$0.second])" } ?? ""
  }

  /// At most 24 records, evenly spread, the last among them.
  private var shown: [FlowRecord] {
    let most = 24
    guard records.count > most else { return records }
    return (0..<most).map { records[($0 * (records.count - 1)) / (most - 1)] }
  }

  /// One character for each of at most 40 stretches of the run, from 0 to the course's maximum.
  private func sparkline(_ values: [Double]) -> String {
    let signs = Array("▁▂▃▄▅▆▇█")
    let most = 40
    let count = min(values.count, most)
    let largest = values.filter(\.isFinite).max() ?? 0
    return String(
      (0..<count).map { place -> Character in
        let value = values[count > 1 ? place * (values.count - 1) / (count - 1) : 0]
        guard value.isFinite else { return "×" }
        guard largest > 0 else { return signs[0] }
        return signs[min(signs.count - 1, Int(max(0, value) / largest * Double(signs.count)))]
      })
  }

  private func short(_ value: Double) -> String {
    String(format: "%.5g", value.isNaN ? Double.nan.magnitude : value)
  }
  private func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
  private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }
  private func clipped(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }
}

extension Diagnostic {
  static func notACourse(_ path: String, _ got: String) -> Diagnostic {
    Diagnostic(
      "not-a-course", "the file holds no recorded gradient flow", place: path,
      expected: "what 'ayatori train --record-gradflow EVERY --out DIR' wrote, version 1", got: got)
  }
}
