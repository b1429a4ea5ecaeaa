import Ayatori
import Foundation
import Testing

/// `dot --gradflow` and `dot --reparameterization`.
@Suite struct DotFlowTests {
  /// The edges of a DOT text that have an attribute.
  private static func edges(_ text: String, with attribute: String) -> [String] {
    text.split(separator: "\n").map(String.init).filter {
      $0.contains(" -> ") && $0.contains(attribute) && !$0.contains("legend")
    }
  }

  private static func expectDrawable(_ text: String, in directory: String) throws {
    guard Tool.hasGraphviz else { return }
    try Tool.write(text, to: directory + "g.dot")
    let drawn = try Tool.launch("/usr/bin/dot", ["-Tsvg", "g.dot", "-o", "g.svg"], in: directory)
    #expect(drawn.status == 0 && drawn.err.isEmpty, "\(drawn.err)")
  }

  /// z = 1 at eps = 0.5: ∂recon/∂z = −1, so −1 to mu and −¼ to logvar; the KL term's ½ to mu.
  @Test func theGoldenInstance() throws {
    try Tool.withDirectory { directory in
      try writeNPZ(
        [(name: "z.eps", array: NDArray([0.5], shape: []))], to: directory + "eps.npz")
      let result = try Tool.run(
        ["dot", "Graphs/linear_gaussian.aya", "--gradflow", "z", "--inputs", "eps.npz"],
        in: directory)
      expectFine(result)
      let flows = Self.edges(result.out, with: "dir=\"back\"")
      func label(_ from: String, _ to: String, _ style: String) -> String? {
        flows.first {
          $0.contains("\"\(from)\" -> \"\(to)\"") && $0.contains("style=\"\(style)\"")
        }?.firstMatch(of: /, label=" (.*?) "/).map { String($0.output.1) }
      }
      #expect(label("mu", "z", "solid") == "1.00" && label("logvar", "z", "solid") == "0.250")
      #expect(label("mu", "kl", "dashed") == "0.500" && label("logvar", "kl", "dashed") == "0")
      #expect(label("z.eps", "z", "solid") == "noise: nothing flows into randomness")
      #expect(result.out.contains("no gradient"))
    }
  }

  @Test(arguments: ["vae_pytorch", "vae_chainer"], ["source", "lowered", "optimized"])
  func graphvizTakesBothVAEs(name: String, stage: String) throws {
    try Tool.withDirectory { directory in
      let result = try Tool.run(
        [
          "dot", "Graphs/\(name).aya", "--gradflow", "z", "--stage", stage, "--data", "digits",
          "--dim", "D=64", "--dim", "H=16", "--batch-size", "8",
        ], in: directory)
      expectFine(result)
      try Self.expectDrawable(result.out, in: directory)
      let arrows = Self.edges(result.out, with: "arrowtail=\"normal\"")
      // Both roots, each in its style, with norms of their own.
      #expect(arrows.filter { $0.contains("style=\"solid\"") }.count > 8)
      #expect(arrows.filter { $0.contains("style=\"dashed\"") }.count > 8)
      let widths = Set(arrows.compactMap { $0.firstMatch(of: /penwidth="(.*?)"/)?.output.1 })
      #expect(widths.count > 8)
      #expect(Self.edges(result.out, with: "arrowtail=\"tee\"").count == 1)
      #expect(result.out.contains("<B>fused #") == (stage == "optimized"))
      let terms =
        name == "vae_pytorch" ? ["bce", "kld"] : ["reconstruction error", "latent loss"]
      for (root, term) in terms.enumerated() {
        let line = try #require(
          result.out.split(separator: "\n").first { $0.contains("gradient of \(term)") })
        #expect(line.contains("legend root \(root) from"))
      }
    }
  }

  @Test func withoutInputsTheStructureIsDrawn() throws {
    let result = try Tool.run(["dot", Tool.graphs + "vae_pytorch.aya", "--gradflow", "z"])
    #expect(result.status == 0 && result.ids.isEmpty)
    #expect(result.err.contains("note: no value for x: the drawing shows where"))
    let arrows = Self.edges(result.out, with: "arrowtail=\"normal\"")
    let widths = Set(arrows.compactMap { $0.firstMatch(of: /penwidth="(.*?)"/)?.output.1 })
    #expect(arrows.count > 10 && widths == ["1.80"])
    #expect(arrows.allSatisfy { !$0.contains(" label=") })
  }

  @Test func theScoreHasItsWay() throws {
    let flags = ["dot", Tool.graphs + "linear_gaussian.aya", "--gradflow", "z", "--estimator"]
    let score = try Tool.run(flags + ["score"])
    #expect(Self.edges(score.out, with: "cost · ∂ln q").count == 2)
    #expect(Self.edges(score.out, with: "arrowtail=\"tee\"").count == 3)
    let path = try Tool.run(flags + ["pathwise"])
    #expect(Self.edges(path.out, with: "cost · ∂ln q").isEmpty)
  }

  // MARK: The figure

  @Test(arguments: ["vae_pytorch", "vae_chainer", "linear_gaussian"])
  func theFigureIsOfTheUsersGraph(name: String) throws {
    try Tool.withDirectory { directory in
      let result = try Tool.run(
        ["dot", "Graphs/\(name).aya", "--reparameterization", "z"], in: directory)
      expectFine(result)
      #expect(result.err.isEmpty)
      try Self.expectDrawable(result.out, in: directory)
      let names = name == "vae_chainer" ? ["z_mu", "z_ln_var"] : ["logvar", "mu"]
      for own in names + ["z", "z.eps"] { #expect(result.out.contains("<B>\(own)</B>")) }
      // Without the trick both parameters are cut off; with it neither is, and the noise is aside.
      let stops = Self.edges(result.out, with: "arrowtail=\"tee\"")
      #expect(stops.count == 2 && stops.allSatisfy { $0.contains("\"random operand ") })
      let flows = Self.edges(result.out, with: "arrowtail=\"normal\"")
      #expect(flows.filter { $0.contains("\"function operand ") }.count == 2)
      #expect(flows.filter { $0.contains("cost\"") }.count == 2 && flows.count == 4)
      let forward = Self.edges(result.out, with: " -> ").filter { !$0.contains("dir=") }
      #expect(forward.count == 2 + 2 + 3)
    }
  }

  @Test(arguments: [
    ("bernoulli(logits: p)", "square(b)", "not-reparameterizable"),
    ("normal(mean: p, stddev: p)", "p + 1.0", "cost-without-draw"),
  ])
  func somethingMustBeReparameterized(draw: String, cost: String, id: String) throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph g {
          param p: f32[] init constant(0.5)
          b ~ \(draw)
          loss = \(cost)
          output loss, b
        }
        """, to: directory + "g.aya")
      expectRefusal(
        try Tool.run(["dot", "g.aya", "--reparameterization", "b"], in: directory), 1, [id])
    }
  }

  // MARK: Flags and names

  @Test(arguments: [
    ["--data", "digits"], ["--seed", "1"], ["--batch-size", "3"],
    ["--gradflow", "z", "--style", "chainer"], ["--gradflow", "z", "--stage", "gradient"],
    ["--gradflow", "z", "--batch-size", "0"], ["--reparameterization", "z", "--gradflow", "z"],
    ["--reparameterization", "z", "--stage", "lowered"],
    ["--reparameterization", "z", "--style", "chainer"],
    ["--reparameterization", "z", "--around", "z"],
  ])
  func refusesFlagsThatDoNotGoTogether(flags: [String]) throws {
    expectRefusal(try Tool.run(["dot", Tool.graphs + "vae_pytorch.aya"] + flags), 64)
  }

  @Test(arguments: ["--gradflow", "--reparameterization"])
  func refusesWhatIsNoDraw(flag: String) throws {
    expectRefusal(
      try Tool.run(["dot", Tool.graphs + "linear_gaussian.aya", flag, "mu"]), 1,
      ["no-sampling-node"])
  }

  @Test(arguments: BrowserTests.attacks)
  func graphvizTakesAnyName(name: String) throws {
    let q = (0..<5).map { BrowserTests.quoted(name + "\($0)") }
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph \(q[0]) {
          param \(q[0]): f32[] init constant(0.5)
          param \(q[1]): f32[] init zeros
          \(q[2]) ~ normal(mean: \(q[0]), log_variance: \(q[1]))
          \(q[3]) = square(\(q[2]))
          \(q[4]) = \(q[3]) + kl_normal(mean: \(q[0]), log_variance: \(q[1]))
          output \(q[4])
        }
        """, to: directory + "g.aya")
      for flags in [
        ["--gradflow=\(name)2", "--loss=\(name)4"],
        ["--reparameterization=\(name)2", "--loss=\(name)4"],
      ] {
        let result = try Tool.run(["dot", "g.aya"] + flags, in: directory)
        expectFine(result)
        try Self.expectDrawable(result.out, in: directory)
      }
    }
  }
}
