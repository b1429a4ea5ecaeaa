import Foundation
import Testing

@Suite struct DotTests {
  private static func dot(_ name: String, _ flags: [String]) throws -> String {
    let result = try Tool.run(["dot", Tool.graphs + name + ".aya"] + flags)
    expectFine(result)
    let leavesOut =
      flags.contains("chainer") && !Set(flags).isDisjoint(with: ["gradient", "optimized"])
    #expect(
      result.err
        == (leavesOut
          ? "note: the style 'chainer' draws what the loss needs; gradients are left out\n" : ""))
    return result.out
  }

  /// The drawing that Chainer made of its VAE.
  @Test func chainerDrawsItsOwnGraph() throws {
    let text = try Self.dot("vae_chainer", ["--dim", "N=100", "--style", "chainer"])
    let lines = text.split(separator: "\n")
    #expect(lines.count { $0.contains(" -> ") } == 76)
    #expect(lines.count { $0.contains(" [label=") && !$0.contains(" -> ") } == 71)
    #expect(lines.count { $0.contains("octagon") } + lines.count { $0.contains("record") } == 71)
    #expect(lines.contains("  rankdir=\"TB\";"))
    for (label, count) in [
      ("LinearFunction", 7), ("Softplus", 5), ("Gaussian", 1), ("Sum", 2), ("exp", 1), ("_ * _", 2),
      ("_ - _", 2), ("_ + _", 2), ("_ + (-1)", 1), ("_ * 0.5", 1), ("_ * 1.0", 1), ("_ + 0", 1),
      ("_ * 0.01", 2),
    ] {
      #expect(lines.count { $0.contains("label=\"\(label)\"") } == count, "\(label)")
    }
    #expect(text.contains("\"x: (100, 784), float32\"") && text.contains("fillcolor=\"#6495ED\""))
  }

  @Test func chainerStyleNeedsEverySize() throws {
    let result = try Tool.run(["dot", Tool.graphs + "vae_chainer.aya", "--style", "chainer"])
    expectRefusal(result, 1, ["unbound-dimension"])
    #expect(result.err.contains("bind it: --dim N=100"))
    expectRefusal(
      try Tool.run([
        "dot", Tool.graphs + "vae_chainer.aya", "--style", "chainer", "--dim",
        "N=9223372036854775807",
      ]), 1, ["bad-size"])
  }

  @Test(arguments: [("vae_pytorch", "ayatori"), ("vae_chainer", "ayatori"), ("vae_2d", "chainer")])
  func sameBytesOnEveryRun(name: String, style: String) throws {
    let flags = ["--style", style, "--stage", "gradient", "--dim", "N=3"]
    #expect(try Self.dot(name, flags) == Self.dot(name, flags))
  }

  @Test(
    .enabled(if: Tool.hasGraphviz),
    arguments: CheckPrintTests.names, ["source", "lowered", "gradient", "optimized"])
  func graphvizTakesEveryStage(name: String, stage: String) throws {
    try Tool.withDirectory { directory in
      for style in ["ayatori", "chainer"] {
        var flags = ["--stage", stage, "--style", style]
        let bound = !["linear_gaussian", "rsample"].contains(name)
        if style == "chainer", bound { flags += ["--dim", "N=100"] }
        try Tool.write(Self.dot(name, flags), to: directory + "g.dot")
        let drawn = try Tool.launch(
          "/usr/bin/dot", ["-Tsvg", "g.dot", "-o", "g.svg"], in: directory)
        #expect(drawn.status == 0 && drawn.err.isEmpty, "\(style): \(drawn.err)")
      }
    }
  }

  // MARK: Part of a graph

  @Test func drawsAPart() throws {
    let whole = try Self.dot("vae_pytorch", [])
    let around = try Self.dot("vae_pytorch", ["--around", "z", "--radius", "1"])
    #expect(around.contains("around z, radius 1: 5 of 28 nodes") && around.contains("label=\"…\""))
    #expect(!around.contains("\"h1\"") && around.utf8.count < whole.utf8.count)
    // The radius is 2 when nothing is said, and reaches h1.
    #expect(try Self.dot("vae_pytorch", ["--around", "z"]).contains("    \"h1\" ["))
    let paths = try Self.dot("vae_pytorch", ["--from", "mu", "--to", "kld", "--stage", "lowered"])
    #expect(paths.contains("paths from mu to kld: 3 of"))
    let gradient = try Self.dot(
      "vae_pytorch",
      ["--stage", "gradient", "--wrt", "mu", "--around", "d_loss/d_mu", "--around", "z"])
    #expect(gradient.contains("around d_loss/d_mu, z, radius 2"))
    let collapsed = try Self.dot(
      "vae_pytorch", ["--collapse", "encoder", "--collapse", "decoder"])
    #expect(collapsed.contains("<B>encoder</B> (10 nodes)"))
    #expect(collapsed.contains("<B>decoder</B> (8 nodes)"))
  }

  @Test(arguments: [
    (["--around", "zz"], "unknown-node"), (["--from", "kld", "--to", "mu"], "no-path"),
    (["--collapse", "encodr"], "unknown-scope"),
  ])
  func refusesPartsThatAreNot(flags: [String], id: String) throws {
    expectRefusal(try Tool.run(["dot", Tool.graphs + "vae_pytorch.aya"] + flags), 1, [id])
  }

  @Test(arguments: [
    ["--radius", "1"], ["--around", "z", "--radius", "-1"], ["--from", "mu"], ["--to", "mu"],
    ["--around", "z", "--from", "mu", "--to", "z"], ["--collapse", "a", "--no-collapse"],
    ["--style", "chainer", "--around", "z"], ["--style", "chainer", "--no-collapse"],
    ["--style", "chainer", "--collapse", "encoder"],
    ["--style", "chainer", "--from", "mu", "--to", "z"],
  ])
  func refusesFlagsThatDoNotGoTogether(flags: [String]) throws {
    expectRefusal(try Tool.run(["dot", Tool.graphs + "vae_pytorch.aya"] + flags), 64)
  }

  @Test func collapsesWhatIsTooLarge() throws {
    try Tool.withDirectory { directory in
      var lines = ["graph large {", "input x: f32[4]"]
      for scope in 0..<30 {
        lines.append("scope s\(scope) {")
        for index in 0..<10 {
          let number = scope * 10 + index
          lines.append("a\(number) = exp(\(number == 0 ? "x" : "a\(number - 1)"))")
        }
        lines.append("}")
      }
      try Tool.write(
        (lines + ["output a299", "}"]).joined(separator: "\n"), to: directory + "l.aya")
      let result = try Tool.run(["dot", "l.aya"], in: directory)
      expectFine(result)
      #expect(result.err.hasPrefix("note: 301 boxes are more than 250: collapsed s0, s1"))
      #expect(result.out.contains("301 boxes are more than 250: collapsed"))
      let whole = try Tool.run(["dot", "l.aya", "--no-collapse"], in: directory)
      expectFine(whole)
      #expect(whole.err.isEmpty && whole.out.contains("\"a150\" ["))
    }
  }

  // MARK: -o

  @Test func textGoesToTheFile() throws {
    try Tool.withDirectory { directory in
      for name in ["g.dot", "g.gv"] {
        let result = try Tool.run(["dot", "Graphs/rsample.aya", "-o", name], in: directory)
        expectFine(result)
        #expect(result.out.isEmpty)
        let printed = try Tool.run(["dot", "Graphs/rsample.aya"], in: directory)
        #expect(
          try String(contentsOfFile: directory + name, encoding: .utf8) == printed.out)
      }
      #expect(try Tool.files(in: directory) == ["g.dot", "g.gv"])
    }
  }

  @Test(.enabled(if: Tool.hasGraphviz), arguments: [("svg", "<?xml"), ("PDF", "%PDF")])
  func picturesAreDrawn(format: String, magic: String) throws {
    try Tool.withDirectory { directory in
      expectFine(try Tool.run(["dot", "Graphs/rsample.aya", "-o", "g.\(format)"], in: directory))
      let bytes = try Data(contentsOf: URL(filePath: directory + "g.\(format)"))
      #expect(bytes.starts(with: Data(magic.utf8)))
      #expect(try Tool.files(in: directory) == ["g.\(format)"])
    }
  }

  @Test(arguments: ["g.dot", "g.gv", "g.txt", "g"])
  func anyOtherNameTakesTheText(path: String) throws {
    try Tool.withDirectory { directory in
      expectFine(try Tool.run(["dot", "Graphs/rsample.aya", "-o", path], in: directory))
      let text = try String(contentsOfFile: directory + path, encoding: .utf8)
      #expect(text == (try Tool.run(["dot", "Graphs/rsample.aya"], in: directory).out))
    }
  }

  @Test(arguments: [
    ("g.jpg", "unknown-picture-format"), ("g.PS", "unknown-picture-format"),
    ("a.svg/g", "file-not-written"), ("absent/g.dot", "file-not-written"),
  ])
  func refusedOutputsLeaveNothing(path: String, id: String) throws {
    try Tool.withDirectory { directory in
      let result = try Tool.run(["dot", "Graphs/rsample.aya", "-o", path], in: directory)
      expectRefusal(result, 1, [id])
      #expect(try Tool.files(in: directory).isEmpty)
    }
  }

  /// A `dot` of this test's own stands in PATH for Graphviz.
  @Test(arguments: [
    ("", "graphviz-missing", Int32(1)),
    ("cat > /dev/null; echo no >&2; exit 3", "graphviz-failed", 1),
    ("cat > /dev/null; echo '<svg/>'; echo doubtful >&2", "graphviz-warning", 0),
  ])
  func graphvizMayBeMissingOrUnhappy(script: String, id: String, status: Int32) throws {
    try Tool.withDirectory { directory in
      let tools = directory + "Tools"
      try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
      if !script.isEmpty {
        try Tool.write("#!/bin/sh\nPATH=/usr/bin:/bin\n\(script)\n", to: tools + "/dot")
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o755], ofItemAtPath: tools + "/dot")
      }
      let result = try Tool.run(
        ["dot", "Graphs/rsample.aya", "-o", "g.svg"], in: directory, environment: ["PATH": tools])
      #expect(result.status == status && result.ids == [id], "\(result.err)")
      #expect(result.out.isEmpty)
      #expect(try Tool.files(in: directory) == (status == 0 ? ["Tools", "g.svg"] : ["Tools"]))
    }
  }
}
