public import GraphIR
public import Passes

/// Where two graphs that should compute the same do not.
public struct Deviation: Sendable {
  /// The value that differs: `output 'loss'`, `update of 'fc1.W'`,
  /// `derivative of output 'loss' with respect to 'x'`.
  public var subject: String
  /// What is wrong when it is no number: `is gone`, `has another type: …`.
  public var complaint: String?
  /// The place of the first element that differs.
  public var index: [Int] = []
  public var before = Double.nan
  public var after = Double.nan
  /// The largest difference that the class of the rewrites allows there; 0 asks for the same bits.
  public var tolerance = 0.0
  public var float = FloatClass.exact
  /// What the leaves were fed with, for repeating it: profile, seed and sizes.
  public var inputs: String?

  init(_ subject: String, complaint: String) {
    self.subject = subject
    self.complaint = complaint
  }

  init(
    _ subject: String, index: [Int], before: Double, after: Double, tolerance: Double,
    float: FloatClass, point: ValidationPoint
  ) {
    self.subject = subject
    self.index = index
    self.before = before
    self.after = after
    self.tolerance = tolerance
    self.float = float
    inputs = point.description
  }

  public var description: String {
    var text = subject
    if let complaint {
      text += " \(complaint)"
    } else {
      if !index.isEmpty { text += " at \(index)" }
      text += " was \(before) and became \(after); "
      text +=
        float == .exact
        ? "the rewrites call themselves exact" : "a difference of \(tolerance) was allowed"
    }
    if let inputs { text += "\n  inputs: \(inputs)" }
    return text
  }
}

/// A pass changed what a graph computes: a mistake in Ayatori, not in the input.
public struct ValidationFailure: Error, Sendable, CustomStringConvertible {
  public var pass: String
  /// The rule after whose replacement values first differ; nil when the pass works in one piece.
  public var rule: String?
  /// `x + 0 => x`.
  public var pattern: String?
  /// The node that was replaced, or else the first one whose value differs, as messages mention it.
  public var node: String?
  public var location: SourceLocation?
  public var deviation: Deviation

  public var description: String {
    var text = "the pass '\(pass)' changed what the graph computes"
    if let rule { text += ", by the rule '\(rule)'" }
    if let pattern { text += " (\(pattern))" }
    if let node { text += ", at '\(node)'" }
    if let location {
      text += "\n  written at \(location.file.name):\(location.line):\(location.column)"
    }
    return text + "\n  " + deviation.description
  }
}

/// How much was compared.
public struct ValidationSummary: Sendable, Equatable {
  /// Passes that were looked at, and those of them that changed a value's computation.
  public var steps = 0
  public var changedSteps = 0
  /// Elements of outputs, updates and derivatives.
  public var elements = 0
  /// Those of them about which rounding leaves nothing to say: infinite, NaN, or scattered before.
  public var undecided = 0

  public init() {}
}
