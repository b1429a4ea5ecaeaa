import Foundation
import Testing

@Suite struct LintCommandTests {
  @Test func findingsDoNotFailUnlessStrict() throws {
    let trap = Tool.graphs + "traps/mean_loss_sum_kl.aya"
    let plain = try Tool.run(["check", "--lint", trap])
    #expect(plain.status == 0 && plain.ids == ["mean-loss-sum-kl"])
    #expect(plain.out == "\(trap): 1 warning, 1 note\n")
    #expect(plain.err.contains("\(trap):25:11: warning: terms of the loss are reduced differently"))
    #expect(plain.err.contains("\n     |           ^~~"))
    #expect(plain.err.contains("[exp-overflow]"))
    let strict = try Tool.run(["check", "--lint", "--strict", trap])
    #expect(strict.status == 2 && strict.out == plain.out && strict.err == plain.err)
    // Notes are no faults.
    let good = try Tool.run(["check", "--lint", "--strict", Tool.graphs + "vae_naive.aya"])
    expectFine(good)
    #expect(good.out.hasSuffix("vae_naive.aya: 0 warnings, 3 notes\n"))
  }

  @Test func jsonTellsAll() throws {
    let files = ["traps/log_probability.aya", "vae_naive.aya"].map { Tool.graphs + $0 }
    let result = try Tool.run(["check", "--lint", "--json"] + files)
    let reports = try #require(
      try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [[String: Any]])
    #expect(result.status == 0 && reports.map { $0["warnings"] as? Int } == [1, 0])
    let findings = try reports.map { try #require($0["findings"] as? [[String: Any]]) }
    let open = try #require(findings[0].first { $0["severity"] as? String == "warning" })
    #expect(open["id"] as? String == "log-of-probability" && open["line"] as? Int == 25)
    #expect(open["rewrites"] as? [String] == [] && (open["nodes"] as? [String])?.last == "recon")
    #expect(
      findings[1].compactMap { $0["rewrites"] as? [String] } == [["log_sigmoid"], ["log_sigmoid"]])
  }

  @Test func wrongUseIsRefused() throws {
    for flag in [["--strict"], ["--json"], ["--loss", "bce"]] {
      let result = try Tool.run(["check", Tool.graphs + "rsample.aya"] + flag)
      expectRefusal(result, 64)
      #expect(result.err.contains("--strict, --json and --loss go with --lint"))
    }
    expectRefusal(
      try Tool.run(["check", "--lint", "--loss", "nope", Tool.graphs + "rsample.aya"]), 1,
      ["unknown-node"])
    expectRefusal(try Tool.run(["check", "--lint", "absent.aya"]), 1, ["file-not-found"])
    expectRefusal(
      try Tool.run(["check", "--estimator", "z=nope", Tool.graphs + "rsample.aya"]), 1,
      ["estimator-choice"])
  }
}
