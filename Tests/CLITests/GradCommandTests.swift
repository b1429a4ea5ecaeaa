import Foundation
import Testing

@Suite struct GradCommandTests {
  private static let gaussian = Tool.graphs + "linear_gaussian.aya"

  @Test func printsWaysAndMeanings() throws {
    let result = try Tool.run(["grad", Self.gaussian, "--wrt", "logvar"])
    expectFine(result)
    #expect(result.err.isEmpty)
    for line in [
      "∂loss/∂logvar\n", "  through z:   0.5·σ·ε·∂loss/∂z\n",
      "  through kl:  0.5·β·(exp(logvar) − 1)\n", "  ∂loss/∂z = z − x\n", "(z.sigma)\n",
    ] {
      #expect(result.out.contains(line), "\(line)")
    }
    let zero = try Tool.run(["grad", Self.gaussian, "--wrt", "logvar", "--depth", "0"])
    #expect(zero.status == 0 && !zero.out.contains("∂loss/∂z ="))
    let chosen = try Tool.run(["grad", Self.gaussian, "--of", "kl", "--wrt", "mu"])
    #expect(chosen.out == "∂kl/∂mu = mu\n")
    let weighted = try Tool.run(
      ["grad", Self.gaussian, "--wrt", "kl", "--const", "beta=4"])
    #expect(weighted.out == "∂loss/∂kl = β\n\nwhere\n  β = 4   (beta)\n")
  }

  @Test func expandsToTheLoss() throws {
    let flags = ["grad", Tool.graphs + "vae_pytorch.aya", "--wrt", "mu"]
    let result = try Tool.run(flags + ["--expand"])
    expectFine(result)
    #expect(result.out.contains("  ∂loss/∂logits = recon − x\n"))
    #expect(try Tool.run(flags + ["--depth", "3"]).out == result.out)
    #expect(try Tool.run(flags).out.contains("∂loss/∂logits") == false)
  }

  /// A name with a comma or blanks at its ends stands in quotes; the flag may stand again.
  @Test func namesInQuotes() throws {
    try Tool.withDirectory { directory in
      let text = #"""
        graph g {
          input "a,b": f32[]
          input " c": f32[]
          input d: f32[]
          input "\"": f32[]
          input "e\\\"\u{3c3}": f32[]
          loss = "a,b" * " c" + square(d) * "\"" * "e\\\"\u{3c3}"
          output loss
        }
        """#
      try text.write(toFile: directory + "g.aya", atomically: true, encoding: .utf8)
      func heads(_ flags: String...) throws -> [String] {
        let result = try Tool.run(["grad", "g.aya", "--depth", "0"] + flags, in: directory)
        expectFine(result)
        return result.out.split(separator: "\n").map { String($0.prefix { $0 != "=" }) }
      }
      let three = [#"∂loss/∂"a,b" "#, #"∂loss/∂" c" "#, "∂loss/∂d "]
      #expect(try heads("--wrt", #""a,b" , " c",d"#) == three)
      #expect(try heads("--wrt", #""a,b""#, "--wrt", #"" c""#, "--wrt", "d") == three)
      // What is no name between quotes is a name as it stands.
      #expect(try heads("--wrt", "\"") == [#"∂loss/∂"\"" "#])
      #expect(try heads("--wrt", #""\"""#) == [#"∂loss/∂"\"" "#])
      #expect(try heads("--wrt", #""e\\\"\u{3c3}""#) == [#"∂loss/∂"e\\\"σ" "#])
      let split = try Tool.run(["grad", "g.aya", "--wrt", "a,b"], in: directory)
      expectRefusal(split, 1, ["unknown-node", "unknown-node"])
    }
  }

  @Test func localDerivatives() throws {
    let flags = ["grad", Self.gaussian, "--local", "z"]
    let result = try Tool.run(flags)
    expectFine(result)
    #expect(
      result.out == """
        z = mu + σ·ε
          ∂z/∂mu     = 1
          ∂z/∂logvar = 0.5·σ·ε
          ∂z/∂ε      blocked (noise: nothing flows into randomness)

        where
          σ = exp(logvar/2)   (z.sigma)
          ε ~ N(0, 1)         (z.eps)

        """)
    let latex = try Tool.run(flags + ["--latex"])
    #expect(latex.out.contains("\\frac{\\partial z}{\\partial \\mu} = 1 "))
    #expect(latex.out.contains("% ∂z/∂ε is blocked: noise"))
  }

  @Test func jsonHoldsBothForms() throws {
    let result = try Tool.run(["grad", Self.gaussian, "--wrt", "mu,z", "--local", "z", "--json"])
    expectFine(result)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
    let derivatives = try #require(object["derivatives"] as? [[String: Any]])
    let targets = derivatives.map { $0["withRespectTo"] as? String }
    #expect(targets == ["mu", "z"])
    #expect(derivatives[0]["text"] as? String == "∂loss/∂z + β·mu")
    #expect(
      derivatives[0]["latex"] as? String
        == "\\frac{\\partial \\mathit{loss}}{\\partial z} + \\beta\\,\\mu")
    #expect((derivatives[0]["ways"] as? [[String: Any]])?.count == 2)
    let local = try #require(object["local"] as? [[String: Any]])
    #expect(local.last?["blocked"] as? String == "noise: nothing flows into randomness")
    let meanings = try #require(object["meanings"] as? [[String: Any]])
    let symbols = meanings.map { $0["symbol"] as? String }
    #expect(symbols == ["β", "x", "σ", "ε"])
  }

  /// The part of the graph runs by itself and gives what the whole graph gives.
  @Test func graphRuns() throws {
    try Tool.withDirectory { directory in
      let part = try Tool.run(
        ["grad", "Graphs/linear_gaussian.aya", "--wrt", "logvar", "--graph", "-o", "part.aya"],
        in: directory)
      expectFine(part)
      #expect(part.out.isEmpty)
      let run = try Tool.run(["run", "part.aya", "--seed", "3"], in: directory)
      expectFine(run)
      let whole = try Tool.run(
        [
          "run", "Graphs/linear_gaussian.aya", "--seed", "3", "--outputs", "loss", "--grad",
          "loss", "--wrt", "logvar",
        ], in: directory)
      let line = try #require(whole.out.split(separator: "\n").last)
      #expect(run.out == line + "\n")
      // What only the loss needs is not in it.
      let text = try Tool.run(
        ["grad", "Graphs/linear_gaussian.aya", "--wrt", "logvar", "--graph"], in: directory)
      #expect(!text.out.contains("half_log_2pi") && text.out.contains("\"d_loss/d_z\""))
      let check = try Tool.run(["check", "part.aya"], in: directory)
      expectFine(check)
    }
  }

  @Test func graphIsDrawn() throws {
    try Tool.withDirectory { directory in
      let flags = ["grad", "Graphs/linear_gaussian.aya", "--wrt", "mu", "--graph", "-o"]
      expectFine(try Tool.run(flags + ["part.dot"], in: directory))
      let dot = try String(contentsOfFile: directory + "part.dot", encoding: .utf8)
      #expect(dot.hasPrefix("digraph"))
      guard Tool.hasGraphviz else { return }
      expectFine(try Tool.run(flags + ["part.svg"], in: directory))
      #expect(try Tool.files(in: directory) == ["part.dot", "part.svg"])
    }
  }

  @Test func textGoesIntoAFile() throws {
    try Tool.withDirectory { directory in
      let flags = ["grad", "Graphs/rsample.aya", "--wrt", "sigma", "--latex"]
      let shown = try Tool.run(flags, in: directory)
      expectFine(try Tool.run(flags + ["-o", "out.tex"], in: directory))
      #expect(try String(contentsOfFile: directory + "out.tex", encoding: .utf8) == shown.out)
    }
  }

  @Test func refusals() throws {
    func refuse(_ flags: [String], _ ids: [String]) throws {
      expectRefusal(try Tool.run(["grad", Self.gaussian] + flags), 1, ids)
    }
    try refuse(["--wrt", "nu"], ["unknown-node"])
    try refuse(["--of", "losss", "--wrt", "nu"], ["unknown-node", "unknown-node"])
    try refuse(["--wrt", "z.eps"], ["no-gradient"])
    try refuse(["--of", "kl", "--wrt", "z"], ["no-gradient"])
    try refuse(["--local", "mu"], ["no-local-derivatives"])
    try refuse(["--local", "zz"], ["unknown-node"])
    expectRefusal(
      try Tool.run(["grad", Tool.graphs + "vae_pytorch.aya", "--of", "z", "--wrt", "mu"]), 1,
      ["root-not-scalar"])
    expectRefusal(
      try Tool.run(["grad", Tool.graphs + "decoder_pytorch.aya", "--wrt", "z"]), 1, ["no-loss"])
  }

  @Test(arguments: [
    [], ["--wrt", "mu", "--depth", "-1"], ["--wrt", "mu", "--depth", "1", "--expand"],
    ["--wrt", "mu", "--latex", "--json"], ["--local", "z", "--graph"],
    ["--local", "z", "--expand"],
    ["--wrt", "mu", "--json", "-o", "a.json"], ["--wrt", "mu", "-o", "a.svg"],
    ["--wrt", "mu", "--local", "z", "--graph"],
  ])
  func usage(flags: [String]) throws {
    expectRefusal(try Tool.run(["grad", Self.gaussian] + flags), 64)
  }
}
