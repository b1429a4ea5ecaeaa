import Foundation
import GraphIR
import Testing

/// Minutes in which large texts have to be read; a sanitizer makes all of it slower.
private let patience: TimeLimitTrait.Duration =
  ProcessInfo.processInfo.environment["AYATORI_SANITIZER"] == nil ? .minutes(2) : .minutes(60)

private func rep(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

@Suite("No text traps, hangs or overflows the stack")
struct TextHostileTests {
  @Test("Nesting costs no stack")
  func nesting() throws {
    let deep = 10_000
    _ = try body("input x: f32 y = \(rep("(", deep))x\(rep(")", deep))")
    _ = try body("input x: f32 y = \(rep("-", deep))x")
    _ = try body("input x: f32 y = \(rep("relu(", deep))x\(rep(")", deep))")
    _ = try body("y = \(rep("-", deep + 1))1 input x: f32 z = \(rep("x ** ", deep)) x")
    _ = try body("input x: f32 z = \(rep("x + 1 * ", deep)) x")
    #expect(complaints("y = \(rep("(", 200_000))") == ["nesting-too-deep"])
    #expect(complaints("y = \(rep("[", 150_000))") == ["nesting-too-deep"])
    #expect(complaints("y = \(rep("f(", deep))") == ["syntax"])
    #expect(
      complaints("\(rep("scope a { ", 100_000))x = 1 \(rep("}", 100_000)) y = x")
        == ["scope-too-deep"])
    #expect(complaints(rep("scope a { ", 100_000)) == ["scope-too-deep", "unclosed-brace"])
    #expect(complaints("\(rep("/*", deep))\(rep("*/", deep))") == [])
    #expect(complaints("dim N input x: f32[\(rep("(", deep))N\(rep(")", deep))]") == [])
    #expect(complaints("dim N input x: f32[\(rep("-", deep))N]") == [])
  }

  @Test("Dimension arithmetic is bounded and checked")
  func dims() {
    let many = (0..<600).map { "D\($0)" }
    let declared = many.map { "dim \($0)" }.joined(separator: " ")
    #expect(
      complaints("\(declared) input x: f32[\(many.joined(separator: " + "))]")
        == ["dimension-arithmetic"])
    #expect(
      complaints("dim A, B input x: f32[\(rep("(A + B) * ", 200))A]") == ["dimension-arithmetic"])
    #expect(
      complaints("dim A input x: f32[\(rep("A * ", 200))A]") == ["dimension-arithmetic"])
    for size in [
      "9223372036854775807 + 1", "(-9223372036854775807 - 1) / -1", "3 / 0", "3 / 2", "A / (A + 1)",
      "9223372036854775807 * 9223372036854775807",
    ] {
      #expect(complaints("dim A input x: f32[\(size)]") == ["dimension-arithmetic"], "\(size)")
    }
    #expect(complaints("dim A input x: f32[9223372036854775808]") == ["number-out-of-range"])
  }

  @Test(
    "Odd bytes",
    arguments: [
      "", " ", "\0", "\u{FEFF}", "\u{FFFD}\u{FFFD}", "graph", "graph g", "graph g {", "{", "}",
      "graph g { \0\0 }", "graph g { x = \"", "graph g { x = \"\\", "graph g { x = \"\\u{",
      "graph g { x = \"\\u{110000}\" }", "graph g { x = \"\\u{D800}\" }", "graph g { /*",
      "graph g { x = 1e99999 }", "graph g { x = 1e }", "graph g { x = 99999999999999999999 }",
      "graph g { %99999999999999999999999 = 1.0 }", "graph g { % }", "graph g { x = %y }",
      "graph g { y = @update }", "graph g { @update }", "graph g { x: }", "graph g { x = }",
      "graph g { dim }", "graph g { dim = }", "graph g { output }", "graph g { scope }",
      "graph g { scope { x = 1 } }", "graph g { ) ] , : ~ } }", "graph g { layer }",
      "graph g { layer l = }", "graph g { layer l = linear }", "graph g { param p }",
      "graph g { param p: }", "graph g { param p: f32[ }", "graph g { input x: f32] }",
      "graph g { x ~ }", "graph g { x ~ y }", "graph g { update }", "graph g { update x }",
      "graph g { f(x) }", "graph g { 1 }", "graph g { \u{301} }", "graph \"\u{1B}[31m\" { x = y }",
      "graph g { \u{1F600} = 1 }", "\r\n\r\ngraph g {\r\n}\r\n", "graph g { output x = 1 x = 2 }",
      "graph g { x = [] y = [[1], f()] z = -[] w = +1 }", "graph g { x: f32[[1]] = 1 }",
    ])
  func fragments(_ text: String) {
    let result = parsed(text)
    #expect((result.graph == nil) == result.diagnostics.contains { $0.severity == .error })
    for diagnostic in result.diagnostics { #expect(!diagnostic.rendered().isEmpty) }
  }

  @Test("Random pieces of the language, and valid texts with random damage")
  func fuzz() {
    let pieces = [
      "graph g {", "}", "{", "(", ")", "[", "]", ",", ":", "=", "~", "@", "+", "-", "*", "**", "/",
      "<", "==", "x", "y", "N", "\"q\"", "%3", "1", "0.5", "dim", "const", "input", "param",
      "state",
      "noise", "layer", "scope", "output", "update", "init", "estimator", "zeros", "normal", "relu",
      "linear", "f32", "true", "nan", "\n", "@adjoint(", "of", "root", "//", "/*", "*/", "\"", "\0",
      "9223372036854775808", "sum", "axes", "concat", "\u{301}",
    ]
    for seed in 0..<400 as Range<UInt64> {
      var generator = SeededGenerator(state: seed)
      var text = "graph g { dim N input x: f32[N] "
      for _ in 0..<Int.random(in: 1...60, using: &generator) {
        text += (pieces.randomElement(using: &generator) ?? "") + " "
      }
      let result = parsed(text)
      for diagnostic in result.diagnostics { _ = diagnostic.rendered() }
      if let graph = result.graph { expectRoundTrip(graph, "seed \(seed)") }

      var bytes = Array(TextStatementTests.vae.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes.remove(at: place)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        default: bytes.insert(contentsOf: bytes[place..<min(place + 9, bytes.count)], at: place)
        }
      }
      let damaged = parsed(String(decoding: bytes, as: UTF8.self))
      for diagnostic in damaged.diagnostics { _ = diagnostic.rendered() }
      if let graph = damaged.graph { expectRoundTrip(graph, "seed \(seed)") }
    }
  }

  @Test("Long texts are read whole, their mistakes counted up to a bound", .timeLimit(patience))
  func long() throws {
    let count = 5_000
    let chain = (1...count).map { "h\($0) = relu(h\($0 - 1))\n" }.joined()
    let graph = try body("input h0: f32 \(chain) output h\(count)")
    #expect(graph.nodes.count == count + 1)
    #expect(parsed(graph.text()).graph?.nodes.count == count + 1)
    #expect(complaints((0..<count).map { "dim D\($0) " }.joined()) == [])
    // Unknown names and suggestions for them are bounded.
    let unknown = complaints((0..<count).map { "a\($0) = b\($0)\n" }.joined())
    #expect(unknown.count == 1_001)
    #expect(unknown.last == "too-many-errors")
    // Warnings do not keep a graph from being made.
    let rounding = parsed(
      "graph g { \((0..<2_000).map { "const k\($0) = 1e300\n" }.joined()) }")
    #expect(rounding.diagnostics.count == 1_001)
    #expect(rounding.graph?.nodes.count == 2_000)
  }

  @Test("A line of megabytes", .timeLimit(patience))
  func longLine() {
    let size = 300_000
    for text in [
      rep("x", size), rep("(", size), rep("\0", size), rep("9", size), "\"" + rep("é", size),
      "/*" + rep("*", size), "graph g { x = " + rep("1+", size / 2),
      "graph g { x = nope " + rep(" ", size) + " y = nada }", rep("}", size),
      rep("\"a\" ", size / 4),
    ] {
      let result = parsed(text)
      #expect(result.graph == nil)
      for diagnostic in result.diagnostics.prefix(3) {
        #expect(diagnostic.rendered().utf8.count < 3_000)
      }
    }
  }
}
