/// One thing to tell a person about their input.
///
/// A value, made where the mistake is found and worded in one place per topic; rendering is apart.
public struct Diagnostic: Error, Sendable, CustomStringConvertible {
  public enum Severity: String, Sendable {
    case error, warning
    /// What is worth knowing and no fault.
    case note
  }

  public struct Note: Sendable {
    public var message: String
    public var location: SourceLocation?

    public init(_ message: String, at location: SourceLocation? = nil) {
      self.message = message
      self.location = location
    }
  }

  /// A stable, searchable name in kebab case: `unknown-name`.
  public var id: String
  public var severity: Severity
  public var message: String
  /// The place in a source text.
  public var location: SourceLocation?
  /// The place when it is not in a text: a file with what is inside it, or a flag.
  public var place: String?
  public var expected: String?
  public var got: String?
  public var notes: [Note]
  /// What to do about it: "did you mean 'mu'?".
  public var fix: String?

  public init(
    _ id: String, _ message: String, severity: Severity = .error,
    at location: SourceLocation? = nil,
    place: String? = nil, expected: String? = nil, got: String? = nil, notes: [Note] = [],
    fix: String? = nil
  ) {
    self.id = id
    self.severity = severity
    self.message = message
    self.location = location
    self.place = place
    self.expected = expected
    self.got = got
    self.notes = notes
    self.fix = fix
  }

  /// The same diagnostic with further notes.
  package func adding(_ notes: [Note]) -> Diagnostic {
    var result = self
    result.notes += notes
    return result
  }

  /// The rendering without colour.
  public var description: String { rendered() }
}

/// Several diagnostics thrown together: all that is wrong with an input, not only the first.
public struct Diagnostics: Error, Sendable, CustomStringConvertible {
  public var all: [Diagnostic]

  public init(_ all: [Diagnostic]) { self.all = all }

  public var hasErrors: Bool { all.contains { $0.severity == .error } }
  public var description: String { all.map(\.description).joined(separator: "\n") }
}
