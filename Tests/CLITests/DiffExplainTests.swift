import Foundation
import Testing

@Suite struct DiffTests {
  private static func diff(_ arguments: [String]) throws -> Tool.Result {
    let result = try Tool.run(["diff"] + arguments, in: Tool.root)
    expectFine(result)
    return result
  }

  @Test func stagesOfOneFile() throws {
    let text = try Self.diff(["Graphs/vae_pytorch.aya", "@lowered"]).out
    #expect(text.hasPrefix("--- Graphs/vae_pytorch.aya\n+++ Graphs/vae_pytorch.aya@lowered\n"))
    #expect(text.contains("@@ sampling @@\n+ "))
    #expect(text.contains("\n+ z.sigma: f32[N, Z] = exp(mul(0.5, logvar))\n"))
    #expect(text.contains("\n~ z: f32[N, Z] = add(mu, mul(z.sigma, z.eps))\n"))
    #expect(text.contains("    op: normal → add\n"))
    #expect(text.hasSuffix("0 removed, 3 added, 1 changed, 27 the same\n"))
    let both = try Self.diff(["Graphs/vae_pytorch.aya@source", "Graphs/vae_pytorch.aya@lowered"])
    #expect(both.out == text)
  }

  @Test func filesAndWhatChangedInThem() throws {
    try Tool.withDirectory { directory in
      let source = try String(contentsOfFile: Tool.graphs + "rsample.aya", encoding: .utf8)
      try Tool.write(source, to: directory + "a@b.aya")
      expectFine(try Tool.run(["check", "a@b.aya"], in: directory))
      let same = try Tool.run(
        ["diff", "Graphs/rsample.aya", "a@b.aya", "--exit-code"], in: directory)
      expectFine(same)
      #expect(same.out.contains("0 removed, 0 added, 0 changed"))
    }
  }

  @Test func exitCodeOnRequest() throws {
    let files = ["Graphs/vae_pytorch.aya", "Graphs/vae_chainer.aya"]
    #expect(try Tool.run(["diff"] + files, in: Tool.root).status == 0)
    let strict = try Tool.run(["diff", "--exit-code"] + files, in: Tool.root)
    #expect(strict.status == 2 && strict.err.isEmpty && !strict.out.isEmpty)
    expectFine(
      try Tool.run(["diff", "--exit-code", files[0], "@source"], in: Tool.root))
  }

  @Test func programsReadIt() throws {
    let text = try Self.diff(["Graphs/vae_pytorch.aya", "@lowered", "--json"]).out
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["added"] as? Int == 3 && object["equal"] as? Bool == false)
    let nodes = try #require(object["nodes"] as? [[String: Any]])
    let z = try #require(nodes.first { $0["name"] as? String == "z" })
    #expect(z["kind"] as? String == "changed" && z["scope"] as? [String] == ["sampling"])
    let aspects = try #require(z["aspects"] as? [[String: String]])
    #expect(aspects.first == ["name": "op", "old": "normal", "new": "add"])
  }

  @Test func drawings() throws {
    let text = try Self.diff(["Graphs/vae_pytorch.aya", "@lowered", "--dot"]).out
    #expect(text.contains("<B>+</B> <B>z.sigma</B>") && text.contains("<B>~</B> <B>z</B>"))
    #expect(text.contains("0 removed, 3 added, 1 changed, 27 the same"))
    let part = try Self.diff([
      "Graphs/vae_pytorch.aya", "@lowered", "--dot", "--around", "z", "--radius", "1",
    ])
    #expect(part.out.contains("around z, radius 1"))
  }

  @Test(
    .enabled(if: Tool.hasGraphviz),
    arguments: ["vae_pytorch", "vae_chainer", "linear_gaussian", "vae_2d"],
    [("source", "lowered"), ("gradient", "optimized")])
  func graphvizTakesThem(name: String, stages: (String, String)) throws {
    try Tool.withDirectory { directory in
      expectFine(
        try Tool.run(
          ["diff", "Graphs/\(name).aya@\(stages.0)", "@\(stages.1)", "-o", "d.svg"],
          in: directory))
      #expect(try Tool.files(in: directory) == ["d.svg"])
    }
  }

  @Test(arguments: [
    (["Graphs/rsample.aya", "Graphs/rsample.aya@lowerd"], "unknown-stage"),
    (["@lowered", "Graphs/rsample.aya"], "stage-without-file"),
  ])
  func refusesWhatIsNoGraph(arguments: [String], id: String) throws {
    expectRefusal(try Tool.run(["diff"] + arguments, in: Tool.root), 1, [id])
  }

  @Test(arguments: [["--json", "--dot"], ["--around", "z"], ["--json", "-o", "x.dot"]])
  func refusesFlagsThatDoNotGoTogether(flags: [String]) throws {
    expectRefusal(
      try Tool.run(["diff", "Graphs/rsample.aya", "@lowered"] + flags, in: Tool.root), 64)
  }
}

@Suite struct ExplainTests {
  private static func explain(_ arguments: [String]) throws -> String {
    let result = try Tool.run(["explain"] + arguments, in: Tool.root)
    expectFine(result)
    return result.out
  }

  @Test func saysWhatANodeIs() throws {
    let text = try Self.explain([
      "Graphs/vae_pytorch.aya", "mu", "--dim", "N=64", "--stage", "gradient",
    ])
    #expect(text.hasPrefix("mu: f32[N, Z]\n"))
    for part in [
      "op ", "linear — x·Wᵀ + b", "Graphs/vae_pytorch.aya:18:10", "mu = fc_mu(h1)",
      "encoder", "forward", "h1: f32[N, H] = relu(", "(W)", "z: f32[N, Z] = add(mu, ",
      "d_loss/d_mu: f32[N, Z] = ", "5.00 KiB (5120 B) as [64, 20]",
    ] { #expect(text.contains(part), "\(part) in \(text)") }
  }

  @Test func saysWhatAnAdjointBelongsTo() throws {
    let text = try Self.explain([
      "Graphs/vae_pytorch.aya", "d_loss/d_mu through z", "--stage", "gradient", "--wrt", "mu",
    ])
    #expect(text.contains("part of ∂loss/∂(mu), through z"))
    let of = try Self.explain([
      "Graphs/vae_pytorch.aya", "mu", "--stage", "gradient", "--wrt", "mu",
    ])
    #expect(of.contains("  through z\n") && of.contains("  through kl_normal "))
    #expect(of.contains("∂loss/∂mu"))
  }

  @Test func saysWhichRulesMadeIt() throws {
    let text = try Self.explain(["Graphs/vae_pytorch.aya", "z", "--wrt", "mu"])
    #expect(text.contains("lower_sampling: lower_normal (exact)"))
    #expect(text.contains("z became z = add(mu, "))
    let source = try Self.explain(["Graphs/vae_pytorch.aya", "z", "--stage", "source"])
    #expect(!source.contains("made by") && source.contains("z ~ normal("))
  }

  @Test func saysWhatBecameOfIt() throws {
    let text = try Self.explain(["Graphs/linear_gaussian.aya", "beta", "--wrt", "mu"])
    #expect(text.hasPrefix("beta: not in the graph at the stage 'optimized'\n"))
    #expect(text.contains("by the pass 'simplify'"))
    #expect(text.contains("const beta = 1.0"))
    #expect(text.contains("its users"))
    #expect(text.contains("mul %16: now kl\n"))
    #expect(text.contains("now        kl: f32[] = ") && text.contains("does its work"))
  }

  @Test func theTrainingStep() throws {
    let text = try Self.explain(["Graphs/vae_pytorch.aya", "fc1.W", "--train"])
    #expect(text.contains("becomes") && text.contains("after the step"))
    #expect(text.contains("392 KiB (401408 B) as [128, 784]"))
  }

  @Test func programsReadIt() throws {
    let text = try Self.explain(["Graphs/vae_pytorch.aya", "kld", "--json", "--stage", "lowered"])
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["name"] as? String == "kld" && object["type"] as? String == "f32[]")
    #expect(object["bytes"] as? Int == 4 && object["outputs"] as? [String] == ["kld"])
    let operands = try #require(object["operands"] as? [[String: Any]])
    #expect(operands.count == 1 && (operands[0]["call"] as? String)?.hasPrefix("kl_normal") == true)
  }

  @Test func unknownNodes() throws {
    let result = try Tool.run(["explain", "Graphs/vae_pytorch.aya", "logvr"], in: Tool.root)
    expectRefusal(result, 1, ["unknown-node"])
    #expect(result.err.contains("did you mean 'logvar'?"))
    expectRefusal(
      try Tool.run(["explain", "Graphs/vae_pytorch.aya", "%9999"], in: Tool.root), 1,
      ["unknown-node"])
  }

  @Test(arguments: [["--train", "--stage", "lowered"], ["--train", "--wrt", "mu"]])
  func refusesFlagsThatDoNotGoTogether(flags: [String]) throws {
    expectRefusal(
      try Tool.run(["explain", "Graphs/vae_pytorch.aya", "mu"] + flags, in: Tool.root), 64)
  }
}
