import Ayatori
import Foundation
import Testing

@Suite struct OptCommandTests {
  private static let vae = Tool.graphs + "vae_pytorch.aya"

  private static func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  // MARK: opt

  @Test func theTextGoesOutAndTheAccountBeside() throws {
    try Tool.withDirectory { directory in
      let flags = ["opt", "Graphs/vae_pytorch.aya", "--passes=lower_sampling,eliminate_dead_nodes"]
      let result = try Tool.run(flags, in: directory)
      expectFine(result)
      #expect(!result.out.contains("~ normal(mean:") && result.out.contains("z.sigma"))
      let rows = result.err.split(separator: "\n")
      #expect(rows[0].split(separator: " ") == ["pass", "µs", "nodes", "replacements"])
      let words = rows[1].split(separator: " ")
      #expect(words.first == "lower_sampling" && words.suffix(4) == ["28", "→", "32", "1"])
      #expect(rows[2].split(separator: " ") == ["lower_normal", "1"])
      #expect(rows[3].hasPrefix("eliminate_dead_nodes ") && rows[4].hasPrefix("all "))
      // It is a graph file again, and what is done stays done.
      try Tool.write(result.out, to: directory + "out.aya")
      let again = try Tool.run(["opt", "out.aya"] + flags.dropFirst(2), in: directory)
      #expect(again.out == result.out)
      let file = try Tool.run(flags + ["-o", "file.aya"], in: directory)
      expectFine(file)
      #expect(file.out.isEmpty && file.err.contains("lower_normal"))
      #expect(
        try String(contentsOfFile: directory + "file.aya", encoding: .utf8) == result.out)
    }
  }

  @Test func asJSON() throws {
    let flags = ["opt", Self.vae, "--passes", "lower_sampling"]
    let plain = try Tool.run(flags)
    let result = try Tool.run(flags + ["--json"])
    expectFine(result)
    let report = try Self.json(result.out)
    #expect(report["text"] as? String == plain.out && report["graph"] as? String == "vae_pytorch")
    let passes = try #require(report["passes"] as? [[String: Any]])
    #expect(passes.map { $0["pass"] as? String } == ["lower_sampling"])
    #expect(passes[0]["nodesBefore"] as? Int == 28 && passes[0]["nodesAfter"] as? Int == 32)
    let change = try #require((passes[0]["replacements"] as? [[String: Any]])?.first)
    let text = try String(contentsOfFile: Self.vae, encoding: .utf8)
    let line = try #require(change["line"] as? Int)
    let column = try #require(change["column"] as? Int)
    let source = text.split(separator: "\n", omittingEmptySubsequences: false)[line - 1]
    #expect(source.dropFirst(column - 1).hasPrefix("normal(mean: mu,"))
    #expect(change["rule"] as? String == "lower_normal" && change["float"] as? String == "exact")
    #expect(change["nodes"] as? [String] == ["z"] && change["file"] as? String == Self.vae)
  }

  /// Without a list the pipeline's runs; each pass is one row of the account.
  @Test(arguments: Pipeline.allCases)
  func withoutAListThePipelineRuns(pipeline: Pipeline) throws {
    let result = try Tool.run(["opt", Self.vae, "--pipeline", pipeline.rawValue, "--json"])
    expectFine(result)
    let passes = try #require(try Self.json(result.out)["passes"] as? [[String: Any]])
    #expect(passes.map { $0["pass"] as? String } == pipeline.optimizing.map(\.name))
    #expect(passes.map { $0["step"] as? Int } == Array(passes.indices))
  }

  @Test func theListNamesEverything() throws {
    for flags in [[], ["--markdown"], ["--json"]] {
      let result = try Tool.run(["opt", "--list"] + flags)
      expectFine(result)
      #expect(result.err.isEmpty)
      for pass in Pass.all {
        #expect(result.out.contains(pass.name), "\(flags)")
        for rule in pass.rules { #expect(result.out.contains(rule.name), "\(flags)") }
      }
      for order in PassOrder.all { #expect(result.out.contains(order.reason), "\(flags)") }
    }
    let json = try Self.json(Tool.run(["opt", "--list", "--json"]).out)
    let passes = try #require(json["passes"] as? [[String: Any]])
    #expect(passes.map { $0["name"] as? String } == Pass.all.map(\.name))
    for (entry, pass) in zip(passes, Pass.all) {
      let rules = try #require(entry["rules"] as? [[String: Any]])
      #expect(rules.map { $0["pattern"] as? String } == pass.rules.map(\.pattern))
      #expect(rules.map { $0["float"] as? String } == pass.rules.map(\.float.rawValue))
    }
    // A table has as many columns in every row; bars inside a cell are escaped.
    let tables = try Tool.run(["opt", "--list", "--markdown"]).out
      .split(separator: "\n\n").map { $0.split(separator: "\n") }
    for table in tables {
      let bars = table.map { $0.replacing("\\|", with: "").count { $0 == "|" } }
      #expect(Set(bars).count == 1, "\(table[0])")
    }
    #expect(tables.count == 3)
  }

  @Test func wrongListsAreRefusedWithReasons() throws {
    let unknown = try Tool.run(["opt", Self.vae, "--passes=simplfy,fuse,lower_samplin"])
    expectRefusal(unknown, 64, ["unknown-pass", "unknown-pass"])
    #expect(unknown.err.contains("did you mean 'simplify'?"))
    for pass in Pass.all { #expect(unknown.err.contains(pass.name)) }
    let order = try Tool.run(["opt", Self.vae, "--passes=fuse,lower_sampling"])
    expectRefusal(order, 64, ["pass-order"])
    let constraint = try #require(
      PassOrder.all.first { $0.first == "lower_sampling" && $0.second == "fuse" })
    #expect(order.err.contains(constraint.reason))
  }

  @Test(arguments: [
    ["opt"], ["opt", "g.aya", "--list"], ["opt", "--list", "--passes=fuse"],
    ["opt", "--list", "--json", "--markdown"], ["opt", "g.aya", "--markdown"],
    ["opt", "g.aya", "--passes=,"], ["print", "g.aya", "--bisect-limit", "-1"],
    ["print", "g.aya", "--fp", "loose"], ["print", "g.aya", "--pipeline", "best"],
    ["print", "g.aya", "--dump", "all"],
  ])
  func usage(arguments: [String]) throws {
    let result = try Tool.run(arguments)
    expectRefusal(result, 64)
    #expect(result.err.contains("Usage: ayatori"))
  }

  // MARK: Flags that every compiling command has

  @Test(arguments: [
    ["print", vae], ["run", vae], ["train", vae], ["bench", vae], ["dot", vae], ["opt", vae],
  ])
  func unknownPassesAreUsageMistakes(command: [String]) throws {
    let disabled = try Tool.run(command + ["--disable-pass", "fold_constant,fuze"])
    expectRefusal(disabled, 64, ["unknown-pass", "unknown-pass"])
    #expect(disabled.err.contains("--disable-pass: error:"))
    #expect(disabled.err.contains("did you mean 'fold_constants'?"))
    expectRefusal(try Tool.run(command + ["--stop-after", "fuze"]), 64, ["unknown-pass"])
  }

  @Test func whatNeverRunsCannotBeStoppedAfter() throws {
    let flags = ["print", Self.vae, "--stage", "optimized", "--stop-after", "fuse"]
    expectFine(try Tool.run(flags))
    expectRefusal(try Tool.run(flags + ["--pipeline", "debug"]), 64, ["pass-never-runs"])
    expectRefusal(try Tool.run(flags + ["--disable-pass", "fuse"]), 64, ["pass-never-runs"])
  }

  /// The passes in the table of `--timing`, in order.
  private static func timed(_ flags: [String]) throws -> [String] {
    let result = try Tool.run(["print", vae, "--stage", "optimized", "--timing"] + flags)
    #expect(result.status == 0 && result.ids.isEmpty, "\(result.err)")
    let rows = result.err.split(separator: "\n").drop { !$0.hasPrefix("pass ") }
    return rows.dropFirst().filter { !$0.hasPrefix(" ") }.map {
      String($0.split(separator: " ")[0])
    }.filter { $0 != "all" }
  }

  @Test func flagsChooseThePasses() throws {
    let standard = Pipeline.standard
    let all = (standard.lowering + standard.beforeGradient + standard.optimizing).map(\.name)
    #expect(try Self.timed([]) == all)
    let debug = Pipeline.debug
    #expect(
      try Self.timed(["--pipeline", "debug"])
        == (debug.lowering + debug.beforeGradient + debug.optimizing).map(\.name))
    #expect(
      try Self.timed(["--disable-pass", "simplify,fuse", "--disable-pass", "stabilize"])
        == all.filter { !["simplify", "fuse", "stabilize"].contains($0) })
    let stop = try #require(all.firstIndex(of: "simplify"))
    #expect(try Self.timed(["--stop-after", "simplify"]) == Array(all[...stop]))
  }

  /// All replacements but lowering's are under the limit, over all lists of passes together.
  @Test(arguments: [0, 1, 5])
  func aLimitHoldsOverAllPasses(limit: Int) throws {
    try Tool.withDirectory { directory in
      let result = try Tool.run(
        [
          "print", "Graphs/vae_pytorch.aya", "--stage", "optimized", "--bisect-limit", "\(limit)",
          "--dump-dir", "d", "--dump", "after",
        ], in: directory)
      expectFine(result)
      var numbers: [Int] = []
      for file in try Tool.files(in: directory + "d") where file.hasSuffix(".json") {
        let text = try String(contentsOfFile: directory + "d/" + file, encoding: .utf8)
        let changes = try #require(try Self.json(text)["replacements"] as? [[String: Any]])
        let isLowering = file.contains("lower_sampling")
        #expect(changes.allSatisfy { ($0["number"] == nil) == isLowering }, "\(file)")
        numbers += changes.compactMap { $0["number"] as? Int }
      }
      #expect(numbers == Array(1..<(limit + 1)))
    }
  }

  // MARK: Dumps

  @Test(arguments: PassDump.Mode.allCases)
  func dumpsAreGraphsAgain(mode: PassDump.Mode) throws {
    try Tool.withDirectory { directory in
      let flags = ["print", "Graphs/vae_chainer.aya", "--stage", "optimized"]
      let plain = try Tool.run(flags, in: directory)
      let result = try Tool.run(
        flags + ["--dump-dir", "a/b", "--dump", mode.rawValue], in: directory)
      expectFine(result)
      #expect(result.out == plain.out)
      let files = try Tool.files(in: directory + "a/b")
      let graphs = files.filter { $0.hasSuffix(".aya") }
      #expect(graphs.first == "00__input.aya" && graphs.contains("04__gradient.aya"))
      let pipeline = Pipeline.standard
      let passes = (pipeline.lowering + pipeline.beforeGradient + pipeline.optimizing).map(\.name)
      // Lowering and what is before the gradient; the gradient itself; the rest.
      let names = ["input"] + passes.prefix(3) + ["gradient"] + passes.dropFirst(3)
      let numbered = names.enumerated().map { String(format: "%02d__", $0) + $1 }
      let stems = graphs.map { String($0.dropLast(".aya".count)) }
      switch mode {
      case .after: #expect(stems == numbered)
      case .changed: #expect(Set(stems).isSubset(of: numbered) && stems.count < numbered.count)
      case .before: #expect(stems.contains("05__forward_contributions.before") == false)
      }
      var last = ""
      for file in graphs {
        // The text is a graph file whose canonical text it is.
        let read = try Tool.run(["print", "a/b/" + file], in: directory)
        #expect(read.status == 0 && Set(read.ids).isSubset(of: ["no-outputs"]), "\(read.err)")
        let text = try String(contentsOfFile: directory + "a/b/" + file, encoding: .utf8)
        #expect(read.out == text, "\(file)")
        if mode == .changed { #expect(text != last, "\(file)") }
        last = text
        let picture = try String(
          contentsOfFile: directory + "a/b/" + file.dropLast(3) + "dot", encoding: .utf8)
        #expect(picture.hasPrefix("digraph "))
      }
      if mode != .before { #expect(last == plain.out) }
      for file in files where file.hasSuffix(".json") {
        let text = try String(contentsOfFile: directory + "a/b/" + file, encoding: .utf8)
        let log = try Self.json(text)
        let name = try #require(log["pass"] as? String)
        #expect(numbered.contains { $0 + ".json" == file && $0.hasSuffix("__" + name) })
        let changes = try #require(log["replacements"] as? [[String: Any]])
        let counts = try #require(log["counts"] as? [[String: Any]])
        #expect(counts.compactMap { $0["count"] as? Int }.reduce(0, +) == changes.count)
        for key in ["rule", "pattern", "float", "nodes", "result"] {
          #expect(changes.allSatisfy { $0[key] != nil }, "\(file): \(key)")
        }
        #expect(log["summary"] as? String == Pass.named(name)?.summary)
        #expect((log["microseconds"] as? NSNumber)?.doubleValue ?? 0 > 0)
      }
      #expect(files.contains { $0.hasSuffix(".json") })
    }
  }

  @Test func aDirectoryThatCannotBeMade() throws {
    try Tool.withDirectory { directory in
      try Tool.write("", to: directory + "file")
      expectRefusal(
        try Tool.run(["opt", Self.vae, "--dump-dir", "file/d"], in: directory), 1,
        ["cannot-write"])
    }
  }
}
