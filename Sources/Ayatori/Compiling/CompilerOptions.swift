public import Passes

/// What a person may choose about compiling.
public struct CompilerOptions: Sendable {
  public var pipeline = Pipeline.standard
  public var float = FloatMode.standard
  /// Names of passes that are left out.
  public var disabled: Set<String> = []
  /// The last pass to run; nil for all.
  public var stopAfter: String?
  /// How many replacements may be made at all, over all passes but lowering.
  public var bisectLimit: Int?
  /// Names that a tool gave: they make nobody's term of a sum, as names of a person's do.
  public var unseen: Set<String> = []
  /// Look on at each pass: dumps, validation.
  public var observers: [PassManager.Observer] = []
  /// Checks each pass, after the other observers; nil checks nothing.
  public var validator: Validator?

  public init() {}
}
