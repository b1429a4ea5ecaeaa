import Ayatori
import Foundation
import Testing
import VAE

/// Files and directories that a command line names: what is read is never written over, and what
/// names no file is refused.
@Suite struct OutputFileTests {
  static let graph = """
    graph g {
      param mu: f32[] init constant(0.5)
      z = mu * mu
      output z
    }

    """

  /// Runs `body` in a directory with `g.aya`, other names of it, and arrays.
  private static func withFiles(_ body: (String) throws -> Void) throws {
    try Tool.withDirectory { directory in
      try Tool.write(graph, to: directory + "g.aya")
      for link in ["g.svg", "g.html", "g.json", "link.aya"] {
        try FileManager.default.createSymbolicLink(
          atPath: directory + link, withDestinationPath: "g.aya")
      }
      try FileManager.default.linkItem(atPath: directory + "g.aya", toPath: directory + "hard.aya")
      try writeNPZ([("mu", NDArray([2.0 as Float], shape: []))], to: directory + "a.npz")
      try FileManager.default.createDirectory(
        atPath: directory + "dumps", withIntermediateDirectories: false)
      try Tool.write(graph, to: directory + "dumps/00__input.aya")
      try Tool.write("", to: directory + "dumps/00__input.dot")
      for kind in ["aya", "dot"] {
        try FileManager.default.createSymbolicLink(
          atPath: directory + "dump." + kind, withDestinationPath: "dumps/00__input." + kind)
      }
      try body(directory)
    }
  }

  private static func contents(_ directory: String) throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for name in try Tool.files(in: directory) where name != "dumps" {
      found[name] = try readFile(directory + name)
    }
    found["dump"] = try readFile(directory + "dumps/00__input.aya")
    return found
  }

  @Test(arguments: [
    ["dot", "g.aya", "-o", "g.aya"], ["dot", "g.aya", "-o", "./hard.aya"],
    ["dot", "link.aya", "-o", "g.aya"], ["dot", "g.aya", "-o", "g.svg"],
    ["dot", "g.aya", "--reparameterization", "z", "-o", "g.aya"],
    ["grad", "g.aya", "--wrt", "mu", "-o", "link.aya"],
    ["diff", "g.aya", "@lowered", "-o", "g.aya"], ["diff", "a.aya", "g.aya", "-o", "g.aya"],
    ["opt", "g.aya", "-o", "g.aya"], ["plan", "g.aya", "-o", "g.svg"],
    ["profile", "g.aya", "--trace", "g.json"], ["gradflow", "g.aya", "--html", "g.html"],
    ["run", "g.aya", "--inputs", "a.npz", "-o", "a.npz"],
    ["run", "g.aya", "--params", "./a.npz", "-o", "a.npz"],
    ["print", "dumps/00__input.aya", "--stage", "optimized", "--dump-dir", "dumps"],
    ["opt", "dump.aya", "--passes=simplify", "--dump-dir", "dumps"],
  ])
  func dont_overwriteWhatIsRead(arguments: [String]) throws {
    try Self.withFiles { directory in
      let before = try Self.contents(directory)
      let result = try Tool.run(arguments, in: directory)
      expectRefusal(result, 64, ["output-is-input"])
      let read = arguments[1] == "a.aya" ? "g.aya" : arguments[1]
      let isNamed = result.err.contains("'\(read)'") || result.err.contains("a.npz'")
      #expect(isNamed && result.err.contains("would overwrite"), "\(result.err)")
      let after = try Self.contents(directory)
      #expect(after == before)
    }
  }

  @Test(arguments: [
    ["opt", "g.aya", "-o", "dumps/01__simplify.aya", "--dump-dir", "./dumps"],
    ["dot", "g.aya", "--stage", "lowered", "-o", "dumps/00__input.dot", "--dump-dir", "dumps"],
    ["dot", "g.aya", "--stage", "lowered", "-o", "dump.dot", "--dump-dir", "dumps"],
    ["profile", "g.aya", "--trace", "p.json", "--dump-dir", "./p.json"],
    ["profile", "g.aya", "--trace", "dumps.json", "--dump-dir", "dumps.json"],
  ])
  func dont_writeOneFileTwice(arguments: [String]) throws {
    try Self.withFiles { directory in
      let before = try Self.contents(directory)
      expectRefusal(try Tool.run(arguments, in: directory), 64, ["written-twice"])
      let after = try Self.contents(directory)
      #expect(after == before)
    }
  }

  /// Files whose names nobody chose, of dumps and of a run's directory, take the place of links.
  @Test func dont_followLinksUnderOwnNames() throws {
    try Self.withFiles { directory in
      let link = FileManager.default.createSymbolicLink(atPath:withDestinationPath:)
      try FileManager.default.createDirectory(
        atPath: directory + "links", withIntermediateDirectories: false)
      try link(directory + "links/00__input.aya", "../g.aya")
      try link(directory + "links/00__input.dot", "00__input.aya")
      expectFine(
        try Tool.run(
          ["opt", "g.aya", "--passes=simplify", "--dump-dir", "links"], in: directory))
      try FileManager.default.createDirectory(
        atPath: directory + "run", withIntermediateDirectories: false)
      let names = ["checkpoint-000000024", "checkpoint", "best"].map { $0 + ".safetensors" }
      for name in names + ["gradflow.json"] { try link(directory + "run/" + name, "../g.aya") }
      let flags = TrainCommandTests.small + ["--epochs", "1", "--record-gradflow", "24"]
      expectFine(try Tool.run(flags + ["--out", "run"], in: directory))
      #expect(try String(contentsOfFile: directory + "g.aya", encoding: .utf8) == Self.graph)
      for name in names {
        #expect(try Checkpoint(readFrom: directory + "run/" + name).step == 24)
      }
      for name in names.map({ "run/" + $0 }) + ["run/gradflow.json", "links/00__input.dot"] {
        let kind = try FileManager.default.attributesOfItem(atPath: directory + name)[.type]
        #expect(kind as? FileAttributeType == .typeRegular, "\(name)")
      }
    }
  }

  /// `/dev/stdout` is where the shell's redirection stands, also through a link.
  @Test(arguments: ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "out.dot"])
  func streamsAreNotOverwritten(name: String) throws {
    try Self.withFiles { directory in
      try FileManager.default.createSymbolicLink(
        atPath: directory + "out.dot", withDestinationPath: "/dev/stdout")
      let draws = "\"$0\" dot g.aya -o \(name)"
      expectFine(
        try Tool.launch(
          "/bin/sh",
          [
            "-c", "echo OLD > a; \(draws) >> a; (echo head; \(draws); echo foot) > b",
            Tool.binary,
          ], in: directory))
      let text = try Tool.run(["dot", "g.aya"], in: directory).out
      #expect(try String(contentsOfFile: directory + "a", encoding: .utf8) == "OLD\n" + text)
      #expect(
        try String(contentsOfFile: directory + "b", encoding: .utf8) == "head\n\(text)foot\n")
    }
  }

  /// A path by way of `/proc` is one like any other: the new text, and nothing of the old one.
  @Test func pathsThroughProc() throws {
    try Self.withFiles { directory in
      let old = String(repeating: "x", count: 100_000)
      try Tool.write(old, to: directory + "p.dot")
      let draw = ["dot", "g.aya", "-o", "/proc/self/cwd/p.dot"]
      expectFine(try Tool.run(draw, in: directory))
      let text = try Tool.run(["dot", "g.aya"], in: directory).out
      #expect(try String(contentsOfFile: directory + "p.dot", encoding: .utf8) == text)
    }
  }

  /// Other files, streams, and a directory that holds both are as good as ever.
  @Test(arguments: [
    ["dot", "g.aya", "-o", "a.npz"], ["opt", "g.aya", "-o", "new.aya"],
    ["opt", "g.aya", "-o", "dumps/new.aya", "--dump-dir", "dumps"],
    ["dot", "g.aya", "-o", "/dev/null"], ["diff", "g.aya", "@lowered", "-o", "/dev/stdout"],
    ["run", "g.aya", "--inputs", "a.npz", "-o", "b.npz"],
  ])
  func otherFilesAreWritten(arguments: [String]) throws {
    try Self.withFiles { directory in
      let result = try Tool.run(arguments, in: directory)
      #expect(result.status == 0, "\(result.err)")
    }
  }

  /// What a training run wrote and what a data set is made of stays.
  @Test func dont_overwriteARunOrADataSet() throws {
    try Tool.withDirectory { directory in
      let run = TrainCommandTests.small + ["--epochs", "1", "--out", "run"]
      expectFine(try Tool.run(run + ["--record-gradflow", "24"], in: directory))
      try FileManager.default.createSymbolicLink(
        atPath: directory + "x.png", withDestinationPath: "run/gradflow.json")
      try FileManager.default.createDirectory(
        atPath: directory + "data", withIntermediateDirectories: false)
      try Tool.write("images", to: directory + "data/train-images-idx3-ubyte")
      for link in ["x.html", "x.svg"] {
        try FileManager.default.createSymbolicLink(
          atPath: directory + link, withDestinationPath: "data/train-images-idx3-ubyte")
      }
      let flow = ["gradflow", "Graphs/linear_gaussian.aya"]
      for arguments in [
        ["gradflow", "run", "--png", "x.png"],
        flow + ["--data", "data", "--html", "x.html"],
      ] {
        expectRefusal(try Tool.run(arguments, in: directory), 64, ["output-is-input"])
      }
      let graph = ["dot", "Graphs/vae_pytorch.aya", "--gradflow", "z"]
      expectRefusal(
        try Tool.run(graph + ["--data", "data", "-o", "x.svg"], in: directory), 64,
        ["output-is-input"])
      // Another file of that directory is none of the data set.
      let other = ["--data", "data", "--html", "data/flow.html"]
      let absent = try Tool.run(flow + other, in: directory)
      #expect(absent.status == 1 && !absent.ids.contains("output-is-input"), "\(absent.err)")
      // What lies in a run's directory under the names of its files would be gone.
      let text = try String(contentsOfFile: Tool.root + "Graphs/vae_pytorch.aya", encoding: .utf8)
      for name in ["best.safetensors", "checkpoint-7.safetensors", "gradflow.json"] {
        try FileManager.default.createDirectory(
          atPath: directory + "own", withIntermediateDirectories: true)
        try Tool.write(text, to: directory + "own/" + name)
        var training = TrainCommandTests.small
        training[1] = "own/" + name
        for flag in ["--out", "--resume"] {
          let result = try Tool.run(training + [flag, "own"], in: directory)
          expectRefusal(result, 64, ["output-is-input"])
        }
      }
      for arguments in [
        ["gradflow", "run", "--png", "run/checkpoint.safetensors"],
        ["gradflow", "run", "--png", "run/gradflow.json"],
        flow + ["--course", "run", "--html", "run/gradflow.json"],
      ] {
        let result = try Tool.run(arguments, in: directory)
        expectRefusal(result, 64)
        #expect(result.err.contains(" takes a ."))
      }
      expectFine(try Tool.run(["gradflow", "run", "--png", "course.png"], in: directory))
      let kept = try Checkpoint(readFrom: directory + "run")
      #expect(kept.epoch == 1)
    }
  }

  // MARK: What names no file

  @Test(arguments: [
    ["check", ""], ["check", "g.aya", ""], ["print", ""], ["dot", "g.aya", "-o", ""],
    ["diff", "g.aya", ""], ["opt", ""], ["opt", "g.aya", "-o", ""], ["bench", ""],
    ["print", "g.aya", "--dump-dir", ""], ["run", "g.aya", "--inputs", ""],
    ["run", "g.aya", "--params", ""], ["train", "g.aya", "--resume", ""],
    ["train", "g.aya", "--out", ""], ["train", "g.aya", "--data", ""],
    ["gradflow", "g.aya", "--course", "", "--html", "x.html"], ["gradflow", ""],
    ["gradcheck", "g.aya", "--data", ""],
  ])
  func dont_takeAnEmptyName(arguments: [String]) throws {
    try Self.withFiles { directory in
      let before = try Tool.files(in: directory)
      let result = try Tool.run(arguments, in: directory)
      expectRefusal(result, 64)
      #expect(result.err.contains("an empty name is that of no file"), "\(result.err)")
      let after = try Tool.files(in: directory)
      #expect(after == before)
    }
  }

  /// A name of other bytes than UTF-8's would become another name.
  @Test(arguments: [
    "dot g.aya -o \"$(printf 'o\\377\\376.svg')\"", "check \"$(printf '\\377.aya')\"",
    "run g.aya --outputs \"$(printf 'z\\200')\"",
  ])
  func dont_takeOtherBytes(arguments: String) throws {
    try Self.withFiles { directory in
      try Tool.write("cp g.aya \"$(printf '\\377.aya')\"", to: directory + "make.sh")
      _ = try Tool.launch("/bin/sh", ["make.sh"], in: directory)
      let before = try Tool.files(in: directory)
      let result = try Tool.launch(
        "/bin/sh", ["-c", "exec \"$0\" \(arguments)", Tool.binary], in: directory)
      expectRefusal(result, 64, ["argument-not-utf8"])
      #expect(result.err.contains("UTF-8"), "\(result.err)")
      let after = try Tool.files(in: directory)
      #expect(after == before)
    }
  }

  @Test func otherScriptsAreNames() throws {
    try Self.withFiles { directory in
      let name = "日本\u{FFFD}é.aya"
      try Tool.write(Self.graph, to: directory + name)
      expectFine(try Tool.run(["check", name], in: directory))
      let written = try Tool.run(["opt", name, "-o", "ø.aya"], in: directory)
      let files = try Tool.files(in: directory)
      #expect(written.status == 0 && files.contains("ø.aya"), "\(written.err)")
    }
  }

  // MARK: Reasons

  /// A link that leads nowhere is told with the directory that is missing, not the one it is in.
  @Test func linksThatLeadNowhere() throws {
    try Self.withFiles { directory in
      try FileManager.default.createSymbolicLink(
        atPath: directory + "far.npz", withDestinationPath: "gone/far.npz")
      let far = try Tool.run(["run", "g.aya", "-o", "far.npz"], in: directory)
      expectRefusal(far, 1, ["file-not-written"])
      #expect(far.err.contains("mkdir -p './gone'"), "\(far.err)")
      #expect(far.err.contains("it is a link to './gone/far.npz'"), "\(far.err)")
    }
  }

  /// Where nothing may be written, that is the reason that is told.
  @Test func aReadOnlyFileSystem() throws {
    try Self.withFiles { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "ro", withIntermediateDirectories: false)
      let mount = try Tool.launch(
        "/bin/mount", ["-t", "tmpfs", "-o", "ro,size=64k", "none", directory + "ro"])
      guard mount.status == 0 else {
        return print("skipped: no file system can be mounted here: \(mount.err)")
      }
      defer { _ = try? Tool.launch("/bin/umount", [directory + "ro"]) }
      let result = try Tool.run(
        TrainCommandTests.small + ["--epochs", "1", "--out", "ro/a/b"], in: directory)
      expectRefusal(result, 1, ["cannot-write"])
      #expect(result.err.contains("Read-only file system"), "\(result.err)")
    }
  }

  /// A directory that takes no checkpoint is told of before a step is taken, not after an epoch.
  @Test func dont_trainForNothing() throws {
    try Self.withFiles { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "part", withIntermediateDirectories: false)
      // Rights do not keep root from writing.
      let isRoot = geteuid() == 0
      if isRoot {
        let mount = try Tool.launch(
          "/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "none", directory + "part"])
        guard mount.status == 0 else {
          return print("skipped: no file system can be mounted here: \(mount.err)")
        }
      }
      defer { if isRoot { _ = try? Tool.launch("/bin/umount", [directory + "part"]) } }
      let first = TrainCommandTests.small + ["--epochs", "1", "--out", "part/run"]
      expectFine(try Tool.run(first, in: directory))
      expectFine(
        isRoot
          ? try Tool.launch("/bin/mount", ["-o", "remount,ro", directory + "part"])
          : try Tool.launch("/bin/chmod", ["555", directory + "part/run"]))
      let further = TrainCommandTests.small + ["--epochs", "2", "--resume", "part/run"]
      let result = try Tool.run(further, in: directory)
      expectRefusal(result, 1, ["cannot-write"])
      let reason = isRoot ? "Read-only file system" : "Permission denied"
      #expect(result.err.contains(reason), "\(result.err)")
      let dump = try Tool.run(
        ["print", "g.aya", "--stage", "optimized", "--dump-dir", "part/run"], in: directory)
      expectRefusal(dump, 1, ["cannot-write"])
    }
  }
}
