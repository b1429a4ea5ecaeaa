@testable import Ayatori
import Foundation
import GraphIR
@testable import VAE

extension FuzzTarget {
  /// What the strict reader takes, Foundation takes too, and finds the same in it.
  static let json = FuzzTarget(
    name: "json", summary: "strict JSON, and the course of a gradient flow",
    words: [
      "\\\"format\\\":", "\\\"records\\\":[", "\\\"header\\\":{", "\\\"inf\\\"", "\\\\uD83D",
      "\\\\uDE00", "1e400", "-0",
    ]
  ) { bytes in
    _ = accepted { () throws(Diagnostic) in try FlowCourse(bytes, path: "gradflow.json") }
    let value = accepted { () throws(Diagnostic) in
      var parser = StrictJSONParser(bytes[...], place: "j")
      return try parser.parse()
    }
    guard let value else { return }
    let other = try? JSONSerialization.jsonObject(
      with: Data(bytes), options: [.fragmentsAllowed])
    // Foundation refuses numbers that no double holds.
    guard let other else { return expect(hasLargeNumber(value), "Foundation refuses the JSON") }
    expect(agrees(value, other), "Foundation reads the JSON as \(other)")
    if case .string(let text) = value {
      let again = accepted { () throws(Diagnostic) in
        var parser = StrictJSONParser(Array(StrictJSON.quoted(text).utf8)[...], place: "again")
        return try parser.parse()
      }
      expect(again == value, "the string does not come back: \(text.debugDescription)")
    }
  }

  private static func hasLargeNumber(_ value: StrictJSON) -> Bool {
    switch value {
    case .object(let members): members.contains { hasLargeNumber($0.value) }
    case .array(let values): values.contains(where: hasLargeNumber)
    case .number(let text): Double(text)?.isFinite != true || abs(Double(text) ?? 0) < 1e-300
    case .string, .word: false
    }
  }

  private static func agrees(_ value: StrictJSON, _ other: Any) -> Bool {
    switch value {
    case .object(let members):
      guard let object = other as? [String: Any], object.count == members.count else {
        return false
      }
      return members.allSatisfy { member in
        object[member.key].map { agrees(member.value, $0) } ?? false
      }
    case .array(let values):
      guard let array = other as? [Any], array.count == values.count else { return false }
      return zip(values, array).allSatisfy(agrees)
    case .string(let text): return other as? String == text
    case .number(let text):
      guard let number = other as? NSNumber, let own = Double(text) else { return false }
      // Foundation takes long integers for decimals, whose last digits it rounds on its own.
      return abs(number.doubleValue - own) <= 1e-14 * abs(own)
    case .word(let word):
      switch word {
      case "null": return other is NSNull
      default: return (other as? NSNumber)?.boolValue == (word == "true")
      }
    }
  }
}
