import Foundation
import GraphIR
public import Passes

/// What one pass did, for programs to read.
public struct PassReport: Encodable, Sendable {
  /// How often a rule was applied.
  public struct Count: Encodable, Sendable {
    public var rule: String
    public var count: Int
  }

  /// One change, with the place of what it changed in the person's text.
  public struct Change: Encodable, Sendable {
    /// Counted from 1 over all passes but lowering, which has none: `--bisect-limit` takes it.
    public var number: Int?
    public var rule: String
    public var pattern: String
    public var float: String
    public var nodes: [String]
    public var result: String
    public var file: String?
    public var line: Int?
    public var column: Int?
  }

  public var pass: String
  public var summary: String
  /// The place in the list of all passes that ran, from 0.
  public var step: Int
  public var changed: Bool
  public var microseconds: Double
  public var nodesBefore: Int
  public var nodesAfter: Int
  public var counts: [Count]
  public var notes: [String]
  public var replacements: [Change]

  public init(_ step: PassStep) {
    pass = step.pass.name
    summary = step.pass.summary
    self.step = step.index
    changed = step.changed
    microseconds = (step.duration.seconds * 1e7).rounded() / 10
    nodesBefore = step.before.nodes.count
    nodesAfter = step.after.nodes.count
    counts = step.counts.map { Count(rule: $0.rule, count: $0.count) }
    notes = step.notes
    replacements = step.replacements.enumerated().map { offset, replacement in
      Change(
        number: step.firstNumber.map { $0 + offset }, rule: replacement.rule,
        pattern: replacement.pattern, float: replacement.float.rawValue,
        nodes: replacement.nodes, result: replacement.result,
        file: replacement.location?.file.name, line: replacement.location?.line,
        column: replacement.location?.column)
    }
  }

  /// Pretty-printed with sorted keys, ending in a newline.
  func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [0x0A]
  }
}

extension Duration {
  public var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
