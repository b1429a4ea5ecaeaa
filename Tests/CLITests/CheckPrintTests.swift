import Foundation
import Testing

@Suite struct CheckPrintTests {
  @Test func aGraphWithoutOutputsIsWarnedOf() throws {
    try Tool.withDirectory { directory in
      try Tool.write("graph g { param p: f32[] init zeros q = p + 1 }", to: directory + "g.aya")
      let result = try Tool.run(["check", "g.aya"], in: directory)
      #expect(result.status == 0 && result.ids == ["no-outputs"])
    }
  }

  @Test func aMisspeltCommandIsSuggested() throws {
    let result = try Tool.run(["trian", "g.aya"])
    #expect(result.status == 64 && result.err.contains("Did you mean 'train'?"))
  }

  static let names = [
    "autoencoder", "linear_gaussian", "logistic_regression", "rsample", "vae_2d", "vae_chainer",
    "vae_pytorch",
  ]

  // MARK: check

  @Test func everyGraphIsFine() throws {
    let files = Self.names.map { Tool.graphs + $0 + ".aya" }
    let result = try Tool.run(["check"] + files)
    expectFine(result)
    let lines = result.out.split(separator: "\n")
    #expect(lines.count == files.count && result.err.isEmpty)
    #expect(lines[6].hasSuffix("209464 parameters, outputs loss, bce, kld, recon"))
    #expect(lines[5].contains(" 1316824 parameters,"))
  }

  @Test func allMistakesOfAllFilesComeAtOnce() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        "graph a {\n  x = unknown_op(1)\n  y = nothing + 1\n}\n", to: directory + "a.aya")
      try Tool.write("graph b {\n  z = nowhere\n", to: directory + "b.aya")
      let files = ["a.aya", "Graphs/rsample.aya", "b.aya", "absent.aya", "Graphs"]
      let result = try Tool.run(["check"] + files, in: directory)
      #expect(result.status == 1)
      // The good one is a result; the others are told in the order of the command line.
      #expect(result.out.hasPrefix("Graphs/rsample.aya: graph rsample:"))
      #expect(result.out.split(separator: "\n").count == 1)
      #expect(result.ids.count >= 5)
      #expect(Array(result.ids.suffix(2)) == ["file-not-found", "file-is-directory"])
      for place in ["a.aya:2:7: error: ", "a.aya:3:7: error: ", "b.aya:2:7: error: "] {
        #expect(result.err.contains(place), "\(place) is not in\n\(result.err)")
      }
      #expect(result.err.contains("  3 |   y = nothing + 1\n    |       ^~~~~~~\n"))
      #expect(!result.err.contains("\u{1B}"))
    }
  }

  @Test func countsThatAreUnknownAreNotInvented() throws {
    let result = try Tool.run([
      "check", Tool.graphs + "vae_pytorch.aya", "--dim", "D=9223372036854775807",
    ])
    expectFine(result)
    #expect(result.out.contains(" an unknown number of parameters,"))
    try Tool.withDirectory { directory in
      let parameters = (0..<20).map { "param p\($0): f32[D] init zeros\n" }.joined()
      try Tool.write(
        "graph g {\ndim D = 576460752303423487\n\(parameters)output p0\n}", to: directory + "g.aya")
      let many = try Tool.run(["check", "g.aya"], in: directory)
      expectFine(many)
      #expect(many.out.contains(" an unknown number of parameters,"))
    }
  }

  // MARK: print

  @Test(arguments: names, ["source", "lowered", "gradient", "optimized"])
  func printedTextIsAGraphAgain(name: String, stage: String) throws {
    try Tool.withDirectory { directory in
      let first = try Tool.run(["print", "Graphs/\(name).aya", "--stage", stage], in: directory)
      expectFine(first)
      #expect(first.err.isEmpty && first.out.hasPrefix("graph \(name) {\n"))
      try Tool.write(first.out, to: directory + "again.aya")
      let checked = try Tool.run(["check", "again.aya"], in: directory)
      expectFine(checked)
      let second = try Tool.run(["print", "again.aya"], in: directory)
      #expect(second.out == first.out)
    }
  }

  @Test func overridesShowInTheText() throws {
    let result = try Tool.run([
      "print", Tool.graphs + "vae_pytorch.aya", "--dim", "Z=2", "--const", "beta=4", "--dim", "N=8",
      "--dtype", "f64", "--dim", "Z=3",
    ])
    expectFine(result)
    for line in [
      "dim N = 8", "dim Z = 3", "const beta: f64 = 4", "input x: f64[N, D]",
    ] {
      #expect(result.out.contains("  \(line)\n"), "\(line)")
    }
    #expect(!result.out.contains("f32"))
  }

  @Test func gradientsOfChosenNodes() throws {
    let result = try Tool.run([
      "print", Tool.graphs + "vae_pytorch.aya", "--stage", "gradient", "--loss", "kld", "--wrt",
      "mu, logvar",
    ])
    expectFine(result)
    #expect(result.out.contains("d_kld/d_mu") && !result.out.contains("d_kld/d_fc1.W"))
  }

  /// Flags that a stage does not use are told, not swallowed.
  @Test(arguments: ["source", "lowered"])
  func idleFlagsAreTold(stage: String) throws {
    let result = try Tool.run([
      "print", Tool.graphs + "vae_pytorch.aya", "--stage", stage, "--wrt", "mu",
    ])
    expectFine(result)
    #expect(result.err.contains("note: --loss and --wrt change nothing at the stage '\(stage)'"))
  }

  @Test(arguments: [
    (["--stage", "gradient", "--wrt", "mus,x,q"], ["unknown-node", "unknown-node"]),
    (["--stage", "gradient", "--loss", "recon"], ["root-not-scalar"]),
    (["--stage", "gradient", "--loss", "kld", "--wrt", "z"], ["no-gradient"]),
    (["--dim", "Q=1"], ["unknown-override"]), (["--const", "q=1"], ["unknown-override"]),
    (["--const", "beta=true"], ["override-value"]),
  ])
  func refusals(flags: [String], ids: [String]) throws {
    expectRefusal(try Tool.run(["print", Tool.graphs + "vae_pytorch.aya"] + flags), 1, ids)
  }

  @Test func graphsWithoutAClearLoss() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        "graph g { param p: f32[] init zeros a = square(p) b = exp(p) output a, b }",
        to: directory + "g.aya")
      let refused = try Tool.run(["print", "g.aya", "--stage", "gradient"], in: directory)
      expectRefusal(refused, 1, ["no-loss"])
      #expect(refused.err.contains("name it: --loss NAME"))
      expectFine(
        try Tool.run(["print", "g.aya", "--stage", "gradient", "--loss", "b"], in: directory))
    }
  }
}
