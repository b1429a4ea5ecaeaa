public import GraphIR

/// One change that a pass made, in words that hold after the nodes are gone.
public struct Replacement: Sendable {
  public var pass: String
  public var rule: String
  /// The change in general: `x + 0 => x`.
  public var pattern: String
  public var float: FloatClass
  /// The nodes that went, as messages mention them.
  public var nodes: [String]
  /// What stands in their place, as text.
  public var result: String
  /// Where the person wrote what was changed.
  public var location: SourceLocation?
}

/// What a pass is told and what it reports: every change goes through here, so that it is counted,
/// can be refused, and stands in the log.
public final class PassContext {
  public struct Options: Sendable {
    public var float = FloatMode.standard
    /// How many replacements may be made at all; for finding the one that does harm.
    public var limit: Int?
    /// Names of nodes that no rule looks into or replaces: derivatives with respect to them are
    /// wanted later.
    public var kept: Set<String> = []
    /// Names that a tool gave: they make nobody's term of a sum, as names of a person's do.
    public var unseen: Set<String> = []

    public init() {}
  }

  public let options: Options
  @exclusivity(unchecked) public private(set) var replacements: [Replacement] = []
  /// What is no error but should be known: a budget that ran out.
  public private(set) var notes: [String] = []
  /// The name of the running pass.
  @exclusivity(unchecked) public internal(set) var pass = ""
  /// Nodes at which the running pass found nothing to do before and round which nothing changed
  /// since, by index; nil when it has not run.
  var settled: [Bool]?
  /// Hears of each replacement before it is made.
  var onReplacement: (_ pass: String, _ rule: String) -> Void = { _, _ in }
  /// Hears of each rule before it is tried at a node; nil costs nothing.
  @exclusivity(unchecked) var onTry: ((RewriteRule) -> Void)?

  public init(_ options: Options = Options()) { self.options = options }

  /// Whether one more replacement may be made.
  public var permitsMore: Bool { options.limit.map { replacements.count < $0 } ?? true }

  /// Takes note of a replacement and returns its index in the log.
  @discardableResult
  public func record(
    rule: String, pattern: String, float: FloatClass, nodes: [String], result: String,
    location: SourceLocation?
  ) -> Int {
    onReplacement(pass, rule)
    replacements.append(
      Replacement(
        pass: pass, rule: rule, pattern: pattern, float: float, nodes: nodes, result: result,
        location: location))
    return replacements.count - 1
  }

  func note(_ text: String) { notes.append(text) }
}
