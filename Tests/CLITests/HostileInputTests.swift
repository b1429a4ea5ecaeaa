import Foundation
import Testing

/// Whatever a file or a flag holds, the answer is a result or a diagnostic.
@Suite struct HostileInputTests {
  static let commands = [
    ["check"], ["print", "--stage", "optimized"], ["dot"], ["run"], ["train"],
  ]

  private static func generator(_ kind: String) -> [UInt8] {
    let count = 60_000
    switch kind {
    case "empty": return []
    case "newline": return [0x0A]
    case "nul": return Array("graph g {\0}".utf8)
    case "mark": return [0xEF, 0xBB, 0xBF]
    case "junk":
      var state: UInt64 = 1
      return (0..<(1 << 20)).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(state >> 56)
      }
    case "letters": return [UInt8](repeating: 0x61, count: 1 << 20)
    case "brackets": return Array(("graph g { y = " + String(repeating: "(", count: 1 << 18)).utf8)
    case "minus": return Array(("graph g { y = " + String(repeating: "-", count: 1 << 18)).utf8)
    case "scopes":
      return Array(("graph g {" + String(repeating: "scope s {\n", count: count)).utf8)
    case "braces": return Array(String(repeating: "{", count: 1 << 18).utf8)
    case "quote": return Array("graph g { \"".utf8) + [UInt8](repeating: 0x62, count: 1 << 18)
    case "comment": return Array("graph g { /* ".utf8)
    default: return Array("graph g { y = 99999999999999999999999999999999 output y }".utf8)
    }
  }

  @Test(arguments: [
    "empty", "newline", "nul", "mark", "junk", "letters", "brackets", "minus", "scopes", "braces",
    "quote", "comment", "number",
  ])
  func badFilesAreTold(kind: String) throws {
    try Tool.withDirectory { directory in
      try Data(Self.generator(kind)).write(to: URL(filePath: directory + "g.aya"))
      for command in Self.commands.prefix(kind == "junk" ? 5 : 2) {
        let result = try Tool.run(
          [command[0], "g.aya"] + command.dropFirst(), in: directory)
        #expect(result.status == 1 && !result.ids.isEmpty, "\(command): \(result.err.prefix(400))")
        #expect(result.out.isEmpty)
        // Even a megabyte on one line is shown in a few.
        #expect(result.err.utf8.count < 100_000, "\(command): \(result.err.utf8.count)")
      }
    }
  }

  /// Deep, but within the bounds: it works to the last stage.
  @Test func deepGraphsWork() throws {
    try Tool.withDirectory { directory in
      let depth = 1000
      let text =
        "graph g { param x: f32[] init constant(0.5) y = " + String(repeating: "sin(", count: depth)
        + "x" + String(repeating: ")", count: depth) + " output y }"
      try Tool.write(text, to: directory + "g.aya")
      expectFine(try Tool.run(["check", "g.aya"], in: directory))
      expectFine(try Tool.run(["print", "g.aya", "--stage", "optimized"], in: directory))
      let result = try Tool.run(["run", "g.aya", "--grad", "y", "--wrt", "x"], in: directory)
      expectFine(result)
      #expect(result.out.hasPrefix("y = 0.0") && result.out.contains("d_y/d_x = "))
    }
  }

  @Test(arguments: [
    ("absent.aya", "file-not-found"), ("Graphs", "file-is-directory"), ("/dev/null", "no-graph"),
  ])
  func pathsThatAreNoGraphs(path: String, id: String) throws {
    try Tool.withDirectory { directory in
      for command in Self.commands {
        let result = try Tool.run([command[0], path] + command.dropFirst(), in: directory)
        expectRefusal(result, 1, [id])
      }
    }
  }

  @Test(arguments: [
    ("1099511627776", "out-of-memory"), ("9223372036854775807", "bad-size"),
    ("576460752303423487", "out-of-memory"), ("4611686018427387904", "bad-size"),
  ])
  func absurdSizes(size: String, id: String) throws {
    for sizes in [["D=\(size)", "N=1", "H=1"], ["N=\(size)", "D=1", "H=1"]] {
      let result = try Tool.run(
        ["run", Tool.graphs + "vae_pytorch.aya", "--dtype", "f64"]
          + sizes.flatMap { ["--dim", $0] })
      #expect(result.status == 1 && result.ids == [id], "\(result.err)")
    }
    // Text needs no memory for arrays; a drawing shows every size, so each must be a number.
    let graph = Tool.graphs + "vae_pytorch.aya"
    expectFine(try Tool.run(["print", graph, "--dim", "N=\(size)", "--stage", "optimized"]))
    let drawn = try Tool.run(["dot", graph, "--dim", "N=\(size)"])
    if size == "1099511627776" { expectFine(drawn) } else { expectRefusal(drawn, 1, ["bad-size"]) }
  }

  @Test func numbersThatAreNone() throws {
    let result = try Tool.run([
      "run", Tool.graphs + "linear_gaussian.aya", "--const", "beta=nan", "--const", "x=inf",
    ])
    #expect(result.status == 2 && Set(result.ids) == ["not-finite"])
    #expect(result.out.contains("loss = nan\n"))
    expectRefusal(
      try Tool.run(["run", Tool.graphs + "vae_pytorch.aya", "--dim", "D=0", "--dim", "N=0"]), 1,
      ["not-fed"])
  }

  @Test func noEscapesWhateverTheEnvironmentSays() throws {
    for environment in [["NO_COLOR": "1"], ["TERM": "xterm-256color", "CLICOLOR_FORCE": "1"]] {
      let result = try Tool.run(["check", "absent.aya"], environment: environment)
      expectRefusal(result, 1, ["file-not-found"])
    }
  }
}
