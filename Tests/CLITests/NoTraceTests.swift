import Foundation
import Testing

/// What a run leaves behind beside what was named, and whom it calls: nothing and nobody.
@Suite struct NoTraceTests {
  /// Each as a person would type it, with all it writes.
  private static let runs: [(words: [String], writes: [String])] = [
    (["check", "Graphs/vae_pytorch.aya", "--lint"], []),
    (["print", "Graphs/vae_pytorch.aya", "--stage", "optimized"], []),
    (["grad", "Graphs/vae_chainer.aya", "--wrt", "z_ln_var"], []),
    (["plan", "Graphs/vae_pytorch.aya"], []),
    (["gradcheck", "Graphs/linear_gaussian.aya"], []),
    (["gradflow", "Graphs/linear_gaussian.aya", "--exact"], []),
    (["run", "Graphs/rsample.aya", "-o", "out.npz"], ["out.npz"]),
    (
      [
        "train", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--dim", "H=8",
        "--epochs", "1", "--out", "run", "--record-gradflow", "8",
      ], ["run"]
    ),
    (["opt", "Graphs/vae_pytorch.aya", "--dump-dir", "dumps"], ["dumps"]),
  ]

  @Test(arguments: runs.indices) func nothingIsWrittenElsewhere(index: Int) throws {
    let (words, writes) = Self.runs[index]
    try Tool.withDirectory { directory in
      let home = directory + "home"
      for name in ["home", "home/tmp", "work"] {
        try FileManager.default.createDirectory(
          atPath: directory + name, withIntermediateDirectories: false)
      }
      try FileManager.default.createSymbolicLink(
        atPath: directory + "work/Graphs", withDestinationPath: Tool.graphs)
      let result = try Tool.run(
        words, in: directory + "work",
        environment: ["HOME": home, "TMPDIR": home + "/tmp", "XDG_CACHE_HOME": home + "/tmp"])
      expectFine(result)
      let left = try FileManager.default.subpathsOfDirectory(atPath: home)
      #expect(left == ["tmp"], "\(words)")
      #expect(try Tool.files(in: directory + "work/") == writes.sorted(), "\(words)")
    }
  }

  /// In a place without any network, which not every machine lets one make.
  @Test func noNetworkIsNeeded() throws {
    try Tool.withDirectory { directory in
      let probe = try Tool.launch("/usr/bin/unshare", ["--net", "/bin/true"])
      guard probe.status == 0 else {
        return print("skipped: no place without a network can be made here: \(probe.err)")
      }
      for (words, _) in Self.runs {
        let alone = try Tool.launch(
          "/usr/bin/unshare", ["--net", Tool.binary] + words, in: directory)
        expectFine(alone)
      }
    }
  }

  /// No connection is as much as tried, where strace is there to see.
  @Test func nobodyIsCalled() throws {
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/strace") else {
      return print("skipped: strace is not installed")
    }
    try Tool.withDirectory { directory in
      for (words, _) in Self.runs {
        let trace = directory + "trace"
        let result = try Tool.launch(
          "/usr/bin/strace",
          ["-f", "-qq", "-e", "trace=socket,connect", "-o", trace, Tool.binary]
            + words, in: directory)
        expectFine(result)
        let calls = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
          .filter { $0.contains("socket(") || $0.contains("connect(") }
        #expect(calls.isEmpty, "\(words): \(calls)")
      }
    }
  }
}
