/// How a name is written in formulas: the shorter the better, as long as no two things look alike.
public struct Spelling: Hashable, Sendable {
  public enum Form: Int, Hashable, Sendable {
    /// As people write it: `\sigma` for `sigma`, h₂ for `h2`, `bce_N` for a share of `bce`.
    case short
    /// With every character that it has: `\mathit{sigma}`, `bce_(N)`.
    case full
    /// In quotes, what is not ASCII by its number: `"\u{b5}"`. Different names differ in it.
    case exact

    /// The next that says more; nil after the last.
    var next: Form? { Form(rawValue: rawValue + 1) }
  }

  public var text = Form.short
  public var latex = Form.short

  /// The name in quotes in ASCII alone, as a graph's text may have it.
  static func exact(_ name: String) -> String {
    let inner = name.unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case " "..."~": "\(scalar)"
      default: "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return "\"\(inner.joined())\""
  }
}
