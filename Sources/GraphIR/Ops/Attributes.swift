/// The value of an op's attribute.
public enum AttributeValue: Hashable, Sendable, CustomStringConvertible {
  case bool(Bool)
  case int(Int)
  case scalar(Scalar)
  case symbol(String)
  case dtype(DType)
  case ints([Int])
  case dims([Dim])
  case dim(Dim)

  public enum Kind: String, Sendable {
    case bool, int, scalar, symbol, dtype, ints, dims, dim
  }

  public var kind: Kind {
    switch self {
    case .bool: .bool
    case .int: .int
    case .scalar: .scalar
    case .symbol: .symbol
    case .dtype: .dtype
    case .ints: .ints
    case .dims: .dims
    case .dim: .dim
    }
  }

  /// Text that the parser reads back, given the attribute's kind.
  public var description: String {
    switch self {
    case .bool(let value): value ? "true" : "false"
    case .int(let value): String(value)
    case .scalar(let value): value.description
    case .symbol(let value): value
    case .dtype(let value): value.description
    case .ints(let values): "[" + values.map(String.init).joined(separator: ", ") + "]"
    case .dims(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
    case .dim(let value): value.description
    }
  }
}

/// An attribute that an op takes.
public struct AttributeSpec: Sendable {
  public var name: String
  public var kind: AttributeValue.Kind
  /// Taken when the text leaves the attribute out; nil makes it required.
  public var defaultValue: AttributeValue?
  /// The values a `symbol` may take; empty when any.
  public var choices: [String]
  /// Values that passes give a `symbol`: read back, but not offered.
  public var reserved: [String]
  public var summary: String

  public init(
    _ name: String, _ kind: AttributeValue.Kind, default defaultValue: AttributeValue? = nil,
    choices: [String] = [], reserved: [String] = [], _ summary: String
  ) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.choices = choices
    self.reserved = reserved
    self.summary = summary
  }

  /// Whether a `symbol` may be this.
  func accepts(_ symbol: String) -> Bool {
    choices.isEmpty || choices.contains(symbol) || reserved.contains(symbol)
  }
}

/// The attributes of one operation: every declared one has a value, defaults filled in.
public struct Attributes: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  /// In the order of the op's declaration once the builder has taken them.
  public private(set) var entries: [Entry]

  public struct Entry: Hashable, Sendable {
    public var name: String
    public var value: AttributeValue
  }

  public static let none = Attributes(entries: [])

  /// Values alone: the attributes of one op have the same names.
  public func hash(into hasher: inout Hasher) {
    for entry in entries { hasher.combine(entry.value) }
  }

  package init(entries: [Entry]) { self.entries = entries }

  public init(dictionaryLiteral elements: (String, AttributeValue)...) {
    entries = elements.map { Entry(name: $0.0, value: $0.1) }
  }

  public subscript(_ name: String) -> AttributeValue? {
    get { entries.first { $0.name == name }?.value }
    set {
      entries.removeAll { $0.name == name }
      if let newValue { entries.append(Entry(name: name, value: newValue)) }
    }
  }

  /// Gives an attribute that is there another value, in its place.
  package mutating func set(_ name: String, to value: AttributeValue) {
    guard let index = entries.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("no attribute '\(name)' among \(entries)")
    }
    entries[index].value = value
  }

  // The verifier has checked presence and kind before any rule reads an attribute; asking for one
  // that the op does not declare is a mistake in the op's own file.

  public func bool(_ name: String) -> Bool {
    guard case .bool(let value)? = self[name] else { missing(name, "bool") }
    return value
  }

  public func int(_ name: String) -> Int {
    guard case .int(let value)? = self[name] else { missing(name, "int") }
    return value
  }

  public func scalar(_ name: String) -> Scalar {
    guard case .scalar(let value)? = self[name] else { missing(name, "scalar") }
    return value
  }

  public func symbol(_ name: String) -> String {
    guard case .symbol(let value)? = self[name] else { missing(name, "symbol") }
    return value
  }

  public func dtype(_ name: String) -> DType {
    guard case .dtype(let value)? = self[name] else { missing(name, "dtype") }
    return value
  }

  public func ints(_ name: String) -> [Int] {
    guard case .ints(let value)? = self[name] else { missing(name, "ints") }
    return value
  }

  public func dims(_ name: String) -> [Dim] {
    guard case .dims(let value)? = self[name] else { missing(name, "dims") }
    return value
  }

  public func dim(_ name: String) -> Dim {
    guard case .dim(let value)? = self[name] else { missing(name, "dim") }
    return value
  }

  private func missing(_ name: String, _ kind: String) -> Never {
    preconditionFailure("no attribute '\(name)' of kind \(kind) among \(entries)")
  }
}
