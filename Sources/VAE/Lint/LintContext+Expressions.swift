import GraphIR
import GraphOps

// What stands for a node in the text of a fix: something that could be typed in its place.

extension LintContext {
  /// The name, as texts spell it; what the person wrote there, where it has none; `x` where
  /// neither can be had.
  func expression(_ id: NodeID) -> String { written(id) ?? "x" }

  /// The same as an operand of any operator: in parentheses where precedence asks for them.
  func term(_ id: NodeID) -> String {
    let text = expression(id)
    return graph[id].name != nil || isCall(text) ? text : "(\(text))"
  }

  /// ln σ² of a scale.
  func logVariance(_ scale: NodeID, _ kind: NormalScale) -> String {
    switch kind {
    case .logVariance: expression(scale)
    case .standardDeviation: "2 * log(\(expression(scale)))"
    case .logStandardDeviation: "2 * \(term(scale))"
    }
  }

  /// The longest expression that is quoted, in bytes.
  private static let limit = 48

  private func written(_ id: NodeID) -> String? {
    if let name = graph[id].name { return Identifier.spelled(name) }
    guard let location = graph[id].location, location.range.count <= Self.limit else { return nil }
    let text = String(decoding: location.file.utf8[location.range], as: UTF8.self)
    return text.contains { $0.isNewline || $0 == "~" } || text.contains("//") ? nil : bare(text)
  }

  /// Without the parentheses round the whole.
  private func bare(_ text: String) -> String {
    text.hasPrefix("(") && isCall(text) ? String(text.dropFirst().dropLast()) : text
  }

  /// Whether a text is one name or number, or one call.
  private func isCall(_ text: String) -> Bool {
    var depth = 0
    var isClosed = false
    for character in text {
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
