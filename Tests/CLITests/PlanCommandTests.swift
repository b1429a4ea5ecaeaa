import Ayatori
import Foundation
import Testing

@Suite struct PlanCommandTests {
  private static let vae = Tool.graphs + "vae_pytorch.aya"

  private static func json(_ flags: [String]) throws -> [String: Any] {
    let result = try Tool.run(["plan"] + flags + ["--json"])
    expectFine(result)
    return try #require(
      try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
  }

  private static func number(_ report: [String: Any], _ key: String) throws -> Int {
    try #require((report[key] as? NSNumber)?.intValue)
  }

  @Test func theTrainingStepByDefault() throws {
    let result = try Tool.run(["plan", Self.vae, "--dim", "N=100"])
    expectFine(result)
    #expect(
      result.err == "note: the training step; --forward plans the forward pass alone\n")
    let lines = result.out.split(separator: "\n")
    #expect(lines[0].hasPrefix("vae_pytorch: training step of 'loss' with adam, D = 784, "))
    for title in ["planned peak", "lower bound", "saved for backward", "allocations"] {
      #expect(lines.contains { $0.hasPrefix(title) }, "\(title)")
    }
    // The weights' gradient needs the images; the sampling node's needs the noise.
    #expect(lines.contains { $0.hasPrefix("x ") && $0.contains("d_loss/d_fc1.W (matmul)") })
    #expect(lines.contains { $0.hasPrefix("z.eps ") })
  }

  @Test func aSizeThatNobodyGaveIsSaid() throws {
    let result = try Tool.run(["plan", Self.vae, "--forward"])
    expectFine(result)
    #expect(result.err == "note: N = 64; another size: --dim N=100\n")
    #expect(result.out.contains("nothing is saved for backward"))
    #expect(try Tool.run(["plan", Self.vae, "--forward", "--dim", "N=64"]).out == result.out)
  }

  @Test func whatIsNoTrainingStepIsSaid() throws {
    let result = try Tool.run(["plan", Tool.graphs + "rsample.aya"])
    expectFine(result)
    #expect(result.err.hasPrefix("note: the forward pass, as the graph has no "))
    #expect(result.out.hasPrefix("rsample: forward pass"))
  }

  /// The numbers go together, whatever is planned.
  @Test(arguments: [
    ["--train"], ["--forward"], ["--grad", "loss", "--wrt", "mu,logvar"],
    ["--train", "--optimizer", "sgd"], ["--train", "--pipeline", "debug"],
    ["--forward", "--outputs", "recon"], ["--train", "--dtype", "f64"],
  ])
  func everyPartIsPlanned(flags: [String]) throws {
    let report = try Self.json([Self.vae, "--dim", "N=32"] + flags)
    let bound = try Self.number(report, "lowerBound")
    let peak = try Self.number(report, "arenaBytes")
    #expect(0 < bound && bound <= peak && Double(peak) <= 1.1 * Double(bound))
    let allocations = try #require(report["allocations"] as? [[String: Any]])
    let tops = try allocations.map { try Self.number($0, "offset") + Self.number($0, "bytes") }
    #expect(tops.max() == peak)
    let live = try #require(report["liveBytes"] as? [Int])
    let fullest = try Self.number(report, "fullestMoment")
    #expect(live.max() == bound && live[fullest] == bound)
    let steps = try #require(report["steps"] as? [Any])
    #expect(live.count == steps.count + 2)
    let saved = try #require(report["saved"] as? [Any])
    #expect(saved.isEmpty == flags.contains("--forward"))
  }

  /// Parameters 128·784 + 128 + 2·(20·128 + 20) + 128·20 + 128 + 784·128 + 784, each 4 bytes; Adam
  /// keeps two numbers for each and the step.
  @Test func parametersAndState() throws {
    let report = try Self.json([Self.vae, "--train", "--dim", "N=1"])
    let count = 128 * 784 + 128 + 2 * (20 * 128 + 20) + 128 * 20 + 128 + 784 * 128 + 784
    #expect(try Self.number(report, "parameterBytes") == 4 * count)
    #expect(try Self.number(report, "stateBytes") == 8 * count + 8)
  }

  @Test func stepsAreListedOnRequest() throws {
    let flags = ["plan", Self.vae, "--forward", "--dim", "N=2"]
    let plain = try Tool.run(flags)
    let listed = try Tool.run(flags + ["--steps"])
    expectFine(listed)
    #expect(listed.out.hasPrefix(plain.out) && listed.out.contains("\nsteps\n\nstep  "))
  }

  @Test func thePictureIsWritten() throws {
    try Tool.withDirectory { directory in
      let flags = ["plan", "Graphs/vae_2d.aya", "--train", "--dim", "N=4", "-o", "plan.svg"]
      let result = try Tool.run(flags, in: directory)
      expectFine(result)
      #expect(result.err.hasSuffix("wrote plan.svg\n"))
      #expect(try Tool.files(in: directory) == ["plan.svg"])
      let svg = try String(contentsOfFile: directory + "plan.svg", encoding: .utf8)
      #expect(svg.hasPrefix("<svg ") && svg.contains("saved for backward"))
      #expect(svg.contains("vae_2d: training step of 'loss' with adam"))
      _ = try Tool.run(flags, in: directory)
      #expect(try String(contentsOfFile: directory + "plan.svg", encoding: .utf8) == svg)
    }
  }

  @Test(arguments: [
    (["--loss", "nothing"], "unknown-node"),
    (["--grad", "loss", "--wrt", "nothing"], "unknown-node"),
    (["--forward", "--outputs", "nothing"], "unknown-node"),
    (["--dim", "N=1099511627776"], "out-of-memory"),
    (["--dim", "N=9223372036854775807"], "bad-size"),
  ])
  func planRefuses(flags: [String], id: String) throws {
    let result = try Tool.run(["plan", Self.vae] + flags)
    #expect(result.status == 1 && result.ids == [id] && result.out.isEmpty, "\(result.err)")
  }

  @Test func aGraphWithoutParametersHasNoTrainingStep() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        "graph g {\n  input x: f32[]\n  loss = x * x\n  output loss\n}\n", to: directory + "g.aya")
      expectRefusal(
        try Tool.run(["plan", "g.aya", "--train"], in: directory), 1, ["nothing-to-train"])
      expectFine(try Tool.run(["plan", "g.aya"], in: directory))
    }
  }

  @Test(arguments: [
    ["--train", "--forward"], ["--grad", "loss"], ["--wrt", "mu"], ["-o", "plan.png"],
    ["--forward", "--loss", "loss"], ["--train", "--outputs", "recon"],
    ["--grad", "loss", "--wrt", "mu", "--optimizer", "sgd"], ["--optimizer", "rmsprop"],
  ])
  func usageMistakes(flags: [String]) throws {
    expectRefusal(try Tool.run(["plan", Self.vae] + flags), 64)
  }
}
