import Ayatori
import Foundation
import Testing
import VAE

@Suite struct CheckpointTests {
  @Test func resumedRunsAreTheSameToTheBit() throws {
    try Training.withDirectory { directory in
      let whole = try Training.digits()
      let losses = try (0..<3).map { _ in try whole.trainEpoch() }

      let first = try Training.digits()
      #expect(try first.trainEpoch() == losses[0])
      try first.writeCheckpoint(to: directory)
      let second = try Training.digits()
      try second.resume(from: directory)
      #expect(second.epoch == 1 && second.step == 24)
      #expect(second.arrays.map(\.array) == first.arrays.map(\.array))
      #expect(try second.trainEpoch() == losses[1])
      try second.writeCheckpoint(to: directory)
      let third = try Training.digits()
      try third.resume(from: directory)
      #expect(try third.trainEpoch() == losses[2])
      #expect(third.arrays.map(\.name) == whole.arrays.map(\.name))
      #expect(third.arrays.map(\.array) == whole.arrays.map(\.array))
      #expect(try third.evaluate().map(\.value) == whole.evaluate().map(\.value))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: directory) == [
          Checkpoint.fileName
        ])
    }
  }

  /// Wherever in an epoch a run stops: the rest of the epoch has the same mean, to the bit.
  @Test(arguments: [1, 13, 23, 24]) func positionsWithinAnEpoch(stop: Int) throws {
    struct Stop: Error {}
    try Training.withDirectory { directory in
      let whole = try Training.digits()
      let losses = try (0..<2).map { _ in try whole.trainEpoch() }
      let first = try Training.digits()
      _ = try first.trainEpoch()
      do {
        _ = try first.trainEpoch { step, _ in if step == stop { throw Stop() } }
        Issue.record("the epoch was not stopped")
      } catch is Stop {}
      #expect(first.epoch == 1 && first.position == stop)
      try first.writeCheckpoint(to: directory)
      let second = try Training.digits()
      try second.resume(from: directory)
      #expect(second.epoch == 1 && second.position == stop)
      #expect(try second.trainEpoch() == losses[1])
      #expect(second.arrays.map(\.array) == whole.arrays.map(\.array))
      // The run that was stopped goes on too.
      #expect(try first.trainEpoch() == losses[1])
      #expect(first.arrays.map(\.array) == whole.arrays.map(\.array))
    }
  }

  /// Version 1 stands at the end of an epoch; what it did not know is not compared.
  @Test func theFirstVersionIsRead() throws {
    let path = Training.root + "Tests/VAETests/Fixtures/checkpoint-v1.safetensors"
    let old = try Checkpoint(readFrom: path)
    #expect(old.epoch == 1 && old.step == 1 && old.best == nil && old.underWay.images == 0)
    let identity = old.identity.map(\.name)
    #expect(identity == ["batch-size", "data", "graph", "seed"])
    #expect(old.arrays.count == 31)
    // Its graph was told by the training graph of that time: the refusal says so.
    let trainer = try Training.digits(
      Training.options(batchSize: 1500), dims: ["D": 64, "H": 2, "Z": 1])
    let found = Training.diagnostics { try trainer.resume(from: path) }
    #expect(found.first?.message.hasSuffix("its graph differs") == true)
    // Its parameters are parameters all the same.
    let graph = try Training.graph("vae_pytorch", dims: ["D": 64, "H": 2, "Z": 1])
    #expect(try loadParameters(path, for: graph).count == 10)
  }

  @Test func aCheckpointIsSafetensors() throws {
    try Training.withDirectory { directory in
      let trainer = try Training.digits(Training.options(seed: 5))
      _ = try trainer.trainEpoch()
      try trainer.writeCheckpoint(to: directory)
      let file = try SafetensorsFile.read(Checkpoint.path(in: directory))
      #expect(file.metadata["format"] == "ayatori-checkpoint" && file.metadata["epoch"] == "1")
      #expect(file.metadata["step"] == "24" && file.metadata["run.seed"] == "5")
      #expect(file.metadata["run.batch-size"] == "64")
      for (name, array) in trainer.arrays { #expect(file[name] == array, "\(name)") }
      #expect(file.tensors.count == trainer.arrays.count)
      #expect(file["adam.t"] == NDArray([Int64(24)], shape: []))
      #expect(file["adam.m.fc1.W"]?.shape == [16, 64])

      let graph = try Training.graph("vae_pytorch", dims: ["D": 64, "H": 16, "Z": 2])
      let parameters = try loadParameters(Checkpoint.path(in: directory), for: graph)
      #expect(parameters.count == 10)
    }
  }

  @Test(arguments: [
    "seed", "batch-size", "graph", "learning-rate", "data", "eval-samples", "loss-reduction",
    "compiled-graph",
  ])
  func anotherRunIsRefused(what: String) throws {
    try Training.withDirectory { directory in
      let dims = ["D": 64, "H": 4, "Z": 2]
      try Training.digits(dims: dims).writeCheckpoint(to: directory)
      let other: Trainer
      switch what {
      case "seed": other = try Training.digits(Training.options(seed: 1), dims: dims)
      case "batch-size": other = try Training.digits(Training.options(batchSize: 32), dims: dims)
      case "graph": other = try Training.digits(dims: ["D": 64, "H": 5, "Z": 2])
      case "learning-rate":
        other = try Training.digits(
          Training.options(optimizer: .adam(learningRate: 2e-3)), dims: dims)
      case "eval-samples":
        var options = Training.options()
        options.evaluationSamples = 2
        other = try Training.digits(options, dims: dims)
      case "loss-reduction":
        var options = Training.options()
        options.reduction = .mean
        other = try Training.digits(options, dims: dims)
      case "compiled-graph":
        var options = CompilerOptions()
        options.disabled = ["fuse_elementwise", "fuse"]
        other = try Trainer(
          Training.graph("vae_pytorch", dims: dims), on: DataSet.load("digits"),
          options: Training.options(), compiler: Compiler(options))
      default:
        let digits = try DataSet.load("digits")
        other = try Trainer(
          Training.graph("vae_pytorch", dims: dims),
          on: DataSet(
            name: "digits", imageShape: [8, 8], train: digits.train, test: digits.train,
            maximum: 16, source: ""))
      }
      let before = other.arrays.map(\.array)
      let found = Training.diagnostics { try other.resume(from: directory) }
      #expect(found.map(\.id) == ["checkpoint-mismatch"])
      #expect(found.first?.message.hasSuffix("its \(what) differs") == true, "\(found)")
      #expect(found.first?.notes.isEmpty == (what != "graph" && what != "compiled-graph"))
      #expect(other.arrays.map(\.array) == before && other.epoch == 0)
    }
  }

  @Test func otherFilesAreNoCheckpoints() throws {
    try Training.withDirectory { directory in
      let trainer = try Training.digits(dims: ["D": 64, "H": 4, "Z": 2])
      func resume() -> [String] {
        Training.diagnostics { try trainer.resume(from: directory) }.map(\.id)
      }
      #expect(resume() == ["file-not-found"])
      let path = Checkpoint.path(in: directory)
      try trainer.writeCheckpoint(to: directory)
      let good = try SafetensorsFile.read(path)
      for (key, value) in [
        ("format", "pt"), ("version", "4"), ("version", "x"), ("epoch.loss", "no"),
        ("epoch.images", "-1"), ("epoch", "-1"), ("epoch", "x"), ("step", "-3"),
        ("best.loss", "no"), ("best.loss", "7ff8000000000000"), ("best.epoch", "3"),
      ] {
        var bad = good
        bad.metadata[key] = value
        try bad.write(to: path)
        #expect(resume() == ["not-a-checkpoint"], "\(key)")
      }
      for (epoch, step) in [
        ("0", "18446744073709551615"), ("0", "1"), ("0", "25"),
        // 24 steps an epoch: the one under way ends beyond the largest integer.
        ("384307168202282325", "9223372036854775800"), ("9223372036854775807", "0"),
      ] {
        var bad = good
        bad.metadata["epoch"] = epoch
        bad.metadata["step"] = step
        try bad.sealed().write(to: path)
        #expect(resume() == ["checkpoint-steps"], "\(epoch), \(step)")
      }
      var bad = good
      bad.tensors.removeAll { $0.name == "adam.t" }
      try bad.sealed().write(to: path)
      #expect(resume() == ["checkpoint-array"])
      bad = good
      bad.tensors.append((name: "more", array: NDArray(zeros: .f32, shape: [1])))
      try bad.sealed().write(to: path)
      #expect(resume() == ["unknown-feed"])
      try AtomicFile.write(Array("not safetensors".utf8), to: path)
      #expect(resume().first?.hasPrefix("safetensors-") == true)
      try good.write(to: path)
      try trainer.resume(from: directory)
    }
  }

  /// One bit of a number, a number that is not there, a word of the metadata: nothing is resumed.
  @Test func damageIsSeen() throws {
    try Training.withDirectory { directory in
      let trainer = try Training.digits(dims: ["D": 64, "H": 4, "Z": 2])
      _ = try trainer.trainEpoch()
      try trainer.writeCheckpoint(to: directory)
      let path = Checkpoint.path(in: directory)
      let good = try SafetensorsFile.read(path)
      func found(_ file: SafetensorsFile) throws -> Diagnostic? {
        try file.write(to: path)
        return Training.diagnostics { try trainer.resume(from: directory) }.first
      }
      let place = try #require(good.tensors.firstIndex { $0.name == "fc2.b" })
      let biases = good.tensors[place].array.floats
      var flipped = good
      flipped.tensors[place].array = NDArray(
        [Float(bitPattern: biases[0].bitPattern ^ 1)] + biases.dropFirst(), shape: [4])
      #expect(try found(flipped)?.id == "checkpoint-damaged")
      for key in ["checksum", "run.seed", "epoch.loss", "best.loss"] {
        var bad = good
        bad.metadata[key] = key.hasSuffix("loss") ? "3ff0000000000000" : nil
        bad.metadata["best.epoch"] = key == "best.loss" ? "1" : nil
        let diagnostic = try #require(try found(bad), "\(key)")
        #expect(diagnostic.id == "checkpoint-damaged" && diagnostic.place == path, "\(key)")
      }
      // As an older version it would need none: it may not have one that is wrong.
      for version in ["1", "2"] {
        var bad = good
        bad.metadata["version"] = version
        #expect(try found(bad)?.id == "checkpoint-damaged", "\(version)")
      }
      try good.write(to: path)
      try trainer.resume(from: directory)
    }
  }

  /// Version 2 has no checksum; what tells runs apart must be there.
  @Test func theSecondVersionIsRead() throws {
    try Training.withDirectory { directory in
      let trainer = try Training.digits(dims: ["D": 64, "H": 4, "Z": 2])
      _ = try trainer.trainEpoch()
      try trainer.writeCheckpoint(to: directory)
      let path = Checkpoint.path(in: directory)
      var old = try SafetensorsFile.read(path)
      old.metadata["version"] = "2"
      old.metadata["checksum"] = nil
      try old.write(to: path)
      try trainer.resume(from: directory)
      old.metadata["run.seed"] = nil
      old.metadata["run.learning-rate"] = nil
      try old.write(to: path)
      let found = Training.diagnostics { try trainer.resume(from: directory) }
      #expect(found.map(\.id) == ["checkpoint-mismatch"])
      #expect(
        found.first?.got == "seed unknown, learning-rate unknown in the checkpoint", "\(found)")
    }
  }

  /// No run writes what is not finite: neither parameters nor, but where it goes on all the same,
  /// the sum of losses.
  @Test func dont_resumeWhatIsNotFinite() throws {
    try Training.withDirectory { directory in
      var options = Training.options()
      let dims = ["D": 64, "H": 4, "Z": 2]
      let trainer = try Training.digits(options, dims: dims)
      options.onNonFinite = .continue
      let other = try Training.digits(options, dims: dims)
      _ = try trainer.trainEpoch()
      try trainer.writeCheckpoint(to: directory)
      let path = Checkpoint.path(in: directory)
      let good = try SafetensorsFile.read(path)
      func found(_ file: SafetensorsFile, _ trainer: Trainer) throws -> Diagnostic? {
        try file.sealed().write(to: path)
        return Training.diagnostics { try trainer.resume(from: directory) }.first
      }
      var bad = good
      let place = try #require(good.tensors.firstIndex { $0.name == "adam.m.fc3.W" })
      var values = good.tensors[place].array.floats
      values[5] = -.infinity
      bad.tensors[place].array = NDArray(values, shape: [64, 4])
      for trainer in [trainer, other] {
        let diagnostic = try #require(try found(bad, trainer))
        #expect(diagnostic.id == "checkpoint-not-finite" && diagnostic.place == path)
        #expect(diagnostic.got == "-inf at [1, 1]")
        #expect(diagnostic.message == "'adam.m.fc3.W' of the checkpoint is not finite")
      }
      bad = good
      bad.metadata["epoch.loss"] = "7ff8000000000000"
      #expect(try found(bad, trainer)?.id == "checkpoint-not-finite")
      try other.resume(from: directory)
    }
  }

  /// The last array is at fault, and none before it was taken over.
  @Test func dont_resumeHalf() throws {
    let dims = ["D": 64, "H": 4, "Z": 2]
    let written = try Training.digits(dims: dims)
    _ = try written.trainEpoch()
    let directory = FileManager.default.temporaryDirectory.appending(path: "half-\(UUID())").path()
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try written.writeCheckpoint(to: directory)
    let path = Checkpoint.path(in: directory)
    var bad = try SafetensorsFile.read(path)
    let last = try #require(bad.tensors.indices.last)
    bad.tensors[last].array = NDArray(zeros: .f32, shape: [7, 7, 7])
    try bad.sealed().write(to: path)
    let fresh = try Training.digits(dims: dims)
    let before = fresh.arrays.map(\.array)
    let found = Training.diagnostics { try fresh.resume(from: directory) }
    #expect(found.map(\.id) == ["fed-shape"])
    #expect(fresh.arrays.map(\.array) == before && fresh.epoch == 0 && fresh.step == 0)
  }

  @Test func dont_keepWhatIsNotFinite() throws {
    let trainer = try Training.digits(dims: ["D": 64, "H": 4, "Z": 2])
    try trainer.set("fc2.b", NDArray([1, .nan, .infinity, 0] as [Float], shape: [4]))
    let found = Training.diagnostics { try trainer.writeCheckpoint(to: "/nonexistent/run") }
    #expect(found.map(\.id) == ["state-not-finite"])
    #expect(found.first?.message.hasPrefix("2 elements of 'fc2.b' are not finite") == true)
  }

  @Test func aMissingDirectoryIsReported() throws {
    let trainer = try Training.digits(dims: ["D": 64, "H": 4, "Z": 2])
    let found = Training.diagnostics { try trainer.writeCheckpoint(to: "/nonexistent/run") }
    #expect(found.map(\.id) == ["file-not-written"])
  }
}
