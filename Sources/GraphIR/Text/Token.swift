/// One word of a text.
struct Token {
  enum Kind: UInt8 {
    // Words
    case name, quotedName, nodeID, integer, float
    // Brackets
    case leftParen, rightParen, leftBracket, rightBracket, leftBrace, rightBrace
    // Punctuation
    case comma, colon, assign, tilde, at
    // Operators
    case plus, minus, star, slash, power
    case equal, notEqual, less, lessEqual, greater, greaterEqual
    /// What the lexer has complained about already.
    case invalid
    case end
  }

  var kind: Kind
  /// Bytes of the text.
  var range: Range<Int>
  /// Whether a newline stands between this token and the one before.
  var startsLine: Bool

  /// Whether the token may stand where the grammar says NAME.
  var isName: Bool { kind == .name || kind == .quotedName || kind == .nodeID }
}

/// A name as the text spells it.
struct Name {
  enum Flavor: UInt8 {
    /// `mu`: may mean a dimension.
    case plain
    /// `"latent loss"`: never a dimension or a keyword.
    case quoted
    /// `%12`.
    case id
  }

  var text: String
  var flavor: Flavor
  var range: Range<Int>
}

/// Bounds that keep hostile texts from exhausting memory or time; far above what people write.
public enum TextLimits {
  /// Open brackets and pending operators within one expression.
  static let nesting = 100_000
  /// Scopes within scopes: every node carries its whole path.
  static let scopeDepth = 256
  /// Names, literals, operations and statements, in all, unless a reader allows more: read and
  /// elaborated, each takes about 550 bytes (`HostileGraphTests` measures it).
  public static let parts = 200_000
  /// What a reader may allow at most: then 55 GB of memory.
  public static let mostParts = 100_000_000
  static let numberLength = 1_000
  static let diagnostics = 1_000
  /// Candidates looked at for "did you mean", in all.
  static let suggestionBudget = 400_000
  /// Scalars of a name that a message shows.
  static let shownName = 60
}
