import GraphIR
import GraphOps

// What stands for a node in the text of a fix: something that could be typed in its place.

extension LintContext {
  /// The name, as texts spell it; what the person wrote there, where it has none; `…`, which
  /// is no name, where neither can be had.
  func expression(_ id: NodeID) -> String { written(id) ?? "…" }

  /// The same as an operand of any operator: in parentheses where precedence asks for them.
  func term(_ id: NodeID) -> String {
    let text = expression(id)
    return graph[id].name != nil || text == "…" || isCall(text) ? text : "(\(text))"
  }

  /// The node kept from 0: what is never negative is moved, the rest goes through a softplus.
  func positive(_ id: NodeID) -> String {
    ranges[id.index].low >= 0
      ? "\(term(id)) + 1e-6" : "softplus(\(expression(id))) + 1e-6"
  }

  /// ln σ² of a scale.
  func logVariance(_ scale: NodeID, _ kind: NormalScale) -> String {
    switch kind {
    case .logVariance: expression(scale)
    case .standardDeviation:
      // Of what may be negative: 2 ln(abs(σ)).
      ranges[scale.index].low >= 0
        ? "2 * log(\(expression(scale)))" : "log(square(\(expression(scale))))"
    case .logStandardDeviation: "2 * \(term(scale))"
    }
  }

  /// The longest expression that is quoted, in bytes.
  private static let limit = 48

  private func written(_ id: NodeID) -> String? {
    if let name = graph[id].name { return Identifier.spelled(name) }
    guard let location = graph[id].location, location.range.count <= Self.limit else { return nil }
    let text = String(decoding: location.file.utf8[location.range], as: UTF8.self)
    if text.contains(where: { $0.isNewline || $0 == "~" }) || text.contains("//") { return nil }
    return bare(balanced(text))
  }

  /// With the parentheses that a range leaves out: that of `(a + b) * c` begins at `a`, and that of
  /// `a * (b + c)` ends at `c`, for parentheses are no part of what stands in them.
  private func balanced(_ text: String) -> String {
    var (depth, least) = (0, 0)
    for character in unquoted(text) {
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      least = min(least, depth)
    }
    return String(repeating: "(", count: -least) + text
      + String(repeating: ")", count: depth - least)
  }

  /// Without the parentheses round the whole.
  private func bare(_ text: String) -> String {
    text.hasPrefix("(") && isCall(text) ? bare(String(text.dropFirst().dropLast())) : text
  }

  /// The text with a letter for each character between quotes: parentheses there are none.
  private func unquoted(_ text: String) -> [Character] {
    var (isQuoted, isEscaped) = (false, false)
    return text.map { character in
      if isEscaped {
        isEscaped = false
        return "q"
      }
      if character == "\"" {
        isQuoted.toggle()
        return "q"
      }
      if isQuoted { isEscaped = character == "\\" }
      return isQuoted ? "q" : character
    }
  }

  /// Whether a text is one name or number, or one call.
  private func isCall(_ text: String) -> Bool {
    var depth = 0
    var isClosed = false
    for character in unquoted(text) {
      if isClosed { return false }
      switch character {
      case "(": depth += 1
      case ")":
        depth -= 1
        isClosed = depth == 0
      case _ where depth == 0:
        guard character.isLetter || character.isNumber || "_.".contains(character) else {
          return false
        }
      default: break
      }
    }
    return depth == 0
  }
}
