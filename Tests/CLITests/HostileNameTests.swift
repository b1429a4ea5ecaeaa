import Ayatori
import Foundation
import Testing

/// Names that hold terminal commands, line ends and bidirectional marks, through every command that
/// prints names: nothing of them reaches the terminal as it is.
@Suite struct HostileNameTests {
  /// Clears the screen, ends the line, turns the direction, rings, and is a C1 control.
  static let mark = "\u{1b}[2J\n\r\u{202e}\u{7}\u{9b}31m"
  /// The same as a name in a graph's text spells it.
  private static let spelled = #"\u{1b}[2J\n\u{d}\u{202e}\u{7}\u{9b}31m"#

  private static func name(_ word: String) -> String { "\"\(word)\(spelled)\"" }

  static let graph = """
    graph g {
      dim N = 2
      input \(name("x")): f32[N, 3]
      param \(name("w")): f32[3, 2] init normal(mean: 0, stddev: 1)
      param \(name("far")): f32[2] init zeros
      \(name("m")) = matmul(\(name("x")), \(name("w")))
      scope \(name("draws")) {
        \(name("z")) ~ normal(mean: \(name("m")), stddev: exp(\(name("m")))) estimator score
      }
      scope \(name("losses")) {
        \(name("cost")) = sum(square(\(name("z")) - 1))
        \(name("kl")) = sum(square(\(name("m")))) + 0 * sum(stop_gradient(\(name("m"))))
        loss = \(name("cost")) + \(name("kl"))
      }
      output loss, \(name("cost")), \(name("z"))
    }
    """

  static let commands: [[String]] = [
    ["check", "g.aya"], ["check", "--lint", "g.aya"], ["check", "--lint", "--json", "g.aya"],
    ["print", "g.aya"], ["print", "g.aya", "--stage", "optimized"], ["dot", "g.aya"],
    ["dot", "g.aya", "--stage", "gradient", "--wrt", "w" + mark],
    ["diff", "g.aya", "@lowered"], ["explain", "g.aya", "z" + mark],
    ["explain", "g.aya", "m" + mark, "--stage", "optimized"],
    ["grad", "g.aya", "--wrt", "w" + mark], ["grad", "g.aya", "--local", "z" + mark],
    ["grad", "g.aya", "--wrt", "w" + mark, "--latex"],
    ["grad", "g.aya", "--wrt", "w" + mark, "--json"],
    ["run", "g.aya", "--inputs", "in.npz"],
    ["run", "g.aya", "--inputs", "in.npz", "--grad", "loss", "--wrt", "w" + mark],
    ["run", "g.aya", "--inputs", "other.npz"],
    ["gradflow", "g.aya", "--inputs", "in.npz", "--draws", "8"],
    ["gradflow", "g.aya", "--inputs", "in.npz", "--draws", "8", "--json"],
    ["gradflow", "g.aya", "--inputs", "in.npz", "--draws", "8", "--plant", "z\(mark):nan"],
    ["gradcheck", "g.aya"], ["gradcheck", "g.aya", "--json"],
    ["gradcheck", "g.aya", "--wrt", "far" + mark],
    ["gradcheck", "g.aya", "--inputs", "other.npz"],
    ["plan", "g.aya", "--steps"], ["plan", "g.aya", "--json"], ["profile", "g.aya"],
    ["opt", "g.aya", "--passes=simplify"], ["bench", "g.aya", "--batch-size", "1", "--explain"],
    ["bench", "--compile", "g.aya"], ["check", "file\(mark).aya"], ["run", "file\(mark).aya"],
    ["check", "absent\(mark).aya"], ["frob\(mark)"], ["run", "g.aya", "--\(mark)"],
  ]

  /// Scalars that a terminal obeys: controls but the line end, and what turns direction.
  private static func obeyed(_ text: String) -> [String] {
    text.unicodeScalars.filter { scalar in
      scalar != "\n"
        && [.control, .format, .lineSeparator, .paragraphSeparator].contains(
          scalar.properties.generalCategory)
    }.map { String($0.value, radix: 16) }
  }

  private static func withFiles(_ body: (String) throws -> Void) throws {
    try Tool.withDirectory { directory in
      try Tool.write(graph, to: directory + "g.aya")
      try Tool.write(graph, to: directory + "file\(mark).aya")
      let array = NDArray([Float](repeating: 0.5, count: 6), shape: [2, 3])
      for (file, name) in [("in.npz", "x" + mark), ("other.npz", "y" + mark)] {
        try writeNPZ([(name: name, array: array)], to: directory + file)
      }
      try body(directory)
    }
  }

  @Test(arguments: commands) func nothingIsObeyed(_ command: [String]) throws {
    try Self.withFiles { directory in
      let result = try Tool.run(command, in: directory)
      #expect([0, 1, 2, 64].contains(result.status), "\(result.err)")
      #expect(!(result.out + result.err).isEmpty)
      for text in [result.out, result.err] {
        #expect(Self.obeyed(text).isEmpty, "\(visible(text))")
        // A name's line end is no line end.
        let broken = text.split(separator: "\n").filter { $0.hasPrefix("\\u{d}") || $0 == "[2J" }
        #expect(broken.isEmpty, "\(visible(text))")
      }
    }
  }

  /// What is escaped in JSON reads back as the name.
  @Test func jsonKeepsTheName() throws {
    try Self.withFiles { directory in
      let result = try Tool.run(["gradcheck", "g.aya", "--json"], in: directory)
      let report = try #require(
        try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any],
        "\(result.err)")
      let targets = try #require(report["targets"] as? [[String: Any]])
      let names = targets.compactMap { $0["name"] as? String }
      #expect(names.contains("w" + Self.mark) && names.contains("x" + Self.mark))
    }
  }

  /// Plain names are as they were: escaping touches nothing that can be seen.
  @Test func dont_escapeWhatCanBeSeen() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        "graph g { param \"σ «é» 平均 🎲\": f32[] init zeros output \"σ «é» 平均 🎲\" }",
        to: directory + "g.aya")
      let result = try Tool.run(["run", "g.aya"], in: directory)
      #expect(result.out == "σ «é» 平均 🎲 = 0.0\n", "\(result.err)")
    }
  }

  private func visible(_ text: String) -> String { text.debugDescription }
}
