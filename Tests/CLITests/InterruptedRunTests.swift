import Ayatori
import Foundation
import Testing
import VAE

/// Training runs that are stopped, killed, and left without a disk, and what is there afterwards.
@Suite struct InterruptedRunTests {
  private static let small = [
    "train", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--dim", "H=8", "--dim",
    "Z=2", "--eval-samples", "1",
  ]

  /// Every checkpoint in a run's directory, all of them whole, by name.
  private static func checkpoints(_ directory: String) throws -> [String: Checkpoint] {
    var found: [String: Checkpoint] = [:]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for name in names where name.hasSuffix(".safetensors") {
      found[name] = try Checkpoint(readFrom: directory + "/" + name)
    }
    return found
  }

  private static func bytes(_ path: String) throws -> [UInt8] { try readFile(path) }

  // MARK: Signals

  @Test(arguments: [(SIGINT, "SIGINT", "1", "2"), (SIGTERM, "SIGTERM", "2", "1")])
  func aSignalStopsInOrder(
    number: Int32, name: String, threads: String, others: String
  ) throws {
    try Tool.withDirectory { directory in
      let run = try RunningTool(
        Self.small + ["--epochs", "100000", "--out", "run", "--threads", threads], in: directory)
      run.waitForLines(4)
      run.send(number)
      let stopped = run.finish()
      #expect(stopped.status == 128 + number && stopped.ids.isEmpty, "\(stopped.err)")
      #expect(stopped.err.contains("\(name): stopped after step "))
      let newest = try #require(try Self.checkpoints(directory + "run")["checkpoint.safetensors"])
      #expect(stopped.err.contains("step \(newest.step);"), "\(newest.step): \(stopped.err)")

      // The command that was printed goes on; with other threads, to the same bytes.
      let command = try #require(
        stopped.err.split(separator: "\n").last { $0.contains("--resume") })
      var words = command.split(separator: " ").map(String.init).dropFirst()
      for (flag, value) in [("--epochs", "\(newest.epoch + 2)"), ("--threads", others)] {
        let place = try #require(words.firstIndex(of: flag))
        words[place + 1] = value
      }
      let resumed = try Tool.run(Array(words), in: directory)
      expectFine(resumed)
      let whole = try Tool.run(
        Self.small + ["--epochs", "\(newest.epoch + 2)", "--out", "whole"], in: directory)
      expectFine(whole)
      #expect(whole.out.hasSuffix(resumed.out), "\(resumed.out)")
      for file in ["/checkpoint.safetensors", "/best.safetensors"] {
        let same =
          try Self.bytes(directory + "run" + file) == Self.bytes(directory + "whole" + file)
        #expect(same, "\(file)")
      }
    }
  }

  /// A terminal that closes sends SIGHUP, and its shell once more; service managers repeat SIGTERM.
  @Test(arguments: [SIGTERM, SIGHUP]) func theSameWishManyTimes(number: Int32) throws {
    try Tool.withDirectory { directory in
      let run = try RunningTool(Self.small + ["--epochs", "100000", "--out", "run"], in: directory)
      run.waitForLines(4)
      for _ in 0..<40 {
        run.send(number)
        usleep(200)
      }
      let stopped = run.finish()
      #expect(stopped.status == 128 + number && stopped.ids.isEmpty, "\(stopped.err)")
      let newest = try #require(try Self.checkpoints(directory + "run")["checkpoint.safetensors"])
      #expect(stopped.err.contains("step \(newest.step);"), "\(newest.step): \(stopped.err)")
      #expect(try Tool.files(in: directory + "run").allSatisfy { !$0.hasSuffix(".tmp") })
    }
  }

  /// What stands after `--` is a file, not a flag: the flags that go on come before it.
  @Test func theCommandGoesOnAfterADoubleDash() throws {
    try Tool.withDirectory { directory in
      let flags = [
        "train", "--data", "digits", "--dim", "D=64", "--dim", "H=8", "--dim", "Z=2", "--epochs",
        "100000", "--out", "run", "--", "Graphs/vae_pytorch.aya",
      ]
      let run = try RunningTool(flags, in: directory)
      run.waitForLines(2)
      run.send(SIGTERM)
      let stopped = run.finish()
      #expect(stopped.status == 128 + SIGTERM)
      let command = try #require(stopped.err.split(separator: "\n").last).dropFirst(2)
      #expect(
        command.hasSuffix("--epochs 100000 --resume run -- Graphs/vae_pytorch.aya"), "\(command)")
      let words = command.replacing("100000", with: "1").split(separator: " ").map(String.init)
      let resumed = try Tool.run(Array(words.dropFirst()), in: directory)
      expectFine(resumed)
      #expect(resumed.err.contains("nothing to do: "), "\(resumed.err)")
    }
  }

  @Test func withoutADirectoryNothingIsKept() throws {
    try Tool.withDirectory { directory in
      let run = try RunningTool(Self.small + ["--epochs", "100000"], in: directory)
      run.waitForLines(2)
      run.send(SIGINT)
      let stopped = run.finish()
      #expect(stopped.status == 130 && stopped.err.contains("nothing is kept without --out DIR"))
      #expect(try Tool.files(in: directory).isEmpty)
    }
  }

  /// A run that goes on with numbers that are not finite has no checkpoint to write, and says so.
  @Test(arguments: [[], ["--checkpoint-every", "1"]])
  func dont_sayToGoOnFromNothing(further: [String]) throws {
    try Tool.withDirectory { directory in
      let run = try RunningTool(
        Self.small + [
          "--optimizer", "sgd", "--learning-rate", "3", "--momentum", "0.9", "--epochs", "100000",
          "--on-nonfinite", "continue", "--out", "run",
        ] + further, in: directory)
      run.waitForLines(6)
      run.send(SIGTERM)
      let stopped = run.finish()
      #expect(stopped.status == 128 + SIGTERM)
      #expect(stopped.err.contains("no checkpoint is written: "), "\(stopped.err)")
      let kept = try Self.checkpoints(directory + "run")
      if further.isEmpty {
        #expect(kept.isEmpty)
        #expect(stopped.err.hasSuffix("; there is no checkpoint to go on from\n"), "\(stopped.err)")
      } else {
        #expect(kept["checkpoint.safetensors"] != nil)
        #expect(
          stopped.err.contains(", which is lost; go on from the checkpoint before it with:\n"),
          "\(stopped.err)")
      }
    }
  }

  // MARK: Kills

  /// SIGKILL at 200 random moments, within the writing of checkpoints too: the checkpoints are
  /// whole each time, none is lost, and the run ends in the bytes of one that was left alone.
  @Test func killsLoseNothing() throws {
    let seed = UInt64.random(in: 0...UInt64(UInt32.max))
    // Fractions of a time in which half of the runs come to a checkpoint.
    let moments = NoiseStream(seed: seed, name: "kills").values(.uniform, count: 200, step: 0)
    try Tool.withDirectory { directory in
      let flags = Self.small + ["--checkpoint-every", "1", "--keep", "2"]
      // Kills fall into the start and into the steps alike, however fast this machine is and
      // whatever else it does by now.
      let clock = ContinuousClock()
      let start = clock.now
      expectFine(try Tool.run(flags + ["--epochs", "1", "--out", "timed"], in: directory))
      var longest = Double((clock.now - start) / .microseconds(1))
      var step: UInt64 = 0
      for (kill, moment) in moments.enumerated() {
        let target = step == 0 ? "--out" : "--resume"
        let run = try RunningTool(flags + ["--epochs", "1000000", target, "run"], in: directory)
        usleep(UInt32(longest * moment))
        run.send(SIGKILL)
        let result = run.finish()
        #expect(result.status == -SIGKILL && result.ids.isEmpty, "seed \(seed): \(result.err)")
        let found = try Self.checkpoints(directory + "run")
        // A first run that was killed before its first checkpoint has left none.
        let newest = found["checkpoint.safetensors"]?.step ?? 0
        #expect(newest >= step, "seed \(seed), kill \(kill): step \(newest) after \(step)")
        longest *= newest > step ? 0.95 : 1 / 0.95
        step = newest
      }
      // Otherwise nothing was tried.
      #expect(step > 100, "seed \(seed): \(step) steps in all")
      let newest = try Checkpoint(readFrom: directory + "run")
      let epochs = ["--epochs", "\(newest.epoch + 1)"]
      expectFine(try Tool.run(flags + epochs + ["--resume", "run"], in: directory))
      expectFine(try Tool.run(flags + epochs + ["--out", "whole"], in: directory))
      for file in ["/checkpoint.safetensors", "/best.safetensors"] {
        let same =
          try Self.bytes(directory + "run" + file) == Self.bytes(directory + "whole" + file)
        #expect(same, "seed \(seed): \(file)")
      }
      // A run that was killed may leave one too many; the next takes it away.
      #expect(try Self.checkpoints(directory + "run").count <= 4)
      let left = try FileManager.default.contentsOfDirectory(atPath: directory + "run")
        .filter { $0.hasPrefix(".") }
      #expect(left.isEmpty, "seed \(seed): \(left)")
    }
  }

  // MARK: Disks

  /// A file that may not grow, as on a full disk: the run ends with a message, the checkpoint that
  /// was there stays to the byte.
  @Test(
    .disabled(
      if: Tool.isSanitized,
      "a sanitizer keeps its own memory in files, which may not grow either"))
  func aFullDiskStopsTheRun() throws {
    try Tool.withDirectory { directory in
      expectFine(try Tool.run(Self.small + ["--epochs", "1", "--out", "run"], in: directory))
      let before = try Self.bytes(directory + "run/checkpoint.safetensors")
      let names = try FileManager.default.contentsOfDirectory(atPath: directory + "run").sorted()
      let run = try RunningTool(
        Self.small + ["--epochs", "3", "--resume", "run"], in: directory,
        under: ["/bin/bash", "-c", "ulimit -f 2; exec \"$0\" \"$@\""])
      let result = run.finish()
      #expect(result.status == 1 && result.ids == ["file-not-written"], "\(result.err)")
      #expect(result.err.contains("File too large"), "\(result.err)")
      #expect(try Self.bytes(directory + "run/checkpoint.safetensors") == before)
      let after = try FileManager.default.contentsOfDirectory(atPath: directory + "run").sorted()
      #expect(after == names)
    }
  }

  /// A real file system without room, where one may be mounted.
  @Test func aFileSystemWithoutRoomStopsTheRun() throws {
    try Tool.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "small", withIntermediateDirectories: false)
      let mount = try Tool.launch(
        "/bin/mount", ["-t", "tmpfs", "-o", "size=96k", "none", directory + "small"])
      guard mount.status == 0 else {
        return print("skipped: no file system can be mounted here: \(mount.err)")
      }
      defer { _ = try? Tool.launch("/bin/umount", [directory + "small"]) }
      // One checkpoint has 20 kB: some fit.
      let result = try Tool.run(
        Self.small + ["--epochs", "50", "--keep", "50", "--out", "small/run"], in: directory)
      #expect(result.status == 1 && result.ids == ["file-not-written"], "\(result.err)")
      #expect(result.err.contains("No space left on device"), "\(result.err)")
      let found = try Self.checkpoints(directory + "small/run")
      let newest = try #require(found["checkpoint.safetensors"])
      #expect(newest.epoch >= 1 && found.count >= 3, "\(found.keys.sorted())")
      let hidden = try FileManager.default.contentsOfDirectory(atPath: directory + "small/run")
        .filter { $0.hasPrefix(".") }
      #expect(hidden.isEmpty)
    }
  }

  @Test func aDirectoryThatVanishesStopsTheRun() throws {
    try Tool.withDirectory { directory in
      let run = try RunningTool(
        Self.small + ["--epochs", "100000", "--out", "run"], in: directory)
      run.waitForLines(4)
      try FileManager.default.moveItem(atPath: directory + "run", toPath: directory + "moved")
      let result = run.finish()
      #expect(result.status == 1 && result.ids == ["file-not-written"], "\(result.err)")
      #expect(result.err.contains("No such file or directory"), "\(result.err)")
      #expect(try !Self.checkpoints(directory + "moved").isEmpty)
    }
  }

  /// stdout is gone: what was learnt is kept all the same.
  @Test func aFullStdoutKeepsWhatWasLearnt() throws {
    try Tool.withDirectory { directory in
      let run = try RunningTool(
        Self.small + ["--epochs", "3", "--out", "run"], in: directory,
        under: ["/bin/bash", "-c", "exec \"$0\" \"$@\" > /dev/full"])
      let result = run.finish()
      #expect(result.status == 1 && result.ids == ["cannot-write"], "\(result.err)")
      let newest = try #require(try Self.checkpoints(directory + "run")["checkpoint.safetensors"])
      #expect(newest.step == 24)
      // The epoch that nobody heard of is told again.
      let resumed = try Tool.run(Self.small + ["--epochs", "1", "--resume", "run"], in: directory)
      expectFine(resumed)
      let whole = try Tool.run(Self.small + ["--epochs", "1"], in: directory)
      #expect(resumed.out == whole.out)
    }
  }

  @Test func dont_shareADirectory() throws {
    try Tool.withDirectory { directory in
      let run = try RunningTool(
        Self.small + ["--epochs", "100000", "--out", "run"], in: directory)
      run.waitForLines(2)
      let other = try Tool.run(Self.small + ["--epochs", "1", "--out", "run"], in: directory)
      expectRefusal(other, 1, ["directory-in-use"])
      run.send(SIGTERM)
      #expect(run.finish().status == 143)
    }
  }
}
