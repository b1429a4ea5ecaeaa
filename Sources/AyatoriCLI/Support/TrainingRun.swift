import Foundation
import GraphIR
import VAE

/// A training run at the command line: epochs, checkpoints, and what stops it before its end.
final class TrainingRun {
  private let command: Train
  private let trainer: Trainer
  private let directory: RunDirectory?
  private var faults = 0
  /// The step of the newest checkpoint.
  private var keptStep: UInt64

  init(_ command: Train, _ trainer: Trainer, _ directory: RunDirectory?) {
    self.command = command
    self.trainer = trainer
    self.directory = directory
    keptStep = trainer.step
  }

  /// Trains to the end. Throws diagnostics, a `CheckFailure` for a loss that is not finite, and an
  /// `Interruption` when a signal stopped the run.
  func run() throws {
    StopRequest.install()
    // A closed pipe is an error to be told, not the process's end.
    signal(SIGPIPE, SIG_IGN)
    trainer.onFault = { [unowned self] in report($0) }
    do {
      while trainer.epoch < command.epochs { try epoch() }
    } catch let diagnostic as Diagnostic where diagnostic.id.hasSuffix("-not-finite") {
      throw CheckFailure(diagnostics: [diagnostic])
    }
  }

  /// Trains, evaluates and keeps one epoch.
  private func epoch() throws {
    let number = trainer.epoch + 1
    var bar = ProgressBar(
      "epoch \(number)/\(command.epochs)", total: trainer.stepsPerEpoch, done: trainer.position)
    defer { bar.finish() }
    let mean = try trainer.trainEpoch { step, loss in
      bar.update(step, note: String(format: "loss %.2f", loss))
      if let signal = StopRequest.signal {
        bar.finish()
        try stop(signal, checkpoint: settled)
      }
      if isCheckpointDue, step < trainer.stepsPerEpoch { try keep(settled()) }
    }
    bar.finish()
    let sum = trainer.lastEpoch
    // Until the epoch has been reported and evaluated, going on means to do that again.
    func reopened() throws(Diagnostic) -> Checkpoint { try trainer.checkpoint(reopening: sum) }
    do {
      let skipped = sum.skipped > 0 ? ", \(sum.skipped) steps skipped" : ""
      try Console.result("Epoch \(number), Loss: \(fixed(mean))" + skipped)
      try keepEvaluated(mean) {
        if let signal = StopRequest.signal { throw Interruption(signal: signal) }
      }
    } catch let interruption as Interruption {
      try stop(interruption.signal, checkpoint: reopened)
    } catch let diagnostic as Diagnostic where diagnostic.place == "stdout" {
      // Nobody listens any more; what was learnt is kept all the same.
      if directory != nil { try keep(reopened()) }
      throw diagnostic
    }
  }

  /// Whether a multiple of `--checkpoint-every` was passed, if by a step that was skipped.
  private var isCheckpointDue: Bool {
    guard let every = command.checkpointEvery.map(UInt64.init) else { return false }
    return trainer.step / every > keptStep / every
  }

  /// A checkpoint within an epoch.
  private func settled() throws -> Checkpoint {
    try trainer.settle()
    return try trainer.checkpoint()
  }

  /// Evaluates on the test set and writes the epoch's checkpoint.
  private func keepEvaluated(_ mean: Double, between: () throws -> Void) throws {
    var judged = mean
    if command.evalSamples > 0 {
      let values = try trainer.evaluate(between: between)
      judged = values.first?.value ?? mean
      let words = values.map { "\($0.name) \(fixed($0.value))" }
      try Console.result("  test, k = \(command.evalSamples): " + words.joined(separator: ", "))
    }
    let isBest = trainer.note(testLoss: judged)
    try keep(trainer.checkpoint(), isBest: isBest)
    for warning in trainer.recorder?.course.warnings ?? [] {
      Console.error("gradient flow: \(warning)")
    }
  }

  /// Four digits; a NaN without its sign, which means nothing.
  private func fixed(_ value: Double) -> String {
    value.isNaN ? "nan" : String(format: "%.4f", value)
  }

  /// Writes a checkpoint, with what was noted on the way to it. Returns whether there was one to
  /// write: a run that goes on with numbers that are not finite has none.
  @discardableResult
  private func keep(
    _ checkpoint: @autoclosure () throws -> Checkpoint, isBest: Bool = false
  ) throws -> Bool {
    guard let directory else { return false }
    let taken: Checkpoint
    do {
      taken = try checkpoint()
    } catch let diagnostic as Diagnostic
      where diagnostic.id == "state-not-finite" && command.onNonfinite == .continue
    {
      Console.error("no checkpoint is written: \(diagnostic.message)")
      return false
    }
    try directory.keep(taken, isBest: isBest, course: trainer.recorder?.course)
    keptStep = taken.step
    return true
  }

  /// Ends the run after the step that is done: writes a checkpoint and says how to go on.
  private func stop(_ signal: Int32, checkpoint: () throws -> Checkpoint) throws -> Never {
    let stopped = "\(StopRequest.name(signal)): stopped after step \(trainer.step)"
    if let directory {
      if try keep(checkpoint()) {
        Console.error(stopped + "; go on with:")
        Console.error("  " + resumingCommand(directory))
      } else if directory.holdsOwnCheckpoint {
        Console.error(stopped + ", which is lost; go on from the checkpoint before it with:")
        Console.error("  " + resumingCommand(directory))
      } else {
        Console.error(stopped + "; there is no checkpoint to go on from")
      }
    } else {
      Console.error(stopped + "; nothing is kept without --out DIR")
    }
    throw Interruption(signal: signal)
  }

  /// The command line as it was given, going on from the directory.
  private func resumingCommand(_ directory: RunDirectory) -> String {
    var words: [String] = []
    var arguments = CommandLine.arguments[...]
    // What follows -- are names, not flags.
    var names: [String] = []
    while let word = arguments.popFirst() {
      if word == "--" {
        names = [word] + arguments
        break
      } else if word == "--out" || word == "--resume" {
        _ = arguments.popFirst()
      } else if !word.hasPrefix("--out="), !word.hasPrefix("--resume=") {
        words.append(word)
      }
    }
    words += ["--resume", directory.path] + names
    return words.map(shellQuoted).joined(separator: " ")
  }

  /// How many steps that are not finite are told of one by one.
  private static let toldFaults = 10

  private func report(_ fault: NonFiniteStep) {
    faults += 1
    guard faults <= TrainingRun.toldFaults else {
      if faults == TrainingRun.toldFaults + 1 { Console.error("… and so on") }
      return
    }
    let past = command.onNonfinite == .skip ? "skipped" : "gone on after"
    let birth = fault.births.first.map { birth in
      ": \(numberText(birth.value)) born at \(birth.index) of \(birth.node), \(birth.expression)"
        + (birth.place.map { " (\($0))" } ?? "")
    }
    Console.error("step \(fault.step + 1) is not finite and was \(past)\(birth ?? "")")
  }
}

/// A word that a shell takes as it is.
private func shellQuoted(_ word: String) -> String {
  let plain = word.unicodeScalars.allSatisfy {
    $0.isASCII
      && ($0.properties.isAlphabetic || $0.properties.numericType != nil
        || "-_./=:,%+@".unicodeScalars.contains($0))
  }
  return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
}
