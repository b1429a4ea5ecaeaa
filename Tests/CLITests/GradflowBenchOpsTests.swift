import Ayatori
import Foundation
import Testing

@Suite struct GradflowBenchOpsTests {
  private static func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  private static func double(_ value: Any?) throws -> Double {
    try #require((value as? NSNumber)?.doubleValue)
  }

  // MARK: gradflow

  @Test(arguments: ["1", "1000001", "99999999999"]) func dont_drawWithoutEnd(draws: String) throws {
    let flags = ["gradflow", Tool.graphs + "linear_gaussian.aya", "--draws", draws]
    expectRefusal(try Tool.run(flags), 64)
  }

  @Test func theGoldenInstanceAtANode() throws {
    try Tool.withDirectory { directory in
      try writeNPZ(
        [(name: "z.eps", array: NDArray([0.5], shape: []))], to: directory + "eps.npz")
      let flags = [
        "gradflow", "Graphs/linear_gaussian.aya", "--inputs", "eps.npz", "--dtype", "f64",
      ]
      let table = try Tool.run(flags, in: directory)
      expectFine(table)
      // z = 1: recon = ½ ln 2π + ½, with slopes −1 and −¼; the KL term's are ½ and 0.
      #expect(table.out.hasPrefix("sampling node z    normal, scale = log_variance, "))
      #expect(table.out.contains("loss 1.543939 = recon 1.418939 + 1 · kl 0.125000\n"))
      let json = try Tool.run(flags + ["--json", "--node", "z"], in: directory)
      expectFine(json)
      let report = try Self.json(json.out)
      #expect(report["node"] as? String == "z" && report["estimator"] as? String == "pathwise")
      let rows = try #require(report["rows"] as? [[String: Any]])
      #expect(rows.map { $0["name"] as? String } == ["mu", "logvar", "z"])
      let slopes = try rows.prefix(2).map { row in
        try #require(row["parts"] as? [[String: Any]]).map {
          try Self.double(($0["gradient"] as? [String: Any])?["mean"])
        }
      }
      #expect(slopes == [[-1, 0.5], [-0.25, 0]])
      // Every number of the table is that of the report.
      for row in rows {
        let name = try #require(row["name"] as? String)
        let line = try #require(
          table.out.split(separator: "\n").first { $0.hasPrefix("  " + name + " ") })
        let total = try Self.double((row["total"] as? [String: Any])?["mean"])
        #expect(line.contains(String(format: " %+.6f ", total)), "\(line)")
        for part in try #require(row["parts"] as? [[String: Any]]) {
          guard let gradient = part["gradient"] as? [String: Any] else {
            #expect((part["refusal"] as? String)?.isEmpty == false && name == "z")
            continue
          }
          #expect(line.contains(String(format: " %+.6f", try Self.double(gradient["mean"]))))
        }
        #expect(try Self.double(row["partsError"]) == 0 && line.hasSuffix("exact"))
      }
    }
  }

  /// Noise of a second draw belongs to the graph in which the draws are written out.
  @Test(arguments: [(["--estimator", "z=pathwise:2"], "further-draw"), ([], "unknown-node")])
  func noiseOfAFurtherDraw(flags: [String], id: String) throws {
    try Tool.withDirectory { directory in
      try writeNPZ(
        [(name: "z.eps#2", array: NDArray([0.25 as Float], shape: []))], to: directory + "eps.npz")
      let result = try Tool.run(
        ["gradflow", Tool.graphs + "linear_gaussian.aya", "--inputs", directory + "eps.npz"]
          + flags)
      expectRefusal(result, 1, [id])
    }
  }

  @Test func betaIsTheWeight() throws {
    let flags = ["gradflow", Tool.graphs + "linear_gaussian.aya", "--const", "beta=4"]
    let result = try Tool.run(flags)
    expectFine(result)
    #expect(result.out.contains(" + 4 · kl 0.125000\n"))
    let report = try Self.json(Tool.run(flags + ["--json"]).out)
    let terms = try #require(report["terms"] as? [[String: Any]])
    #expect(try terms.map { try Self.double($0["weight"]) } == [1, 4])
  }

  @Test(arguments: [
    ("autoencoder", [], "no-sampling-node"), ("vae_pytorch", ["--node", "mu"], "no-sampling-node"),
    ("vae_pytorch", ["--loss", "nothing"], "unknown-node"),
    ("vae_pytorch", ["--loss", "recon"], "root-not-scalar"),
    ("vae_pytorch", [], "not-fed"), ("vae_pytorch", ["--dim", "N=2"], "not-fed"),
    ("vae_pytorch", ["--data", "digits"], "image-size"),
    ("vae_pytorch", ["--data", "digits", "--dim", "D=64", "--batch-size", "298"], "batch-size"),
    ("rsample", ["--data", "digits"], "data-inputs"),
    ("vae_pytorch", ["--inputs", "absent.npz"], "file-not-found"),
  ])
  func gradflowRefuses(name: String, flags: [String], id: String) throws {
    expectRefusal(try Tool.run(["gradflow", Tool.graphs + name + ".aya"] + flags), 1, [id])
  }

  /// The report is printed all the same, and the exit code says that a check failed.
  @Test(arguments: [
    ("param p: f32[] init zeros", "recon + kl", "parameter-unreached"),
    ("const p = 1e38", "recon + (p * p) * kl", "not-finite"),
  ])
  func checksThatFailExitWith2(more: String, loss: String, id: String) throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph g {
          param mu: f32[] init constant(0.5)
          param lv: f32[] init zeros
          \(more)
          z ~ normal(mean: mu, log_variance: lv)
          kl = kl_normal(mean: mu, log_variance: lv)
          recon = square(z)
          loss = \(loss)
          output loss
        }
        """, to: directory + "g.aya")
      for flags in [[], ["--json"]] {
        let result = try Tool.run(["gradflow", "g.aya"] + flags, in: directory)
        #expect(result.status == 2 && Set(result.ids) == [id], "\(result.err)")
        #expect(result.out.contains("mu"))
        if flags == ["--json"] { _ = try Self.json(result.out) }
      }
    }
  }

  // MARK: bench

  @Test func benchAsJSON() throws {
    let flags = [
      "bench", Tool.graphs + "vae_pytorch.aya", "--dim", "D=9", "--dim", "H=5", "--batch-size", "4",
      "--steps", "2", "--rounds", "3",
    ]
    let result = try Tool.run(flags + ["--json", "--threads", "1"])
    expectFine(result)
    let report = try Self.json(result.out)
    #expect(report["graph"] as? String == "vae_pytorch" && report["batchSize"] as? Int == 4)
    #expect(report["mode"] as? String == "training step" && report["threads"] as? Int == 1)
    let times = try #require(report["stepMicroseconds"] as? [String: Double])
    let (low, median, high) = (times["min"] ?? 0, times["median"] ?? 0, times["max"] ?? 0)
    #expect(0 < low && low <= median && median <= high)
    for key in ["parseMilliseconds", "compileMilliseconds", "bindMilliseconds", "arenaBytes"] {
      #expect(try Self.double(report[key]) > 0, "\(key)")
    }
    let text = try Tool.run(flags)
    expectFine(text)
    #expect(text.out.hasPrefix("vae_pytorch, training step, batch 4, "))
    #expect(text.out.split(separator: "\n").count == 3)
  }

  @Test(arguments: CheckPrintTests.names)
  func everyGraphCanBeTimed(name: String) throws {
    let flags = ["--batch-size", "3", "--steps", "1", "--rounds", "1"]
    let result = try Tool.run(["bench", Tool.graphs + name + ".aya"] + flags)
    expectFine(result)
    let trains = name != "rsample"
    #expect(result.out.hasPrefix("\(name), \(trains ? "training step" : "forward"), "))
  }

  /// One line a product, with its shapes and the way that was chosen; the same in JSON.
  @Test func benchExplains() throws {
    let flags = [
      "bench", Tool.graphs + "vae_pytorch.aya", "--batch-size", "100", "--steps", "1", "--rounds",
      "1", "--explain",
    ]
    let text = try Tool.run(flags)
    expectFine(text)
    let lines = text.out.split(separator: "\n").filter { $0.hasPrefix("step ") && $0.contains("·") }
    // Forward four, with both heads in one; backward three for values and four for weights.
    #expect(lines.count == 11, "\(text.out)")
    let shapes = ["[100, 784] · [784, ", "[784, 100]ᵀ · [100, ", "[40, 100]ᵀ · [100, "]
    for shape in shapes {
      #expect(lines.contains { $0.contains(shape) }, "\(shape)\n\(text.out)")
    }
    #expect(lines.contains { $0.hasSuffix("goes on strip by strip") })
    let report = try Self.json(try Tool.run(flags + ["--json"]).out)
    let products = try #require(report["products"] as? [[String: Any]])
    #expect(products.count == lines.count)
    #expect(products.allSatisfy { ($0["method"] as? String)?.contains("·") ?? false })
    let plain = try Self.json(try Tool.run(flags.dropLast() + ["--json"]).out)
    #expect(plain["products"] == nil)
  }

  @Test func benchRefuses() throws {
    let graph = ["bench", Tool.graphs + "vae_pytorch.aya"]
    expectRefusal(
      try Tool.run(graph + ["--batch-size", "1099511627776"]), 1, ["out-of-memory"])
    expectRefusal(
      try Tool.run(graph + ["--batch-size", "9223372036854775807"]), 1, ["bad-size"])
    expectRefusal(try Tool.run(["bench", "absent.aya"]), 1, ["file-not-found"])
  }

  // MARK: ops

  @Test func everyOpIsListed() throws {
    let markdown = try Tool.run(["ops", "--markdown"])
    expectFine(markdown)
    let rows = markdown.out.split(separator: "\n")
    let ops = Dialect.standard.ops
    #expect(rows.count == ops.count + 2 && ops.count > 50)
    let plain = try Tool.run(["ops"])
    expectFine(plain)
    let lines = plain.out.split(separator: "\n")
    #expect(lines.count == ops.count + 1)
    for op in ops {
      let name = (op.sampling == nil ? "" : "~ ") + op.name + "("
      #expect(rows.count { $0.hasPrefix("| `\(name)") } == 1, "\(name)")
      #expect(lines.count { $0.hasPrefix(name) } == 1, "\(name)")
    }
    // A table has as many columns in every row; bars inside a cell are escaped.
    for row in rows { #expect(row.replacing("\\|", with: "").count { $0 == "|" } == 4, "\(row)") }
    #expect(lines.allSatisfy { !$0.hasSuffix(" ") })
  }
}
