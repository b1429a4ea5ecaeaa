/// What of Graphviz's SVG goes into a page: shapes and words, and nothing that acts.
///
/// Only the elements and attributes named here pass; links become groups; titles, comments and
/// instructions go. Graphviz escapes what it shows, and this does not rely on it: an `&` that
/// begins no entity is escaped, and so are signs that could end an attribute. Works on bytes, since
/// a sign and an accent after it are one character to Swift and two to a browser.
enum SVGCleaner {
  private static let elements: Set<String> = [
    "svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "line", "text", "tspan",
  ]

  private static let attributes: Set<String> = [
    "id", "class", "viewBox", "transform", "points", "d", "x", "y", "x1", "x2", "y1", "y2", "cx",
    "cy", "r", "rx", "ry", "width", "height", "fill", "fill-opacity", "stroke", "stroke-width",
    "stroke-dasharray", "stroke-opacity", "text-anchor", "font-size", "font-weight", "font-style",
    "baseline-shift",
  ]

  /// The outermost `svg` element of a document. Nil when there is none, or a tag does not match.
  static func clean(_ document: String) -> String? {
    let bytes = Array(document.utf8)
    let head = Array("<svg".utf8)
    guard
      let start = bytes.indices.first(where: { bytes[$0...].starts(with: head) })
    else { return nil }
    var rest = bytes[start...]
    var result: [UInt8] = []
    // What is open, and what is written for it; nil for what is left out with its contents.
    var open: [(name: String, written: String?)] = []
    var silent = 0
    while let first = rest.first {
      if first != UInt8(ascii: "<") {
        let end = rest.firstIndex(of: UInt8(ascii: "<")) ?? rest.endIndex
        if silent == 0 { result += escaped(rest[..<end]) }
        rest = rest[end...]
        continue
      }
      if rest.starts(with: "<!--".utf8) {
        let close = Array("-->".utf8)
        guard let end = rest.indices.first(where: { rest[$0...].starts(with: close) }) else {
          return nil
        }
        rest = rest[(end + close.count)...]
        continue
      }
      guard let tag = Tag(&rest) else { return nil }
      if tag.isEnd {
        guard let last = open.popLast(), last.name == tag.name else { return nil }
        if last.written == nil {
          silent -= 1
        } else if let written = last.written, silent == 0 {
          result += "</\(written)>".utf8
        }
        if open.isEmpty { return String(decoding: result, as: UTF8.self) }
        continue
      }
      let written = tag.name == "a" ? "g" : elements.contains(tag.name) ? tag.name : nil
      if let written, silent == 0 {
        result += "<\(written)".utf8
        for (name, value) in tag.attributes where attributes.contains(name) {
          result += " \(name)=\"".utf8 + escaped(value) + [UInt8(ascii: "\"")]
        }
        result += (tag.isEmpty ? "/>" : ">").utf8
      }
      if tag.isEmpty { continue }
      open.append((tag.name, written))
      if written == nil { silent += 1 }
    }
    return nil
  }

  /// Text in which every `&` begins an entity, and nothing else begins or ends anything.
  private static func escaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for (index, byte) in zip(text.indices, text) {
      switch byte {
      case UInt8(ascii: "&"):
        result += (isEntity(text[index...]) ? "&" : "&amp;").utf8
      case UInt8(ascii: "<"): result += "&lt;".utf8
      case UInt8(ascii: ">"): result += "&gt;".utf8
      case UInt8(ascii: "\""): result += "&quot;".utf8
      case UInt8(ascii: "'"): result += "&#39;".utf8
      default: result.append(byte)
      }
    }
    return result
  }

  /// Whether the text begins with one of XML's entities or the number of a character.
  private static func isEntity(_ text: ArraySlice<UInt8>) -> Bool {
    let word = text.dropFirst().prefix(9).prefix { $0 != UInt8(ascii: ";") }
    guard text.dropFirst(1 + word.count).first == UInt8(ascii: ";") else { return false }
    let name = String(decoding: word, as: UTF8.self)
    if ["amp", "lt", "gt", "quot", "apos", "nbsp"].contains(name) { return true }
    let digits = name.dropFirst(name.hasPrefix("#x") ? 2 : 1)
    return name.hasPrefix("#") && UInt32(digits, radix: name.hasPrefix("#x") ? 16 : 10) != nil
      && digits.utf8.first != UInt8(ascii: "+")
  }

  /// `<name a="b" …>`, `<name …/>` or `</name>`.
  private struct Tag {
    var name: String
    var isEnd = false
    var isEmpty = false
    var attributes: [(name: String, value: ArraySlice<UInt8>)] = []

    /// Takes the tag off the front of `text`.
    init?(_ text: inout ArraySlice<UInt8>) {
      var rest = text.dropFirst()
      if rest.first == UInt8(ascii: "/") {
        isEnd = true
        rest = rest.dropFirst()
      }
      name = Tag.word(&rest)
      guard !name.isEmpty else { return nil }
      while true {
        rest = rest.drop { $0 <= 0x20 }
        if rest.starts(with: "/>".utf8) {
          isEmpty = true
          rest = rest.dropFirst(2)
          break
        }
        if rest.first == UInt8(ascii: ">") {
          rest = rest.dropFirst()
          break
        }
        let key = Tag.word(&rest)
        guard !key.isEmpty, rest.first == UInt8(ascii: "=") else { return nil }
        rest = rest.dropFirst()
        guard let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
        else { return nil }
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: quote) else { return nil }
        attributes.append((key, rest[..<end]))
        rest = rest[(end + 1)...]
      }
      text = rest
    }

    /// ASCII letters, digits, `-`, `:` and `_`.
    private static func word(_ text: inout ArraySlice<UInt8>) -> String {
      let word = text.prefix { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: ":"),
          UInt8(ascii: "_"):
          true
        default: false
        }
      }
      text = text.dropFirst(word.count)
      return String(decoding: word, as: UTF8.self)
    }
  }
}
