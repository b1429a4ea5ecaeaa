import Ayatori
import Foundation
import Testing

@Suite struct TrainCommandTests {
  static let small = [
    "train", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--dim", "H=8",
    "--dim", "Z=2",
  ]

  @Test func epochLinesAreTheArticles() throws {
    try Tool.withDirectory { directory in
      let result = try Tool.run(Self.small + ["--epochs", "2"], in: directory)
      expectFine(result)
      let lines = result.out.split(separator: "\n").map(String.init)
      #expect(lines.count == 4)
      #expect(lines[0].wholeMatch(of: /Epoch 1, Loss: \d+\.\d{4}/) != nil)
      #expect(lines[2].wholeMatch(of: /Epoch 2, Loss: \d+\.\d{4}/) != nil)
      let test = /\ \ test, k = 1: loss \d+\.\d{4}, bce \d+\.\d{4}, kld \d+\.\d{4}/
      #expect(lines[1].wholeMatch(of: test) != nil && lines[3].wholeMatch(of: test) != nil)
      for word in ["1156 parameters", "1500 training and 297 test images", "'loss' sums"] {
        #expect(result.err.contains(word), "\(result.err)")
      }
      #expect(try Tool.files(in: directory).isEmpty)
      #expect(try Tool.run(Self.small + ["--epochs", "2"], in: directory).out == result.out)
      let more = try Tool.run(
        Self.small + ["--epochs", "1", "--eval-samples", "3", "--seed", "1"], in: directory)
      #expect(more.out.contains("  test, k = 3: ") && !more.out.hasPrefix(lines[0]))
      let none = try Tool.run(Self.small + ["--epochs", "1", "--eval-samples", "0"], in: directory)
      #expect(none.out == lines[0] + "\n")
    }
  }

  /// Smooth draws are those of another model.
  @Test(arguments: [("gumbel_softmax", true), ("straight_through", false)])
  func smoothDrawsBoundNothing(estimator: String, isSmooth: Bool) throws {
    let result = try Tool.run([
      "train", Tool.graphs + "vae_bernoulli.aya", "--data", "digits", "--dim", "D=64", "--dim",
      "H=8", "--dim", "Z=2", "--epochs", "1", "--estimator", estimator,
    ])
    expectFine(result)
    #expect(result.err.contains("note: 'b' is drawn smoothly, in tests as well") == isSmooth)
  }

  @Test func resumingIsGoingOn() throws {
    try Tool.withDirectory { directory in
      let whole = try Tool.run(Self.small + ["--epochs", "2", "--out", "a"], in: directory)
      expectFine(whole)
      let first = try Tool.run(Self.small + ["--epochs", "1", "--out", "b/c"], in: directory)
      expectFine(first)
      #expect(first.err.contains("a checkpoint after every epoch: b/c/checkpoint.safetensors\n"))
      let second = try Tool.run(
        Self.small + ["--epochs", "2", "--resume", "b/c", "--out", "d"], in: directory)
      expectFine(second)
      #expect(second.err.contains("going on after epoch 1"))
      #expect(first.out + second.out == whole.out)
      let name = "/checkpoint.safetensors"
      #expect(try readFile(directory + "a" + name) == readFile(directory + "d" + name))

      // Nothing is left to do: the file stays as it is, and the person hears why.
      let idle = try Tool.run(Self.small + ["--epochs", "2", "--resume", "d"], in: directory)
      expectFine(idle)
      #expect(idle.out.isEmpty && idle.err.contains("nothing to do: 2 epochs are done"))
      #expect(!idle.err.contains("checkpoint: "))
      let elsewhere = try Tool.run(
        Self.small + ["--epochs", "2", "--resume", "d", "--out", "e"], in: directory)
      expectFine(elsewhere)
      #expect(elsewhere.err.contains("nothing to do"))
      #expect(!FileManager.default.fileExists(atPath: directory + "e"))

      // The trained parameters serve a run.
      let run = try Tool.run(
        [
          "gradflow", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--dim", "H=8",
          "--dim", "Z=2", "--params", "d/checkpoint.safetensors",
        ], in: directory)
      expectFine(run)
      #expect(run.err.isEmpty)
    }
  }

  /// A run whose course could not be read again is refused before it starts.
  @Test func coursesThatAreTooLong() throws {
    try Tool.withDirectory { directory in
      let flags = Self.small + ["--epochs", "10000", "--out", "run", "--record-gradflow"]
      let refused = try Tool.run(flags + ["1"], in: directory)
      expectRefusal(refused, 1, ["course-too-long"])
      #expect(
        refused.err.contains("240001 times") && refused.err.contains("fix: --record-gradflow "))
      #expect(try Tool.files(in: directory).isEmpty)
      // What it says instead is taken: the last word of the line.
      let fix = try #require(refused.err.firstMatch(of: /fix: --record-gradflow (\d+)/)?.output.1)
      let taken = try RunningTool(flags + [String(fix)], in: directory)
      taken.waitForLines(1)
      taken.send(SIGINT)
      #expect(taken.finish().status == 130)
    }
  }

  /// `--out` with the directory that is resumed is the same run, whatever it is called.
  @Test func resumingIntoTheSameDirectory() throws {
    try Tool.withDirectory { directory in
      let flags = Self.small + ["--out", "a", "--eval-samples", "0"]
      expectFine(try Tool.run(flags + ["--epochs", "1"], in: directory))
      let resumed = try Tool.run(
        flags + ["--epochs", "2", "--resume", "./a/checkpoint.safetensors"], in: directory)
      expectFine(resumed)
      #expect(!resumed.err.contains("will be replaced"), "\(resumed.err)")
      let names = try FileManager.default.contentsOfDirectory(atPath: directory + "a").sorted()
      #expect(
        names == [
          "best.safetensors", "checkpoint-000000024.safetensors",
          "checkpoint-000000048.safetensors", "checkpoint.safetensors",
        ])
    }
  }

  @Test func otherRunsAreNotResumed() throws {
    try Tool.withDirectory { directory in
      expectFine(try Tool.run(Self.small + ["--epochs", "1", "--out", "a"], in: directory))
      let before = try readFile(directory + "a/checkpoint.safetensors")
      for (flags, word) in [
        (["--seed", "1"], "seed"), (["--batch-size", "32"], "batch-size"),
        (["--dim", "Z=3"], "graph"), (["--const", "beta=2"], "graph"),
        (["--learning-rate", "0.1"], "learning-rate"), (["--dtype", "f64"], "graph"),
        (["--optimizer", "sgd", "--learning-rate", "1e-3"], "optimizer"),
        (["--eval-samples", "2"], "eval-samples"), (["--fp", "strict"], "compiled-graph"),
      ] {
        let result = try Tool.run(
          Self.small + ["--epochs", "2", "--resume", "a"] + flags, in: directory)
        expectRefusal(result, 1, ["checkpoint-mismatch"])
        #expect(result.err.contains("its \(word) differs"), "\(flags): \(result.err)")
      }
      #expect(try readFile(directory + "a/checkpoint.safetensors") == before)
      expectRefusal(
        try Tool.run(Self.small + ["--resume", "nowhere"], in: directory), 1, ["file-not-found"])
      #expect(try Tool.files(in: directory) == ["a"])
      try Tool.write("no tensors", to: directory + "a/checkpoint.safetensors")
      let broken = try Tool.run(Self.small + ["--resume", "a"], in: directory)
      #expect(broken.status == 1 && broken.ids.first?.hasPrefix("safetensors-") == true)
    }
  }

  @Test(arguments: [
    (["--batch-size", "1501"], "batch-size"), (["--data", "digit"], "data-set-unknown"),
    (["--data", "Graphs"], "data-set-file"), (["--dim", "D=65"], "image-size"),
    (["--dim", "N=64"], "no-batch-dimension"), (["--loss", "nothing"], "unknown-node"),
    (["--loss", "recon"], "root-not-scalar"), (["--out", "file/run"], "cannot-write"),
    (["--dim", "H=1099511627776"], "out-of-memory"),
    (["--dim", "H=9223372036854775807"], "bad-size"), (["--data", "/"], "data-set-file"),
    (["--epochs", "\(Int.max)", "--record-gradflow", "100000"], "course-too-long"),
    (
      ["--epochs", "\(Int.max)", "--record-gradflow", "1", "--batch-size", "1500"],
      "course-too-long"
    ),
  ])
  func refusals(flags: [String], id: String) throws {
    try Tool.withDirectory { directory in
      try Tool.write("", to: directory + "file")
      let all = Self.small + ["--epochs", "1", "--out", "out"] + flags
      expectRefusal(try Tool.run(all, in: directory), 1, [id])
      #expect(try Tool.files(in: directory) == ["file"])
    }
  }

  @Test func graphsThatTakeNoImages() throws {
    try Tool.withDirectory { directory in
      expectRefusal(
        try Tool.run(["train", "Graphs/rsample.aya"], in: directory), 1, ["data-inputs"])
      let bodies = [
        ("label-batch", "dim M input y: i64[M] loss = sum(square(x - w))"),
        ("nothing-to-train", "loss = sum(square(x))"),
        ("no-gradient", "loss = sum(x) + stop_gradient(sum(w))"),
        ("unclear-reduction", "loss = square(sum(square(x - w)))"),
        ("no-loss", "a = sum(x - w) b = sum(x + w)"),
        ("updated-parameter", "loss = sum(square(x - w)) update w = w * 2"),
        ("optimizer-name", "state adam.t: f32[] init zeros loss = sum(square(x - w)) + adam.t"),
      ]
      for (id, body) in bodies {
        let parameter = id == "nothing-to-train" ? "" : "param w: f32[64] init zeros"
        let outputs = id == "no-loss" ? "a, b" : "loss"
        try Tool.write(
          "graph g {\ndim N\ninput x: f32[N, 64]\n\(parameter)\n\(body)\noutput \(outputs)\n}",
          to: directory + "g.aya")
        expectRefusal(try Tool.run(["train", "g.aya"], in: directory), 1, [id])
      }
      // Declared, the unclear one trains.
      try Tool.write(
        """
        graph g { dim N input x: f32[N, 64] param w: f32[64] init zeros
        loss = square(sum(square(x - w)) / N) output loss }
        """, to: directory + "g.aya")
      let flags = ["train", "g.aya", "--loss-reduction", "mean", "--epochs", "1"]
      let declared = try Tool.run(flags, in: directory)
      expectFine(declared)
      #expect(declared.err.contains("(as declared)"))
    }
  }

  /// A check that failed, not a wrong input; no checkpoint of it is written.
  @Test func aLossThatIsNotFiniteExitsWith2() throws {
    try Tool.withDirectory { directory in
      let result = try Tool.run(
        Self.small + ["--learning-rate", "1e30", "--out", "out"], in: directory)
      expectRefusal(result, 2, ["loss-not-finite"])
      #expect(result.err.contains("in epoch 1, step 2"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "out").isEmpty)
    }
  }

  @Test func optimizersDiffer() throws {
    func losses(_ flags: [String]) throws -> String {
      let result = try Tool.run(Self.small + ["--epochs", "1"] + flags, in: Tool.root)
      expectFine(result)
      return result.out
    }
    let outs = [
      try losses([]), try losses(["--optimizer", "sgd", "--learning-rate", "1e-4"]),
      try losses(["--optimizer", "sgd", "--learning-rate", "1e-4", "--momentum", "0.9"]),
      try losses(["--learning-rate", "0.01"]),
    ]
    #expect(Set(outs).count == 4)
    #expect(try losses(["--optimizer", "adam", "--learning-rate", "1e-3"]) == outs[0])
    #expect(try losses(["--threads", "1"]).hasPrefix("Epoch 1, Loss: "))
  }

  @Test func labelsAndAccuracy() throws {
    let result = try Tool.run(
      [
        "train", "Graphs/logistic_regression.aya", "--dim", "D=64", "--epochs", "2",
        "--learning-rate", "0.02",
      ], in: Tool.root)
    expectFine(result)
    #expect(result.out.contains(/test, k = 1: loss 0\.\d{4}, accuracy 0\.[89]\d{3}/))
  }

  // MARK: Recording the gradient flow

  @Test func theCourseIsRecordedAndShown() throws {
    try Tool.withDirectory { directory in
      let flags = [
        "train", Tool.graphs + "vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--dim",
        "H=16", "--dim", "Z=3", "--epochs", "1", "--record-gradflow", "8",
      ]
      expectFine(try Tool.run(flags + ["--out", "run"], in: directory))
      let text = try Tool.run(["gradflow", "run", "--png", "course.png"], in: directory)
      expectFine(text)
      #expect(text.out.hasPrefix("gradient flow at 'z' of vae_pytorch, estimator pathwise\n"))
      #expect(text.out.contains("4 records, every 8 steps, on 64 test images with 4 draws"))
      let json = try Tool.run(["gradflow", "run", "--json"], in: directory)
      expectFine(json)
      #expect(json.out.contains("\"format\" : \"ayatori-gradflow\""))
      let png = try Data(contentsOf: URL(filePath: directory + "course.png"))
      #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
      let other = try Tool.run(
        ["gradflow", Tool.graphs + "linear_gaussian.aya", "--html", "x.html", "--course", "run"],
        in: directory)
      expectRefusal(other, 1, ["course-mismatch"])
      // Going on: the same flags go on, others are refused.
      var more = flags
      more[more.firstIndex(of: "1") ?? 0] = "2"
      let resumed = try Tool.run(more + ["--resume", "run"], in: directory)
      #expect(resumed.status == 0, "\(resumed.err)")
      let longer = try Tool.run(["gradflow", "run"], in: directory)
      #expect(longer.out.contains("7 records, every 8 steps"))
      more[more.firstIndex(of: "8") ?? 0] = "9"
      more[more.firstIndex(of: "2") ?? 0] = "3"
      expectRefusal(
        try Tool.run(more + ["--resume", "run"], in: directory), 1, ["course-mismatch"])
    }
  }

  /// What a run noted is not taken for a part of another one, in the same directory or brought
  /// there.
  @Test func dont_mixCourses() throws {
    try Tool.withDirectory { directory in
      func train(_ flags: [String]) throws -> Tool.Result {
        try Tool.run(Self.small + ["--eval-samples", "0"] + flags, in: directory)
      }
      let recorded = ["--record-gradflow", "8"]
      expectFine(try train(["--epochs", "1", "--out", "a"] + recorded))
      let earlier = try readFile(directory + "a/gradflow.json")
      let other = try train(["--epochs", "1", "--out", "a", "--seed", "9"])
      expectFine(other)
      let note = "note: the gradient flow of an earlier run will be removed: a/gradflow.json\n"
      #expect(other.err.contains(note), "\(other.err)")
      #expect(!FileManager.default.fileExists(atPath: directory + "a/gradflow.json"))
      let more = ["--epochs", "2", "--resume", "a", "--seed", "9"] + recorded
      let resumed = try train(more)
      #expect(resumed.status == 0 && !resumed.err.contains("earlier run"), "\(resumed.err)")
      let shown = try Tool.run(["gradflow", "a"], in: directory)
      #expect(shown.out.contains("\n4 records, every 8 steps"), "\(shown.out)")

      try AtomicFile.write(earlier, to: directory + "a/gradflow.json")
      expectRefusal(try train(["--epochs", "3"] + more.dropFirst(2)), 1, ["course-mismatch"])
      // Another directory's course is another run's.
      expectFine(try train(["--epochs", "1", "--out", "b"] + recorded))
      let elsewhere = try train(["--epochs", "3", "--out", "b"] + more.dropFirst(2))
      #expect(elsewhere.status == 0, "\(elsewhere.err)")
      #expect(elsewhere.err.contains("an earlier run will be replaced: b/gradflow.json\n"))
      let course = try Tool.run(["gradflow", "b"], in: directory)
      #expect(course.out.contains("\n4 records, every 8 steps"), "\(course.out)")
    }
  }

  /// The name that a safetensors file keeps for itself: told before training, not at its end.
  @Test func dont_trainWhatNoCheckpointHolds() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph g {
          dim N
          input x: f32[N, 64]
          param "__metadata__": f32[64] init constant(0.5)
          r = x - "__metadata__"
          loss = sum(r * r)
          output loss
        }
        """, to: directory + "g.aya")
      let result = try Tool.run(
        ["train", "g.aya", "--data", "digits", "--epochs", "1", "--out", "run"], in: directory)
      expectRefusal(result, 1, ["checkpoint-name"])
      #expect(result.err.contains("g.aya:4:") && result.err.contains("'__metadata__'"))
      let files = try Tool.files(in: directory)
      #expect(files == ["g.aya"])
      // Whoever writes no checkpoint may have the name.
      expectFine(try Tool.run(["check", "g.aya"], in: directory))
    }
  }

  @Test(arguments: [
    ["--record-gradflow", "5"], ["--record-gradflow", "0", "--out", "x"],
    ["--gradflow-node", "z", "--out", "x"],
  ])
  func recordingNeedsSense(flags: [String]) throws {
    let result = try Tool.run(
      ["train", Tool.graphs + "vae_pytorch.aya", "--data", "digits", "--dim", "D=64"] + flags)
    #expect(result.status == 64)
  }

  @Test func aDirectoryWithoutACourse() throws {
    try Tool.withDirectory { directory in
      let result = try Tool.run(["gradflow", "."], in: directory)
      expectRefusal(result, 1, ["file-not-found"])
      for flags in [["--exact"], ["--node", "z"], ["--data", "digits"], ["--plant", "z"]] {
        let refused = try Tool.run(["gradflow", "."] + flags, in: directory)
        #expect(refused.status == 64, "\(flags)")
      }
      let picture = try Tool.run(["gradflow", Tool.graphs + "rsample.aya", "--png", "x.png"])
      #expect(picture.status == 64)
    }
  }
}
