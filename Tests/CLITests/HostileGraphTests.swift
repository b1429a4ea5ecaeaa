import Foundation
import Testing

/// Graph files that no sane person wrote, through every command that reads one: a diagnostic that
/// names file and place, exit code 1, memory below `Tool.memoryBound`, no output.
@Suite struct HostileGraphTests {
  /// Each command with the flags that would have it write a file.
  static let commands: [[String]] = [
    ["check", "g.aya"], ["check", "--lint", "g.aya"],
    ["print", "g.aya", "--stage", "optimized"], ["dot", "g.aya", "-o", "out.dot"],
    ["diff", "g.aya", "@lowered", "-o", "out.dot", "--dump-dir", "out"], ["explain", "g.aya", "x"],
    ["grad", "g.aya", "--wrt", "x"], ["run", "g.aya", "-o", "out.npz"],
    ["train", "g.aya", "--data", "digits", "--epochs", "1", "--out", "out"],
    ["gradflow", "g.aya", "--html", "out.html"], ["gradcheck", "g.aya"],
    ["plan", "g.aya", "-o", "out.svg"], ["profile", "g.aya", "--trace", "out.json"],
    ["opt", "g.aya", "--passes=simplify", "--dump-dir", "out"],
    ["bench", "g.aya", "--batch-size", "1", "--dump-dir", "out"],
    ["bench", "--compile", "g.aya"],
  ]

  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var id: String
    /// Where in the file.
    var place: String
    /// Through every command; a text that takes its time goes through `check` alone.
    var isEverywhere = true
    var text: @Sendable () -> [UInt8]

    init(_ name: String, _ id: String, at place: String, _ text: @escaping @Sendable () -> [UInt8])
    {
      (testDescription, self.id, self.place, self.text) = (name, id, place, text)
    }

    /// The same, for one command.
    var once: Case {
      var item = self
      item.isEverywhere = false
      return item
    }
  }

  private static func graph(_ body: String) -> [UInt8] {
    Array("graph g { dim N input x: f32[N] \(body) }".utf8)
  }

  /// One line of 50 MB.
  private static let longLine: [UInt8] = {
    var text = Array("graph g { dim N input x: f32[N] y = x /*".utf8)
    text += [UInt8](repeating: 0x2D, count: 50_000_000)
    return text + Array("*/ }".utf8)
  }()
  /// 100,000 statements, each with a name of its own.
  private static let longText = graph(
    (1...100_000).map { "h\($0) = relu(x)\n" }.joined() + "output h1")

  private static func times(_ text: String, _ count: Int) -> String {
    String(repeating: text, count: count)
  }

  static let cases: [Case] = [
    Case("a line of 50 MB", "file-too-large", at: "g.aya: ") { longLine },
    Case("100,000 statements", "text-too-large", at: "g.aya:") { longText },
    Case("one statement of 300,000 names", "text-too-large", at: "g.aya:1:") {
      graph("output " + times("x, ", 300_000) + "x")
    }.once,
    Case("300,000 dimensions", "text-too-large", at: "g.aya:1:") {
      graph("dim " + times("D, ", 300_000) + "E")
    }.once,
    Case("200,000 open parentheses", "nesting-too-deep", at: "g.aya:1:") {
      graph("y = " + times("(", 200_000) + "x" + times(")", 200_000))
    },
    Case("100,000 scopes", "scope-too-deep", at: "g.aya:257:") {
      graph(times("scope s {\n", 100_000) + times("}", 100_000))
    },
    Case("a name of 1 MB", "unknown-name", at: "g.aya:1:") {
      graph("y = " + times("n", 1 << 20))
    },
    Case("a NUL", "unexpected-character", at: "g.aya:1:") { graph("y = \0x") },
    Case("invalid UTF-8", "not-utf8", at: "g.aya: ") { graph("y = x") + [0xC3, 0x28] },
    Case("a terminal's commands", "unexpected-character", at: "g.aya:1:") {
      graph("y = \u{1B}x")
    },
    Case("a comment in another order", "bidirectional-control", at: "g.aya:1:") {
      graph("// \u{202E} begin \n y = relu(x)")
    },
    Case("dims of 2^40", "type-too-large", at: "g.aya:1:") {
      graph("input w: f32[1099511627776, 1099511627776]")
    },
    Case("a product that overflows", "dimension-arithmetic", at: "g.aya:1:") {
      graph("input w: f32[4294967296 * 4294967296]")
    },
  ]

  @Test(arguments: cases, commands) func refused(_ item: Case, command: [String]) throws {
    guard item.isEverywhere || command == Self.commands[0] else { return }
    try Tool.withDirectory { directory in
      try Data(item.text()).write(to: URL(filePath: directory + "g.aya"))
      try Tool.expectRefused(command, in: directory, [item.id], place: item.place)
    }
  }

  /// 10,000 parentheses are many and no fault.
  @Test func dont_refuseDeepNesting() throws {
    try Tool.withDirectory { directory in
      let text = "y = \(Self.times("(", 10_000))x\(Self.times(")", 10_000)) output y"
      try Data(Self.graph(text)).write(to: URL(filePath: directory + "g.aya"))
      let (result, peak) = try Tool.runMeasured(["check", "g.aya"], in: directory)
      expectFine(result)
      #expect(peak < Tool.memoryBound, "\(peak)")
    }
  }

  /// Large graphs are no harm where somebody asks for them.
  @Test func aLargerTextIsReadWhereThatIsAllowed() throws {
    try Tool.withDirectory { directory in
      try Data(Self.longText).write(to: URL(filePath: directory + "g.aya"))
      expectFine(try Tool.run(["check", "g.aya", "--text-limit", "1000000"], in: directory))
      let refused = try Tool.run(["check", "g.aya", "--text-limit", "250000"], in: directory)
      #expect(refused.status == 1)
      #expect(refused.err.contains("at most 250000 names"), "\(refused.err)")
      #expect(refused.err.contains("--text-limit 2500000"), "\(refused.err)")
    }
  }

  @Test(arguments: ["0", "-1", "100000001", "x"])
  func dont_takeAnyTextLimit(_ limit: String) throws {
    try Tool.withDirectory { directory in
      try Data(Self.graph("output x")).write(to: URL(filePath: directory + "g.aya"))
      let result = try Tool.run(["check", "g.aya", "--text-limit=\(limit)"], in: directory)
      #expect(result.status == 64)
      #expect(result.err.contains("text-limit"), "\(result.err)")
    }
  }

  /// The largest texts that are read.
  static let largest: [Case] = [
    Case("lines", "", at: "") {
      [UInt8](repeating: 0x0A, count: (8 << 20) - 60) + graph("")
    },
    Case("a comment", "", at: "") {
      [0x2F, 0x2F] + [UInt8](repeating: 0x2D, count: (8 << 20) - 60) + [0x0A] + graph("")
    },
    Case("statements", "", at: "") {
      graph("h0 = x\n" + (1...66_000).map { "h\($0) = relu(h\($0 - 1))\n" }.joined())
    },
    Case("constants", "", at: "") { graph((1...99_000).map { "c\($0)=1 " }.joined()) },
    Case("operands", "", at: "") { graph("y = x" + times(" + 1", 66_000)) },
    Case("arguments", "", at: "") {
      graph("y = concat(" + times("x,", 199_000) + "x, axis: 0)")
    },
    Case("scopes", "", at: "") { graph(times("scope s{}", 99_000)) },
    Case("long names", "", at: "") {
      graph((1...7).map { "n\($0)" + times("n", 1 << 20) + " = x\n" }.joined())
    },
  ]

  /// They stay below the bound: a text's limits are set by this.
  @Test(arguments: largest) func withinTheLimits(_ item: Case) throws {
    try Tool.withDirectory { directory in
      try Data(item.text()).write(to: URL(filePath: directory + "g.aya"))
      let (result, peak) = try Tool.runMeasured(["check", "g.aya"], in: directory)
      #expect(result.status == 0, "\(result.err.prefix(400))")
      #expect(peak < Tool.memoryBound, "\(peak) bytes")
    }
  }
}
