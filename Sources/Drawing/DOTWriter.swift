import GraphIR

/// Writes DOT: every id and value quoted and escaped, one statement a line, indented by nesting.
struct DOTWriter {
  private(set) var text = ""
  private var depth = 0

  /// The value of an attribute.
  enum Value {
    /// Text to be shown as it is, whatever it holds; newlines break the line.
    case text(String)
    /// Markup in Graphviz's HTML-like language, made with `DOT.html` where it shows names.
    case html(String)
    /// A label of the `record` shape with one field that shows the text as it is.
    case record(String)
  }

  typealias Attributes = [(name: String, value: Value)]

  mutating func open(_ head: String, _ id: String) {
    line("\(head) \(DOT.quoted(id: id)) {")
    depth += 1
  }

  /// An anonymous subgraph whose nodes stand on one rank.
  mutating func sameRank(_ ids: [String]) {
    line("{ rank=same; " + ids.map { DOT.quoted(id: $0) + ";" }.joined(separator: " ") + " }")
  }

  mutating func close() {
    depth -= 1
    line("}")
  }

  /// Attributes of the enclosing graph or cluster, one a line.
  mutating func set(_ attributes: Attributes) {
    for attribute in attributes { line(DOT.attribute(attribute) + ";") }
  }

  /// Defaults for `node` or `edge`.
  mutating func defaults(_ kind: String, _ attributes: Attributes) {
    line(kind + list(attributes) + ";")
  }

  mutating func node(_ id: String, _ attributes: Attributes) {
    line(DOT.quoted(id: id) + list(attributes) + ";")
  }

  mutating func edge(_ tail: Endpoint, _ head: Endpoint, _ attributes: Attributes = []) {
    line("\(tail) -> \(head)" + list(attributes) + ";")
  }

  /// A node, or a port of it.
  struct Endpoint: Hashable, CustomStringConvertible {
    var id: String
    var port: String?

    var description: String {
      DOT.quoted(id: id) + (port.map { ":" + DOT.quoted(id: $0) } ?? "")
    }
  }

  private func list(_ attributes: Attributes) -> String {
    attributes.isEmpty ? "" : " [" + attributes.map(DOT.attribute).joined(separator: ", ") + "]"
  }

  private mutating func line(_ line: String) {
    text += String(repeating: "  ", count: depth) + line + "\n"
  }
}

/// The lexical rules of DOT, each in one place. Checked against Graphviz 2.43's behaviour:
/// text values go through the escString substitution (`\N`, `\n`, …) and then through HTML
/// entities, HTML-like text through XML and then through escString.
enum DOT {
  static func attribute(_ attribute: (name: String, value: DOTWriter.Value)) -> String {
    switch attribute.value {
    case .text(let text): "\(attribute.name)=\"\(escaped(text))\""
    case .html(let markup): "\(attribute.name)=<\(markup)>"
    case .record(let text): "\(attribute.name)=\"\(escaped(record: text))\""
    }
  }

  /// An id in quotes. Ids are made by `id(of:)` or fixed in this target: they hold neither quotes
  /// nor backslashes.
  static func quoted(id: String) -> String { "\"\(id)\"" }

  /// The longest name that serves as an id.
  private static let longestID = 64

  /// The node's name when it is plain, else its place: `z.eps`, `%12`. Unique, since `%` is not
  /// plain; never an address.
  static func id(of node: Node) -> String { plain(node.name) ?? node.id.description }

  /// `name` when it can stand in an id as it is.
  static func plain(_ name: String?) -> String? {
    guard let name, !name.isEmpty, name.utf8.count <= longestID,
      name.utf8.allSatisfy({ byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
          UInt8(ascii: "/"), UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: " "),
          UInt8(ascii: "-"):
          true
        default: false
        }
      })
    else { return nil }
    return name
  }

  /// Text for a quoted value that Graphviz shows as it is.
  static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "&": out += "&amp;"
      default: out.unicodeScalars.append(visible(scalar))
      }
    }
    return out
  }

  /// Text for a `record` label: as `escaped`, and the signs of fields and ports lose their sense.
  static func escaped(record text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\n": out += "\\n"
      case "&": out += "&amp;"
      case "\\": out += "\\\\"
      case "{", "}", "|", "<", ">": out += "\\" + String(scalar)
      default: out.unicodeScalars.append(visible(scalar))
      }
    }
    return out
  }

  /// Text inside HTML-like markup.
  static func html(_ text: String) -> String {
    var out = ""
    // Graphviz 2.43 waits for the end of a CDATA section where there is nothing else.
    let isBrackets = text.unicodeScalars.allSatisfy { $0 == "]" }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      // After the XML parse, escString runs over the text: two backslashes become one.
      case "\\": out += "&#92;&#92;"
      case "\n": out += "<BR/>"
      case "]" where isBrackets: out += "&#93;"
      default: out.unicodeScalars.append(visible(scalar))
      }
    }
    return out
  }

  /// A scalar that XML allows and that does not reorder the text round it.
  private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069:
      "\u{FFFD}"
    case let value where value & 0xFFFE == 0xFFFE: "\u{FFFD}"
    default: scalar
    }
  }

  /// A name on one line and no longer than `limit` characters; the middle of a longer one goes.
  static func short(_ name: String, limit: Int = 40) -> String {
    // Graphviz takes no empty markup, and a nameless thing should be seen to be one.
    if name.isEmpty { return "''" }
    var flat = String.UnicodeScalarView()
    for scalar in name.unicodeScalars {
      switch scalar {
      case "\n", "\r": flat.append("\u{23CE}")
      case "\t": flat.append(" ")
      default: flat.append(scalar)
      }
    }
    // A single character may hold any number of scalars; both are bounded.
    if flat.count > limit * 8 {
      flat = String.UnicodeScalarView(flat.prefix(limit * 4) + flat.suffix(limit * 4))
      let text = String(flat)
      return text.count > limit
        ? middleCut(text, limit)
        : String(text.unicodeScalars.prefix(limit))
          + "…"
    }
    let text = String(flat)
    return text.count > limit ? middleCut(text, limit) : text
  }

  private static func middleCut(_ text: String, _ limit: Int) -> String {
    text.prefix(limit * 2 / 3) + "…" + text.suffix(limit - limit * 2 / 3 - 1)
  }
}
