import Ayatori
import Foundation
import Testing

@Suite struct GradcheckCommandTests {
  private static func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func tableAndJSONTellTheSame() throws {
    let flags = [
      "gradcheck", Tool.graphs + "vae_pytorch.aya", "--dim", "D=16", "--dim", "H=8", "--seed", "2",
    ]
    let table = try Tool.run(flags)
    expectFine(table)
    #expect(table.err.contains("note: N = 3; another size: --dim N=8"))
    #expect(table.err.contains("note: random values with seed 2 for x"))
    #expect(table.out.hasPrefix("vae_pytorch: gradient of loss = "))
    #expect(table.out.contains("\n11 agree, 0 differ, 0 refused\nworst: "))
    let report = try Self.json(try Tool.run(flags + ["--json"]).out)
    #expect(report["passes"] as? Bool == true)
    let targets = try #require(report["targets"] as? [[String: Any]])
    #expect(targets.count == 11)
    for target in targets {
      let name = try #require(target["name"] as? String)
      #expect(target["verdict"] as? String == "agrees")
      let comparisons = try #require(target["comparisons"] as? [[String: Any]])
      #expect(comparisons.count == 3 + 12 || name.hasSuffix(".b"), "\(name)")
      let line = table.out.split(separator: "\n").first { $0.hasPrefix(name + " ") }
      #expect(line?.hasSuffix("agrees") == true && line?.contains(" \(comparisons.count) ") == true)
    }
  }

  @Test func dataAndParametersAreTaken() throws {
    let result = try Tool.run([
      "gradcheck", Tool.graphs + "logistic_regression.aya", "--dim", "D=64", "--data", "digits",
      "--batch-size", "5", "--entries", "4", "--directions", "1",
    ])
    expectFine(result)
    #expect(result.out.contains("N = 5"))
    #expect(!result.err.contains("random values"))
    let all = try Tool.run([
      "gradcheck", Tool.graphs + "rsample.aya", "--entries", "all", "--loss", "z", "--wrt", "mu",
    ])
    expectFine(all)
    #expect(all.out.contains("\nmu      []     4        0 "))
  }

  @Test func refusalsAreCounted() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph g {
          param p: f32[] init zeros
          param q: f32[] init constant(1.0)
          loss = relu(p) + square(q)
          output loss
        }
        """, to: directory + "kink.aya")
      let some = try Tool.run(["gradcheck", "kink.aya"], in: directory)
      expectFine(some)
      #expect(some.out.contains("\n1 agree, 0 differ, 1 refused\n"))
      #expect(some.out.contains(" at 'relu %"))
      // Nothing checked is no success; the table is there all the same.
      let none = try Tool.run(["gradcheck", "kink.aya", "--wrt", "p"], in: directory)
      #expect(none.status == 2 && none.ids == ["nothing-checked"])
      #expect(none.out.contains("0 agree, 0 differ, 1 refused"))
    }
  }

  @Test func wrongUseIsRefused() throws {
    let graph = Tool.graphs + "vae_pytorch.aya"
    expectRefusal(try Tool.run(["gradcheck", "absent.aya"]), 1, ["file-not-found"])
    for flags in [["--wrt", "nope"], ["--loss", "nope"]] {
      let result = try Tool.run(["gradcheck", graph, "--dim", "H=4"] + flags)
      expectRefusal(result, 1, ["unknown-node"])
    }
    for flags in [
      ["--entries", "-1"], ["--entries", "few"], ["--directions", "-1"], ["--batch-size", "0"],
      ["--entries", "0", "--directions", "0"],
    ] {
      expectRefusal(try Tool.run(["gradcheck", graph] + flags), 64)
    }
  }
}
