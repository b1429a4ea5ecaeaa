import ArgumentParser

/// Names separated by commas. A name that has a comma in it, or blanks at an end, stands in quotes
/// as in a graph's text: `--wrt '"a,b",c'`.
struct NameList: ExpressibleByArgument {
  let names: [String]

  /// Nil without any name: an empty list would ask for nothing and say nothing.
  init?(argument: String) {
    var names: [String] = []
    var rest = argument.unicodeScalars[...]
    while !rest.isEmpty {
      rest = rest.drop(while: \.properties.isWhitespace)
      if let (name, after) = NameList.quoted(rest) {
        names.append(name)
        rest = after.dropFirst()
      } else {
        let piece = rest.prefix { $0 != "," }
        rest = rest[piece.endIndex...].dropFirst()
        let name = piece.reversed().drop(while: \.properties.isWhitespace).reversed()
        if !name.isEmpty { names.append(String(String.UnicodeScalarView(name))) }
      }
    }
    if names.isEmpty { return nil }
    self.names = names
  }

  /// A name in quotes before a comma or the end, and what follows it; nil for anything else, which
  /// is a name as it stands.
  private static func quoted(
    _ text: Substring.UnicodeScalarView
  ) -> (name: String, after: Substring.UnicodeScalarView)? {
    guard text.first == "\"" else { return nil }
    var name = String.UnicodeScalarView()
    var rest = text.dropFirst()
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\"":
        let after = rest.drop(while: \.properties.isWhitespace)
        guard !name.isEmpty, after.isEmpty || after.first == "," else { return nil }
        return (String(name), after)
      case "\\":
        guard let escaped = escape(&rest) else { return nil }
        name.append(escaped)
      default: name.append(scalar)
      }
    }
    return nil
  }

  /// What follows a backslash in a graph's text: `"`, `\`, `n`, `u{…}`.
  private static func escape(_ rest: inout Substring.UnicodeScalarView) -> Unicode.Scalar? {
    switch rest.popFirst() {
    case "\"": return "\""
    case "\\": return "\\"
    case "n": return "\n"
    case "u":
      guard rest.popFirst() == "{", let end = rest.firstIndex(of: "}"),
        let value = UInt32(String(rest[..<end]), radix: 16)
      else { return nil }
      rest = rest[rest.index(after: end)...]
      return Unicode.Scalar(value)
    default: return nil
    }
  }
}
