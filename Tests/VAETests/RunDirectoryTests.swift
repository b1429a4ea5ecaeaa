import Ayatori
import Foundation
import Testing
import VAE

/// Which checkpoints a run's directory holds.
@Suite struct RunDirectoryTests {
  private static func names(_ directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }

  private static func steps(_ directory: String) throws -> [UInt64] {
    try names(directory).filter { $0.hasPrefix("checkpoint-") }
      .map { try Checkpoint(readFrom: directory + "/" + $0).step }
  }

  private static func trainer() throws -> Trainer {
    try Training.digits(dims: ["D": 64, "H": 4, "Z": 2])
  }

  @Test func theLastFewAndTheBest() throws {
    try Training.withDirectory { place in
      let path = place + "/a/b"
      let run = try RunDirectory(path, keeping: 2, isResumed: false)
      let trainer = try Self.trainer()
      for (losses, isBest) in [(9.0, true), (7, true), (8, false), (7, false), (.nan, false)] {
        _ = try trainer.trainEpoch()
        let isLowest = trainer.note(testLoss: losses)
        #expect(isLowest == isBest)
        try run.keep(trainer.checkpoint(), isBest: isLowest)
      }
      #expect(
        try Self.names(path) == [
          "best.safetensors", "checkpoint-000000096.safetensors",
          "checkpoint-000000120.safetensors", "checkpoint.safetensors",
        ])
      #expect(try Checkpoint(readFrom: path).step == 120)
      let best = try Checkpoint(readFrom: path + "/best.safetensors")
      #expect(best.step == 48 && best.best?.loss == 7 && best.best?.epoch == 2)
      // What was noted lasts over a break.
      let resumed = try Self.trainer()
      try resumed.resume(from: path)
      let lower = [7.5, 6.5].map { resumed.note(testLoss: $0) }
      #expect(lower == [false, true])
    }
  }

  /// A new run takes the place of an old one with its first checkpoint, not before.
  @Test func dont_mixRuns() throws {
    try Training.withDirectory { path in
      let old = try Self.trainer()
      do {
        let run = try RunDirectory(path, isResumed: false)
        for _ in 0..<2 {
          _ = try old.trainEpoch()
          try run.keep(old.checkpoint(), isBest: true)
        }
      }
      let run = try RunDirectory(path, isResumed: false)
      #expect(run.replacesEarlierRun)
      #expect(try Self.steps(path) == [24, 48])
      try run.keep(Self.trainer().checkpoint())
      #expect(!run.replacesEarlierRun)
      #expect(
        try Self.names(path) == ["checkpoint-000000000.safetensors", "checkpoint.safetensors"])
    }
  }

  /// A run that goes on in another directory brings its best along, with the first checkpoint
  /// there; and no other's.
  @Test func theBestComesAlong() throws {
    try Training.withDirectory { place in
      let (old, new, third) = (place + "/old", place + "/new", place + "/third")
      let trainer = try Self.trainer()
      do {
        let run = try RunDirectory(old, isResumed: false)
        for loss in [5.0, 6] {
          _ = try trainer.trainEpoch()
          let isLowest = trainer.note(testLoss: loss)
          try run.keep(trainer.checkpoint(), isBest: isLowest)
        }
      }
      let best = try #require(trainer.best)
      #expect(best == (try Checkpoint(readFrom: old + "/best.safetensors").best))
      for (path, isOwn) in [(new, true), (third, false)] {
        let run = try RunDirectory(path, isResumed: false)
        if isOwn {
          run.inheritBest(best, from: old)
        } else {
          // A best that came before: not what lies there.
          let earlier = try Self.trainer()
          _ = try earlier.trainEpoch()
          _ = earlier.note(testLoss: 5.5)
          run.inheritBest(try #require(earlier.best), from: old)
        }
        #expect(try Self.names(path).allSatisfy { !$0.hasSuffix("safetensors") })
        try run.keep(trainer.checkpoint())
        #expect(try Self.names(path).contains(RunDirectory.bestName) == isOwn)
      }
      let came = FileManager.default.contents(atPath: new + "/best.safetensors")
      #expect(came == FileManager.default.contents(atPath: old + "/best.safetensors"))
    }
  }

  /// What an earlier run noted of its gradients goes with its checkpoints; this run's own stays.
  @Test func dont_keepAnEarlierCourse() throws {
    try Training.withDirectory { path in
      let text = """
        {"format":"ayatori-gradflow","header":{"activeAbove":0,"batch":1,"draws":1,\
        "estimator":"pathwise","every":1,"graph":"g","loss":"loss","node":"z","terms":[]},\
        "records":[],"version":1}
        """
      try AtomicFile.write(Array(text.utf8), to: FlowCourse.path(in: path))
      let course = try FlowCourse(readFrom: path)
      let trainer = try Self.trainer()
      do {
        let run = try RunDirectory(path, isResumed: false)
        #expect(run.removesEarlierCourse)
        let before = try Self.names(path)
        #expect(before == ["gradflow.json"])
        try run.keep(trainer.checkpoint())
        #expect(!run.removesEarlierCourse)
        let kept = try Self.names(path)
        #expect(kept == ["checkpoint-000000000.safetensors", "checkpoint.safetensors"])
        try run.keep(trainer.checkpoint(), course: course)
      }
      let own = try Self.names(path)
      #expect(own.contains("gradflow.json"))
      let resumed = try RunDirectory(path, isResumed: true)
      #expect(!resumed.removesEarlierCourse)
      try resumed.keep(trainer.checkpoint())
      let still = try Self.names(path)
      #expect(still.contains("gradflow.json"))
    }
  }

  /// Going back to an earlier checkpoint leaves the later ones until they are passed.
  @Test func goingBack() throws {
    try Training.withDirectory { path in
      let trainer = try Self.trainer()
      do {
        let run = try RunDirectory(path, keeping: 3, isResumed: false)
        for _ in 0..<3 {
          _ = try trainer.trainEpoch()
          try run.keep(trainer.checkpoint())
        }
      }
      let again = try Self.trainer()
      try again.resume(from: path + "/checkpoint-000000024.safetensors")
      #expect(again.epoch == 1)
      let run = try RunDirectory(path, keeping: 3, isResumed: true)
      _ = try again.trainEpoch()
      try run.keep(again.checkpoint())
      #expect(try Self.steps(path) == [24, 48, 72])
      #expect(try Checkpoint(readFrom: path).step == 48)
    }
  }

  /// The directory may go between a checkpoint's writing and its second name.
  @Test func dont_nameWhatIsGone() throws {
    try Training.withDirectory { path in
      let found = Training.diagnostics {
        try AtomicFile.name(path + "/gone/a.safetensors", as: path + "/gone/b.safetensors")
      }
      #expect(found.map(\.id) == ["file-not-written"])
      #expect(found.first?.message.contains("No such file or directory") == true)
    }
  }

  /// What a writer that was killed left behind goes; what one that is at work writes stays.
  @Test func leftoversGo() throws {
    try Training.withDirectory { path in
      // No process has the largest number that one could have.
      let dead = path + "/.ayatori-4194304-1a.tmp"
      let living = path + "/.ayatori-\(ProcessInfo.processInfo.processIdentifier)-1b.tmp"
      let others = [".ayatori-x-1.tmp", ".other.tmp"].map { path + "/" + $0 }
      for file in [dead, living] + others { try AtomicFile.write([1], to: file) }
      _ = try RunDirectory(path, isResumed: true)
      let left = try Self.names(path)
      #expect(left.count == 3 && left.contains(String(living.dropFirst(path.count + 1))), "\(left)")
    }
  }

  @Test func dont_shareADirectory() throws {
    try Training.withDirectory { path in
      let run = try RunDirectory(path, isResumed: false)
      let found = Training.diagnostics { _ = try RunDirectory(path, isResumed: true) }
      #expect(found.map(\.id) == ["directory-in-use"])
      #expect(run.path == path)
    }
  }

  @Test func dont_lockWhatIsNotThere() throws {
    let found = Training.diagnostics { _ = try DirectoryLock("/nonexistent/run") }
    #expect(found.map(\.id) == ["directory-not-opened"])
  }

  @Test(arguments: ["/proc/nothing/run", "file/run"]) func placesThatAreNone(place: String) throws {
    try Training.withDirectory { directory in
      try AtomicFile.write([1], to: directory + "/file")
      let path = place.hasPrefix("/") ? place : directory + "/" + place
      let found = Training.diagnostics { _ = try RunDirectory(path, isResumed: false) }
      #expect(found.map(\.id) == ["cannot-write"])
    }
  }
}
